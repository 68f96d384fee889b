//! Any server with an OpenAI-compatible API, over pooled connections.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::{BodyExt, BodyStream, Full};
use hyper::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::{Unreachable, UpstreamFault, UpstreamRequest, UpstreamResponse, decode};
use crate::https;
use crate::sensitive::SensitiveText;

/// Timeout of idle pooled connections, below the 60 s of most servers and load balancers.
const POOL_IDLE: Duration = Duration::from_secs(45);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client for one server.
#[derive(Clone)]
pub struct OpenAi {
    client: Client<https::Connector, Full<Bytes>>,
    completions: Uri,
    api_key: Option<SensitiveText>,
    timeout: Duration,
}

impl OpenAi {
    /// Creates a client for the chat completions endpoint at this URL.
    ///
    /// # Errors
    /// The URL is invalid, or the machine's certificates cannot be read.
    pub fn new(completions_url: &str, api_key: Option<SensitiveText>, timeout: Duration) -> anyhow::Result<Self> {
        let completions = completions_url.parse()?;
        let mut http = HttpConnector::new();
        // Without it the kernel delays small packets by up to 40 ms, which a caller hears.
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        http.set_keepalive(Some(Duration::from_secs(30)));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .build(https::over(http));
        Ok(Self { client, completions, api_key, timeout })
    }

    /// Whether requests are authenticated with the install's own key.
    pub fn has_api_key(&self) -> bool {
        self.api_key.is_some()
    }

    /// Sends a request and waits for the head of the response.
    pub async fn send(&self, request: UpstreamRequest) -> Result<UpstreamResponse, UpstreamFault> {
        let http = self.build(request);
        let response = match tokio::time::timeout(self.timeout, self.client.request(http)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) if error.is_connect() => {
                return Err(self.failed(UpstreamFault::Connect(Unreachable::of(&error))));
            }
            Ok(Err(_)) => return Err(self.failed(UpstreamFault::Broken)),
            Err(_) => return Err(self.failed(UpstreamFault::Timeout)),
        };
        let (head, body) = response.into_parts();
        if head.status.is_redirection() {
            let upstream = self.place();
            tracing::warn!(upstream, "the LLM provider redirects, and redirects are not followed: set its final URL");
        }
        let timeout = self.timeout;
        let pieces = futures_util::stream::unfold(BodyStream::new(body.boxed()), move |mut body| async move {
            loop {
                let piece = match tokio::time::timeout(timeout, body.next()).await {
                    Err(_) => Err(UpstreamFault::Timeout),
                    Ok(None) => return None,
                    Ok(Some(Err(_))) => Err(UpstreamFault::Broken),
                    Ok(Some(Ok(frame))) => match frame.into_data() {
                        Ok(data) => Ok(data),
                        Err(_trailers) => continue,
                    },
                };
                return Some((piece, body));
            }
        });
        let body = decode::decoded(&head.headers, pieces.fuse().boxed());
        Ok(UpstreamResponse { status: head.status, headers: head.headers, body })
    }

    /// Logs the reason of a fault for the operator.
    fn failed(&self, fault: UpstreamFault) -> UpstreamFault {
        let upstream = self.place();
        match fault {
            UpstreamFault::Connect(reason) => tracing::warn!(upstream, %reason, "the LLM provider cannot be reached"),
            UpstreamFault::Broken | UpstreamFault::Timeout => tracing::warn!(upstream, "{fault}"),
        }
        fault
    }

    /// Host and port only, because the rest of the URL may be secret.
    fn place(&self) -> String {
        let host = self.completions.host().unwrap_or_default();
        match self.completions.port_u16() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    fn build(&self, request: UpstreamRequest) -> Request<Full<Bytes>> {
        let mut http = Request::new(Full::new(request.body));
        *http.method_mut() = Method::POST;
        *http.uri_mut() = self.completions.clone();
        let headers = http.headers_mut();
        *headers = request.headers;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // Compression would delay the events of a stream.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let accept = if request.stream { "text/event-stream" } else { "application/json" };
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        let bearer = match (&self.api_key, &request.authorization) {
            (Some(key), _) => HeaderValue::from_str(&format!("Bearer {}", key.expose())).ok(),
            (None, Some(own)) => HeaderValue::from_str(own.expose()).ok(),
            (None, None) => None,
        };
        if let Some(mut bearer) = bearer {
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        http
    }
}
