//! `POST /vapi/webhook/{agent}`: returns the assistant for an incoming call, with its model pointing at the proxy.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::body;
use super::error::ApiError;
use super::path::PathId;
use super::signature::{self, Signature};
use crate::app::{App, Serving};
use crate::ids::AgentId;
use crate::pipeline::ReadyAgent;
use crate::telemetry::name_agent;
use crate::vapi::{self, Message};

/// A message that Vapi posts to a server URL: flat, or nested in `message` as Vapi itself sends it.
#[derive(ToSchema)]
#[schema(example = json!({"message": {"type": "assistant-request", "call": {"id": "call_1"}}}))]
pub struct ServerMessage {
    /// The nested message.
    pub message: Option<Value>,
    /// The event type, in the flat form.
    pub r#type: Option<Value>,
    /// The call, in the flat form.
    pub call: Option<Value>,
}

/// The response to the platform. Empty for messages that are notifications.
#[derive(Serialize, ToSchema)]
pub struct WebhookAnswer {
    /// The assistant, with its model pointing at this agent's proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    assistant: Option<Map<String, Value>>,
}

/// Returns the assistant for an incoming call.
#[utoipa::path(
    post, path = "/vapi/webhook/{agent}", tag = "webhook", operation_id = "vapi_webhook",
    params(("agent" = String, Path, description = "The agent's id, which is a credential.", example = "agt_01JZ0000000000000000000000")),
    request_body = ServerMessage,
    responses((status = 200, description = "The assistant, or an empty object for a nested message that is only a notification.", body = WebhookAnswer)),
    security(()),
    extensions(("x-errors" = json!(["agent_not_found", "bad_signature", "unsupported_event", "payload_too_large", "validation_failed", "rate_limited", "audit_unavailable", "masking_unavailable"]))),
)]
pub async fn receive(
    State(app): State<Arc<App>>,
    PathId(id): PathId,
    request: Request,
) -> Result<Json<WebhookAnswer>, ApiError> {
    let (head, body) = request.into_parts();
    // Read the body only if the request is not refused without it.
    let shown = signed(&app, &head.headers, None)?;
    match find_agent(&app, &id) {
        Ok(agent) if agent.door.require_signature && shown == Signature::Absent => {
            return Err(ApiError::bad_signature());
        }
        Ok(agent) => app.limits.proxy(agent.account)?,
        // Only a request with the secret may learn whether the agent exists.
        Err(Missing::Unknown) if shown == Signature::OfBody => return Err(ApiError::bad_signature()),
        Err(Missing::Unknown) => return Err(ApiError::agent_not_found()),
        Err(Missing::Unusable) => {}
    }
    let body = body::read(body, app.config.max_body_bytes).await?;
    let is_signed = signed(&app, &head.headers, Some(&body))? == Signature::Valid;
    let agent = find_agent(&app, &id)?;
    name_agent(&agent.name);
    if agent.door.require_signature && !is_signed {
        return Err(ApiError::bad_signature());
    }
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

/// Checks the secret or signature of a request.
///
/// # Errors
/// 401 if it is missing but required, or invalid.
fn signed(app: &App, headers: &HeaderMap, body: Option<&[u8]>) -> Result<Signature, ApiError> {
    match signature::of_webhook(headers, body, &app.config) {
        Signature::Absent if app.config.vapi_webhook_secret.is_some() => Err(ApiError::bad_signature()),
        Signature::Invalid => Err(ApiError::bad_signature()),
        shown => Ok(shown),
    }
}

/// Why no agent can answer.
enum Missing {
    Unknown,
    Unusable,
}

impl From<Missing> for ApiError {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Unknown => Self::agent_not_found(),
            Missing::Unusable => {
                let message = "this agent's policy cannot be used";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "masking_unavailable", message)
            }
        }
    }
}

fn find_agent(app: &App, id: &str) -> Result<Arc<ReadyAgent>, Missing> {
    let id = id.parse::<AgentId>().map_err(|_| Missing::Unknown)?;
    match app.serving(&id) {
        Some(Serving::Ready(agent)) => Ok(agent),
        Some(Serving::Unusable(_)) => Err(Missing::Unusable),
        None => Err(Missing::Unknown),
    }
}
