//! 429 responses in both shapes. [`crate::app::Limits`] does the counting.

use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::response::Response;

use super::error::{self, ApiError};
use crate::app::RateLimited;
use crate::ids::RequestId;

const MESSAGE: &str = "the account exceeds its request rate limit; retry after the time in Retry-After";

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
