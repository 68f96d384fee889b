//! The floor: the minimal proxy between a voice agent and a model. It parses the chat JSON, writes it again, forwards
//! it, and streams the answer back. Masker's cost is reported relative to it.

use std::net::SocketAddr;

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::ListenerExt;
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::net::TcpListener;

/// The path that it forwards.
pub const PATH: &str = "/v1/chat/completions";

#[derive(Clone)]
struct Floor {
    client: Client<HttpConnector, Full<Bytes>>,
    upstream: String,
}

/// Serves until the process ends. `upstream` is a base URL that ends in `/v1`.
pub async fn serve(listen: SocketAddr, upstream: &str) -> Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let floor = Floor {
        client: Client::builder(TokioExecutor::new()).build(connector),
        upstream: format!("{upstream}/chat/completions"),
    };
    let routes = Router::new()
        .route(PATH, post(forward))
        .route("/health", axum::routing::get(|| async { "ok" }))
        .with_state(floor);
    let listener = TcpListener::bind(listen).await?.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, routes).await?)
}

async fn forward(State(floor): State<Floor>, body: Bytes) -> Result<Response, StatusCode> {
    let chat: Value = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let body = serde_json::to_vec(&chat).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let request = Request::post(&floor.upstream)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::from(body))
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let answer = floor.client.request(request).await;
    let answer = answer.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(answer.map(Body::new).into_response())
}
