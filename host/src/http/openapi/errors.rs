//! Error codes with their status and meaning. `docs/reference/http.md` is generated from this table.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::error::Detail;

/// An error of the API.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub struct ApiErrorBody {
    /// The error.
    pub error: ApiErrorInner,
}

/// The error.
#[derive(Serialize, ToSchema)]
#[schema(as = ErrorInner)]
pub struct ApiErrorInner {
    /// Stable code for programs.
    pub code: String,
    /// Message for people.
    pub message: String,
    /// The response's `X-Request-Id`.
    pub request_id: String,
    /// The invalid fields of a validation error.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<Detail>, required = false)]
    pub details: Option<Vec<Detail>>,
}

/// An error of the proxy in OpenAI's shape.
#[derive(Serialize, ToSchema)]
#[schema(as = ProxyError)]
pub struct ProxyErrorBody {
    /// The error.
    pub error: ProxyErrorInner,
}

/// The error.
#[derive(Serialize, ToSchema)]
#[schema(as = ProxyErrorInner)]
pub struct ProxyErrorInner {
    /// Message for people.
    pub message: String,
    /// Error type. Errors passed through from the upstream may have any type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The invalid field.
    pub param: Option<String>,
    /// Stable code for programs. Errors passed through from the upstream may have any code, or a number.
    #[schema(schema_with = super::schemas::text_or_number)]
    pub code: Option<String>,
    /// The response's `X-Request-Id`.
    pub request_id: String,
    /// Result of the upstream's content filter, if it reports one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    pub innererror: Option<serde_json::Value>,
}

/// Code, status and meaning.
pub const ERRORS: &[(&str, u16, &str)] = &[
    ("bad_request", 400, "The HTTP request is malformed, or its body ends early."),
    ("invalid_state", 400, "The sign-in was not started in this browser, or has expired."),
    ("unauthenticated", 401, "No valid credentials were sent."),
    ("bad_signature", 401, "The signature is missing or does not verify."),
    ("forbidden", 403, "The credentials do not permit the operation."),
    ("not_found", 404, "The resource does not exist in this account."),
    ("model_not_found", 404, "The model does not exist, or the agent may not use it."),
    ("agent_not_found", 404, "The agent does not exist in this account."),
    ("session_not_found", 404, "The session does not exist in this account."),
    ("policy_not_found", 404, "The policy or version does not exist in this account."),
    ("plugin_not_found", 404, "The plugin does not exist."),
    ("request_timeout", 408, "The body was received too slowly."),
    ("name_taken", 409, "The name is already taken."),
    ("plugin_in_use", 409, "The policy of an agent needs this plugin."),
    ("gone", 410, "The link was already used, or has expired."),
    ("payload_too_large", 413, "The body exceeds the size limit."),
    ("unsupported_media_type", 415, "The content type of the body is not supported."),
    ("validation_failed", 422, "The request is invalid; `details` lists the errors."),
    ("unknown_upstream", 422, "The provider of the upstream is unknown or not configured."),
    ("unknown_policy", 422, "No policy has this name."),
    ("policy_yaml_invalid", 422, "The policy is invalid; `details` lists the errors."),
    ("model_not_allowed", 422, "The agent may not use this model."),
    ("unsupported_event", 422, "In this form the webhook supports only `assistant-request`."),
    (
        "plugin_invalid",
        422,
        "The component does not implement the contract, or requires capabilities that plugins do not have.",
    ),
    ("rate_limited", 429, "Too many requests; retry after the time in `Retry-After`."),
    ("internal_error", 500, "Internal error; the server log has the cause."),
    ("report_generation_failed", 500, "The report cannot be generated."),
    ("user_upsert_failed", 500, "The signed-in user cannot be stored."),
    ("upstream_error", 502, "The request to the LLM provider failed."),
    ("oauth_exchange_failed", 502, "The request to GitHub failed."),
    ("audit_unavailable", 503, "The journal cannot be written, so the operation is refused."),
    (
        "masking_unavailable",
        503,
        "Masking failed and nothing was forwarded, or the vault cannot store what a response needs and the response is withheld.",
    ),
    ("overloaded", 503, "Too many large requests at the same time; retry after the time in `Retry-After`."),
    ("upstream_timeout", 504, "The LLM provider timed out."),
];
