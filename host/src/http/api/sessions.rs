//! `/api/v1/sessions`. A session is one proxied request; it is listed once it has ended.

pub mod detail;
mod query;
pub mod stream;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::Listed;
use crate::app::App;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::page::Page;
use crate::ids::AgentId;
use crate::session::SessionRow;

pub use detail::show;
pub use query::{SessionFilter, SessionQuery};
pub use stream::stream;

/// Lists the sessions of the account, newest first.
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "sessions", operation_id = "list_sessions",
    params(Page, SessionFilter, ("agent_id" = Option<String>, Query, description = "Only sessions of this agent.")),
    responses((status = 200, description = "A page of sessions, newest first.", body = Listed<SessionSummary>)),
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Result<SessionQuery, ApiError>,
) -> Result<Json<Listed<SessionSummary>>, ApiError> {
    caller.require("sessions:read")?;
    page(&app, &caller, query?, None).await
}

/// A page of sessions, of one agent if given.
pub async fn page(
    app: &App,
    caller: &Caller,
    query: SessionQuery,
    agent: Option<AgentId>,
) -> Result<Json<Listed<SessionSummary>>, ApiError> {
    let filter = query.filter(caller.account, agent, &app.pipeline.call_names, app.pipeline.clock.now())?;
    let page = app.store().sessions_page(filter).await?;
    let rows = page.rows.iter().map(SessionSummary::of).collect();
    Ok(Json(Listed::new(rows, page.next.map(|cursor| cursor.to_string()))))
}

/// A session as shown in lists and in the event stream.
#[derive(Serialize, ToSchema)]
pub struct SessionSummary {
    id: String,
    agent_id: String,
    /// Name of the agent at the time of the session.
    agent_name: String,
    /// Hash of the platform's call id. The same for all sessions of a call.
    call_id: Option<String>,
    started_at: String,
    /// `null` if Masker stopped before the session ended.
    ended_at: Option<String>,
    duration_ms: Option<i64>,
    status: &'static str,
    redaction_count: u64,
    redactions_by_kind: BTreeMap<String, u32>,
    upstream_model: String,
}

impl SessionSummary {
    fn of(row: &SessionRow) -> Self {
        Self {
            id: row.id.text(),
            agent_id: row.agent_id.text(),
            agent_name: row.agent_name.to_string(),
            call_id: row.call_id.clone(),
            started_at: row.started_at.to_string(),
            ended_at: row.ended_at.map(|end| end.to_string()),
            duration_ms: row.duration_ms(),
            status: row.status.as_str(),
            redaction_count: row.redaction_count(),
            redactions_by_kind: row.redactions_by_kind.iter().map(|(kind, n)| (kind.to_string(), *n)).collect(),
            upstream_model: row.upstream_model.to_string(),
        }
    }
}
