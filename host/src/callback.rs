//! Asks the operator's own server which assistant answers a call.
//!
//! The address comes from the people who edit agents, so it must not lead into Masker's own network: only public addresses
//! are connected to, and those that the operator has allowed ([`addresses`]). The platform gives up after 7.5 s in all, so
//! the timeout is much shorter. Redirects are not followed, and an answer is taken only when it holds an assistant: an
//! `assistantId` would send the call past Masker.

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

/// For connecting, asking and reading together.
pub const TIMEOUT: Duration = Duration::from_secs(3);
/// The longest answer that is read, in bytes: the longest assistant an agent may have.
const LONGEST: usize = 256 << 10;

/// Why there is no assistant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CallbackFault {
    /// No connection, or it broke.
    #[error("it cannot be reached")]
    Unreachable,
    /// Its host is in a private network, and not on the list.
    #[error("its address is not public, and MASKER_CALLBACK_ALLOW does not name it")]
    NotAllowed,
    /// No answer in time.
    #[error("it did not answer within {} s", TIMEOUT.as_secs())]
    Timeout,
    /// Another status than 200.
    #[error("it answered with status {0}")]
    Status(u16),
    /// Not an object with an assistant, or a longer one than is read.
    #[error("its answer holds no assistant")]
    NoAssistant,
}

/// The client. Calls come in too rarely for connections to be worth keeping.
pub struct Callbacks {
    client: Client<HttpsConnector<HttpConnector<Checked>>, Full<Bytes>>,
    allow: Arc<CallbackAllow>,
}

impl Callbacks {
    /// A client that trusts the machine's certificate authorities; Mozilla's where it has none.
    pub fn new(allow: CallbackAllow) -> Self {
        let allow = Arc::new(allow);
        let connector = https::over(HttpConnector::new_with_resolver(Checked::new(allow.clone())));
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Self { client, allow }
    }

    /// Posts the platform's message as it came, and reads the assistant of `{"assistant": {...}}`.
    ///
    /// # Errors
    /// There is none.
    pub async fn assistant(&self, url: &str, message: Bytes) -> Result<Map<String, Value>, CallbackFault> {
        tokio::time::timeout(TIMEOUT, self.ask(url, message)).await.map_err(|_| CallbackFault::Timeout)?
    }

    async fn ask(&self, url: &str, message: Bytes) -> Result<Map<String, Value>, CallbackFault> {
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, HeaderValue::from_static("masker"))
            .body(Full::from(message))
            .map_err(|_| CallbackFault::Unreachable)?;
        // A host that is an address is not resolved.
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
