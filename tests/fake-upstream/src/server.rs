//! The server: accepts connections, records requests, plays replies.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::body::{PlayedBody, take};
use crate::connection::{Connection, ResetOnDrop};
use crate::log::{Log, Recorded};
use crate::reply::{Reply, ReplyBody};

/// Timeout of `wait_for_...`: long enough for a busy machine, short enough for a developer.
const PATIENCE: Duration = Duration::from_secs(60);

type Responder = Arc<dyn Fn(&Recorded) -> Reply + Send + Sync>;

#[derive(Default)]
struct State {
    log: Arc<Log>,
    scripted: Mutex<VecDeque<Reply>>,
    responder: Mutex<Option<Responder>>,
}

/// A running upstream. Dropping it closes its port and every connection.
pub struct FakeUpstream {
    address: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

impl FakeUpstream {
    /// Listens on a free loopback port.
    ///
    /// # Panics
    /// On failure: no test can continue.
    pub async fn start() -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::listen(address).await.expect("a loopback port to listen on")
    }

    /// Listens on the given address.
    pub async fn listen(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let state = Arc::new(State::default());
        Ok(Self {
            address: listener.local_addr()?,
            accepting: tokio::spawn(accept(listener, Arc::clone(&state))),
            state,
        })
    }

    /// Binds a port on which connections are refused, for as long as the value lives.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn refused() -> RefusedPort {
        // Bound but not listening: refused like a closed port, but no other process can take it meanwhile.
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a loopback port");
        RefusedPort { socket }
    }

    /// The provider's base URL for Masker's configuration; ends in `/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Queues a reply. Each is used once, in order, before the responder is called.
    pub fn script(&self, reply: Reply) -> &Self {
        let mut scripted = self.state.scripted.lock().unwrap_or_else(PoisonError::into_inner);
        scripted.push_back(reply);
        drop(scripted);
        self
    }

    /// Answers every request without a scripted reply with a function of it.
    pub fn respond_with(&self, responder: impl Fn(&Recorded) -> Reply + Send + Sync + 'static) -> &Self {
        let mut slot = self.state.responder.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(Arc::new(responder));
        drop(slot);
        self
    }

    /// All requests so far, in order.
    pub fn requests(&self) -> Vec<Recorded> {
        self.state.log.requests()
    }

    /// Clears the record.
    pub fn clear(&self) {
        self.state.log.clear();
    }

    /// Returns the record once it holds `count` requests.
    ///
    /// # Panics
    /// On timeout: a failing test must not hang.
    pub async fn wait_for_requests(&self, count: usize) -> Vec<Recorded> {
        let what = format!("{count} requests");
        self.wait_for(&what, move |requests| requests.len() >= count).await
    }

    /// Returns the record once a client has disconnected before the end of its answer.
    ///
    /// # Panics
    /// On timeout.
    pub async fn wait_for_disconnect(&self) -> Vec<Recorded> {
        self.wait_for("a disconnect", |requests| requests.iter().any(|request| request.disconnected)).await
    }

    async fn wait_for(&self, what: &str, condition: impl Fn(&[Recorded]) -> bool) -> Vec<Recorded> {
        let waited = tokio::time::timeout(PATIENCE, self.state.log.wait_for(condition)).await;
        assert!(waited.is_ok(), "the fake upstream waited {PATIENCE:?} for {what}");
        self.requests()
    }
}

impl Drop for FakeUpstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A port that refuses connections; see [`FakeUpstream::refused`].
#[derive(Debug)]
pub struct RefusedPort {
    socket: TcpSocket,
}

impl RefusedPort {
    /// The base URL of a provider that is down; ends in `/v1`.
    ///
    /// # Panics
    /// Never: a bound socket has an address.
    pub fn base_url(&self) -> String {
        let address = self.socket.local_addr().expect("a bound socket");
        format!("http://{address}/v1")
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    // The set is dropped with this task, and the connections with the set.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, Arc::clone(&state)));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    // Otherwise the kernel delays small events by up to 40 ms, which would distort tests of pauses.
    let _ = stream.set_nodelay(true);
    let reset = ResetOnDrop::default();
    let io = TokioIo::new(Connection::new(stream, reset.clone()));
    let service = service_fn(|request| answer(request, Arc::clone(&state), reset.clone()));
    // A broken connection is the subject of many tests, not an error.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
}

async fn answer(request: Request<Incoming>, state: Arc<State>, reset: ResetOnDrop) -> io::Result<Response<PlayedBody>> {
    let (request, whole) = record(request).await;
    let mut entry = state.log.add(request.clone());
    if !whole {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let reply = state.reply(&request);
    for step in &reply.before {
        take(step, &mut entry, &reset).await?;
    }
    let body = match reply.body {
        ReplyBody::Whole(bytes) => PlayedBody::whole(bytes, entry),
        ReplyBody::Stream(script) => PlayedBody::stream(script, entry, reset),
    };
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(body).map_err(io::Error::other)
}

/// Reads the request; false if the client disconnected in the middle of the body.
async fn record(request: Request<Incoming>) -> (Recorded, bool) {
    let (head, mut body) = request.into_parts();
    let mut bytes = BytesMut::new();
    let mut whole = true;
    while let Some(frame) = body.frame().await {
        match frame.map(|frame| frame.into_data().unwrap_or_default()) {
            Ok(data) => bytes.extend_from_slice(&data),
            Err(_) => {
                whole = false;
                break;
            }
        }
    }
    let path = head.uri.path_and_query().map(ToString::to_string);
    let request = Recorded {
        method: head.method.to_string(),
        path: path.unwrap_or_default(),
        headers: head.headers,
        body: Bytes::from(bytes),
        disconnected: false,
    };
    (request, whole)
}

impl State {
    fn reply(&self, request: &Recorded) -> Reply {
        let scripted = self.scripted.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        if let Some(reply) = scripted {
            return reply;
        }
        let responder = self.responder.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match responder {
            Some(responder) => responder(request),
            // An unexpected request must not look like a success.
            None => Reply::error(500, "fake_upstream", "the fake upstream has no reply for this request"),
        }
    }
}
