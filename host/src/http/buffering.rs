//! Keeps reverse proxies from buffering event streams.

use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::response::Response;

const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Tells nginx, and proxies that adopted its header, to forward event streams unbuffered. By default they collect the
/// response, and the caller receives the first word together with the last.
pub async fn layer(mut response: Response) -> Response {
    let content_type = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    if content_type.starts_with(b"text/event-stream") {
        response.headers_mut().insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    }
    response
}
