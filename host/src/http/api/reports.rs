//! Signed compliance reports of a session, an agent or an account, as JSON or PDF.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::schema::Object;
use utoipa::{IntoParams, ToSchema};

use crate::app::{App, ReportError, ReportScope, SignedReport};
use crate::clock::Timestamp;
use crate::http::auth::Caller;
use crate::http::cross_site::OwnPage;
use crate::http::error::ApiError;
use crate::http::openapi::schemas::one_of;
use crate::http::path::PathId;
use crate::http::since;
use crate::pdf;
use crate::report::document::{Report, SCHEMA};
use crate::report::signature::{PublicKey, Signature};

/// `Retry-After` in seconds when too many reports are being generated.
const RETRY_AFTER: u64 = 5;
/// Number of days that a report covers if `since` is not given.
const DAYS: u32 = 7;

/// Response envelope of a report, for the OpenAPI document.
#[derive(Serialize, ToSchema)]
pub struct ReportEnvelope {
    report: WithSignature,
}

/// A report with its signature.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedReport)]
pub struct WithSignature {
    #[serde(flatten)]
    report: Report,
    /// Ed25519 signature over the RFC 8785 form of this object without this field.
    signature: Signature,
}

/// Public keys that verify reports: the signing key, and the previous one during a rotation.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum ReportKeys {
    /// A single key.
    One(PublicKey),
    /// During a rotation: the signing key comes first.
    Rotated(Vec<PublicKey>),
}

/// Format parameter of a report.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReportFormat {
    /// `json` or `pdf`.
    #[param(schema_with = report_format)]
    pub format: Option<String>,
}

fn report_format() -> Object {
    one_of(&["json", "pdf"])
}

/// Time range parameter of a report.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReportTime {
    /// Start of the range: a duration before now (`90m`, `24h`, `7d`, `2w`) or a time.
    #[param(default = "7d", example = "7d")]
    pub since: Option<String>,
}

/// Returns the signed report of a session.
#[utoipa::path(
    get, path = "/api/v1/sessions/{id}/report", tag = "reports", operation_id = "session_report",
    params(("id" = String, Path, description = "The session's id."), ReportFormat),
    responses((status = 200, description = "The signed report.", content((ReportEnvelope = "application/json"), (Vec<u8> = "application/pdf")))),
    extensions(("x-errors" = json!(["session_not_found", "report_generation_failed", "audit_unavailable"]))),
)]
pub async fn of_session(
    State(app): State<Arc<App>>,
    caller: Caller,
    _: OwnPage,
    PathId(id): PathId,
    query: Result<Query<HashMap<String, String>>, QueryRejection>,
) -> Result<Response, ApiError> {
    caller.require("reports:read")?;
    let asked = Asked::read(query, app.pipeline.clock.now())?;
    let id = id.parse().map_err(|_| ApiError::session_not_found())?;
    let session = app.store().session(caller.account, id).await?.ok_or_else(ApiError::session_not_found)?;
    respond(&app, &caller, ReportScope::Session(Box::new(session)), asked.format).await
}

/// Returns the signed report of an agent.
#[utoipa::path(
    get, path = "/api/v1/agents/{id}/report", tag = "reports", operation_id = "agent_report",
    params(("id" = String, Path, description = "The agent's id."), ReportFormat, ReportTime),
    responses((status = 200, description = "The signed report.", content((ReportEnvelope = "application/json"), (Vec<u8> = "application/pdf")))),
    extensions(("x-errors" = json!(["agent_not_found", "report_generation_failed", "audit_unavailable"]))),
)]
pub async fn of_agent(
    State(app): State<Arc<App>>,
    caller: Caller,
    _: OwnPage,
    PathId(id): PathId,
    query: Result<Query<HashMap<String, String>>, QueryRejection>,
) -> Result<Response, ApiError> {
    caller.require("reports:read")?;
    let asked = Asked::read(query, app.pipeline.clock.now())?;
    let id = id.parse().map_err(|_| ApiError::agent_not_found())?;
    // The sessions of a deleted agent are kept, so a report can still be requested.
    let known = app.store().agents_of_report(caller.account, vec![id]).await?;
    let agent = known.first().ok_or_else(ApiError::agent_not_found)?.id;
    respond(&app, &caller, ReportScope::Agent { agent, since: asked.since }, asked.format).await
}

/// Returns the signed report of the account.
#[utoipa::path(
    get, path = "/api/v1/reports", tag = "reports", operation_id = "account_report",
    params(ReportFormat, ReportTime),
    responses((status = 200, description = "The signed report.", content((ReportEnvelope = "application/json"), (Vec<u8> = "application/pdf")))),
    extensions(("x-errors" = json!(["report_generation_failed", "audit_unavailable"]))),
)]
pub async fn of_account(
    State(app): State<Arc<App>>,
    caller: Caller,
    _: OwnPage,
    query: Result<Query<HashMap<String, String>>, QueryRejection>,
) -> Result<Response, ApiError> {
    caller.require("reports:read")?;
    let asked = Asked::read(query, app.pipeline.clock.now())?;
    respond(&app, &caller, ReportScope::Account { since: asked.since }, asked.format).await
}

/// Returns the public key that verifies the reports of this install.
#[utoipa::path(
    get, path = "/.well-known/masker-report-key", tag = "reports", operation_id = "report_key",
    responses((status = 200, description = "The public key of this install's reports. During a rotation: a list, with the signing key first.", body = ReportKeys)),
    security(()),
)]
pub async fn key(State(app): State<Arc<App>>) -> Json<ReportKeys> {
    let mut keys = app.report_key.public_keys();
    Json(match keys.len() {
        1 => ReportKeys::One(keys.remove(0)),
        _ => ReportKeys::Rotated(keys),
    })
}

#[derive(Clone, Copy)]
enum Format {
    Json,
    Pdf,
}

struct Asked {
    format: Format,
    since: Timestamp,
}

impl Asked {
    fn read(query: Result<Query<HashMap<String, String>>, QueryRejection>, now: Timestamp) -> Result<Self, ApiError> {
        let Query(query) = query.map_err(|_| ApiError::field("query", "is not a valid query string"))?;
        let format = match query.get("format").map(String::as_str) {
            None | Some("json") => Format::Json,
            Some("pdf") => Format::Pdf,
            Some(_) => return Err(ApiError::field("format", "must be json or pdf")),
        };
        let since = match query.get("since") {
            None => now.days_before(DAYS),
            Some(text) => since::parse(text, now).ok_or_else(|| ApiError::field("since", since::FORM))?,
        };
        Ok(Self { format, since })
    }
}

async fn respond(app: &Arc<App>, caller: &Caller, scope: ReportScope, format: Format) -> Result<Response, ApiError> {
    app.report(caller.account, scope, move |signed| file(&signed, format)).await?
}

fn file(SignedReport { report, json }: &SignedReport, format: Format) -> Result<Response, ApiError> {
    if let Format::Json = format {
        return Ok(Json(json).into_response());
    }
    let bytes = pdf::render(report, json).map_err(|error| failed(&error))?;
    let headers = [
        (CONTENT_TYPE, "application/pdf".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", file_name(report))),
    ];
    Ok((headers, bytes).into_response())
}

/// Download name, such as `masker-session-<id>.pdf`.
fn file_name(report: &Report) -> String {
    let subject = report.session_id.as_ref().or(report.agent_id.as_ref()).unwrap_or(&report.account_id);
    format!("masker-{}-{subject}.pdf", report.scope)
}

fn failed(error: &dyn std::fmt::Display) -> ApiError {
    tracing::error!(%error, "report generation failed");
    let message = "the report cannot be generated; the journal may be broken: POST /api/v1/audit/verify reports where";
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "report_generation_failed", message)
}

impl From<ReportError> for ApiError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Busy => {
                let message = "too many reports are being generated; try again in a moment";
                Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message).with_retry_after(RETRY_AFTER)
            }
            ReportError::Evidence(_) | ReportError::Root(_) | ReportError::NotCanonical(_) | ReportError::Stopped => {
                failed(&error)
            }
        }
    }
}

/// Returns the JSON Schema of a report.
#[utoipa::path(
    get, path = "/api/v1/schemas/report.json", tag = "reports", operation_id = "report_schema",
    responses((status = 200, description = "The JSON Schema (2020-12) of a report.", body = Value, content_type = "application/schema+json")),
    security(()),
)]
pub async fn schema() -> Response {
    ([(CONTENT_TYPE, "application/schema+json")], SCHEMA).into_response()
}
