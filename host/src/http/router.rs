//! Every route, one table.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{delete, get, post};

use super::{api, auth, error, health, proxy, request_id};
use crate::app::App;

/// The whole surface.
pub fn router(app: Arc<App>) -> Router {
    let max_body = app.config.max_body_bytes;
    Router::new()
        .route("/health", get(health::health))
        .route("/proxy/{agent}/v1/chat/completions", post(proxy::completions))
        .route("/proxy/{agent}/chat/completions", post(proxy::completions))
        // Some platforms append the path to a URL that has it already.
        .route("/proxy/{agent}/v1/chat/completions/chat/completions", post(proxy::completions))
        .route("/proxy/{agent}/chat/completions/chat/completions", post(proxy::completions))
        .route("/proxy/{agent}/v1/models", get(proxy::models))
        .route("/proxy/{agent}/models", get(proxy::models))
        .merge(api_routes())
        .method_not_allowed_fallback(error::method_not_allowed)
        .fallback(error::not_found)
        .layer(middleware::from_fn(error::catch_panics))
        .layer(middleware::from_fn(request_id::layer))
        .layer(DefaultBodyLimit::max(max_body))
        .with_state(app)
}

/// Everything below `/api/v1`.
fn api_routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/agents", get(api::agents::list).post(api::agents::create))
        .route("/api/v1/agents/{id}", get(api::agents::show).delete(api::agents::delete))
        .route("/api/v1/auth/github", get(api::auth::github))
        .route("/api/v1/auth/github/callback", get(api::auth::github_callback))
        .route("/api/v1/auth/link", get(api::auth::link_page).post(api::auth::use_link))
        .route("/api/v1/auth/logout", post(api::auth::logout))
        .route("/api/v1/auth/logout-all", post(api::auth::logout_all))
        .route("/api/v1/me", get(api::me::show))
        .route("/api/v1/tokens", get(api::tokens::list).post(api::tokens::create))
        .route("/api/v1/tokens/{id}", delete(api::tokens::delete))
        .route_layer(middleware::from_fn(auth::renew_cookie))
}
