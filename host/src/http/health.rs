//! `GET /health`, `GET /livez` and `GET /readyz`.
//!
//! Three questions. `/livez`: does the process answer? Where it does not, a restart helps. `/readyz`: can requests be
//! served? Where not, they are better sent elsewhere. `/health`: does everything work, the LLM provider too? That is for
//! people and alarms: no restart makes a provider well.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Caller;
use crate::app::{App, Stopped};

/// How the service does. `status` and each component: `ok` or `degraded`.
#[derive(Serialize, ToSchema)]
pub struct Health {
    status: &'static str,
    version: &'static str,
    uptime_seconds: u64,
    components: Components,
    /// What the checks of the journal found.
    journal: JournalHealth,
    /// Agents whose policy or plugin cannot be used: their requests get 503. `plugins` is `degraded` while there are any.
    unusable_agents: usize,
    /// Names of those of the caller's account, for a caller who may read agents: anybody else gets the number alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    unusable_agent_names: Option<Vec<String>>,
    build: Build,
}

#[derive(Serialize, ToSchema)]
struct JournalHealth {
    /// Whether no check found it broken, or shorter than it was.
    sound: bool,
    /// The last check of the whole journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_whole_check: Option<LastCheck>,
    /// Bytes at its end that its database or its checkpoint remembers and that are not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_bytes: Option<u64>,
}

#[derive(Serialize, ToSchema)]
struct LastCheck {
    at: String,
    /// Whether every line was genuine and in its place.
    ok: bool,
}

#[derive(Serialize, ToSchema)]
struct Components {
    db: &'static str,
    vault: &'static str,
    audit_log: &'static str,
    /// The LLM provider: `degraded` when most of at least five calls of the last minute failed.
    upstream: &'static str,
    /// The plugin that ships: there, and it works, as far as at least five calls of the last minute tell.
    ner_model: &'static str,
    /// The same of all plugins, and that every agent has those that it needs.
    plugins: &'static str,
    /// The deletion of what is old.
    retention: &'static str,
}

#[derive(Serialize, ToSchema)]
struct Build {
    commit: &'static str,
    built_at: &'static str,
}

/// Whether requests can be served. `status` and each component: `ok` or `degraded`.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    status: &'static str,
    components: ReadyComponents,
    /// Agents whose policy or plugin cannot be used: their requests get 503.
    unusable_agents: usize,
    /// Names of those of the caller's account, for a caller who may read agents: anybody else gets the number alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    unusable_agent_names: Option<Vec<String>>,
}

#[derive(Serialize, ToSchema)]
struct ReadyComponents {
    db: &'static str,
    vault: &'static str,
    /// It takes events.
    audit_log: &'static str,
    /// Every agent has those that it needs.
    plugins: &'static str,
}

/// That the process answers.
#[derive(Serialize, ToSchema)]
pub struct Liveness {
    status: &'static str,
}

/// What works and what does not. 503 when anything does not.
#[utoipa::path(
    get, path = "/health", tag = "service", operation_id = "health",
    responses(
        (status = 200, description = "All is well.", body = Health),
        (status = 503, description = "Something is not.", body = Health),
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

/// Whether requests can be served. 503 when some cannot. The LLM provider is not looked at.
#[utoipa::path(
    get, path = "/readyz", tag = "service", operation_id = "readyz",
    responses(
        (status = 200, description = "They can.", body = Readiness),
        (status = 503, description = "Some cannot.", body = Readiness),
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

/// That the process answers.
#[utoipa::path(
    get, path = "/livez", tag = "service", operation_id = "livez",
    responses((status = 200, description = "It does.", body = Liveness)),
    security(()),
)]
pub async fn live() -> Json<Liveness> {
    Json(Liveness { status: "ok" })
}

/// The names of agents that cannot serve, as far as whoever asks may know them.
async fn names(app: &Arc<App>, mut parts: Parts, stopped: &[Arc<Stopped>]) -> Option<Vec<String>> {
    // Nobody is turned away: without a credential, or while the database cannot check one, there are no names.
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
