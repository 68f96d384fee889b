//! `GET /api/v1/sessions/stream`: sessions as they end, as server-sent events.
//!
//! Sends an event `session` with the session's row once it can be read, and an event `missed` with a `count` (`null` if
//! unknown) when the client was too slow and has to read the list. The stream ends when the service stops, when the
//! caller's sign-in or token ends, and after a few minutes. A client that reconnects with `Last-Event-ID`, as browsers
//! do, receives the sessions that ended in between.

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

/// Interval of keep-alive comments: proxies close idle connections.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Maximum duration of a stream. Reconnecting then removes connections that died unnoticed.
const LONGEST: Duration = Duration::from_secs(600);
/// Reconnect delay sent to the client.
const RETRY: Duration = Duration::from_secs(1);

/// Streams sessions as they end, as server-sent events.
#[utoipa::path(
    get, path = "/api/v1/sessions/stream", tag = "sessions", operation_id = "stream_sessions",
    params(("Last-Event-ID" = Option<String>, Header, description = "Id of the last event received. The stream resumes after it.")),
    responses((status = 200, description = "An event `session` for each session that ends, with the session's row as data; an event `missed` when the client was too slow.", body = String, content_type = "text/event-stream")),
)]
pub async fn stream(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    caller.require("sessions:read")?;
    // Subscribe before reading the past, so that no session is lost in between.
    let mut reader = FeedReader::new(app.store().watch_sessions(caller.account));
    if let Some(last) = last_seen(&headers) {
        reader.catch_up(app.store().sessions_behind(caller.account, last).await?);
    }
    // Send a comment first: some proxies forward the response headers only with the first byte of the body.
    let first = stream::iter([Ok(Event::default().retry(RETRY).comment("sessions from now on"))]);
    let over = future::select(Box::pin(while_good::is_over(app, caller)), Box::pin(tokio::time::sleep(LONGEST)));
    let events = first.chain(stream::unfold(reader, FeedReader::next)).take_until(over);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn last_seen(headers: &HeaderMap) -> Option<SessionId> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

/// What a client still has to receive.
struct FeedReader {
    /// Sessions that ended while the client was disconnected.
    before: VecDeque<Watched>,
    /// Ids of those sessions, which the watch may report again.
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
        // Serializing our own types does not fail.
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
