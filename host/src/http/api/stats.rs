//! `GET /api/v1/stats`: what the account's agents did in the last days, for a page that shows it at a glance.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::clock::Timestamp;
use crate::http::auth::Caller;
use crate::http::error::ApiError;

/// `{"stats": ...}`.
#[derive(Serialize, ToSchema)]
pub struct StatsEnvelope {
    stats: Stats,
}

/// The last seven days.
#[derive(Serialize, ToSchema)]
struct Stats {
    /// Living agents.
    agents: u64,
    /// Sessions of the last 24 hours.
    session_count_24h: u64,
    /// Spans masked within the last 24 hours.
    redaction_count_24h: u64,
    /// Milliseconds that Masker added to half of the sessions of the last 24 hours.
    p50_latency_ms: Option<f64>,
    /// To nineteen of twenty.
    p95_latency_ms: Option<f64>,
    /// Every hour of the last seven days in which something happened, oldest first.
    hours: Vec<Hour>,
}

#[derive(Serialize, ToSchema)]
struct Hour {
    /// Its beginning.
    begins_at: String,
    sessions: u64,
    redactions: u64,
    redactions_by_kind: BTreeMap<String, u64>,
}

/// `GET /api/v1/stats`.
#[utoipa::path(
    get, path = "/api/v1/stats", tag = "sessions", operation_id = "show_stats",
    responses((status = 200, description = "The last seven days in figures.", body = StatsEnvelope)),
)]
pub async fn show(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<StatsEnvelope>, ApiError> {
    caller.require("sessions:read")?;
    let stats = app.store().account_stats(caller.account).await?;
    let hours = stats.hours.iter().map(|hour| Hour {
        begins_at: Timestamp::from_millis(hour.begins_at).to_string(),
        sessions: hour.sessions,
        redactions: hour.redactions,
        redactions_by_kind: hour.redactions_by_kind.iter().map(|(kind, count)| (kind.to_string(), *count)).collect(),
    });
    Ok(Json(StatsEnvelope {
        stats: Stats {
            agents: stats.agents,
            session_count_24h: stats.day.session_count_24h,
            redaction_count_24h: stats.day.redaction_count_24h,
            p50_latency_ms: stats.day.p50_latency_ms,
            p95_latency_ms: stats.day.p95_latency_ms,
            hours: hours.collect(),
        },
    }))
}
