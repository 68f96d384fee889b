//! `POST /api/v1/mask`: masks a text or messages with a policy, without forwarding or storing anything.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::action::Action;
use crate::app::{App, Trial};
use crate::audit::event::TokenKind;
use crate::chat::Platform;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::json_body::{JsonBody, json_body};
use crate::pipeline::preview::{Preview, Replaced};

json_body! {
    /// A text or messages to mask, and the policy to apply.
    #[schema(example = json!({"text": "My name is Jane Doe."}))]
    pub struct ToMask {
        /// A text. Give either `text` or `messages`.
        text: Option<String>,
        /// Messages of a chat completion.
        #[schema(value_type = Option<Vec<Object>>)]
        messages: Option<Value>,
        /// Name of a policy of this install. Defaults to `healthcare-default`.
        policy_name: Option<String>,
        /// An inline policy document, instead of `policy_name`.
        policy_yaml: Option<String>,
    }
}

/// The masked text or messages, and what was replaced.
#[derive(Serialize, ToSchema)]
pub struct MaskAnswer {
    /// The masked text or messages, in the shape of the request.
    masked: Value,
    events: Vec<MaskEvent>,
}

/// One replacement: the fields of a session event, plus the replacement text.
#[derive(Serialize, ToSchema)]
pub struct MaskEvent {
    /// Always null: nothing is recorded.
    event_id: Option<String>,
    /// Index of the message, counted from 0. Null if the request has a plain text.
    message: Option<usize>,
    /// The protocol field that contains the value.
    field: &'static str,
    pass: String,
    entity_kind: Option<String>,
    /// Start and end in characters of the original text. Null for withheld media.
    span: Option<[usize; 2]>,
    #[schema(value_type = String)]
    action: Action,
    confidence: Option<f32>,
    token_kind: &'static str,
    kid: Option<String>,
    /// Always false: there is no response to restore values in.
    rehydrated: bool,
    replacement: Option<String>,
}

/// Masks a text or messages with a policy. Nothing is stored.
#[utoipa::path(
    post, path = "/api/v1/mask", tag = "tools", operation_id = "mask",
    request_body = ToMask,
    responses((status = 200, description = "The masked text or messages, and what was replaced.", body = MaskAnswer)),
    extensions(("x-errors" = json!(["unknown_policy", "policy_yaml_invalid", "masking_unavailable"]))),
)]
pub async fn mask(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<JsonBody<ToMask>, ApiError>,
) -> Result<Json<MaskAnswer>, ApiError> {
    caller.require("agents:read")?;
    let Asked { messages, is_text, policy } = asked(body?)?;
    let request = Bytes::from(json!({"messages": messages}).to_string());
    let request = app.pipeline.read(&request, Platform::Custom).await?;
    let agent = app.try_policy(caller.account, policy).await?;
    let Preview { mut request, replaced, withheld } = app.pipeline.preview(&agent, request).await?;
    let mut masked = request.body.get_mut("messages").map(Value::take).unwrap_or_default();
    if is_text {
        masked = masked.pointer_mut("/0/content").map(Value::take).unwrap_or_default();
    }
    let mut events: Vec<MaskEvent> = replaced.into_iter().map(MaskEvent::from).collect();
    events.extend((withheld > 0).then(MaskEvent::of_media));
    Ok(Json(MaskAnswer { masked, events }))
}

struct Asked {
    messages: Value,
    is_text: bool,
    policy: Trial,
}

fn asked(body: JsonBody<ToMask>) -> Result<Asked, ApiError> {
    body.check(|ToMask { text, messages, policy_name, policy_yaml }, wrong| {
        if text.is_some() == messages.is_some() {
            wrong.add("text", "give either text or messages");
        }
        let policy = match (policy_name, policy_yaml) {
            (Some(_), Some(_)) => {
                wrong.add("policy_yaml", "give either policy_name or policy_yaml");
                Trial::Default
            }
            (None, Some(document)) => Trial::Document(document),
            (Some(name), None) => Trial::Named(name),
            (None, None) => Trial::Default,
        };
        let is_text = text.is_some();
        let messages = text.map(|text| json!([{"role": "user", "content": text}])).or(messages).unwrap_or_default();
        Asked { messages, is_text, policy }
    })
}

impl From<Replaced> for MaskEvent {
    fn from(replaced: Replaced) -> Self {
        let decision = replaced.decision;
        Self {
            event_id: None,
            message: replaced.message,
            field: replaced.field,
            pass: decision.pass.to_string(),
            entity_kind: Some(decision.kind.as_str().to_owned()),
            span: Some([replaced.span.start, replaced.span.end]),
            action: decision.action,
            // Rounded to three decimals.
            confidence: Some((decision.confidence * 1000.0).round() / 1000.0),
            token_kind: replaced.token_kind.as_str(),
            kid: replaced.kid.map(|kid| kid.as_str().to_owned()),
            rehydrated: false,
            replacement: Some(replaced.replacement),
        }
    }
}

impl MaskEvent {
    fn of_media() -> Self {
        Self {
            event_id: None,
            message: None,
            field: "content.media",
            pass: "host".into(),
            entity_kind: None,
            span: None,
            action: Action::Redact,
            confidence: None,
            token_kind: TokenKind::Redacted.as_str(),
            kid: None,
            rehydrated: false,
            replacement: None,
        }
    }
}
