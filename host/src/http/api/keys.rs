//! `GET /api/v1/keys`: which keys this install has, and since when. No key leaves.

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
    /// `token`, `report`, `journal` or `sign_in`.
    purpose: &'static str,
    /// A kid, the key id that stands in reports, or the variable that the key comes from.
    name: String,
    /// `current`, or `previous` while a rotation lasts: the old key still resolves or verifies.
    state: &'static str,
    /// Tells the key from others; nothing of it can be found from this.
    id: String,
    /// Since when this install has it.
    first_seen_at: String,
}

/// `GET /api/v1/keys`.
#[utoipa::path(
    get, path = "/api/v1/keys", tag = "tokens", operation_id = "list_keys",
    responses((status = 200, description = "The names and ages of the keys.", body = Keys)),
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
