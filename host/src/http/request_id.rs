//! `X-Request-Id` on every response. The caller's own is never taken over: it could be anything.

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;

use tracing::Instrument;

use super::error::ApiError;
use crate::ids::RequestId;
use crate::telemetry::continue_trace;

/// The response's header.
pub const HEADER: &str = "x-request-id";

/// Which part of the surface is asked. Not the path: an agent's id in it is a credential.
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

/// Gives each request its id: an extension for the handlers, a header for the caller, and part of every error.
pub async fn layer(mut request: Request, next: Next) -> Response {
    let id = RequestId::generate();
    request.extensions_mut().insert(id);
    // Of the highest level, so that warnings carry the id however little is logged.
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

/// Writes the id into an answer's header.
pub fn put(response: &mut Response, id: RequestId) {
    if let Ok(value) = HeaderValue::from_str(&id.text()) {
        response.headers_mut().insert(HEADER, value);
    }
}
