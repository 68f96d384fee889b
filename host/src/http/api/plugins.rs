//! `/api/v1/plugins`. Plugins belong to the install: every account can list them, only the owner's can change them.

use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::Listed;
use crate::app::{App, Catalog};
use crate::http::auth::Caller;
use crate::http::document::Component;
use crate::http::error::ApiError;
use crate::http::page::{Page, PageQuery};
use crate::http::path::PathId;
use crate::wasm::Plugin;

/// Response envelope of a plugin.
#[derive(Serialize, ToSchema)]
pub struct PluginEnvelope {
    plugin: PluginRow,
}

/// An installed plugin.
#[derive(Serialize, ToSchema)]
pub struct PluginRow {
    name: String,
    version: String,
    description: String,
    /// Where the plugin comes from: `built-in`, `folder` or `uploaded`.
    source: &'static str,
    /// `sha256:` followed by the component's SHA-256 in hex.
    digest: String,
    /// Size of the component in bytes.
    size: usize,
    kinds: Vec<String>,
    /// Version of the `masker:plugin` contract that the plugin was built against.
    contract_version: String,
    /// Counters since the last start or since this component was installed. Null unless the owner's account asks.
    calls: Option<u64>,
    failures: Option<u64>,
    /// Duration of a call in milliseconds, accurate to 3 %. Null before the first call.
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
}

/// Cursor of the plugin list: the last name of the page.
pub struct PluginCursor(String);

/// Header with the detached signature of an uploaded component: 64 bytes in base64.
const SIGNATURE: &str = "masker-plugin-signature";

/// Prefix that distinguishes cursors of this list from cursors of other lists.
const CURSOR: &str = "plugin:";

impl FromStr for PluginCursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        text.strip_prefix(CURSOR).map(|name| Self(name.to_owned())).ok_or(())
    }
}

/// Lists the plugins of the install by name.
#[utoipa::path(
    get, path = "/api/v1/plugins", tag = "plugins", operation_id = "list_plugins",
    params(Page),
    responses((status = 200, description = "A page of plugins, sorted by name.", body = Listed<PluginRow>)),
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Result<PageQuery<PluginCursor>, ApiError>,
) -> Result<Json<Listed<PluginRow>>, ApiError> {
    caller.require("agents:read")?;
    let query = query?;
    let catalog = app.catalog();
    let after = query.cursor.map(|PluginCursor(name)| name).unwrap_or_default();
    let rest = catalog.shelf().plugins().iter().filter(|plugin| plugin.manifest.name > after);
    let mut rows: Vec<PluginRow> =
        rest.take(query.limit + 1).map(|plugin| row(&app, &caller, &catalog, plugin)).collect();
    let is_more = rows.len() > query.limit;
    rows.truncate(query.limit);
    let next = rows.last().filter(|_| is_more).map(|row| format!("{CURSOR}{}", row.name));
    Ok(Json(Listed::new(rows, next)))
}

/// Returns one plugin.
#[utoipa::path(
    get, path = "/api/v1/plugins/{name}", tag = "plugins", operation_id = "show_plugin",
    params(("name" = String, Path, description = "The plugin's name.")),
    responses((status = 200, description = "The plugin.", body = PluginEnvelope)),
    extensions(("x-errors" = json!(["plugin_not_found"]))),
)]
pub async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathId(name): PathId,
) -> Result<Json<PluginEnvelope>, ApiError> {
    caller.require("agents:read")?;
    Ok(Json(envelope(&app, &caller, &name)?))
}

/// Installs or replaces a plugin. The plugin is in use when the response arrives.
///
/// Returns 201 for a new name and 200 if it replaces the plugin of the same name.
#[utoipa::path(
    post, path = "/api/v1/plugins", tag = "plugins", operation_id = "install_plugin",
    params(("Masker-Plugin-Signature" = Option<String>, Header,
        description = "The component's Ed25519 signature, in base64. Required if MASKER_PLUGIN_REQUIRE_SIGNED is set.")),
    request_body(content((Component = "application/wasm"))),
    responses(
        (status = 200, description = "The plugin of the same name was replaced.", body = PluginEnvelope),
        (status = 201, description = "The plugin was installed.", body = PluginEnvelope),
    ),
    extensions(("x-errors" = json!(["plugin_invalid", "policy_yaml_invalid", "audit_unavailable"]))),
)]
pub async fn install(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    component: Result<Component, ApiError>,
) -> Result<(StatusCode, Json<PluginEnvelope>), ApiError> {
    caller.require("plugins:write")?;
    caller.require_owner()?;
    let Component(bytes) = component?;
    let signature = headers.get(SIGNATURE).map(|value| value.to_str().unwrap_or_default().to_owned());
    let (name, is_new) = app.install_plugin(bytes, signature).await.map_err(ApiError::of_plugin)?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(envelope(&app, &caller, &name)?)))
}

/// Removes an uploaded plugin.
#[utoipa::path(
    delete, path = "/api/v1/plugins/{name}", tag = "plugins", operation_id = "remove_plugin",
    params(("name" = String, Path, description = "The plugin's name.")),
    responses((status = 204, description = "The plugin was removed.")),
    extensions(("x-errors" = json!(["plugin_not_found", "plugin_in_use", "policy_yaml_invalid", "audit_unavailable"]))),
)]
pub async fn remove(State(app): State<Arc<App>>, caller: Caller, PathId(name): PathId) -> Result<StatusCode, ApiError> {
    caller.require("plugins:write")?;
    caller.require_owner()?;
    app.remove_plugin(name).await.map_err(ApiError::of_removal)?;
    Ok(StatusCode::NO_CONTENT)
}

fn envelope(app: &App, caller: &Caller, name: &str) -> Result<PluginEnvelope, ApiError> {
    let catalog = app.catalog();
    let plugin = catalog.plugin(name).ok_or_else(ApiError::plugin_not_found)?;
    Ok(PluginEnvelope { plugin: row(app, caller, &catalog, plugin) })
}

fn row(app: &App, caller: &Caller, catalog: &Catalog, plugin: &Plugin) -> PluginRow {
    let manifest = &plugin.manifest;
    let stats = caller.owns_install.then(|| app.pipeline.metrics.plugin_stats(&manifest.name));
    PluginRow {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        description: manifest.description.clone(),
        // Every plugin in the catalog is on the shelf.
        source: catalog.shelf().origin(&manifest.name).map_or("built-in", |origin| origin.as_str()),
        digest: format!("sha256:{}", data_encoding::HEXLOWER.encode(&plugin.sha256)),
        size: plugin.bytes.len(),
        kinds: manifest.kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
        contract_version: manifest.contract.trim_start_matches('@').to_owned(),
        calls: stats.map(|stats| stats.calls),
        failures: stats.map(|stats| stats.failures),
        p50_ms: stats.and_then(|stats| stats.p50_ms),
        p99_ms: stats.and_then(|stats| stats.p99_ms),
    }
}
