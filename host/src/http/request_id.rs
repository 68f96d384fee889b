//! `X-Request-Id` on every response. The caller's own is never taken over: it could be anything.

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;

use super::error::ApiError;
use crate::ids::RequestId;

/// The response's header.
pub const HEADER: &str = "x-request-id";

/// Gives each request its id: an extension for the handlers, a header for the caller, and part of every error.
pub async fn layer(mut request: Request, next: Next) -> Response {
    let id = RequestId::generate();
    request.extensions_mut().insert(id);
    let mut response = next.run(request).await;
    ApiError::write_envelope(&mut response, id);
    if let Ok(value) = HeaderValue::from_str(&id.text()) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
