//! `X-Request-Id` on every response. An id sent by the client is never adopted, because it could be anything.

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;

use tracing::Instrument;

use super::error::ApiError;
use crate::ids::RequestId;
use crate::telemetry::continue_trace;

/// The response header.
pub const HEADER: &str = "x-request-id";

/// The area of the surface that a request addresses. Not its path, which may contain an agent's id, a credential.
fn area(path: &str) -> &'static str {
    match path.split('/').nth(1) {
        Some("proxy") => "proxy",
        Some("vapi") => "webhook",
        Some("api") => "api",
        Some("portal") => "portal",
        Some("health") => "health",
        _ => "other",
    }
}

/// Assigns each request an id: an extension for handlers, a response header, and part of every error.
pub async fn layer(mut request: Request, next: Next) -> Response {
    let id = RequestId::generate();
    request.extensions_mut().insert(id);
    // At the highest level, so that warnings carry the id at every log level.
    let span = tracing::error_span!(
        "request",
        request_id = %id,
        area = area(request.uri().path()),
        method = %request.method(),
        agent = tracing::field::Empty,
        session = tracing::field::Empty,
        otel.kind = "server",
        status = tracing::field::Empty,
    );
    continue_trace(&span, request.headers());
    let mut response = next.run(request).instrument(span.clone()).await;
    span.record("status", response.status().as_u16());
    span.in_scope(|| tracing::debug!("answered"));
    ApiError::write_envelope(&mut response, id);
    put(&mut response, id);
    response
}

/// Adds the id as a response header.
pub fn put(response: &mut Response, id: RequestId) {
    if let Ok(value) = HeaderValue::from_str(&id.text()) {
        response.headers_mut().insert(HEADER, value);
    }
}
