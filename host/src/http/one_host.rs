//! Requires exactly one host per request (RFC 9112, section 3.2). Otherwise a reverse proxy and this server could
//! interpret the request differently.

use axum::extract::Request;
use axum::http::header::{HOST, HeaderValue};
use axum::http::uri::Authority;
use axum::http::{StatusCode, Version};
use axum::middleware::Next;
use axum::response::Response;

use super::error::{self, ApiError};
use super::request_id;
use crate::ids::RequestId;

/// Answers 400 to a request with a missing, duplicate or invalid host.
pub async fn layer(request: Request, next: Next) -> Response {
    if names_one_host(&request) {
        return next.run(request).await;
    }
    let (status, message) = (StatusCode::BAD_REQUEST, "send exactly one valid Host header");
    let id = RequestId::generate();
    let mut response = match request.uri().path().starts_with("/proxy/") {
        true => error::openai(status, "invalid_request_error", None, "bad_request", message, id),
        false => ApiError::new(status, "bad_request", message).respond(id),
    };
    request_id::put(&mut response, id);
    response
}

fn names_one_host(request: &Request) -> bool {
    let mut named = request.headers().get_all(HOST).iter();
    match (named.next(), named.next()) {
        (Some(host), None) => is_host(host) && agrees(request, host),
        // HTTP/2 sends the host in `:authority`; HTTP/1.0 does not require one.
        (None, None) => {
            request.uri().authority().is_some() && request.version() == Version::HTTP_2
                || request.version() == Version::HTTP_10
        }
        _ => false,
    }
}

fn is_host(value: &HeaderValue) -> bool {
    let text = value.to_str().unwrap_or_default();
    !text.contains('@') && text.parse::<Authority>().is_ok()
}

/// In HTTP/2, `:authority` and `Host` must match if both are present.
fn agrees(request: &Request, host: &HeaderValue) -> bool {
    let authority = request.uri().authority().filter(|_| request.version() == Version::HTTP_2);
    authority.is_none_or(|authority| host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn a_request_names_one_host() {
        for (version, uri, hosts, is_sound) in [
            (Version::HTTP_11, "/", &["masker.example"][..], true),
            (Version::HTTP_11, "/", &["[::1]:8080"], true),
            (Version::HTTP_11, "http://other.example/", &["masker.example"], true),
            (Version::HTTP_11, "/", &[], false),
            (Version::HTTP_11, "http://masker.example/", &[], false),
            (Version::HTTP_11, "/", &["a", "b"], false),
            (Version::HTTP_11, "/", &["a", "a"], false),
            (Version::HTTP_11, "/", &[""], false),
            (Version::HTTP_11, "/", &["a b"], false),
            (Version::HTTP_11, "/", &["a, b"], false),
            (Version::HTTP_11, "/", &["me@a"], false),
            (Version::HTTP_11, "/", &["a/b"], false),
            (Version::HTTP_10, "/", &[], true),
            (Version::HTTP_10, "/", &["a", "b"], false),
            (Version::HTTP_2, "http://a/", &[], true),
            (Version::HTTP_2, "http://a/", &["A"], true),
            (Version::HTTP_2, "http://a/", &["b"], false),
            (Version::HTTP_2, "/", &[], false),
        ] {
            let request = Request::builder().version(version).uri(uri);
            let request = hosts.iter().fold(request, |request, host| request.header(HOST, *host));
            let request = request.body(Body::empty()).expect("a request");
            assert_eq!(names_one_host(&request), is_sound, "{version:?} {uri} {hosts:?}");
        }
    }
}
