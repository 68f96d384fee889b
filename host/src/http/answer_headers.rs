//! Security headers on every response: no caching, no content sniffing, no cross-origin embedding, HSTS over TLS.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use axum::response::Response;

const FIXED: [(HeaderName, &str); 3] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Pages of other sites can neither embed a response nor keep a reference to a window that shows one.
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// One year.
const TLS_ONLY: &str = "max-age=31536000";

/// Whether clients reach the service over TLS.
#[derive(Clone, Copy)]
pub struct OverTls(bool);

impl OverTls {
    /// Derives it from the public URL.
    pub fn of(public_url: &str) -> Self {
        Self(public_url.starts_with("https://"))
    }
}

/// Adds the headers. A `Cache-Control` set by the handler takes precedence.
pub async fn layer(State(OverTls(is_over_tls)): State<OverTls>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_over_tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(TLS_ONLY));
    }
    response
}
