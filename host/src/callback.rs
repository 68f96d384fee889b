//! Callback to the operator's server, which returns the assistant for a call.
//!
//! The URL is set by users who edit agents, so it must not reach Masker's private network (SSRF): only public
//! addresses and those that the operator allows are connected to ([`addresses`]). The platform times out after 7.5 s
//! in total, so the timeout is much shorter. Redirects are not followed. A response must contain an assistant: an
//! `assistantId` would make the call bypass Masker.

mod addresses;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Map, Value};

use crate::config::CallbackAllow;
use crate::https;
use addresses::{Checked, NotAllowed};

/// Timeout for connecting, sending and reading together.
pub const TIMEOUT: Duration = Duration::from_secs(3);
/// Maximum size of a response, in bytes: that of the largest assistant an agent may have.
const LONGEST: usize = 256 << 10;

/// Why a callback returned no assistant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CallbackFault {
    /// The connection failed or was lost.
    #[error("the server cannot be reached")]
    Unreachable,
    /// The host is in a private network and not on the list.
    #[error("the server's address is not public and not in MASKER_CALLBACK_ALLOW")]
    NotAllowed,
    /// The callback timed out.
    #[error("no response within {} s", TIMEOUT.as_secs())]
    Timeout,
    /// The response has a status other than 200.
    #[error("the server returned status {0}")]
    Status(u16),
    /// The response is not an object with an assistant, or is too large.
    #[error("the response contains no assistant")]
    NoAssistant,
}

/// The client. Connections are not pooled, because calls come in too rarely.
pub struct Callbacks {
    client: Client<HttpsConnector<HttpConnector<Checked>>, Full<Bytes>>,
    allow: Arc<CallbackAllow>,
}

impl Callbacks {
    /// Creates a client that trusts the machine's certificate authorities, or Mozilla's if it has none.
    pub fn new(allow: CallbackAllow) -> Self {
        let allow = Arc::new(allow);
        let connector = https::over(HttpConnector::new_with_resolver(Checked::new(allow.clone())));
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Self { client, allow }
    }

    /// Posts the platform's message unchanged, and reads the assistant from the response `{"assistant": {...}}`.
    ///
    /// # Errors
    /// The callback failed or returned no assistant.
    pub async fn assistant(&self, url: &str, message: Bytes) -> Result<Map<String, Value>, CallbackFault> {
        tokio::time::timeout(TIMEOUT, self.ask(url, message)).await.map_err(|_| CallbackFault::Timeout)?
    }

    async fn ask(&self, url: &str, message: Bytes) -> Result<Map<String, Value>, CallbackFault> {
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, HeaderValue::from_static("masker"))
            .body(Full::from(message))
            .map_err(|_| CallbackFault::Unreachable)?;
        // The resolver does not see hosts that are literal addresses.
        if !addresses::may_be_named(request.uri().host().unwrap_or_default(), &self.allow) {
            return Err(CallbackFault::NotAllowed);
        }
        let response = self.client.request(request).await.map_err(|error| match NotAllowed::is_in(&error) {
            true => CallbackFault::NotAllowed,
            false => CallbackFault::Unreachable,
        })?;
        if response.status() != StatusCode::OK {
            return Err(CallbackFault::Status(response.status().as_u16()));
        }
        let body = Limited::new(response.into_body(), LONGEST).collect().await;
        let body = body.map_err(|_| CallbackFault::NoAssistant)?.to_bytes();
        let mut body: Map<String, Value> = serde_json::from_slice(&body).map_err(|_| CallbackFault::NoAssistant)?;
        match body.remove("assistant") {
            Some(Value::Object(assistant)) => Ok(assistant),
            Some(_) | None => Err(CallbackFault::NoAssistant),
        }
    }
}
