//! Headers of every answer that keep it to those it is for.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use axum::response::Response;

const FIXED: [(HeaderName, &str); 3] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Another site's page can neither embed an answer nor keep a hold on a window with one.
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// A year: browsers that were here come back over TLS only.
const TLS_ONLY: &str = "max-age=31536000";

/// Whether clients reach us over TLS.
#[derive(Clone, Copy)]
pub struct OverTls(bool);

impl OverTls {
    /// As the public URL says.
    pub fn of(public_url: &str) -> Self {
        Self(public_url.starts_with("https://"))
    }
}

/// Adds them. A handler that says how long its answer may be kept has the last word.
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
