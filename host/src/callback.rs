//! Asks the operator's own server which assistant answers a call.
//!
//! The platform gives up after 7.5 s in all, so the answer is waited for much less long. Redirects are not followed, and
//! what comes back is taken only when it is an assistant: an `assistantId` would send the call past Masker.

use crate::https;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Map, Value};

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
pub struct Callbacks(Client<https::Connector, Full<Bytes>>);

impl Callbacks {
    /// A client that trusts the machine's certificate authorities; Mozilla's where it has none.
    pub fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(https::connector()))
    }

    /// Posts the platform's message as it came, and reads the assistant: `{"assistant": {...}}`, or the object itself.
    pub async fn assistant(&self, url: &str, message: Bytes) -> Result<Map<String, Value>, CallbackFault> {
        tokio::time::timeout(TIMEOUT, self.ask(url, message)).await.map_err(|_| CallbackFault::Timeout)?
    }

    async fn ask(&self, url: &str, message: Bytes) -> Result<Map<String, Value>, CallbackFault> {
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, HeaderValue::from_static("masker"))
            .body(Full::from(message))
            .map_err(|_| CallbackFault::Unreachable)?;
        let response = self.0.request(request).await.map_err(|_| CallbackFault::Unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(CallbackFault::Status(response.status().as_u16()));
        }
        let body = Limited::new(response.into_body(), LONGEST).collect().await;
        let body = body.map_err(|_| CallbackFault::NoAssistant)?.to_bytes();
        let mut body: Map<String, Value> = serde_json::from_slice(&body).map_err(|_| CallbackFault::NoAssistant)?;
        match body.remove("assistant") {
            Some(Value::Object(assistant)) => Ok(assistant),
            Some(_) => Err(CallbackFault::NoAssistant),
            None if ["assistantId", "squadId", "squad", "destination", "error"]
                .iter()
                .any(|key| body.contains_key(*key)) =>
            {
                Err(CallbackFault::NoAssistant)
            }
            None => Ok(body),
        }
    }
}

impl Default for Callbacks {
    fn default() -> Self {
        Self::new()
    }
}
