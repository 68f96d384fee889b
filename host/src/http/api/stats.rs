//! `GET /api/v1/stats`: account statistics of the last seven days, for the dashboard.

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

/// Response envelope: `{"stats": ...}`.
#[derive(Serialize, ToSchema)]
pub struct StatsEnvelope {
    stats: Stats,
}

/// Statistics of the last seven days.
#[derive(Serialize, ToSchema)]
struct Stats {
    /// Number of agents that are not deleted.
    agents: u64,
    /// Sessions of the last 24 hours.
    session_count_24h: u64,
    /// Spans masked in the last 24 hours.
    redaction_count_24h: u64,
    /// Median latency in milliseconds that Masker added to sessions of the last 24 hours.
    p50_latency_ms: Option<f64>,
    /// 95th percentile of that latency.
    p95_latency_ms: Option<f64>,
    /// Hours of the last seven days with any activity, oldest first.
    hours: Vec<Hour>,
}

#[derive(Serialize, ToSchema)]
struct Hour {
    /// Start of the hour.
    begins_at: String,
    sessions: u64,
    redactions: u64,
    redactions_by_kind: BTreeMap<String, u64>,
}

/// Returns statistics of the account for the last seven days.
#[utoipa::path(
    get, path = "/api/v1/stats", tag = "sessions", operation_id = "show_stats",
    responses((status = 200, description = "Statistics of the last seven days.", body = StatsEnvelope)),
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
