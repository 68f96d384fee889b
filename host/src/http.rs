//! The HTTP surface: listeners, middleware layers, and the table of routes ([`router`]).

pub mod admin_socket;
mod answer_headers;
pub mod api;
pub mod auth;
pub mod body;
mod buffering;
pub mod connections;
pub mod cookie;
mod cross_site;
mod docs;
pub mod document;
pub mod error;
pub mod health;
pub mod json_body;
mod mistakes;
mod one_host;
pub mod openapi;
pub mod page;
pub mod path;
pub mod portal;
pub mod proxy;
mod rate_limit;
pub mod request_id;
pub mod router;
mod signature;
pub mod since;
pub mod webhook;
mod while_good;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use tokio::net::TcpListener;

use crate::app::App;
use crate::config::ConnectionLimits;

/// Connection limit of the metrics listener: a few scrapers, every few seconds.
const METRICS_CONNECTIONS: usize = 32;

/// Serves until `stop` completes, then waits for requests in flight.
pub async fn serve(app: Arc<App>, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) {
    let limits = app.config.connections;
    let stopping = app.clone();
    let stop = async move {
        stop.await;
        // Session streams do not end by themselves.
        stopping.store().end_watches();
        stopping.lanes.stop();
    };
    let routes = router::router(app).layer(middleware::from_fn(one_host::layer));
    connections::serve(routes, listener, limits, stop).await;
}

/// Serves the metrics for the lifetime of the process.
pub async fn serve_metrics(routes: Router, listener: TcpListener, limits: ConnectionLimits) {
    let limits = ConnectionLimits { most: Some(METRICS_CONNECTIONS), ..limits };
    connections::serve(routes, listener, limits, std::future::pending()).await;
}
