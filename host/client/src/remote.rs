//! API client for commands: of a configured server, or of the service of a local install. API errors are shown with
//! code, message and request ID.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use form_urlencoded::byte_serialize;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Runtime;

use crate::client::{self, HttpClient};
use crate::exit::{self, Failure};
use crate::settings::Settings;

/// Timeout for the head of a response; long, because the server compiles an uploaded plugin first.
const TIMEOUT: Duration = Duration::from_secs(120);
/// The same for the local service; longer, because a purge scans the whole vault.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Delay before reconnecting to a stream that has ended.
const COME_BACK: Duration = Duration::from_secs(1);

/// A server.
pub struct Remote {
    way: Way,
    /// Name in messages.
    name: String,
    runtime: Runtime,
}

/// Transport to the server.
enum Way {
    /// Over the network, with a credential.
    Network { settings: Settings, client: Box<HttpClient> },
    /// Over the admin socket: one call.
    Machine(Mutex<Option<UnixStream>>),
}

/// A request body.
pub enum Body {
    /// No body.
    Empty,
    /// JSON.
    Json(Value),
    /// A component with an optional signature.
    Component {
        /// The component.
        bytes: Vec<u8>,
        /// Signature in base64.
        signature: Option<String>,
    },
}

impl Remote {
    /// Creates a client for the configured server. Nothing is sent yet.
    pub fn new(settings: Settings) -> Result<Self, Failure> {
        let name = settings.server.clone();
        Self::by(Way::Network { settings, client: Box::new(client::new()) }, name)
    }

    /// Creates a client for the service of a data folder, over its admin socket, for one call.
    pub fn on_machine(socket: UnixStream, folder: &Path) -> Result<Self, Failure> {
        Self::by(Way::Machine(Mutex::new(Some(socket))), format!("the service of {}", folder.display()))
    }

    fn by(way: Way, name: String) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(exit::GENERIC, error.to_string()))?;
        Ok(Self { way, name, runtime })
    }

    /// Sends a request and parses the response as JSON; `Null` if it is empty.
    pub fn json(&self, method: &str, path: &str, body: Body) -> Result<Value, Failure> {
        let bytes = self.bytes(method, path, body)?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|_| self.strange())
    }

    /// Sends a request and returns the raw response body.
    pub fn bytes(&self, method: &str, path: &str, body: Body) -> Result<Bytes, Failure> {
        let request = self.request(method, path, body)?;
        self.runtime.block_on(async {
            let response = self.send(request).await?;
            let body = response.into_body().collect().await.map_err(|_| self.unreachable())?;
            Ok(body.to_bytes())
        })
    }

    /// Follows an event stream and passes each event to `event`. The server ends a stream after some minutes; the
    /// client then reconnects and resumes after the last event. Ends when `event` fails to write or standard output is
    /// closed.
    pub fn follow(&self, path: &str, mut event: impl FnMut(&str, &str) -> std::io::Result<()>) -> Result<(), Failure> {
        self.runtime.block_on(async {
            let following = async {
                let mut last_seen = None;
                loop {
                    if let Err(error) = self.events(path, &mut last_seen, &mut event).await? {
                        return exit::written(Err(error));
                    }
                    tokio::time::sleep(COME_BACK).await;
                }
            };
            tokio::select! {
                () = nobody_reads() => Ok(()),
                ended = following => ended,
            }
        })
    }

    /// Reads the events of one response, starting after `last_seen` if the server still has it.
    async fn events(
        &self,
        path: &str,
        last_seen: &mut Option<Arc<str>>,
        event: &mut impl FnMut(&str, &str) -> std::io::Result<()>,
    ) -> Result<std::io::Result<()>, Failure> {
        let mut request = self.request("GET", path, Body::Empty)?;
        if let Some(id) = last_seen.as_deref().and_then(|id| HeaderValue::from_str(id).ok()) {
            request.headers_mut().insert("last-event-id", id);
        }
        let mut body = self.send(request).await?.into_body();
        let mut decoder = sse_core::SseDecoder::with_limit(const { std::num::NonZeroUsize::new(1 << 20).unwrap() });
        // A lost connection also ends the stream.
        while let Some(Ok(frame)) = body.frame().await {
            let Ok(mut bytes) = frame.into_data() else { continue };
            while let Some(message) = decoder.next(&mut bytes) {
                let Ok(sse_core::SseEvent::Message(message)) = message else { continue };
                if let Err(error) = event(&message.event, &message.data) {
                    return Ok(Err(error));
                }
                *last_seen = message.last_event_id.or_else(|| last_seen.take());
            }
        }
        Ok(Ok(()))
    }

    fn request(&self, method: &str, path: &str, body: Body) -> Result<Request<Full<Bytes>>, Failure> {
        let mut signature = None;
        let (kind, bytes) = match body {
            Body::Empty => (None, Bytes::new()),
            Body::Json(json) => (Some("application/json"), Bytes::from(json.to_string())),
            Body::Component { bytes, signature: of_it } => {
                signature = of_it;
                (Some("application/wasm"), Bytes::from(bytes))
            }
        };
        let wrong = || Failure::new(exit::USAGE, "the server's address or the credential contains invalid characters");
        let request = Request::builder().method(method);
        let mut request = match &self.way {
            Way::Network { settings, .. } => {
                let (name, value) = credential(settings).ok_or_else(wrong)?;
                request.uri(format!("{}{path}", settings.server)).header(name, value)
            }
            Way::Machine(_) => request.uri(path).header(HOST, "masker"),
        };
        if let Some(kind) = kind {
            request = request.header(CONTENT_TYPE, kind);
        }
        if let Some(signature) = signature {
            request = request.header("masker-plugin-signature", signature);
        }
        request.body(Full::from(bytes)).map_err(|_| wrong())
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Failure> {
        let timeout = if matches!(self.way, Way::Machine(_)) { PATIENCE } else { TIMEOUT };
        let response = tokio::time::timeout(timeout, self.call(request)).await;
        let response = response.ok().flatten().ok_or_else(|| self.unreachable())?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|_| self.unreachable())?.to_bytes();
        Err(self.refused(status, &body))
    }

    /// Sends a request and returns the head of the response, or an error for a failed one.
    async fn call(&self, request: Request<Full<Bytes>>) -> Option<Response<Incoming>> {
        match &self.way {
            Way::Network { client, .. } => client.request(request).await.ok(),
            Way::Machine(socket) => {
                let socket = socket.lock().ok()?.take()?;
                socket.set_nonblocking(true).ok()?;
                let socket = tokio::net::UnixStream::from_std(socket).ok()?;
                let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.ok()?;
                tokio::spawn(connection);
                sender.send_request(request).await.ok()
            }
        }
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> Failure {
        let Ok(body) = serde_json::from_slice::<Value>(body) else { return self.strange() };
        let error = &body["error"];
        let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
        let mut message = format!("{} ({}, request {})", text("message"), text("code"), text("request_id"));
        for detail in error["details"].as_array().into_iter().flatten() {
            let of = |field: &str| detail[field].as_str().unwrap_or_default();
            message.push_str(&format!("\n  {}: {}", of("field"), of("message")));
        }
        let code = match (status.as_u16(), error["code"].as_str()) {
            (401 | 403, _) => exit::AUTH,
            (_, Some("policy_yaml_invalid")) => exit::POLICY,
            _ => exit::COMMAND,
        };
        Failure::new(code, message)
    }

    fn unreachable(&self) -> Failure {
        Failure::new(exit::UNREACHABLE, format!("{} cannot be reached, or the connection was lost", self.name))
    }

    fn strange(&self) -> Failure {
        Failure::new(exit::GENERIC, format!("{} did not respond like a Masker server", self.name))
    }
}

fn credential(settings: &Settings) -> Option<(HeaderName, HeaderValue)> {
    let session = settings.session.expose();
    let (name, value) = match session.starts_with("mskt_") {
        true => (AUTHORIZATION, format!("Bearer {session}")),
        false => (COOKIE, format!("masker_session={session}")),
    };
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}

/// Returns when the reader of standard output has closed it. A failed write shows it too, but there may be none for
/// hours.
async fn nobody_reads() {
    let watched = std::io::stdout().as_fd().try_clone_to_owned().ok().and_then(|output| {
        // SAFETY: this value owns the descriptor, which is open as long as the value exists.
        unsafe { AsyncFd::register_with_interest(output, Interest::ERROR) }.ok()
    });
    match watched {
        Some(output) => drop(output.ready(Interest::ERROR).await),
        // A regular file has no reader.
        None => std::future::pending().await,
    }
}

/// Percent-encodes a part of a path or a query.
pub fn escaped(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
