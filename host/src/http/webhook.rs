//! `POST /vapi/webhook/{agent}`: which assistant answers a call, and where its words go.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::document::Raw;
use super::error::ApiError;
use super::openapi::inputs;
use super::path::PathId;
use super::signature::{self, Signature};
use crate::app::{App, Serving};
use crate::ids::AgentId;
use crate::pipeline::ReadyAgent;
use crate::vapi::{self, Message};

/// What goes back to the platform: nothing, where it only told of something.
#[derive(Serialize, ToSchema)]
pub struct WebhookAnswer {
    /// The assistant, its model pointing at this agent's proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    assistant: Option<Map<String, Value>>,
}

/// `POST /vapi/webhook/{agent}`.
#[utoipa::path(
    post, path = "/vapi/webhook/{agent}", tag = "webhook", operation_id = "vapi_webhook",
    params(("agent" = String, Path, description = "The agent's id.", example = "agt_01JZ0000000000000000000000")),
    request_body = inputs::ServerMessage,
    responses((status = 200, description = "The assistant; or an empty object, for a nested message that only tells of something.", body = WebhookAnswer)),
    security(()),
    extensions(("x-errors" = json!(["agent_not_found", "bad_signature", "unsupported_event", "payload_too_large", "validation_failed", "rate_limited", "audit_unavailable", "masking_unavailable"]))),
)]
pub async fn receive(
    State(app): State<Arc<App>>,
    PathId(agent): PathId,
    headers: HeaderMap,
    body: Result<Raw, ApiError>,
) -> Result<Json<WebhookAnswer>, ApiError> {
    let Raw(body) = body?;
    let is_signed = match signature::of_webhook(&headers, &body, &app.config) {
        Signature::Valid => true,
        Signature::Absent if app.config.vapi_webhook_secret.is_none() => false,
        Signature::Absent | Signature::Invalid => return Err(ApiError::bad_signature()),
    };
    let agent = find_agent(&app, &agent)?;
    if agent.door.require_signature && !is_signed {
        return Err(ApiError::bad_signature());
    }
    app.limits.proxy(agent.account)?;
    let call = match vapi::read(&body).map_err(|error| ApiError::field("type", error.to_string()))? {
        Message::AssistantRequest(call) => call,
        Message::OtherNested => return Ok(Json(WebhookAnswer { assistant: None })),
        Message::OtherFlat => return Err(ApiError::unsupported_event()),
    };
    let assistant = app.assistant(&agent, body).await;
    let proxy_url = format!("{}/proxy/{}/v1/chat/completions", app.config.public_url, agent.id.text());
    let assistant = vapi::through_proxy(assistant, &proxy_url, &agent.model);
    app.pipeline.call_started(&agent, call).await?;
    Ok(Json(WebhookAnswer { assistant: Some(assistant) }))
}

fn find_agent(app: &App, id: &str) -> Result<Arc<ReadyAgent>, ApiError> {
    let id = id.parse::<AgentId>().map_err(|_| ApiError::agent_not_found())?;
    match app.serving(&id) {
        Some(Serving::Ready(agent)) => Ok(agent),
        Some(Serving::Unusable) => Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "masking_unavailable",
            "this agent's policy cannot be used here",
        )),
        None => Err(ApiError::agent_not_found()),
    }
}
