//! `GET /api/v1/keys`: names, states and ages of this install's keys. Never returns key material.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::{App, KeyAge};
use crate::http::auth::Caller;
use crate::http::error::ApiError;

/// The keys of the install.
#[derive(Serialize, ToSchema)]
pub struct Keys {
    keys: Vec<KeyBody>,
}

#[derive(Serialize, ToSchema)]
struct KeyBody {
    /// What the key is used for: `token`, `report`, `journal` or `sign_in`.
    purpose: &'static str,
    /// A kid, the key id shown in reports, or the environment variable that holds the key.
    name: String,
    /// `current`, or `previous` during a rotation: the old key still resolves tokens or verifies signatures.
    state: &'static str,
    /// Identifier that distinguishes the key from others. Reveals nothing about the key itself.
    id: String,
    /// When this install first started with the key.
    first_seen_at: String,
}

/// Lists the keys of this install by name and age, without key material.
#[utoipa::path(
    get, path = "/api/v1/keys", tag = "tokens", operation_id = "list_keys",
    responses((status = 200, description = "Names, states and ages of the keys.", body = Keys)),
)]
pub async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Keys>, ApiError> {
    caller.require("admin")?;
    caller.require_owner()?;
    Ok(Json(Keys { keys: app.key_ages.iter().map(body).collect() }))
}

fn body(key: &KeyAge) -> KeyBody {
    KeyBody {
        purpose: key.purpose,
        name: key.name.clone(),
        state: if key.previous { "previous" } else { "current" },
        id: key.id.clone(),
        first_seen_at: key.first_seen_at.to_string(),
    }
}
