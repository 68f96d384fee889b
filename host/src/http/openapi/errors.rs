//! Every error code: its status, and when it is answered. docs/reference/http.md is made of this table.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::error::Detail;

/// An error of the API.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub struct ApiErrorBody {
    /// What went wrong.
    pub error: ApiErrorInner,
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
#[schema(as = ErrorInner)]
pub struct ApiErrorInner {
    /// For programs.
    pub code: String,
    /// For people.
    pub message: String,
    /// The response's `X-Request-Id`.
    pub request_id: String,
    /// What is wrong where, on errors of validation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<Detail>, required = false)]
    pub details: Option<Vec<Detail>>,
}

/// An error of the proxy, as OpenAI's clients understand it.
#[derive(Serialize, ToSchema)]
#[schema(as = ProxyError)]
pub struct ProxyErrorBody {
    /// What went wrong.
    pub error: ProxyErrorInner,
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
#[schema(as = ProxyErrorInner)]
pub struct ProxyErrorInner {
    /// For people.
    pub message: String,
    /// What sort of error. An upstream's own error may have any.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The field that is wrong.
    pub param: Option<String>,
    /// For programs. An upstream's own error may have any, or a number.
    #[schema(schema_with = super::schemas::text_or_number)]
    pub code: Option<String>,
    /// The response's `X-Request-Id`.
    pub request_id: String,
    /// What an upstream's content filter found, where it tells that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    pub innererror: Option<serde_json::Value>,
}

/// Code, status, and when it is answered.
pub const ERRORS: &[(&str, u16, &str)] = &[
    ("bad_request", 400, "What came is not a sound HTTP request, or its body ends too early."),
    ("invalid_state", 400, "The sign-in was not begun here, or too long ago."),
    ("unauthenticated", 401, "There is no valid credential."),
    ("bad_signature", 401, "The signature is missing or does not verify."),
    ("forbidden", 403, "The credential does not allow it."),
    ("not_found", 404, "There is nothing of this name for this account."),
    ("model_not_found", 404, "The agent may not use this model, if there is one of this name."),
    ("agent_not_found", 404, "There is no such agent for this account."),
    ("session_not_found", 404, "There is no such session for this account."),
    ("policy_not_found", 404, "There is no such policy for this account."),
    ("plugin_not_found", 404, "There is no such plugin."),
    ("request_timeout", 408, "The body came too slowly."),
    ("name_taken", 409, "The account has something of this name already."),
    ("plugin_in_use", 409, "A policy that an agent follows needs this plugin."),
    ("gone", 410, "The link was used, or is too old."),
    ("payload_too_large", 413, "The body is over the limit."),
    ("unsupported_media_type", 415, "The body is of another type than this takes."),
    ("validation_failed", 422, "Something in the request is wrong; `details` say what and where."),
    ("unknown_upstream", 422, "The upstream's provider is not known or not configured."),
    ("unknown_policy", 422, "There is no policy of this name."),
    ("policy_yaml_invalid", 422, "The policy cannot be used; `details` say why."),
    ("model_not_allowed", 422, "The agent may not use this model."),
    ("unsupported_event", 422, "The webhook takes `assistant-request` only in this shape."),
    ("plugin_invalid", 422, "The component does not fit the contract, or asks for what it may not have."),
    ("rate_limited", 429, "Too many requests; `Retry-After` says when to come again."),
    ("internal_error", 500, "Something failed on our side."),
    ("report_generation_failed", 500, "The report cannot be made."),
    ("user_upsert_failed", 500, "The user who signs in cannot be written."),
    ("upstream_error", 502, "The LLM provider failed."),
    ("oauth_exchange_failed", 502, "GitHub failed."),
    ("audit_unavailable", 503, "The journal cannot be written: nothing is done unrecorded."),
    (
        "masking_unavailable",
        503,
        "Masking failed, and nothing was forwarded; or the vault cannot keep what an answer needs, and the answer is withheld.",
    ),
    ("overloaded", 503, "Too many large requests at the same time; `Retry-After` says when to come again."),
    ("upstream_timeout", 504, "The LLM provider took too long."),
];
