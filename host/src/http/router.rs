//! Every route, one table.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{delete, get, post};

use super::answer_headers;
pub(super) use super::answer_headers::OverTls;
use super::{api, auth, buffering, docs, error, health, openapi, portal, proxy, request_id, webhook};
use crate::app::App;

/// The whole surface.
pub fn router(app: Arc<App>) -> Router {
    let max_body = app.config.max_body_bytes;
    let routes = Router::new()
        .route("/health", get(health::health))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/.well-known/masker-report-key", get(api::reports::key))
        .route("/portal", get(portal::page))
        .route("/portal/{*page}", get(portal::any_page))
        .route("/portal/assets/{*file}", get(portal::asset))
        .route("/api/v1/openapi.json", get(openapi::show))
        .route("/api/v1/docs", get(docs::show))
        .route("/proxy/{agent}/v1/chat/completions", post(proxy::completions))
        .route("/proxy/{agent}/chat/completions", post(proxy::completions))
        // Some platforms append the path to a URL that has it already.
        .route("/proxy/{agent}/v1/chat/completions/chat/completions", post(proxy::completions))
        .route("/proxy/{agent}/chat/completions/chat/completions", post(proxy::completions))
        .route("/proxy/{agent}/v1/models", get(proxy::models))
        .route("/proxy/{agent}/models", get(proxy::models))
        .route("/proxy/{agent}/v1/models/{*model}", get(proxy::model))
        .route("/proxy/{agent}/models/{*model}", get(proxy::model))
        .route("/vapi/webhook/{agent}", post(webhook::receive))
        .merge(api_routes(app.config.max_plugin_bytes));
    let over_tls = OverTls::of(&app.config.public_url);
    in_layers(routes, over_tls).layer(DefaultBodyLimit::max(max_body)).with_state(app)
}

/// What holds of every answer: an id, headers, and an error in its envelope whatever went wrong.
pub(super) fn in_layers<S: Clone + Send + Sync + 'static>(routes: Router<S>, over_tls: OverTls) -> Router<S> {
    routes
        .method_not_allowed_fallback(error::method_not_allowed)
        .fallback(error::not_found)
        .layer(middleware::from_fn(error::catch_panics))
        .layer(middleware::map_response(buffering::layer))
        .layer(middleware::map_response_with_state(over_tls, answer_headers::layer))
        .layer(middleware::from_fn(request_id::layer))
}

/// Everything below `/api/v1`.
fn api_routes(max_plugin: usize) -> Router<Arc<App>> {
    let install = post(api::plugins::install).layer(DefaultBodyLimit::max(max_plugin));
    Router::new()
        .route("/api/v1/agents", get(api::agents::list).post(api::agents::create))
        .route("/api/v1/agents/{id}", get(api::agents::show).patch(api::agents::update).delete(api::agents::delete))
        .route("/api/v1/agents/{id}/proxy-key", post(api::agents::rotate_proxy_key))
        .route("/api/v1/agents/{id}/report", get(api::reports::of_agent))
        .route("/api/v1/agents/{id}/sessions", get(api::agents::list_sessions))
        .route("/api/v1/audit/verify", post(api::audit::verify))
        .route("/api/v1/audit/export", get(api::audit::export))
        .route("/api/v1/auth/github", get(api::auth::github))
        .route("/api/v1/auth/github/callback", get(api::auth::github_callback))
        .route("/api/v1/auth/github/link", post(api::auth::link_github))
        .route("/api/v1/auth/link", get(api::auth::link_page).post(api::auth::use_link))
        .route("/api/v1/auth/logout", post(api::auth::logout))
        .route("/api/v1/auth/logout-all", post(api::auth::logout_all))
        .route("/api/v1/auth/sign-ins", get(api::auth::sign_ins::list))
        .route("/api/v1/auth/sign-ins/{id}", delete(api::auth::sign_ins::end))
        .route("/api/v1/mask", post(api::mask::mask))
        .route("/api/v1/synthesize", post(api::synthesize::synthesize))
        .route("/api/v1/auth/methods", get(api::auth::methods))
        .route("/api/v1/keys", get(api::keys::list))
        .route("/api/v1/me", get(api::me::show))
        .route("/api/v1/policies", get(api::policies::list))
        .route("/api/v1/policies/validate", post(api::policies::validate))
        .route("/api/v1/policies/{name}", get(api::policies::show).put(api::policies::put))
        .route("/api/v1/admin/policy/reload", post(api::policies::reload))
        .route("/api/v1/plugins", get(api::plugins::list).merge(install))
        .route("/api/v1/plugins/{name}", get(api::plugins::show).delete(api::plugins::remove))
        .route("/api/v1/reports", get(api::reports::of_account))
        .route("/api/v1/schemas/report.json", get(api::reports::schema))
        .route("/api/v1/stats", get(api::stats::show))
        .route("/api/v1/sessions", get(api::sessions::list))
        .route("/api/v1/sessions/stream", get(api::sessions::stream))
        .route("/api/v1/sessions/{id}", get(api::sessions::show))
        .route("/api/v1/sessions/{id}/events/{event_id}/proof", get(api::audit::prove))
        .route("/api/v1/sessions/{id}/report", get(api::reports::of_session))
        .route("/api/v1/tokens", get(api::tokens::list).post(api::tokens::create))
        .route("/api/v1/tokens/{id}", delete(api::tokens::delete))
        .route("/api/v1/vault/stats", get(api::vault::stats))
        .route("/api/v1/vault/purge", post(api::vault::purge))
        .route_layer(middleware::from_fn(auth::renew_cookie))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;
    use http_body_util::BodyExt;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;

    async fn panics() {
        panic!("with what a caller said");
    }

    #[tokio::test]
    async fn a_handler_that_panics_is_an_error_of_ours_in_the_shape_of_its_place() {
        for (path, kind) in [("/api/v1/x", Value::Null), ("/proxy/x", "server_error".into())] {
            let routes: Router = in_layers(Router::new().route(path, get(panics)), OverTls::of(""));
            let request = Request::get(path).body(Body::empty()).expect("a request");
            let response = routes.oneshot(request).await.expect("an answer");
            let (head, body) = response.into_parts();
            let body: Value =
                serde_json::from_slice(&body.collect().await.expect("a body").to_bytes()).expect("a JSON body");
            let error = &body["error"];
            assert_eq!((head.status.as_u16(), &error["code"]), (500, &"internal_error".into()));
            assert_eq!(
                (&error["request_id"], &error["type"]),
                (&head.headers["x-request-id"].to_str().expect("text").into(), &kind)
            );
            assert!(!body.to_string().contains("caller said"), "{body}");
        }
    }
}
