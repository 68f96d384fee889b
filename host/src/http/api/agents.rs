//! `/api/v1/agents`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::app::{App, NewAgent};
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Detail};
use crate::http::page::{PageQuery, encode};
use crate::http::path::PathId;
use crate::ids::AgentId;
use crate::store::agents::Agent;

/// `POST /api/v1/agents`.
pub async fn create(State(app): State<Arc<App>>, caller: Caller, body: Result<Json<Value>, JsonRejection>) -> Response {
    let result = async {
        caller.require("agents:write")?;
        let Json(body) = body.map_err(body_error)?;
        let agent = app.create_agent(caller.account, new_agent(&body)?).await?;
        Ok::<_, ApiError>((StatusCode::CREATED, Json(json!({"agent": shown(&app, &agent)}))))
    };
    result.await.map_or_else(|error| error.respond(caller.request), IntoResponse::into_response)
}

/// `GET /api/v1/agents`.
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Result<Query<HashMap<String, String>>, QueryRejection>,
) -> Response {
    let result = async {
        caller.require("agents:read")?;
        let query = PageQuery::<AgentId>::read(query)?;
        let page =
            app.store().agents_page(caller.account, query.limit, query.cursor, query.value("name_contains")).await?;
        let rows: Vec<Value> = page
            .rows
            .iter()
            .map(|entry| {
                let mut row = shown(&app, &entry.agent);
                row["session_count_24h"] = json!(entry.session_count_24h);
                row
            })
            .collect();
        let next = page.next.map(|id| encode(&id.text()));
        Ok::<_, ApiError>(Json(json!({"data": rows, "next_cursor": next})))
    };
    result.await.map_or_else(|error| error.respond(caller.request), IntoResponse::into_response)
}

/// `GET /api/v1/agents/{id}`.
pub async fn show(State(app): State<Arc<App>>, caller: Caller, PathId(id): PathId) -> Response {
    let result = async {
        caller.require("agents:read")?;
        let id = id.parse().map_err(|_| ApiError::agent_not_found())?;
        let agent = app.store().agent(caller.account, id).await?.ok_or_else(ApiError::agent_not_found)?;
        let stats = app.store().agent_stats(agent.id).await?;
        let mut body = shown(&app, &agent);
        body["policy_yaml"] =
            json!(agent.policy_yaml.as_deref().or(app.policies.document(&agent.policy_name).as_deref()));
        body["stats"] = json!({
            "session_count_24h": stats.session_count_24h,
            "session_count_7d": stats.session_count_7d,
            "redaction_count_24h": stats.redaction_count_24h,
            "p50_latency_ms": stats.p50_latency_ms,
            "p95_latency_ms": stats.p95_latency_ms,
        });
        Ok::<_, ApiError>(Json(json!({"agent": body})))
    };
    result.await.map_or_else(|error| error.respond(caller.request), IntoResponse::into_response)
}

/// `DELETE /api/v1/agents/{id}`.
pub async fn delete(State(app): State<Arc<App>>, caller: Caller, PathId(id): PathId) -> Response {
    let result = async {
        caller.require("admin")?;
        let id = id.parse().map_err(|_| ApiError::agent_not_found())?;
        if app.delete_agent(caller.account, id).await? {
            Ok(StatusCode::NO_CONTENT)
        } else {
            Err(ApiError::agent_not_found())
        }
    };
    result.await.map_or_else(|error: ApiError| error.respond(caller.request), IntoResponse::into_response)
}

/// The body of `POST /api/v1/agents`, read by hand so that everything that is wrong with it is said at once.
fn new_agent(body: &Value) -> Result<NewAgent, ApiError> {
    const FIELDS: [&str; 6] = ["name", "upstream", "tokenization", "policy_name", "policy_yaml", "platform"];
    let Value::Object(body) = body else { return Err(ApiError::field("body", "must be a JSON object")) };
    let mut wrong: Vec<Detail> = Vec::new();
    let mut note = |field: &str, message: &str| wrong.push(Detail { field: field.into(), message: message.into() });
    let mut text = |field: &str, required: bool| match body.get(field) {
        Some(Value::String(text)) => Some(text.clone()),
        None | Some(Value::Null) if !required => None,
        None => {
            note(field, "is required");
            None
        }
        Some(_) => {
            note(field, "must be a string");
            None
        }
    };
    let new = NewAgent {
        name: text("name", true).unwrap_or_default(),
        upstream: text("upstream", true).unwrap_or_default(),
        tokenization: text("tokenization", false),
        policy_name: text("policy_name", false),
        policy_yaml: text("policy_yaml", false),
        platform: text("platform", false),
    };
    for field in body.keys().filter(|field| !FIELDS.contains(&field.as_str())) {
        note(field, &format!("is none of {}", FIELDS.join(", ")));
    }
    if wrong.is_empty() { Ok(new) } else { Err(ApiError::validation(wrong)) }
}

/// An agent as the API shows it.
fn shown(app: &App, agent: &Agent) -> Value {
    let base = &app.config.public_url;
    let id = agent.id.text();
    json!({
        "id": id,
        "name": agent.name,
        "upstream": agent.upstream,
        "tokenization": agent.tokenization,
        "policy_name": agent.policy_name,
        "policy_version": agent.policy_version,
        "platform": agent.platform,
        "proxy_url": format!("{base}/proxy/{id}/v1/chat/completions"),
        "proxy_base_url": format!("{base}/proxy/{id}/v1"),
        "webhook_url": format!("{base}/vapi/webhook/{id}"),
        "created_at": agent.created_at.to_string(),
    })
}

fn body_error(rejection: JsonRejection) -> ApiError {
    match rejection {
        JsonRejection::MissingJsonContentType(_) => ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "send JSON with Content-Type: application/json",
        ),
        JsonRejection::BytesRejection(bytes) if bytes.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", "the body is larger than the limit")
        }
        JsonRejection::BytesRejection(_) => ApiError::field("body", "cannot be read"),
        // Where it stops being JSON; serde's words on that quote nothing.
        other => ApiError::field("body", other.body_text()),
    }
}
