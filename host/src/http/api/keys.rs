//! `GET /api/v1/keys`: which keys this install has. Names only: no key leaves.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::auth::Caller;
use crate::http::error::ApiError;

/// `{"keys": ...}`.
#[derive(Serialize, ToSchema)]
pub struct KeysEnvelope {
    keys: Keys,
}

#[derive(Serialize, ToSchema)]
struct Keys {
    /// Of tokens.
    kids: Vec<KidRow>,
    /// Of reports, the one that signs first.
    report_key_ids: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct KidRow {
    /// Its name.
    kid: String,
    /// Whether the key before it is set too, so that its tokens still resolve.
    rotating: bool,
}

/// `GET /api/v1/keys`.
#[utoipa::path(
    get, path = "/api/v1/keys", tag = "tokens", operation_id = "list_keys",
    responses((status = 200, description = "The names of the keys.", body = KeysEnvelope)),
)]
pub async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<KeysEnvelope>, ApiError> {
    caller.require("admin")?;
    let ring = &app.config.keys;
    let kids = ring
        .kids()
        .map(|kid| KidRow { kid: kid.to_string(), rotating: ring.get(kid).is_some_and(|pair| pair.old.is_some()) });
    let report_key_ids = app.report_key.public_keys().into_iter().map(|key| key.key_id).collect();
    Ok(Json(KeysEnvelope { keys: Keys { kids: kids.collect(), report_key_ids } }))
}
