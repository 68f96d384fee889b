//! Where a masked request goes.
//!
//! Two upstreams: any server that speaks OpenAI's API, and a stub that echoes what it received, so that a newcomer sees
//! the masking happen without an account anywhere.

mod decode;
pub mod openai;
pub mod stub;
mod unreachable;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use hyper::{HeaderMap, StatusCode};

use crate::sensitive::SensitiveText;

pub use unreachable::Unreachable;

/// A request as it leaves: masked.
pub struct UpstreamRequest {
    /// The body.
    pub body: Bytes,
    /// Whether the caller asked for a stream.
    pub stream: bool,
    /// The caller's own `Authorization`, where it is to be used.
    pub authorization: Option<SensitiveText>,
    /// Trace headers and the like, passed on.
    pub headers: HeaderMap,
}

/// An answer whose head has come. Dropping it closes the connection, which tells the upstream to stop.
pub struct UpstreamResponse {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, piece by piece.
    pub body: BoxStream<'static, Result<Bytes, UpstreamFault>>,
}

/// Why there is no answer, or no more of one. Never holds a URL, a body or a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamFault {
    /// There is no connection. Why is for the log: a caller is told no more than that.
    #[error("the LLM provider cannot be reached")]
    Connect(Unreachable),
    /// The connection broke.
    #[error("the connection to the LLM provider broke")]
    Broken,
    /// `MASKER_UPSTREAM_TIMEOUT_MS` passed.
    #[error("the LLM provider did not answer in time")]
    Timeout,
}

/// An upstream.
#[derive(Clone)]
pub enum Upstream {
    /// Over HTTP.
    Openai(Box<openai::OpenAi>),
    /// Built in.
    Stub,
}

impl Upstream {
    /// Sends a request and waits for the head of the answer.
    pub async fn send(&self, request: UpstreamRequest) -> Result<UpstreamResponse, UpstreamFault> {
        match self {
            Upstream::Openai(openai) => openai.send(request).await,
            Upstream::Stub => Ok(stub::answer(&request)),
        }
    }
}
