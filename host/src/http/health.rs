//! `GET /health`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::App;

/// What works and what does not. 503 when something that requests need does not.
pub async fn health(State(app): State<Arc<App>>) -> (StatusCode, Json<Value>) {
    let store = app.store().health().await;
    let journal = app.pipeline.journal.is_healthy();
    let catalog = app.catalog();
    let plugins = catalog.plugin("regex").is_some();
    let ner = catalog.plugin("ner").is_some();
    let word = |sound: bool| if sound { "ok" } else { "degraded" };
    let sound = store.db && store.vault && journal && plugins && ner;
    let body = json!({
        "status": word(sound),
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": app.started.elapsed().as_secs(),
        "components": {
            "db": word(store.db),
            "vault": word(store.vault),
            "audit_log": word(journal),
            "upstream": word(app.pipeline.metrics.upstream_is_well()),
            "ner_model": word(ner),
            "plugins": word(plugins),
            "retention": word(app.retention.is_well()),
        },
        "build": {"commit": env!("MASKER_COMMIT"), "built_at": env!("MASKER_BUILT_AT")},
    });
    (if sound { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(body))
}
