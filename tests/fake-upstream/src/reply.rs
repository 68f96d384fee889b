//! One response: status, headers and a body, whole or streamed.

use bytes::Bytes;
use hyper::StatusCode;
use serde_json::Value;

use crate::script::{Script, Step};
use crate::{Signal, openai};

/// The upstream's response to one request.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) before: Vec<Step>,
    pub(crate) body: ReplyBody,
}

#[derive(Clone, Debug)]
pub(crate) enum ReplyBody {
    Whole(Bytes),
    Stream(Script),
}

impl Reply {
    /// 200 with this JSON.
    pub fn json(body: &Value) -> Self {
        Self::bytes(200, "application/json", body.to_string())
    }

    /// 200 with a whole chat completion with the content `text`.
    pub fn text(text: &str) -> Self {
        Self::json(&openai::completion(text))
    }

    /// 200 with a server-sent event stream.
    pub fn stream(script: Script) -> Self {
        Self { body: ReplyBody::Stream(script), ..Self::bytes(200, "text/event-stream; charset=utf-8", "") }
    }

    /// Any status, content type and bytes.
    ///
    /// # Panics
    /// If `status` is not an HTTP status, which is a bug in the test.
    pub fn bytes(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status: StatusCode::from_u16(status).expect("a reply needs an HTTP status"),
            headers: vec![("content-type".into(), content_type.into())],
            before: Vec::new(),
            body: ReplyBody::Whole(body.into()),
        }
    }

    /// An error in OpenAI's format.
    pub fn error(status: u16, kind: &str, message: &str) -> Self {
        let body = openai::error(kind, message);
        Self::bytes(status, "application/json", body.to_string())
    }

    /// 500 with OpenAI's error JSON.
    pub fn server_error() -> Self {
        Self::error(500, "server_error", "The server had an error while processing your request.")
    }

    /// 429 with `Retry-After`, in OpenAI's format.
    pub fn rate_limited(retry_after_seconds: u32) -> Self {
        Self::error(429, "rate_limit_error", "Rate limit reached for gpt-4o-mini.")
            .header("retry-after", &retry_after_seconds.to_string())
    }

    /// An HTML page, like those of gateways in front of a provider.
    pub fn html(status: u16) -> Self {
        let page = "<html><head><title>Bad gateway</title></head><body>nginx</body></html>";
        Self::bytes(status, "text/html", page)
    }

    /// Accepts the request and never answers, not even with a status.
    pub fn stall() -> Self {
        Self::empty_after(Step::Stall)
    }

    /// Accepts the request and closes the connection without an answer.
    pub fn close() -> Self {
        Self::empty_after(Step::Close)
    }

    /// Accepts the request and resets the connection without an answer.
    pub fn reset() -> Self {
        Self::empty_after(Step::Reset)
    }

    /// Overrides the content type.
    pub fn content_type(mut self, content_type: &str) -> Self {
        self.headers.retain(|(name, _)| name != "content-type");
        self.header("content-type", content_type)
    }

    /// No content type at all.
    pub fn without_content_type(mut self) -> Self {
        self.headers.retain(|(name, _)| name != "content-type");
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Delays the whole response, including the status, until the test fires the signal.
    pub fn after(mut self, signal: &Signal) -> Self {
        self.before.push(Step::Wait(signal.clone()));
        self
    }

    fn empty_after(step: Step) -> Self {
        let mut reply = Self::bytes(200, "application/json", "");
        reply.before.push(step);
        reply
    }
}
