//! Streams pass proxies as they come.

use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::response::Response;

const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Tells nginx, and the proxies that took over its header, to pass an event stream on at once. By default they collect
/// it, and a caller hears the first word with the last.
pub async fn layer(mut response: Response) -> Response {
    let content_type = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    if content_type.starts_with(b"text/event-stream") {
        response.headers_mut().insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    }
    response
}
