//! `GET /health`, `GET /livez` and `GET /readyz`.
//!
//! `/livez`: the process responds; a restart helps if it does not. `/readyz`: requests can be served; if not, send them
//! elsewhere. `/health`: every component works, including the LLM provider. It is for people and alerting, not for
//! restarts: a restart does not fix a provider.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Caller;
use crate::app::{App, Stopped};

/// Health of the service. `status` and each component are `ok` or `degraded`.
#[derive(Serialize, ToSchema)]
pub struct Health {
    status: &'static str,
    version: &'static str,
    uptime_seconds: u64,
    components: Components,
    /// Results of the journal's verifications.
    journal: JournalHealth,
    /// Number of agents whose policy or plugins cannot be used. Their requests get 503, and `plugins` is `degraded`.
    unusable_agents: usize,
    /// Names of those agents in the caller's account. Only for callers who may read agents.
    #[serde(skip_serializing_if = "Option::is_none")]
    unusable_agent_names: Option<Vec<String>>,
    build: Build,
}

#[derive(Serialize, ToSchema)]
struct JournalHealth {
    /// Whether every verification found the journal intact and complete.
    sound: bool,
    /// The last verification of the whole journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_whole_check: Option<LastCheck>,
    /// Number of bytes missing at the end, according to the database or the checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_bytes: Option<u64>,
}

#[derive(Serialize, ToSchema)]
struct LastCheck {
    at: String,
    /// Whether every line was authentic and in the right order.
    ok: bool,
}

#[derive(Serialize, ToSchema)]
struct Components {
    db: &'static str,
    vault: &'static str,
    audit_log: &'static str,
    /// The LLM provider: `degraded` if most of at least five calls in the last minute failed.
    upstream: &'static str,
    /// The built-in names plugin: installed and, judging by at least five calls in the last minute, working.
    ner_model: &'static str,
    /// The same for all plugins, and whether every agent has the plugins it needs.
    plugins: &'static str,
    /// Deletion of expired data.
    retention: &'static str,
}

#[derive(Serialize, ToSchema)]
struct Build {
    commit: &'static str,
    built_at: &'static str,
}

/// Readiness of the service. `status` and each component are `ok` or `degraded`.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    status: &'static str,
    components: ReadyComponents,
    /// Number of agents whose policy or plugins cannot be used. Their requests get 503.
    unusable_agents: usize,
    /// Names of those agents in the caller's account. Only for callers who may read agents.
    #[serde(skip_serializing_if = "Option::is_none")]
    unusable_agent_names: Option<Vec<String>>,
}

#[derive(Serialize, ToSchema)]
struct ReadyComponents {
    db: &'static str,
    vault: &'static str,
    /// Whether the journal accepts events.
    audit_log: &'static str,
    /// Whether every agent has the plugins it needs.
    plugins: &'static str,
}

/// Liveness of the process.
#[derive(Serialize, ToSchema)]
pub struct Liveness {
    status: &'static str,
}

/// Returns the health of all components. 503 if any is degraded.
#[utoipa::path(
    get, path = "/health", tag = "service", operation_id = "health",
    responses(
        (status = 200, description = "All components are ok.", body = Health),
        (status = 503, description = "At least one component is degraded.", body = Health),
    ),
    security(()),
)]
pub async fn health(State(app): State<Arc<App>>, parts: Parts) -> (StatusCode, Json<Health>) {
    let store = app.store().health().await;
    let checks = app.evidence.soundness();
    let journal = app.pipeline.journal.is_healthy() && checks.is_sound();
    let (catalog, stopped) = (app.catalog(), app.unusable_agents());
    let metrics = &app.pipeline.metrics;
    let ner = catalog.plugin("ner").is_some() && metrics.plugin_is_well("ner");
    let plugins = catalog.plugin("regex").is_some() && metrics.plugins_are_well() && stopped.is_empty();
    let (upstream, retention) = (metrics.upstream_is_well(), app.retention.is_well());
    let sound = [store.db, store.vault, journal, upstream, ner, plugins, retention].into_iter().all(|sound| sound);
    let health = Health {
        status: word(sound),
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: app.started.elapsed().as_secs(),
        components: Components {
            db: word(store.db),
            vault: word(store.vault),
            audit_log: word(journal),
            upstream: word(upstream),
            ner_model: word(ner),
            plugins: word(plugins),
            retention: word(retention),
        },
        unusable_agents: stopped.len(),
        unusable_agent_names: names(&app, parts, &stopped).await,
        journal: JournalHealth {
            sound: checks.is_sound(),
            last_whole_check: checks.whole.map(|whole| LastCheck { at: whole.at().to_string(), ok: whole.sound }),
            missing_bytes: checks.lost.map(|lost| lost.bytes),
        },
        build: Build { commit: env!("MASKER_COMMIT"), built_at: env!("MASKER_BUILT_AT") },
    };
    (status(sound), Json(health))
}

/// Returns whether requests can be served. 503 if some cannot. Does not check the LLM provider.
#[utoipa::path(
    get, path = "/readyz", tag = "service", operation_id = "readyz",
    responses(
        (status = 200, description = "Requests can be served.", body = Readiness),
        (status = 503, description = "Some requests cannot be served.", body = Readiness),
    ),
    security(()),
)]
pub async fn ready(State(app): State<Arc<App>>, parts: Parts) -> (StatusCode, Json<Readiness>) {
    let store = app.store().health().await;
    let (journal, stopped) = (app.pipeline.journal.is_healthy(), app.unusable_agents());
    let plugins = stopped.is_empty();
    let sound = store.db && store.vault && journal && plugins;
    let components = ReadyComponents {
        db: word(store.db),
        vault: word(store.vault),
        audit_log: word(journal),
        plugins: word(plugins),
    };
    let readiness = Readiness {
        status: word(sound),
        components,
        unusable_agents: stopped.len(),
        unusable_agent_names: names(&app, parts, &stopped).await,
    };
    (status(sound), Json(readiness))
}

/// Returns 200 while the process responds.
#[utoipa::path(
    get, path = "/livez", tag = "service", operation_id = "livez",
    responses((status = 200, description = "The process responds.", body = Liveness)),
    security(()),
)]
pub async fn live() -> Json<Liveness> {
    Json(Liveness { status: "ok" })
}

/// Names of agents that cannot serve, if the caller may read agents.
async fn names(app: &Arc<App>, mut parts: Parts, stopped: &[Arc<Stopped>]) -> Option<Vec<String>> {
    // Never rejects a request: without a valid credential, or while the database cannot check it, names are omitted.
    let caller = Caller::from_request_parts(&mut parts, app).await.ok()?;
    caller.require("agents:read").ok()?;
    let own = stopped.iter().filter(|agent| agent.account == caller.account);
    Some(own.map(|agent| agent.name.clone()).collect())
}

fn word(sound: bool) -> &'static str {
    if sound { "ok" } else { "degraded" }
}

fn status(sound: bool) -> StatusCode {
    if sound { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
