//! The service's surface: the server, its layers, and every route in one table ([`router`]).

pub mod api;
pub mod auth;
mod buffering;
pub mod cookie;
mod cross_site;
mod docs;
pub mod document;
pub mod error;
pub mod fields;
pub mod health;
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

use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::app::App;

/// Serves until `stop` ends; then requests in flight finish.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    // Without it the kernel holds small packets of a stream back for up to 40 ms.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
    });
    let stopping = app.clone();
    let stop = async move {
        stop.await;
        // Streams of sessions have no end of their own.
        stopping.store().end_watches();
        stopping.lanes.stop();
    };
    axum::serve(listener, router::router(app)).with_graceful_shutdown(stop).await
}
