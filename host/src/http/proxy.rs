//! The proxy: `POST /proxy/{agent}/v1/chat/completions` and the models it offers. Errors have OpenAI's shape.

use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tracing::{Instrument, Span};
use utoipa::ToSchema;

use super::error::{self, openai, proxy_error};
use super::path::{PathId, PathIdAndRest};
use super::signature::Signature;
use super::{auth, body, rate_limit, signature};
use crate::app::{App, Serving};
use crate::chat::Platform;
use crate::ids::{AgentId, RequestId};
use crate::pipeline::response::Answer;
use crate::pipeline::stream::AnswerStream;
use crate::pipeline::{PipelineError, ReadyAgent};
use crate::sensitive::SensitiveText;
use crate::telemetry::{name_agent, trace_headers};
use crate::upstream::{Upstream, UpstreamRequest};

/// The platform's or client's call id.
const CALL_HEADER: &str = "masker-session-id";
/// Headers forwarded with a caller's own key: the organization and project to bill.
const KEY_HEADERS: [&str; 2] = ["openai-organization", "openai-project"];

/// A chat completion request of OpenAI's API. Fields not listed here are masked and forwarded, unless the platform is
/// known to add them itself.
#[derive(ToSchema)]
#[schema(example = json!({"messages": [{"role": "user", "content": "My name is Jane Doe."}], "stream": true}))]
pub struct ChatCompletion {
    /// The agent's model, or a dated snapshot of it.
    pub model: Option<String>,
    /// The conversation so far.
    #[schema(value_type = Vec<Object>)]
    pub messages: Vec<Value>,
    /// Whether to stream the response.
    pub stream: Option<bool>,
}

/// Creates a chat completion: masks the request, forwards it, and restores the original values in the response.
#[utoipa::path(
    post, path = "/proxy/{agent}/v1/chat/completions", tag = "proxy", operation_id = "create_chat_completion",
    params(("agent" = String, Path, description = "The agent's id, which is a credential.", example = "agt_01JZ0000000000000000000000")),
    request_body = ChatCompletion,
    responses((status = 200, description = "OpenAI's response, complete or streamed, with tokens replaced by the original values.", content((Object = "application/json"), (serde_json::Value = "text/event-stream")))),
    security(()),
    extensions(("x-errors" = json!(["agent_not_found", "bad_signature", "unauthenticated", "payload_too_large", "validation_failed", "model_not_allowed", "rate_limited", "upstream_error", "upstream_timeout", "audit_unavailable", "masking_unavailable"]))),
)]
pub async fn completions(
    State(app): State<Arc<App>>,
    PathId(agent): PathId,
    Extension(request_id): Extension<RequestId>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let headers = head.headers;
    // Read the body only if the request is not refused without it.
    let agent = match open(&app, &agent, &headers, None, request_id) {
        Ok(agent) => agent,
        Err(answer) => return *answer,
    };
    let body = match body::read(body, app.config.max_body_bytes).await {
        Ok(body) => body,
        Err(unread) => return error::unread(unread, request_id),
    };
    if let Err(refused) = admit(&app, &agent, &headers, Some(&body)) {
        return refused.respond(request_id);
    }
    match complete(&app, &agent, &headers, &body).await {
        Ok(answer) => respond(answer, request_id),
        Err(error) => proxy_error(error, request_id),
    }
}

async fn complete(
    app: &App,
    agent: &Arc<ReadyAgent>,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Answer, PipelineError> {
    let mut request = app.pipeline.read(body, agent.platform).await?;
    match request.model()? {
        Some(model) if agent.allows_model(model) => {}
        Some(_) => return Err(PipelineError::ModelNotAllowed { allowed: agent.model.to_string() }),
        None => {
            request.body.insert("model".into(), json!(&*agent.model));
        }
    }
    let stream = request.streams()?;
    let call_id = call_id(headers).or_else(|| request.call_id.take());
    let call = call_id.map(|name| app.pipeline.call_names.name(&name));
    let mut masked = app.pipeline.mask(agent, request, call.as_ref()).await?;
    let mut upstream = UpstreamRequest {
        body: Bytes::from(std::mem::take(&mut masked.body)),
        stream,
        authorization: own_authorization(agent, headers),
        headers: trace_headers(headers),
    };
    if upstream.authorization.is_some() {
        upstream.headers.extend(key_headers(headers));
    }
    app.pipeline.forward(agent, masked, call, upstream).await
}

/// Lists the models: the one model that this agent may use.
#[utoipa::path(
    get, path = "/proxy/{agent}/v1/models", tag = "proxy", operation_id = "list_models",
    params(("agent" = String, Path, description = "The agent's id, which is a credential.", example = "agt_01JZ0000000000000000000000")),
    responses((status = 200, description = "The model that this agent may use.", body = Object)),
    security(()),
    extensions(("x-errors" = json!(["agent_not_found", "unauthenticated", "rate_limited", "masking_unavailable"]))),
)]
pub async fn models(
    State(app): State<Arc<App>>,
    PathId(agent): PathId,
    Extension(request_id): Extension<RequestId>,
    headers: HeaderMap,
) -> Response {
    match open(&app, &agent, &headers, Some(b""), request_id) {
        Ok(agent) => axum::Json(json!({"object": "list", "data": [model_body(&agent.model)]})).into_response(),
        Err(answer) => *answer,
    }
}

/// Returns a model. Clients request it before they use the model.
#[utoipa::path(
    get, path = "/proxy/{agent}/v1/models/{*model}", tag = "proxy", operation_id = "get_model",
    params(
        ("agent" = String, Path, description = "The agent's id, which is a credential.", example = "agt_01JZ0000000000000000000000"),
        ("model" = String, Path, description = "The agent's model or a dated snapshot of it. Slashes need not be escaped.", example = "gpt-4o-mini"),
    ),
    responses((status = 200, description = "The model.", body = Object)),
    security(()),
    extensions(("x-errors" = json!(["agent_not_found", "unauthenticated", "rate_limited", "masking_unavailable", "model_not_found"]))),
)]
pub async fn model(
    State(app): State<Arc<App>>,
    PathIdAndRest(agent, model): PathIdAndRest,
    Extension(request_id): Extension<RequestId>,
    headers: HeaderMap,
) -> Response {
    let agent = match open(&app, &agent, &headers, Some(b""), request_id) {
        Ok(agent) => agent,
        Err(answer) => return *answer,
    };
    if agent.allows_model(&model) {
        return axum::Json(model_body(&model)).into_response();
    }
    let message = PipelineError::ModelNotAllowed { allowed: agent.model.to_string() }.to_string();
    let (status, kind) = (StatusCode::NOT_FOUND, "invalid_request_error");
    openai(status, kind, Some("model"), "model_not_found", &message, request_id)
}

fn model_body(id: &str) -> serde_json::Value {
    json!({"id": id, "object": "model", "created": 0, "owned_by": "masker"})
}

/// The agent that a request may use. Without the body, the result is preliminary.
fn open(
    app: &App,
    agent: &str,
    headers: &HeaderMap,
    body: Option<&[u8]>,
    request_id: RequestId,
) -> Result<Arc<ReadyAgent>, Box<Response>> {
    let agent = find_agent(app, agent).map_err(|missing| missing.respond(request_id))?;
    name_agent(&agent.name);
    app.limits.proxy(agent.account).map_err(|limited| rate_limit::openai(limited, request_id))?;
    admit(app, &agent, headers, body).map_err(|refused| refused.respond(request_id))?;
    Ok(agent)
}

/// Why no agent can serve a request.
enum Missing {
    Unknown,
    Unusable,
}

impl Missing {
    fn respond(self, request_id: RequestId) -> Response {
        match self {
            Missing::Unknown => {
                let (status, message) = (StatusCode::NOT_FOUND, "there is no such agent");
                openai(status, "invalid_request_error", None, "agent_not_found", message, request_id)
            }
            Missing::Unusable => {
                proxy_error(PipelineError::MaskingUnavailable("this agent's policy cannot be used"), request_id)
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

/// Why an agent refuses a request.
enum Refused {
    Key,
    Signature,
}

impl Refused {
    fn respond(self, request_id: RequestId) -> Response {
        let (code, message) = match self {
            Refused::Key => ("unauthenticated", "send this agent's key: Authorization: Bearer mskp_..."),
            Refused::Signature => ("bad_signature", "the signature is missing or does not verify"),
        };
        openai(StatusCode::UNAUTHORIZED, "authentication_error", None, code, message, request_id)
    }
}

/// Checks the credentials that an agent requires in addition to its id: its key and a valid signature. If the platform
/// signs requests and a secret is configured, a signature that is present must be valid even if not required. Without
/// the body, a signature over the body is accepted.
fn admit(app: &App, agent: &ReadyAgent, headers: &HeaderMap, body: Option<&[u8]>) -> Result<(), Refused> {
    if !agent.door.takes(auth::bearer(headers)) {
        return Err(Refused::Key);
    }
    let signs = agent.platform == Platform::Vapi && app.config.vapi_webhook_secret.is_some();
    if !agent.door.require_signature && !signs {
        return Ok(());
    }
    match signature::of(headers, body, &app.config) {
        Signature::Valid | Signature::OfBody => Ok(()),
        Signature::Absent if !agent.door.require_signature => Ok(()),
        Signature::Absent | Signature::Invalid => Err(Refused::Signature),
    }
}

fn respond(answer: Answer, request_id: RequestId) -> Response {
    match answer {
        Answer::Whole(body) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
        Answer::Stream(mut stream) => {
            stream.set_request_id(request_id.text());
            let headers = [(CONTENT_TYPE, "text/event-stream; charset=utf-8"), (CACHE_CONTROL, "no-cache")];
            (headers, Body::from_stream(pieces(*stream))).into_response()
        }
        Answer::UpstreamError { status, error, headers } => {
            (status, headers, axum::Json(error.into_body(&request_id.text()))).into_response()
        }
    }
}

/// Log lines written while a stream is sent belong to the span of its request.
fn pieces(stream: AnswerStream) -> impl futures_util::Stream<Item = Result<Bytes, std::convert::Infallible>> {
    let span = Span::current();
    futures_util::stream::unfold(stream, move |mut stream| {
        let next = async move {
            let bytes = stream.next().await?;
            Some((Ok(bytes), stream))
        };
        next.instrument(span.clone())
    })
}

/// The call id, of any bytes and length: without one, the request would share the memory of all calls.
fn call_id(headers: &HeaderMap) -> Option<String> {
    let name = headers.get(CALL_HEADER)?.as_bytes().trim_ascii();
    let text = || match std::str::from_utf8(name) {
        Ok(text) => text.to_owned(),
        // Header values cannot contain a zero byte, so this cannot collide with a text.
        Err(_) => format!("\0{}", data_encoding::HEXLOWER.encode(name)),
    };
    (!name.is_empty()).then(text)
}

/// The caller's own `Authorization`, if we have no key and the platform is one that sends its own.
fn own_authorization(agent: &ReadyAgent, headers: &HeaderMap) -> Option<SensitiveText> {
    let brings_own = matches!(agent.platform, Platform::Custom | Platform::Twilio);
    let we_have_one = match &agent.upstream {
        Upstream::Openai(openai) => openai.has_api_key(),
        Upstream::Stub => true,
    };
    let value = headers.get(AUTHORIZATION).filter(|_| brings_own && !we_have_one)?.to_str().ok()?;
    // Credentials for Masker are not forwarded.
    let ours = value.contains("mskp_") || value.contains("mskt_");
    (!ours).then(|| value.into())
}

/// Headers to forward with a caller's own key. The values are identifiers, too short for a sentence.
fn key_headers(headers: &HeaderMap) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let is_identifier = |value: &&HeaderValue| {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        (1..=128).contains(&value.len()) && value.as_bytes().iter().all(plain)
    };
    KEY_HEADERS.into_iter().filter_map(move |name| {
        let value = headers.get(name).filter(is_identifier)?;
        Some((HeaderName::from_static(name), value.clone()))
    })
}
