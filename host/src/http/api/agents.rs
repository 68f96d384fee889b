//! `/api/v1/agents`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::{App, NewAgent};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::page::{PageQuery, encode};
use crate::http::path::PathId;
use crate::ids::AgentId;
use crate::store::agents::Agent;

/// `POST /api/v1/agents`.
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<Fields, ApiError>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    caller.require("agents:write")?;
    let agent = app.create_agent(caller.account, new_agent(body?)?).await?;
    Ok((StatusCode::CREATED, Json(json!({"agent": shown(&app, &agent)}))))
}

/// `GET /api/v1/agents`.
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Result<PageQuery<AgentId>, ApiError>,
) -> Result<Json<Value>, ApiError> {
    caller.require("agents:read")?;
    let query = query?;
    let page = app.store().agents_page(caller.account, query.limit, query.cursor, query.value("name_contains")).await?;
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
    Ok(Json(json!({"data": rows, "next_cursor": next})))
}

/// `GET /api/v1/agents/{id}`.
pub async fn show(State(app): State<Arc<App>>, caller: Caller, PathId(id): PathId) -> Result<Json<Value>, ApiError> {
    caller.require("agents:read")?;
    let id = id.parse().map_err(|_| ApiError::agent_not_found())?;
    let agent = app.store().agent(caller.account, id).await?.ok_or_else(ApiError::agent_not_found)?;
    let stats = app.store().agent_stats(agent.id).await?;
    let mut body = shown(&app, &agent);
    body["policy_yaml"] = json!(agent.policy_yaml.as_deref().or(app.policies.document(&agent.policy_name).as_deref()));
    body["stats"] = json!({
        "session_count_24h": stats.session_count_24h,
        "session_count_7d": stats.session_count_7d,
        "redaction_count_24h": stats.redaction_count_24h,
        "p50_latency_ms": stats.p50_latency_ms,
        "p95_latency_ms": stats.p95_latency_ms,
    });
    Ok(Json(json!({"agent": body})))
}

/// `DELETE /api/v1/agents/{id}`.
pub async fn delete(State(app): State<Arc<App>>, caller: Caller, PathId(id): PathId) -> Result<StatusCode, ApiError> {
    caller.require("admin")?;
    let id = id.parse().map_err(|_| ApiError::agent_not_found())?;
    if app.delete_agent(caller.account, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::agent_not_found())
    }
}

/// The body of `POST /api/v1/agents`.
fn new_agent(mut body: Fields) -> Result<NewAgent, ApiError> {
    let new = NewAgent {
        name: body.text("name").unwrap_or_default(),
        upstream: body.text("upstream").unwrap_or_default(),
        tokenization: body.text_if("tokenization"),
        policy_name: body.text_if("policy_name"),
        policy_yaml: body.text_if("policy_yaml"),
        platform: body.text_if("platform"),
    };
    body.finish()?;
    Ok(new)
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
