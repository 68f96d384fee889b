//! Upstreams for masked requests: any server with an OpenAI-compatible API, and a stub that echoes its input, which
//! shows the masking without an account at a provider.

mod decode;
pub mod openai;
pub mod stub;
mod unreachable;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use hyper::{HeaderMap, StatusCode};

use crate::sensitive::SensitiveText;

pub use unreachable::Unreachable;

/// A masked request.
pub struct UpstreamRequest {
    /// Body.
    pub body: Bytes,
    /// Whether the caller requested a stream.
    pub stream: bool,
    /// The caller's own `Authorization` header, if it is to be used.
    pub authorization: Option<SensitiveText>,
    /// Headers to forward, such as trace headers.
    pub headers: HeaderMap,
}

/// A response whose head has arrived. Dropping it closes the connection, which tells the upstream to stop.
pub struct UpstreamResponse {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, as a stream of chunks.
    pub body: BoxStream<'static, Result<Bytes, UpstreamFault>>,
}

/// Why there is no response, or why it ended early. Never contains a URL, a body or a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamFault {
    /// The connection failed. The reason is only logged, not returned to the caller.
    #[error("the LLM provider cannot be reached")]
    Connect(Unreachable),
    /// The connection was lost.
    #[error("the connection to the LLM provider was lost")]
    Broken,
    /// `MASKER_UPSTREAM_TIMEOUT_MS` exceeded.
    #[error("the LLM provider did not respond in time")]
    Timeout,
}

/// An upstream.
#[derive(Clone)]
pub enum Upstream {
    /// A server, over HTTP.
    Openai(Box<openai::OpenAi>),
    /// The built-in stub.
    Stub,
}

impl Upstream {
    /// Sends a request and waits for the head of the response.
    pub async fn send(&self, request: UpstreamRequest) -> Result<UpstreamResponse, UpstreamFault> {
        match self {
            Upstream::Openai(openai) => openai.send(request).await,
            Upstream::Stub => Ok(stub::answer(&request)),
        }
    }
}
