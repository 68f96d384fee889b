//! The app on a real port, for behaviour of connections: streaming, and clients that disconnect.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::http::request;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use masker::app::App;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A listening app.
pub struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start(app: Arc<App>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a loopback port");
        let address = listener.local_addr().expect("a bound port");
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(masker::http::serve(app, listener, async {
            let _ = stopped.await;
        }));
        Self { address, stop, serving }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Posts JSON on a new connection and returns once the response head has arrived.
    pub async fn post(&self, path: &str, body: &Value) -> LiveAnswer {
        let request = Request::post(path).header("content-type", "application/json");
        self.send(request, Bytes::from(body.to_string())).await
    }

    /// Gets a path, in the same way.
    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> LiveAnswer {
        let request = headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
        self.send(request, Bytes::new()).await
    }

    async fn send(&self, request: request::Builder, body: Bytes) -> LiveAnswer {
        let stream = TcpStream::connect(self.address).await.expect("the app listens");
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a fresh connection");
        let connection = tokio::spawn(async move {
            let _ = connection.await;
        });
        let request = request.header("host", self.address.to_string()).body(Full::new(body));
        let request = request.expect("a request that is well formed");
        let response = sender.send_request(request).await.expect("the app answers");
        let (head, body) = response.into_parts();
        LiveAnswer { status: head.status, headers: head.headers, body, connection, read: String::new() }
    }

    /// Stops as on a signal: requests in flight finish.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        self.serving.await.expect("the server does not panic");
    }
}

/// A response in progress.
pub struct LiveAnswer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    body: Incoming,
    connection: JoinHandle<()>,
    read: String,
}

impl LiveAnswer {
    /// Reads until `text` has arrived, and returns everything read so far.
    ///
    /// # Panics
    /// If the response ends without it.
    pub async fn read_until(&mut self, text: &str) -> &str {
        while !self.read.contains(text) {
            let frame = self.body.frame().await;
            let frame = frame.unwrap_or_else(|| panic!("the answer ended without {text:?}: {}", self.read));
            let data = frame.expect("the connection holds").into_data().unwrap_or_default();
            self.read.push_str(std::str::from_utf8(&data).expect("pieces of an answer are UTF-8"));
        }
        &self.read
    }

    /// Reads to the end.
    pub async fn rest(mut self) -> String {
        while let Some(frame) = self.body.frame().await {
            let data = frame.expect("the connection holds").into_data().unwrap_or_default();
            self.read.push_str(std::str::from_utf8(&data).expect("pieces of an answer are UTF-8"));
        }
        self.connection.abort();
        self.read
    }

    /// Closes the connection in the middle of the response.
    pub fn hang_up(self) {
        self.connection.abort();
    }
}
