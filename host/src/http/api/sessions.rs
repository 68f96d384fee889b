//! `/api/v1/sessions`. One proxied request is one session; its row is there once it is over.

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

/// `GET /api/v1/sessions`.
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "sessions", operation_id = "list_sessions",
    params(Page, SessionFilter, ("agent_id" = Option<String>, Query, description = "Only this agent's.")),
    responses((status = 200, description = "Sessions, newest first.", body = Listed<SessionSummary>)),
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Result<SessionQuery, ApiError>,
) -> Result<Json<Listed<SessionSummary>>, ApiError> {
    caller.require("sessions:read")?;
    page(&app, &caller, query?, None).await
}

/// One page, of one agent where it is given.
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

/// A session as the list and the stream show it.
#[derive(Serialize, ToSchema)]
pub struct SessionSummary {
    id: String,
    agent_id: String,
    /// What the agent was called then.
    agent_name: String,
    /// The phone call, as a hash of what the platform calls it; the same for all sessions of the call.
    call_id: Option<String>,
    started_at: String,
    /// `null` when Masker stopped before it was over.
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
