//! The HTTP body that plays a script.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use hyper::body::{Body, Frame, SizeHint};

use crate::connection::ResetOnDrop;
use crate::log::Entry;
use crate::script::{Script, Step};

type Frames = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// A whole or streamed body. It owns the log entry, so that an early drop by hyper is recorded as a disconnect.
pub(crate) enum PlayedBody {
    Whole { bytes: Option<Bytes>, entry: Entry },
    Stream(Frames),
}

impl PlayedBody {
    pub(crate) fn whole(bytes: Bytes, mut entry: Entry) -> Self {
        if bytes.is_empty() {
            // hyper never polls a body of length zero.
            entry.finish();
        }
        let bytes = Some(bytes).filter(|bytes| !bytes.is_empty());
        Self::Whole { bytes, entry }
    }

    pub(crate) fn stream(script: Script, entry: Entry, reset: ResetOnDrop) -> Self {
        let player = Player { steps: script.steps.into_iter(), entry, reset };
        Self::Stream(stream::unfold(player, Player::next).boxed())
    }
}

/// Takes one step before the answer begins; on an error the connection must be dropped.
pub(crate) async fn take(step: &Step, entry: &mut Entry, reset: &ResetOnDrop) -> io::Result<Option<Bytes>> {
    match step {
        Step::Send(bytes) => return Ok(Some(bytes.clone())),
        Step::Wait(signal) => signal.wait().await,
        Step::Stall => match pending::<Infallible>().await {},
        Step::Close => {
            entry.finish();
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Step::Reset => {
            entry.finish();
            reset.arm();
            return Err(io::ErrorKind::ConnectionReset.into());
        }
    }
    Ok(None)
}

struct Player {
    steps: std::vec::IntoIter<Step>,
    entry: Entry,
    reset: ResetOnDrop,
}

impl Player {
    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        loop {
            // hyper flushes when the body is not ready, so every chunk gets its own write, and everything is sent
            // before a close.
            tokio::task::yield_now().await;
            let Some(step) = self.steps.next() else {
                self.entry.finish();
                return None;
            };
            match take(&step, &mut self.entry, &self.reset).await {
                Ok(Some(bytes)) => return Some((Ok(bytes), self)),
                Ok(None) => {}
                Err(error) => return Some((Err(error), self)),
            }
        }
    }
}

impl Body for PlayedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole { bytes, entry } => {
                entry.finish();
                Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes))))
            }
            Self::Stream(frames) => {
                let frame = frames.as_mut().poll_next(cx);
                frame.map(|next| next.map(|result| result.map(Frame::data)))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole { bytes, .. } => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}
