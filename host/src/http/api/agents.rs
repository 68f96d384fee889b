//! `/api/v1/agents`: create, read, update and delete agents, list their sessions, and issue proxy keys.

mod input;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use self::input::{AgentChange, NewAgent};
use super::Listed;
use super::sessions::{self, SessionFilter, SessionQuery, SessionSummary};
use crate::app::{App, ChangedAgent};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::json_body::JsonBody;
use crate::http::page::{Page, PageQuery};
use crate::http::path::PathId;
use crate::ids::AgentId;
use crate::store::AgentStats;
use crate::store::agents::Agent;

/// Filters of the agent list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AgentFilter {
    /// Part of the name, case-insensitive.
    pub name_contains: Option<String>,
}

/// Creates an agent.
#[utoipa::path(
    post, path = "/api/v1/agents", tag = "agents", operation_id = "create_agent",
    request_body = NewAgent,
    responses((status = 201, description = "The created agent.", body = Enveloped<AgentBody>)),
    extensions(("x-errors" = json!(["unknown_upstream", "unknown_policy", "policy_yaml_invalid", "name_taken", "audit_unavailable", "masking_unavailable"]))),
)]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<JsonBody<NewAgent>, ApiError>,
) -> Result<(StatusCode, Json<Enveloped<AgentBody>>), ApiError> {
    caller.require("agents:write")?;
    let made = app.create_agent(caller.account, body?.sound()?.into()).await?;
    Ok((StatusCode::CREATED, Json(changed(&app, made))))
}

/// Lists the agents of the account, newest first.
#[utoipa::path(
    get, path = "/api/v1/agents", tag = "agents", operation_id = "list_agents",
    params(Page, AgentFilter),
    responses((status = 200, description = "A page of agents, newest first.", body = Listed<AgentRow>)),
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Result<PageQuery<AgentId>, ApiError>,
) -> Result<Json<Listed<AgentRow>>, ApiError> {
    caller.require("agents:read")?;
    let query = query?;
    let page = app.store().agents_page(caller.account, query.limit, query.cursor, query.value("name_contains")).await?;
    let rows = page
        .rows
        .iter()
        .map(|entry| AgentRow { agent: AgentBody::of(&app, &entry.agent), session_count_24h: entry.session_count_24h });
    Ok(Json(Listed::new(rows.collect(), page.next.map(|id| id.text()))))
}

/// Returns one agent with its policy and recent statistics.
#[utoipa::path(
    get, path = "/api/v1/agents/{id}", tag = "agents", operation_id = "show_agent",
    params(("id" = String, Path, description = "The agent's id.")),
    responses((status = 200, description = "The agent, its policy and recent statistics.", body = Enveloped<AgentDetail>)),
    extensions(("x-errors" = json!(["agent_not_found"]))),
)]
pub async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<Enveloped<AgentDetail>>, ApiError> {
    caller.require("agents:read")?;
    let agent = find(&app, &caller, &id).await?;
    let stats = app.store().agent_stats(agent.id).await?;
    let catalog = app.catalog();
    let named = || catalog.policy(caller.account, &agent.policy_name).map(|policy| policy.document.to_string());
    let policy_yaml = agent.policy_yaml.clone().or_else(named);
    let agent = AgentDetail { agent: AgentBody::of(&app, &agent), policy_yaml, stats: stats.into() };
    Ok(Json(Enveloped { agent }))
}

/// Updates an agent. Accepts any field of a new agent; `null` resets a field to its default.
#[utoipa::path(
    patch, path = "/api/v1/agents/{id}", tag = "agents", operation_id = "update_agent",
    params(("id" = String, Path, description = "The agent's id.")),
    request_body = AgentChange,
    responses((status = 200, description = "The updated agent.", body = Enveloped<AgentBody>)),
    extensions(("x-errors" = json!(["agent_not_found", "unknown_upstream", "unknown_policy", "policy_yaml_invalid", "name_taken", "audit_unavailable", "masking_unavailable"]))),
)]
pub async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathId(id): PathId,
    body: Result<JsonBody<AgentChange>, ApiError>,
) -> Result<Json<Enveloped<AgentBody>>, ApiError> {
    caller.require("agents:write")?;
    let id = find(&app, &caller, &id).await?.id;
    let made = app.update_agent(caller.account, id, body?.sound()?.into()).await?;
    Ok(Json(changed(&app, made)))
}

/// Deletes an agent. Its sessions and its journal entries are kept.
#[utoipa::path(
    delete, path = "/api/v1/agents/{id}", tag = "agents", operation_id = "delete_agent",
    params(("id" = String, Path, description = "The agent's id.")),
    responses((status = 204, description = "The agent was deleted. Its sessions and its journal entries are kept.")),
    extensions(("x-errors" = json!(["agent_not_found", "audit_unavailable"]))),
)]
pub async fn delete(State(app): State<Arc<App>>, caller: Caller, PathId(id): PathId) -> Result<StatusCode, ApiError> {
    caller.require("admin")?;
    let id = find(&app, &caller, &id).await?.id;
    app.delete_agent(caller.account, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Issues a new proxy key. The proxy requires it from now on; the previous key stops working.
#[utoipa::path(
    post, path = "/api/v1/agents/{id}/proxy-key", tag = "agents", operation_id = "rotate_proxy_key",
    params(("id" = String, Path, description = "The agent's id.")),
    responses((status = 200, description = "The agent with the new key, which is shown only in this response.", body = Enveloped<AgentBody>)),
    extensions(("x-errors" = json!(["agent_not_found", "audit_unavailable"]))),
)]
pub async fn rotate_proxy_key(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathId(id): PathId,
) -> Result<Json<Enveloped<AgentBody>>, ApiError> {
    caller.require("agents:write")?;
    let id = find(&app, &caller, &id).await?.id;
    let made = app.rotate_proxy_key(caller.account, id).await?;
    Ok(Json(changed(&app, made)))
}

/// Lists the sessions of an agent, newest first.
#[utoipa::path(
    get, path = "/api/v1/agents/{id}/sessions", tag = "agents", operation_id = "list_agent_sessions",
    params(("id" = String, Path, description = "The agent's id."), Page, SessionFilter),
    responses((status = 200, description = "A page of the agent's sessions, newest first.", body = Listed<SessionSummary>)),
    extensions(("x-errors" = json!(["agent_not_found"]))),
)]
pub async fn list_sessions(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathId(id): PathId,
    query: Result<SessionQuery, ApiError>,
) -> Result<Json<Listed<SessionSummary>>, ApiError> {
    caller.require("sessions:read")?;
    let agent = find(&app, &caller, &id).await?.id;
    sessions::page(&app, &caller, query?, Some(agent)).await
}

async fn find(app: &App, caller: &Caller, id: &str) -> Result<Agent, ApiError> {
    let id = id.parse().map_err(|_| ApiError::agent_not_found())?;
    app.store().agent(caller.account, id).await?.ok_or_else(ApiError::agent_not_found)
}

/// Response envelope: `{"agent": ...}`.
#[derive(Serialize, ToSchema)]
pub struct Enveloped<T> {
    agent: T,
}

/// An agent.
#[derive(Serialize, ToSchema)]
pub struct AgentBody {
    id: String,
    name: String,
    upstream: String,
    tokenization: String,
    policy_name: String,
    policy_version: u32,
    platform: String,
    #[schema(value_type = Option<Object>)]
    assistant: Option<Value>,
    assistant_callback_url: Option<String>,
    proxy_auth: &'static str,
    require_signature: bool,
    /// Recorded agreements with the voice platform and the LLM provider.
    #[schema(value_type = Option<Object>)]
    agreements: Option<Value>,
    proxy_url: String,
    proxy_base_url: String,
    webhook_url: String,
    created_at: String,
    /// The new proxy key. Only in the response to the call that created it.
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy_key: Option<String>,
}

impl AgentBody {
    fn of(app: &App, agent: &Agent) -> Self {
        let base = &app.config.public_url;
        let id = agent.id.text();
        Self {
            name: agent.name.clone(),
            upstream: agent.upstream.clone(),
            tokenization: agent.tokenization.clone(),
            policy_name: agent.policy_name.clone(),
            policy_version: agent.policy_version,
            platform: agent.platform.clone(),
            // The value was validated as an object when it was stored.
            assistant: agent.assistant.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            assistant_callback_url: agent.assistant_callback_url.clone(),
            proxy_auth: if agent.proxy_key_hash.is_some() { "key" } else { "id" },
            require_signature: agent.require_signature,
            agreements: agent.agreements.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            proxy_url: format!("{base}/proxy/{id}/v1/chat/completions"),
            proxy_base_url: format!("{base}/proxy/{id}/v1"),
            webhook_url: format!("{base}/vapi/webhook/{id}"),
            created_at: agent.created_at.to_string(),
            proxy_key: None,
            id,
        }
    }
}

fn changed(app: &App, changed: ChangedAgent) -> Enveloped<AgentBody> {
    let proxy_key = changed.proxy_key.map(crate::sensitive::Sensitive::into_exposed);
    Enveloped { agent: AgentBody { proxy_key, ..AgentBody::of(app, &changed.agent) } }
}

/// An agent in a list, with its session count.
#[derive(Serialize, ToSchema)]
pub struct AgentRow {
    #[serde(flatten)]
    agent: AgentBody,
    session_count_24h: u64,
}

/// An agent with its policy document and statistics.
#[derive(Serialize, ToSchema)]
pub struct AgentDetail {
    #[serde(flatten)]
    agent: AgentBody,
    policy_yaml: Option<String>,
    stats: StatsBody,
}

/// Recent statistics of an agent. Percentiles are of the latency that Masker added, accurate to 3 %.
#[derive(Serialize, ToSchema)]
pub struct StatsBody {
    session_count_24h: u64,
    session_count_7d: u64,
    redaction_count_24h: u64,
    p50_latency_ms: Option<f64>,
    p95_latency_ms: Option<f64>,
}

impl From<AgentStats> for StatsBody {
    fn from(stats: AgentStats) -> Self {
        Self {
            session_count_24h: stats.session_count_24h,
            session_count_7d: stats.session_count_7d,
            redaction_count_24h: stats.redaction_count_24h,
            p50_latency_ms: stats.p50_latency_ms,
            p95_latency_ms: stats.p95_latency_ms,
        }
    }
}
