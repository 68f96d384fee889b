//! All endpoints in one table. A row defines both the route and its entry in the OpenAPI document.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use utoipa::OpenApi;
use utoipa::openapi::path::Paths;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use super::answer_headers;
pub(super) use super::answer_headers::OverTls;
use super::openapi::Frame;
use super::{api, auth, buffering, docs, error, health, openapi, portal, proxy, request_id, webhook};
use crate::app::App;

/// Builds the router of the whole surface.
pub fn router(app: Arc<App>) -> Router {
    let max_body = app.config.max_body_bytes;
    let over_tls = OverTls::of(&app.config.public_url);
    let (routes, _) = endpoints().split_for_parts();
    in_layers(routes, over_tls).layer(DefaultBodyLimit::max(max_body)).with_state(app)
}

/// The OpenAPI descriptions of the endpoints.
pub(super) fn described() -> utoipa::openapi::OpenApi {
    endpoints().into_openapi()
}

fn endpoints() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Frame::openapi())
        .routes(routes!(health::health))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(api::reports::key))
        .routes(routes!(portal::page))
        .routes(routes!(portal::any_page))
        .routes(routes!(portal::asset))
        .routes(routes!(openapi::show))
        .routes(routes!(docs::show))
        // Some platforms omit `/v1`; some append the path to a URL that already contains it.
        .routes(routes!(proxy::completions))
        .routes(at("/proxy/{agent}/chat/completions", routes!(proxy::completions)))
        .routes(at("/proxy/{agent}/v1/chat/completions/chat/completions", routes!(proxy::completions)))
        .routes(at("/proxy/{agent}/chat/completions/chat/completions", routes!(proxy::completions)))
        .routes(routes!(proxy::models))
        .routes(at("/proxy/{agent}/models", routes!(proxy::models)))
        .routes(routes!(proxy::model))
        .routes(at("/proxy/{agent}/models/{*model}", routes!(proxy::model)))
        .routes(routes!(webhook::receive))
        .merge(api_endpoints())
}

/// The endpoints below `/api/v1` that accept a sign-in.
fn api_endpoints() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(api::agents::list, api::agents::create))
        .routes(routes!(api::agents::show, api::agents::update, api::agents::delete))
        .routes(routes!(api::agents::rotate_proxy_key))
        .routes(routes!(api::reports::of_agent))
        .routes(routes!(api::agents::list_sessions))
        .routes(routes!(api::audit::verify))
        .routes(routes!(api::audit::export))
        .routes(routes!(api::auth::github))
        .routes(routes!(api::auth::github_callback))
        .routes(routes!(api::auth::link_github))
        .routes(routes!(api::auth::link_page, api::auth::use_link))
        .routes(routes!(api::auth::logout))
        .routes(routes!(api::auth::logout_all))
        .routes(routes!(api::auth::sign_ins::list))
        .routes(routes!(api::auth::sign_ins::end))
        .routes(routes!(api::mask::mask))
        .routes(routes!(api::synthesize::synthesize))
        .routes(routes!(api::auth::methods))
        .routes(routes!(api::keys::list))
        .routes(routes!(api::me::show))
        .routes(routes!(api::policies::list))
        .routes(routes!(api::policies::validate))
        .routes(routes!(api::policies::show, api::policies::put))
        .routes(routes!(api::policies::reload))
        .routes(routes!(api::plugins::list, api::plugins::install))
        .routes(routes!(api::plugins::show, api::plugins::remove))
        .routes(routes!(api::reports::of_account))
        .routes(routes!(api::reports::schema))
        .routes(routes!(api::stats::show))
        .routes(routes!(api::sessions::list))
        .routes(routes!(api::sessions::stream::stream))
        .routes(routes!(api::sessions::detail::show))
        .routes(routes!(api::audit::prove))
        .routes(routes!(api::reports::of_session))
        .routes(routes!(api::tokens::list, api::tokens::create))
        .routes(routes!(api::tokens::delete))
        .routes(routes!(api::vault::stats))
        .routes(routes!(api::vault::purge))
        .route_layer(middleware::from_fn(auth::renew_cookie))
}

/// The same endpoint at another path.
fn at<S>(path: &str, (schemas, described, handlers): UtoipaMethodRouter<S>) -> UtoipaMethodRouter<S> {
    let mut paths = Paths::new();
    paths.paths.extend(described.paths.into_values().map(|item| (path.to_owned(), item)));
    (schemas, paths, handlers)
}

/// Layers for every response: request id, security headers, and the error envelope, including for panics.
pub(super) fn in_layers<S: Clone + Send + Sync + 'static>(routes: Router<S>, over_tls: OverTls) -> Router<S> {
    routes
        .method_not_allowed_fallback(error::method_not_allowed)
        .fallback(error::not_found)
        .layer(middleware::from_fn(error::catch_panics))
        .layer(middleware::map_response(buffering::layer))
        .layer(middleware::map_response_with_state(over_tls, answer_headers::layer))
        .layer(middleware::from_fn(request_id::layer))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;
    use axum::routing::get;
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
