//! `GET /api/v1/sessions/stream`: sessions as they end, as server-sent events.
//!
//! An event `session` for each, with its row as data, once it can be read; `missed` with a `count` when the reader was too
//! slow and has to look into the list. The stream ends when the service stops.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt, stream};
use serde_json::json;

use super::SessionSummary;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::store::sessions::{Watch, Watched};

/// Proxies in between close connections on which nothing comes for a while.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// `GET /api/v1/sessions/stream`.
pub async fn stream(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    caller.require("sessions:read")?;
    let watch = app.store().watch_sessions(caller.account);
    // A comment first: some proxies pass the head of an answer on with the first byte of its body.
    let first = stream::iter([Ok(Event::default().comment("sessions from now on"))]);
    let events = first.chain(stream::unfold(watch, next));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

async fn next(mut watch: Watch) -> Option<(Result<Event, Infallible>, Watch)> {
    let event = match watch.next().await? {
        Watched::Session(row) => {
            Event::default().event("session").id(row.id.text()).json_data(SessionSummary::of(&row))
        }
        Watched::Missed(count) => Event::default().event("missed").json_data(json!({"count": count})),
    };
    // Values of ours can be written.
    Some((Ok(event.unwrap_or_default()), watch))
}
