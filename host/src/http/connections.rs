//! Connection limits and timeouts.
//!
//! A connection costs a file descriptor, which a process has few of. A connection without a request in flight is closed
//! when its timeout expires, or, if the limit is reached, when a new connection arrives and it has been idle the
//! longest. A connection with a request in flight is never evicted; it is bounded by the pace of its request body
//! ([`body`]) and by whether the client reads the response.

mod activity;
pub(super) mod body;
mod io;
mod places;

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tower::ServiceExt;

use crate::config::ConnectionLimits;
use activity::{Activity, Counted};
use body::{Budget, Paced};
use io::Watched;
use places::{ConnectionSlot, Places};

/// Limit for request headers and for data buffered ahead of a body, in bytes.
const LARGEST_HEAD: usize = 64 << 10;
/// Limit for the header list of an HTTP/2 request, in bytes.
const LARGEST_HEADER_LIST: u32 = 32 << 10;
/// Concurrent streams per HTTP/2 connection.
const STREAMS: u32 = 128;
/// Delay after a failed `accept`: the process may be out of file descriptors, and retrying at once would busy-loop.
const PAUSE: Duration = Duration::from_millis(200);

/// State shared by all connections of a listener.
struct Shared {
    routes: Router,
    limits: ConnectionLimits,
    places: Arc<Places>,
    budget: Arc<Budget>,
    builder: Builder<TokioExecutor>,
}

/// Serves until `stop` completes, then waits for requests in flight.
pub async fn serve(
    routes: Router,
    listener: TcpListener,
    limits: ConnectionLimits,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let places = Arc::new(Places::new(places::most(limits.most)));
    let budget = Arc::new(Budget::new(limits.buffered));
    let shared = Arc::new(Shared { routes, limits, places, budget, builder: builder() });
    // Dropping the sender tells the connections to stop.
    let (serving, stopping) = watch::channel(());
    let mut stop = pin!(stop);
    loop {
        let (stream, place) = tokio::select! {
            next = next(&listener, &shared) => next,
            () = &mut stop => break,
        };
        tokio::spawn(drive(stream, place, shared.clone(), stopping.clone()));
    }
    drop((listener, serving));
    shared.places.all_free().await;
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().max_buf_size(LARGEST_HEAD);
    builder.http2().max_concurrent_streams(STREAMS).max_header_list_size(LARGEST_HEADER_LIST);
    builder
}

/// Accepts the next connection once a slot is free.
async fn next(listener: &TcpListener, shared: &Shared) -> (TcpStream, ConnectionSlot) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Otherwise the kernel delays small packets of a stream by up to 40 ms.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY cannot be set");
                }
                return (stream, shared.places.take(&shared.limits).await);
            }
            // The client has already disconnected.
            Err(error) if is_of_the_caller(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections; closing the one that has been idle the longest");
                shared.places.close_idlest();
                sleep(PAUSE).await;
            }
        }
    }
}

fn is_of_the_caller(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Serves a connection until it ends, is told to stop, or times out.
async fn drive(stream: TcpStream, place: ConnectionSlot, shared: Arc<Shared>, mut stopping: watch::Receiver<()>) {
    let activity = place.activity.clone();
    let io = TokioIo::new(Watched::new(stream, activity.clone()));
    let service = service_fn(|request| answer(request, shared.clone(), activity.clone()));
    let mut connection = pin!(shared.builder.serve_connection_with_upgrades(io, service));
    let mut stop = pin!(stopping.changed());
    let mut timer = pin!(sleep_until(Instant::now() + shared.limits.head));
    let mut is_stopping = false;
    poll_fn(|context| {
        if !is_stopping && stop.as_mut().poll(context).is_ready() {
            is_stopping = true;
            connection.as_mut().graceful_shutdown();
        }
        if connection.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        activity.poll_over(context, timer.as_mut())
    })
    .await;
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    activity: Arc<Activity>,
) -> Result<Response, Infallible> {
    let visit = activity.begin(request.version());
    let lease = shared.budget.lease();
    let request = request.map(|body| match body.is_end_stream() {
        true => Body::empty(),
        false => Body::new(Paced::new(body, &shared.limits, activity, lease.clone())),
    });
    let response = shared.routes.clone().oneshot(request).await?;
    // The handler is done with the body and owns what it kept of it.
    drop(lease);
    Ok(response.map(|body| Body::new(Counted::new(body, visit))))
}
