//! HTTP errors: one envelope for the API, OpenAI's shape for the proxy. Public messages are fixed texts; causes go to
//! the log.
//!
//! Handlers of the API and their extractors return `ApiError`. The envelope is written by
//! [`super::request_id::layer`], which knows the request's id.

use std::panic::AssertUnwindSafe;

use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use serde_json::json;

use super::body::Unread;
use crate::app::lanes::Refused;
use crate::app::{AgentError, ChangeError, Origin};
use crate::chat;
use crate::chat::request::BadRequest;
use crate::ids::RequestId;
use crate::pipeline::PipelineError;
use crate::policy::PolicyError;
use crate::store::StoreError;
use crate::store::journal::JournalError;
use crate::upstream::UpstreamFault;

/// One problem with a request.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Detail {
    /// The field, or a path in a document.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// An error of the API.
#[derive(Clone, Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    details: Vec<Detail>,
    retry_after: Option<u64>,
}

impl ApiError {
    /// Creates an error without details.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: Vec::new(), retry_after: None }
    }

    /// 422 with the invalid fields.
    pub fn validation(details: Vec<Detail>) -> Self {
        let message = match details.as_slice() {
            [one] => format!("{}: {}", one.field, one.message),
            many => format!("{} fields are invalid", many.len()),
        };
        Self { details, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_failed", message) }
    }

    /// 422 for one field.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::validation(vec![Detail { field: field.into(), message: message.into() }])
    }

    /// Adds `Retry-After`, in seconds.
    pub fn with_retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The invalid fields.
    pub fn details(&self) -> &[Detail] {
        &self.details
    }

    /// 401 for a webhook request with a missing or wrong secret.
    pub fn bad_signature() -> Self {
        let message = "the signature is missing or does not verify";
        Self::new(StatusCode::UNAUTHORIZED, "bad_signature", message)
    }

    /// 422 for an unsupported webhook event.
    pub fn unsupported_event() -> Self {
        let message = "only assistant-request is supported in this form";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unsupported_event", message)
    }

    /// 404 for an agent that does not exist or belongs to another account.
    pub fn agent_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "agent_not_found", "there is no such agent")
    }

    /// 404 for a session that does not exist or belongs to another account.
    pub fn session_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "session_not_found", "there is no such session")
    }

    /// 404 for a policy or version that does not exist or belongs to another account.
    pub fn policy_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "policy_not_found", "there is no such policy, or no such version of it")
    }

    /// 404 for a plugin.
    pub fn plugin_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "plugin_not_found", "there is no such plugin")
    }

    /// The error of installing a plugin. Refused if agents could no longer be served with it.
    pub fn of_plugin(error: ChangeError) -> Self {
        match error {
            ChangeError::Breaks { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "plugin_invalid", error.to_string())
            }
            other => other.into(),
        }
    }

    /// The error of removing a plugin. Refused if agents could no longer be served without it.
    pub fn of_removal(error: ChangeError) -> Self {
        match error {
            ChangeError::Breaks { .. } => Self::new(StatusCode::CONFLICT, "plugin_in_use", error.to_string()),
            other => other.into(),
        }
    }

    /// 404 for anything else that does not exist or belongs to another account.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 401.
    pub fn unauthenticated() -> Self {
        let message = "sign in, or send a valid API token: Authorization: Bearer mskt_...";
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", message)
    }

    /// 403.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// 503: an operation that cannot be recorded is not performed.
    pub fn audit_unavailable() -> Self {
        let message = "the audit journal cannot be written; nothing is done unrecorded";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "audit_unavailable", message)
    }

    /// The complete response with the request's id, for use outside the layer that writes the envelope.
    pub fn respond(self, id: RequestId) -> Response {
        let mut response = self.into_response();
        Self::write_envelope(&mut response, id);
        response
    }

    /// Writes the body of a response made from an error. Other responses are unchanged.
    pub fn write_envelope(response: &mut Response, id: RequestId) {
        let Some(Self { code, message, details, .. }) = response.extensions_mut().remove::<Self>() else { return };
        let mut error = json!({"code": code, "message": message, "request_id": id.text()});
        if code == "validation_failed" || !details.is_empty() {
            error["details"] = json!(details);
        }
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *response.body_mut() = Body::from(json!({"error": error}).to_string());
    }
}

impl IntoResponse for ApiError {
    /// Sets the status; the envelope is written later.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "database error");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "internal error; see the server log")
    }
}

impl From<JournalError> for ApiError {
    fn from(error: JournalError) -> Self {
        tracing::error!(%error, "the journal cannot be written");
        Self::audit_unavailable()
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        let (status, code, seconds) = match refused {
            Refused::Busy => (StatusCode::TOO_MANY_REQUESTS, "rate_limited", 5),
            Refused::Stopped => (StatusCode::SERVICE_UNAVAILABLE, "masking_unavailable", 1),
        };
        Self::new(status, code, refused.to_string()).with_retry_after(seconds)
    }
}

impl From<AgentError> for ApiError {
    fn from(error: AgentError) -> Self {
        let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
        match error {
            AgentError::NotFound => Self::agent_not_found(),
            AgentError::Invalid(fields) => Self::validation(
                fields.into_iter().map(|(field, message)| Detail { field: field.into(), message }).collect(),
            ),
            AgentError::UnknownUpstream(message) => Self::new(unprocessable, "unknown_upstream", message),
            AgentError::UnknownPolicy => Self::new(unprocessable, "unknown_policy", "no policy has this name"),
            AgentError::Policy(errors) => Self {
                details: errors
                    .iter()
                    .map(|error| Detail { field: error.path.clone(), message: error.message.clone() })
                    .collect(),
                ..Self::new(unprocessable, "policy_yaml_invalid", "the policy is invalid; see details")
            },
            AgentError::Plugin(error) => Self::new(unprocessable, "policy_yaml_invalid", error.to_string()),
            AgentError::NameTaken => {
                Self::new(StatusCode::CONFLICT, "name_taken", "an agent with this name already exists")
            }
            AgentError::AuditUnavailable => Self::audit_unavailable(),
            AgentError::Refused(refused) => refused.into(),
            AgentError::Store(error) => error.into(),
        }
    }
}

impl From<PipelineError> for ApiError {
    /// The error of a preview, which never contacts the upstream.
    fn from(error: PipelineError) -> Self {
        match &error {
            PipelineError::BadRequest(BadRequest::Shape { path, expected }) => Self::field(path, *expected),
            PipelineError::BadRequest(BadRequest::NotJson { .. }) => Self::field("body", error.to_string()),
            PipelineError::PassFailed { .. } | PipelineError::MaskingUnavailable(_) => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Self::new(status, "masking_unavailable", error.to_string()).with_retry_after(1)
            }
            PipelineError::AuditUnavailable => Self::audit_unavailable(),
            PipelineError::ModelNotAllowed { .. }
            | PipelineError::Upstream(_)
            | PipelineError::UpstreamGarbage
            | PipelineError::AnswerUnrecorded => {
                tracing::error!(%error, "preview returned an upstream error; this is a bug");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "internal error; see the server log")
            }
        }
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
        match error {
            ChangeError::Policy(errors) => AgentError::Policy(errors).into(),
            ChangeError::Configuration(error) => AgentError::Plugin(error).into(),
            ChangeError::Files(errors) => {
                let detail = |(file, error): &(String, PolicyError)| {
                    let path = if error.path.is_empty() { "" } else { ": " };
                    Detail { field: format!("{file}{path}{}", error.path), message: error.message.clone() }
                };
                let message = "the policy files are invalid, and nothing has changed; see details";
                let details = errors.iter().map(detail).collect();
                Self { details, ..Self::new(unprocessable, "policy_yaml_invalid", message) }
            }
            ChangeError::NameTaken => {
                let message = "a policy of the install has this name; choose another name";
                Self::new(StatusCode::CONFLICT, "name_taken", message)
            }
            ChangeError::Breaks { .. } => Self::new(unprocessable, "policy_yaml_invalid", error.to_string()),
            ChangeError::Plugin(_) | ChangeError::PluginName(_) | ChangeError::Folder(_) => {
                Self::new(unprocessable, "plugin_invalid", error.to_string())
            }
            ChangeError::NoPlugin => Self::plugin_not_found(),
            ChangeError::NotUploaded(Origin::Folder) => {
                Self::forbidden("this plugin is in MASKER_PLUGIN_DIR; remove its file there")
            }
            ChangeError::NotUploaded(_) => {
                Self::forbidden("this plugin is built in; upload a plugin of the same name to replace it")
            }
            ChangeError::Journal(error) => error.into(),
            ChangeError::Refused(refused) => refused.into(),
            ChangeError::Store(error) => error.into(),
            ChangeError::File(error) => {
                tracing::error!(%error, "the data folder cannot be written");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "internal error; see the server log")
            }
        }
    }
}

/// 404 for unknown routes. On the proxy it also refuses OpenAI endpoints that would bypass masking.
pub async fn not_found(request: Request) -> Response {
    if request.uri().path().starts_with("/proxy/") {
        let message = "only chat/completions and models are supported; other endpoints would bypass masking";
        return openai(StatusCode::NOT_FOUND, "invalid_request_error", None, "not_found", message, id_of(&request));
    }
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "no route matches this path").respond(id_of(&request))
}

/// 405 for known routes with another method.
pub async fn method_not_allowed(method: Method, uri: Uri, request: Request) -> Response {
    // The paths of the proxy are not repeated: the agent's id in them is a credential.
    let place = if uri.path().starts_with("/proxy/") { "this path" } else { uri.path() };
    let message = format!("{place} does not support {method}");
    if uri.path().starts_with("/proxy/") {
        return openai(
            StatusCode::METHOD_NOT_ALLOWED,
            "invalid_request_error",
            None,
            "method_not_allowed",
            &message,
            id_of(&request),
        );
    }
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message).respond(id_of(&request))
}

/// Turns a panic into an error response with the request's id; the server keeps running.
pub async fn catch_panics(request: Request, next: Next) -> Response {
    let id = id_of(&request);
    let of_proxy = request.uri().path().starts_with("/proxy/");
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        // The panic message is not logged because it may quote text. The panic hook logs only the location.
        Err(_) => {
            tracing::error!(request = %id, "a handler panicked");
            let (status, message) = (StatusCode::INTERNAL_SERVER_ERROR, "internal error; see the server log");
            if of_proxy {
                return openai(status, "server_error", None, "internal_error", message, id);
            }
            ApiError::new(status, "internal_error", message).respond(id)
        }
    }
}

/// The request's id. Every request has one.
pub fn id_of(request: &Request) -> RequestId {
    request.extensions().get::<RequestId>().copied().unwrap_or_else(RequestId::generate)
}

/// An error in OpenAI's shape.
pub fn openai(
    status: StatusCode,
    kind: &str,
    param: Option<&str>,
    code: &str,
    message: &str,
    id: RequestId,
) -> Response {
    (status, Json(chat::error::body(message, kind, param, code, &id.text()))).into_response()
}

/// The error of a body that could not be read, in OpenAI's shape.
pub fn unread(unread: Unread, id: RequestId) -> Response {
    let (status, code, message) = unread.parts();
    let kind = if status.is_server_error() { "server_error" } else { "invalid_request_error" };
    with_retry(openai(status, kind, None, code, &message, id))
}

/// The error of the pipeline, in OpenAI's shape.
pub fn proxy_error(error: PipelineError, id: RequestId) -> Response {
    let message = error.to_string();
    let (status, kind, param, code) = match &error {
        PipelineError::BadRequest(bad) => {
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid_request_error", bad.path(), "validation_failed")
        }
        PipelineError::ModelNotAllowed { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid_request_error", Some("model"), "model_not_allowed")
        }
        PipelineError::PassFailed { .. } | PipelineError::MaskingUnavailable(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "masking_error", None, "masking_unavailable")
        }
        PipelineError::AuditUnavailable | PipelineError::AnswerUnrecorded => {
            (StatusCode::SERVICE_UNAVAILABLE, "audit_error", None, "audit_unavailable")
        }
        PipelineError::Upstream(UpstreamFault::Timeout) => {
            (StatusCode::GATEWAY_TIMEOUT, "upstream_error", None, "upstream_timeout")
        }
        PipelineError::Upstream(UpstreamFault::Connect(_) | UpstreamFault::Broken) | PipelineError::UpstreamGarbage => {
            (StatusCode::BAD_GATEWAY, "upstream_error", None, "upstream_error")
        }
    };
    if status == StatusCode::SERVICE_UNAVAILABLE {
        tracing::warn!(code, %error, "request failed");
    }
    with_retry(openai(status, kind, param, code, &message, id))
}

fn with_retry(mut response: Response) -> Response {
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_withheld_answer_is_said_to_have_been_forwarded() {
        let withheld = PipelineError::AnswerUnrecorded;
        let words = withheld.to_string();
        assert!(words.contains("request was forwarded") && !words.contains("nothing"), "{words}");
        let response = proxy_error(withheld, RequestId::generate());
        assert_eq!((response.status().as_u16(), response.headers().get(RETRY_AFTER).is_some()), (503, true));
        let before = PipelineError::MaskingUnavailable("the vault cannot be read").to_string();
        assert!(before.ends_with("nothing was forwarded"), "{before}");
    }
}
