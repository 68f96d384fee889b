//! `GET /health`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;

/// How the service does. `status` and each component: `ok` or `degraded`.
#[derive(Serialize, ToSchema)]
pub struct Health {
    status: &'static str,
    version: &'static str,
    uptime_seconds: u64,
    components: Components,
    /// What the checks of the journal found.
    journal: JournalHealth,
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
    /// The LLM provider, over the last 60 seconds.
    upstream: &'static str,
    /// The plugin that ships: there, and most of its calls of the last 60 seconds succeeded.
    ner_model: &'static str,
    /// The same of all plugins.
    plugins: &'static str,
    /// The deletion of what is old.
    retention: &'static str,
}

#[derive(Serialize, ToSchema)]
struct Build {
    commit: &'static str,
    built_at: &'static str,
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
pub async fn health(State(app): State<Arc<App>>) -> (StatusCode, Json<Health>) {
    let store = app.store().health().await;
    let checks = app.evidence.soundness();
    let journal = app.pipeline.journal.is_healthy() && checks.is_sound();
    let catalog = app.catalog();
    let metrics = &app.pipeline.metrics;
    let ner = catalog.plugin("ner").is_some() && metrics.plugin_is_well("ner");
    let plugins = catalog.plugin("regex").is_some() && metrics.plugins_are_well();
    let (upstream, retention) = (metrics.upstream_is_well(), app.retention.is_well());
    let word = |sound: bool| if sound { "ok" } else { "degraded" };
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
        journal: JournalHealth {
            sound: checks.is_sound(),
            last_whole_check: checks.whole.map(|whole| LastCheck { at: whole.at().to_string(), ok: whole.sound }),
            missing_bytes: checks.lost.map(|lost| lost.bytes),
        },
        build: Build { commit: env!("MASKER_COMMIT"), built_at: env!("MASKER_BUILT_AT") },
    };
    (if sound { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(health))
}
