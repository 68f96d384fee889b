//! `GET /api/v1/sessions/stream`: sessions as they end, as server-sent events.
//!
//! An event `session` for each, with its row as data, once it can be read; `missed` with a `count` (or `null`, where that
//! is not known) when the reader was too slow and has to look into the list. The stream ends when the service stops, when
//! the reader's sign-in or token does, and after some minutes. A reader who comes back with `Last-Event-ID`, as browsers do
//! by themselves, gets what ended in between.

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt, future, stream};
use serde_json::json;

use super::SessionSummary;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::while_good;
use crate::ids::SessionId;
use crate::session::SessionRow;
use crate::store::sessions::{Watch, Watched};

/// Proxies in between close connections on which nothing comes for a while.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Then the reader has to connect again, so that a connection that died unnoticed does not stay forever.
const LONGEST: Duration = Duration::from_secs(600);
/// How long a reader waits before it comes back.
const RETRY: Duration = Duration::from_secs(1);

/// `GET /api/v1/sessions/stream`.
#[utoipa::path(
    get, path = "/api/v1/sessions/stream", tag = "sessions", operation_id = "stream_sessions",
    params(("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen, to get what came after it.")),
    responses((status = 200, description = "Events `session`, one for each session that ends, with its row of the list as data; `missed` where the reader was too slow.", body = String, content_type = "text/event-stream")),
)]
pub async fn stream(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    caller.require("sessions:read")?;
    // Watched first, so that nothing falls between what was and what comes.
    let mut reader = FeedReader::new(app.store().watch_sessions(caller.account));
    if let Some(last) = last_seen(&headers) {
        reader.catch_up(app.store().sessions_behind(caller.account, last).await?);
    }
    // A comment first: some proxies pass the head of an answer on with the first byte of its body.
    let first = stream::iter([Ok(Event::default().retry(RETRY).comment("sessions from now on"))]);
    let over = future::select(Box::pin(while_good::is_over(app, caller)), Box::pin(tokio::time::sleep(LONGEST)));
    let events = first.chain(stream::unfold(reader, FeedReader::next)).take_until(over);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn last_seen(headers: &HeaderMap) -> Option<SessionId> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

/// What a reader has still to see.
struct FeedReader {
    /// What it missed while it was away.
    before: VecDeque<Watched>,
    /// Those of them that the watch may show again.
    shown: HashSet<SessionId>,
    watch: Watch,
}

impl FeedReader {
    fn new(watch: Watch) -> Self {
        Self { before: VecDeque::new(), shown: HashSet::new(), watch }
    }

    fn catch_up(&mut self, missed: Option<Vec<SessionRow>>) {
        let Some(missed) = missed else { return self.before.push_back(Watched::Missed(None)) };
        self.shown = missed.iter().map(|row| row.id).collect();
        self.before.extend(missed.into_iter().map(|row| Watched::Session(Arc::new(row.for_lists()))));
    }

    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let watched = match self.before.pop_front() {
            Some(watched) => watched,
            None => self.watch_on().await?,
        };
        let event = match watched {
            Watched::Session(row) => {
                Event::default().event("session").id(row.id.text()).json_data(SessionSummary::of(&row))
            }
            Watched::Missed(count) => Event::default().event("missed").json_data(json!({"count": count})),
        };
        // Values of ours can be written.
        Some((Ok(event.unwrap_or_default()), self))
    }

    async fn watch_on(&mut self) -> Option<Watched> {
        loop {
            match self.watch.next().await? {
                Watched::Session(row) if self.shown.remove(&row.id) => {}
                watched => return Some(watched),
            }
        }
    }
}
