//! `GET /api/v1/sessions/{id}`: a session with its masked spans and, if the policy stores them, its texts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::SessionSummary;
use crate::action::Action;
use crate::app::App;
use crate::audit::chain::hex_text;
use crate::audit::event::{Detail, Event, EventKind};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::path::PathId;
use crate::sensitive::{Sensitive, SensitiveText};
use crate::session::SessionRow;
use crate::session::figures::tokens;
use crate::session::payloads::Payloads;
use crate::store::StoreError;

/// Returns one session with its masked spans and, if stored, its texts.
#[utoipa::path(
    get, path = "/api/v1/sessions/{id}", tag = "sessions", operation_id = "show_session",
    params(("id" = String, Path, description = "The session's id.")),
    responses((status = 200, description = "The session with its masked spans and, if stored, its texts.", body = Enveloped)),
    extensions(("x-errors" = json!(["session_not_found"]))),
)]
pub async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<Enveloped>, ApiError> {
    caller.require("sessions:read")?;
    let id = id.parse().map_err(|_| ApiError::session_not_found())?;
    let row = app.store().session(caller.account, id).await?.ok_or_else(ApiError::session_not_found)?;
    let entries = app.pipeline.journal.session_events(&row.journal, row.id).await.map_err(StoreError::from)?;
    let events: Vec<Event> = entries.into_iter().map(|entry| entry.event).collect();
    let payloads = app.payloads(&row).await?.unwrap_or_default();
    Ok(Json(Enveloped { session: SessionDetail::of(&row, &events, payloads) }))
}

/// Response envelope: `{"session": ...}`.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionEnvelope)]
pub struct Enveloped {
    session: SessionDetail,
}

/// A session with its spans, failed passes and texts.
#[derive(Serialize, ToSchema)]
pub struct SessionDetail {
    #[serde(flatten)]
    row: SessionSummary,
    /// Name of the policy that was in effect.
    policy_name: String,
    /// Version of the policy that was in effect.
    policy_version: u32,
    stage_durations_ms: Stages,
    merkle_root_hex: Option<String>,
    /// Every masked span, in request order.
    events: Vec<Span>,
    /// Passes that failed, and how the policy handled each failure.
    failed_passes: Vec<FailedPass>,
    /// Number of tokens in the response that did not resolve.
    rehydration_failures: u64,
    payloads: Texts,
}

#[derive(Serialize, ToSchema)]
struct Stages {
    detection: f64,
    tokenize: f64,
    upstream: f64,
    rehydrate: f64,
}

#[derive(Serialize, ToSchema)]
struct Span {
    event_id: String,
    /// Index of the message, counted from 0.
    message: Option<u32>,
    /// The protocol field that contained the value.
    field: Option<String>,
    pass: Option<String>,
    entity_kind: Option<String>,
    /// Start and end in characters of the original text. `null` for withheld media.
    span: Option<[usize; 2]>,
    #[schema(value_type = Option<String>)]
    action: Option<Action>,
    confidence: Option<f32>,
    token_kind: Option<&'static str>,
    kid: Option<String>,
    /// Whether the original value was restored in the response.
    rehydrated: bool,
}

#[derive(Serialize, ToSchema)]
struct FailedPass {
    event_id: String,
    pass: Option<String>,
    /// `blocked` or `skipped`.
    outcome: Option<String>,
    /// Category of the failure.
    fault: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Texts {
    request: Option<String>,
    masked: Option<String>,
    response: Option<String>,
    /// Whether a text was truncated because it was too long to store.
    truncated: bool,
}

impl SessionDetail {
    fn of(row: &SessionRow, events: &[Event], payloads: Payloads) -> Self {
        let of_kind = |kind| events.iter().filter(move |event| event.kind == kind);
        let spans = of_kind(EventKind::Redaction).enumerate();
        let came_back = |at: usize| row.rehydrated.iter().any(|index| *index as usize == at);
        Self {
            row: SessionSummary::of(row),
            policy_name: row.policy_name.to_string(),
            policy_version: row.policy_version,
            stage_durations_ms: Stages {
                detection: row.stages.detection,
                tokenize: row.stages.tokenize,
                upstream: row.stages.upstream,
                rehydrate: row.stages.rehydrate,
            },
            merkle_root_hex: row.merkle_root.as_ref().map(hex_text),
            events: spans.map(|(at, event)| Span::of(event, came_back(at))).collect(),
            failed_passes: of_kind(EventKind::PluginFailed).map(FailedPass::of).collect(),
            rehydration_failures: of_kind(EventKind::RehydrationFailed).map(tokens).sum(),
            payloads: Texts::of(payloads),
        }
    }
}

impl Span {
    fn of(event: &Event, rehydrated: bool) -> Self {
        Self {
            event_id: event.event_id.text(),
            message: event.message,
            field: event.field.as_ref().map(|field| field.as_str().to_owned()),
            pass: event.pass.as_ref().map(ToString::to_string),
            entity_kind: event.entity_kind.as_ref().map(ToString::to_string),
            span: event.span.map(|span| [span.start, span.end]),
            action: event.action,
            confidence: event.confidence,
            token_kind: event.token_kind.map(|kind| kind.as_str()),
            kid: event.kid.as_ref().map(ToString::to_string),
            rehydrated,
        }
    }
}

impl FailedPass {
    fn of(event: &Event) -> Self {
        Self {
            event_id: event.event_id.text(),
            pass: event.pass.as_ref().map(ToString::to_string),
            outcome: event.field.as_ref().map(|outcome| outcome.as_str().to_owned()),
            fault: match &event.detail {
                Some(Detail::Word(word)) => Some(word.as_str().to_owned()),
                Some(Detail::Count(_)) | None => None,
            },
        }
    }
}

impl Texts {
    fn of(payloads: Payloads) -> Self {
        let text = |text: Option<SensitiveText>| text.map(Sensitive::into_exposed);
        Self {
            request: text(payloads.request),
            masked: text(payloads.masked),
            response: text(payloads.response),
            truncated: payloads.truncated,
        }
    }
}
