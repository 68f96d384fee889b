//! `/api/v1/policies`: policies and their versions, and `/api/v1/admin/policy/reload`.

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

/// Number of versions listed with a policy. Older versions are available by number.
const VERSIONS: usize = 100;

/// Response envelope of a policy.
#[derive(Serialize, ToSchema)]
pub struct PolicyEnvelope<T> {
    policy: T,
}

/// A policy without its document.
#[derive(Serialize, ToSchema)]
pub struct PolicyRow {
    id: String,
    name: String,
    /// The latest version, which agents use.
    version: u32,
    /// Where the policy comes from: `built-in`, `file` or `account`.
    source: &'static str,
    created_at: String,
    updated_at: String,
}

/// A policy with the document of one version.
#[derive(Serialize, ToSchema)]
pub struct PolicyDetail {
    #[serde(flatten)]
    row: PolicyRow,
    /// The document of the requested version, or of the latest one, exactly as it was written.
    policy_yaml: String,
    /// The latest 100 versions, newest first.
    versions: Vec<VersionRow>,
}

/// A version of a policy.
#[derive(Serialize, ToSchema)]
pub struct VersionRow {
    version: u32,
    created_at: String,
}

/// Result of validating a policy document.
#[derive(Serialize, ToSchema)]
pub struct Validation {
    valid: bool,
    errors: Vec<Mistake>,
}

/// An error in a policy document.
#[derive(Serialize, ToSchema)]
pub struct Mistake {
    code: &'static str,
    /// Path in the document, such as `entities.PHONE.action`. Empty for the document as a whole.
    path: String,
    message: String,
    /// Line in the document, counted from 1. Null if unknown.
    line: Option<u32>,
}

/// Result of reloading the policy files.
#[derive(Serialize, ToSchema)]
pub struct ReloadAnswer {
    /// Policies that are new or have a new version.
    changed: Vec<PolicyRow>,
    /// Names of policies whose file was removed.
    removed: Vec<String>,
}

/// Lists the policies of the account and of the install.
#[utoipa::path(
    get, path = "/api/v1/policies", tag = "policies", operation_id = "list_policies",
    params(Page),
    responses((status = 200, description = "A page of policies: the account's own and those of the install.", body = Listed<PolicyRow>)),
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

/// Returns a policy and the document of its latest version, or of `version`.
#[utoipa::path(
    get, path = "/api/v1/policies/{name}", tag = "policies", operation_id = "show_policy",
    params(("name" = String, Path, description = "The policy's name."), ("version" = Option<u32>, Query, minimum = 1, description = "Version to return. Defaults to the latest.")),
    responses((status = 200, description = "The policy with the document of the requested or latest version.", body = PolicyEnvelope<PolicyDetail>)),
    extensions(("x-errors" = json!(["policy_not_found"]))),
)]
pub async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathId(name): PathId,
    query: Result<Query<HashMap<String, String>>, QueryRejection>,
) -> Result<Json<PolicyEnvelope<PolicyDetail>>, ApiError> {
    caller.require("agents:read")?;
    let Query(query) = query.map_err(|_| ApiError::field("query", "is not a valid query string"))?;
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

/// Creates a policy, or a new version of it.
///
/// When the response arrives, the version is in effect for every agent of the account that names the policy.
#[utoipa::path(
    put, path = "/api/v1/policies/{name}", tag = "policies", operation_id = "put_policy",
    params(("name" = String, Path, description = "The policy's name.")),
    request_body(content((PolicyDocument = "application/yaml"), (Object = "application/json"))),
    responses(
        (status = 200, description = "The new version is in effect.", body = PolicyEnvelope<PolicyDetail>),
        (status = 201, description = "The policy was created.", body = PolicyEnvelope<PolicyDetail>),
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

/// Validates a policy document: reports the same errors as `PUT`, and changes nothing.
#[utoipa::path(
    post, path = "/api/v1/policies/validate", tag = "policies", operation_id = "validate_policy",
    request_body(content((serde_json::Value = "application/yaml"), (serde_json::Value = "application/json"))),
    responses((status = 200, description = "Whether the document is valid, and its errors.", body = Validation)),
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

/// Reloads the policy files of the install.
#[utoipa::path(
    post, path = "/api/v1/admin/policy/reload", tag = "policies", operation_id = "reload_policies",
    responses((status = 200, description = "Policies that changed or were removed.", body = ReloadAnswer)),
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
