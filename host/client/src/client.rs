//! HTTP client of the command-line programs.

use std::future::Future;
use std::io::{Error, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioExecutor;
use tower::Service;

use crate::https;

/// HTTP and HTTPS client.
pub type HttpClient = Client<Connector, Full<Bytes>>;

/// Creates a client.
pub fn new() -> HttpClient {
    Client::builder(TokioExecutor::new()).build(Connector(https::connector()))
}

/// A connector that wraps the common one, so that a response can be read after a failed write.
#[derive(Clone)]
pub struct Connector(https::Connector);

type Stream = <https::Connector as Service<Uri>>::Response;
type Failed = <https::Connector as Service<Uri>>::Error;

impl Service<Uri> for Connector {
    type Response = ReadsOn<Stream>;
    type Error = Failed;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failed>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        let connecting = self.0.call(server);
        Box::pin(async { Ok(ReadsOn { stream: connecting.await?, is_refused: false }) })
    }
}

/// A connection whose peer may stop reading: a server that rejects a long request responds and closes before it has
/// read the whole request. Further writes are discarded, so that the response can still be read.
pub struct ReadsOn<S> {
    stream: S,
    is_refused: bool,
}

impl<S: Unpin> ReadsOn<S> {
    fn write(
        &mut self,
        length: usize,
        write: impl FnOnce(Pin<&mut S>) -> Poll<Result<usize, Error>>,
    ) -> Poll<Result<usize, Error>> {
        if self.is_refused {
            return Poll::Ready(Ok(length));
        }
        let written = write(Pin::new(&mut self.stream));
        match &written {
            Poll::Ready(Err(error)) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                self.is_refused = true;
                Poll::Ready(Ok(length))
            }
            _ => written,
        }
    }
}

impl<S: Read + Unpin> Read for ReadsOn<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: Write + Unpin> Write for ReadsOn<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Error>> {
        self.write(bytes.len(), |stream| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize, Error>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        self.write(length, |stream| stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self.is_refused {
            true => Poll::Ready(Ok(())),
            false => Pin::new(&mut self.stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self.is_refused {
            true => Poll::Ready(Ok(())),
            false => Pin::new(&mut self.stream).poll_shutdown(context),
        }
    }
}

impl<S: Connection> Connection for ReadsOn<S> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use hyper::Request;

    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 413 Payload Too Large\r\ncontent-length: 9\r\n\r\ntoo large";

    /// Responds and closes the connection before reading anything.
    #[derive(Default)]
    struct Refusing {
        is_broken: bool,
        is_read: bool,
    }

    impl Read for Refusing {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            mut buffer: ReadBufCursor<'_>,
        ) -> Poll<Result<(), Error>> {
            if !self.is_broken {
                return Poll::Pending;
            }
            if !std::mem::replace(&mut self.is_read, true) {
                buffer.put_slice(ANSWER);
            }
            Poll::Ready(Ok(()))
        }
    }

    impl Write for Refusing {
        fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, _: &[u8]) -> Poll<Result<usize, Error>> {
            self.is_broken = true;
            context.waker().wake_by_ref();
            Poll::Ready(Err(ErrorKind::BrokenPipe.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn an_answer_is_read_although_the_request_could_not_be_written() {
        let stream = ReadsOn { stream: Refusing::default(), is_refused: false };
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.expect("a connection");
        tokio::spawn(connection);
        let request = Request::post("/").body(Full::new(Bytes::from(vec![0; 1 << 20]))).expect("a request");
        let answer = sender.send_request(request).await.expect("an answer");
        assert_eq!(answer.status(), 413);
        assert_eq!(answer.into_body().collect().await.expect("its body").to_bytes(), "too large");
    }
}
