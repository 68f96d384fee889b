//! `/api/v1/policies`, and `/api/v1/admin/policy/reload`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::Listed;
use crate::app::{App, ChangeError};
use crate::http::auth::Caller;
use crate::http::document::PolicyDocument;
use crate::http::error::ApiError;
use crate::http::page::{Page, PageQuery};
use crate::http::path::PathId;
use crate::ids::PolicyId;
use crate::policy::PolicyError;
use crate::store::policies::{Policy, PolicyVersion};

/// How many versions one policy shows; older ones are read by their number.
const VERSIONS: usize = 100;

/// A policy in its envelope.
#[derive(Serialize, ToSchema)]
pub struct PolicyEnvelope<T> {
    policy: T,
}

/// A policy, without its document.
#[derive(Serialize, ToSchema)]
pub struct PolicyRow {
    id: String,
    name: String,
    /// The newest, which agents run on.
    version: u32,
    /// `built-in`, `file` or `account`.
    source: &'static str,
    created_at: String,
    updated_at: String,
}

/// A policy with one version's document.
#[derive(Serialize, ToSchema)]
pub struct PolicyDetail {
    #[serde(flatten)]
    row: PolicyRow,
    /// The document of the version that was asked for, else of the newest, as it was written.
    policy_yaml: String,
    /// The newest hundred, newest first.
    versions: Vec<VersionRow>,
}

/// A version of a policy.
#[derive(Serialize, ToSchema)]
pub struct VersionRow {
    version: u32,
    created_at: String,
}

/// What is wrong with a document.
#[derive(Serialize, ToSchema)]
pub struct Validation {
    valid: bool,
    errors: Vec<Mistake>,
}

/// One thing that is.
#[derive(Serialize, ToSchema)]
pub struct Mistake {
    code: &'static str,
    /// Such as `entities.PHONE.action`; empty for the document as a whole.
    path: String,
    message: String,
    /// From 1; null where there is none.
    line: Option<u32>,
}

/// What reading the files again has changed.
#[derive(Serialize, ToSchema)]
pub struct ReloadAnswer {
    /// Policies that are new or have a new version.
    changed: Vec<PolicyRow>,
    /// Names of those whose file is gone.
    removed: Vec<String>,
}

/// `GET /api/v1/policies`: the account's own and the install's.
#[utoipa::path(
    get, path = "/api/v1/policies", tag = "policies", operation_id = "list_policies",
    params(Page),
    responses((status = 200, description = "The account's own and the install's.", body = Listed<PolicyRow>)),
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Result<PageQuery<PolicyId>, ApiError>,
) -> Result<Json<Listed<PolicyRow>>, ApiError> {
    caller.require("agents:read")?;
    let query = query?;
    let page = app.store().policies_page(caller.account, query.limit, query.cursor).await?;
    Ok(Json(Listed::new(page.rows.into_iter().map(PolicyRow::from).collect(), page.next.map(|id| id.text()))))
}

/// `GET /api/v1/policies/{name}`, with `version` for one that is not the newest.
#[utoipa::path(
    get, path = "/api/v1/policies/{name}", tag = "policies", operation_id = "show_policy",
    params(("name" = String, Path, description = "The policy's name."), ("version" = Option<u32>, Query, minimum = 1, description = "One that is not the newest.")),
    responses((status = 200, description = "The policy with the version that was asked for, else the newest.", body = PolicyEnvelope<PolicyDetail>)),
    extensions(("x-errors" = json!(["policy_not_found"]))),
)]
pub async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathId(name): PathId,
    query: Result<Query<HashMap<String, String>>, QueryRejection>,
) -> Result<Json<PolicyEnvelope<PolicyDetail>>, ApiError> {
    caller.require("agents:read")?;
    let Query(query) = query.map_err(|_| ApiError::field("query", "is not a query string"))?;
    let version = query.get("version").map(|text| text.parse::<u32>().ok().filter(|version| *version > 0));
    if version == Some(None) {
        return Err(ApiError::field("version", "must be a whole number from 1"));
    }
    let policy = app.store().policy(caller.account, &name).await?.ok_or_else(ApiError::policy_not_found)?;
    let policy_yaml = match version.flatten() {
        Some(version) if version != policy.version => {
            app.store().policy_version(policy.id, version).await?.ok_or_else(ApiError::policy_not_found)?.0
        }
        _ => policy.document.clone(),
    };
    Ok(Json(PolicyEnvelope { policy: detail(&app, policy, policy_yaml).await? }))
}

/// `PUT /api/v1/policies/{name}`: the policy, or its next version, in force for every agent of the account that names it
/// when this answers.
#[utoipa::path(
    put, path = "/api/v1/policies/{name}", tag = "policies", operation_id = "put_policy",
    params(("name" = String, Path, description = "The policy's name.")),
    request_body(content((PolicyDocument = "application/yaml"), (Object = "application/json"))),
    responses(
        (status = 200, description = "Its next version is in force.", body = PolicyEnvelope<PolicyDetail>),
        (status = 201, description = "It is new.", body = PolicyEnvelope<PolicyDetail>),
    ),
    extensions(("x-errors" = json!(["policy_yaml_invalid", "name_taken", "audit_unavailable", "masking_unavailable"]))),
)]
pub async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathId(name): PathId,
    document: Result<PolicyDocument, ApiError>,
) -> Result<(StatusCode, Json<PolicyEnvelope<PolicyDetail>>), ApiError> {
    caller.require("policies:write")?;
    let PolicyDocument(document) = document?;
    let (policy, is_new) = app.put_policy(caller.account, name, document).await?;
    let policy_yaml = policy.document.clone();
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(PolicyEnvelope { policy: detail(&app, policy, policy_yaml).await? })))
}

/// `POST /api/v1/policies/validate`: what `PUT` would say of this document.
#[utoipa::path(
    post, path = "/api/v1/policies/validate", tag = "policies", operation_id = "validate_policy",
    request_body(content((serde_json::Value = "application/yaml"), (serde_json::Value = "application/json"))),
    responses((status = 200, description = "What is wrong with it.", body = Validation)),
    extensions(("x-errors" = json!(["masking_unavailable"]))),
)]
pub async fn validate(
    State(app): State<Arc<App>>,
    caller: Caller,
    document: Result<PolicyDocument, ApiError>,
) -> Result<Json<Validation>, ApiError> {
    caller.require("agents:read")?;
    let PolicyDocument(document) = document?;
    let errors = match app.check_policy(caller.account, document).await {
        Ok(()) => Vec::new(),
        Err(ChangeError::Policy(errors)) => errors.into_iter().map(Mistake::from).collect(),
        Err(ChangeError::Configuration(error)) => {
            let message = error.to_string();
            vec![Mistake { code: "invalid_pass", path: "passes".into(), message, line: None }]
        }
        Err(other) => return Err(other.into()),
    };
    Ok(Json(Validation { valid: errors.is_empty(), errors }))
}

/// `POST /api/v1/admin/policy/reload`.
#[utoipa::path(
    post, path = "/api/v1/admin/policy/reload", tag = "policies", operation_id = "reload_policies",
    responses((status = 200, description = "What has changed.", body = ReloadAnswer)),
    extensions(("x-errors" = json!(["policy_yaml_invalid", "audit_unavailable", "masking_unavailable"]))),
)]
pub async fn reload(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<ReloadAnswer>, ApiError> {
    caller.require("admin")?;
    caller.require_owner()?;
    let reloaded = app.reload_policies().await?;
    let changed = reloaded.changed.into_iter().map(PolicyRow::from).collect();
    Ok(Json(ReloadAnswer { changed, removed: reloaded.removed }))
}

async fn detail(app: &App, policy: Policy, policy_yaml: String) -> Result<PolicyDetail, ApiError> {
    let versions = app.store().policy_versions(policy.id, VERSIONS).await?;
    Ok(PolicyDetail { row: policy.into(), policy_yaml, versions: versions.into_iter().map(VersionRow::from).collect() })
}

impl From<Policy> for PolicyRow {
    fn from(policy: Policy) -> Self {
        Self {
            id: policy.id.text(),
            name: policy.name,
            version: policy.version,
            source: policy.source.as_str(),
            created_at: policy.created_at.to_string(),
            updated_at: policy.updated_at.to_string(),
        }
    }
}

impl From<PolicyVersion> for VersionRow {
    fn from(version: PolicyVersion) -> Self {
        Self { version: version.version, created_at: version.created_at.to_string() }
    }
}

impl From<PolicyError> for Mistake {
    fn from(error: PolicyError) -> Self {
        Self { code: error.code.as_str(), path: error.path, message: error.message, line: error.line }
    }
}
