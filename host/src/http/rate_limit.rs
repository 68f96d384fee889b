//! 429, in both shapes. Who is counted and how is in [`crate::app::Limits`].

use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::response::Response;

use super::error::{self, ApiError};
use crate::app::RateLimited;
use crate::ids::RequestId;

const MESSAGE: &str = "this account sends more requests than it may; wait as long as Retry-After says";

impl From<RateLimited> for ApiError {
    fn from(limited: RateLimited) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", MESSAGE).with_retry_after(limited.retry_after)
    }
}

/// In OpenAI's shape, for the proxy.
pub fn openai(limited: RateLimited, id: RequestId) -> Response {
    let status = StatusCode::TOO_MANY_REQUESTS;
    let mut response = error::openai(status, "rate_limit_error", None, "rate_limited", MESSAGE, id);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(limited.retry_after));
    response
}
