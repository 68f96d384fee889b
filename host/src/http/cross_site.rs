//! Whether another site's page makes a browser send this request. A cookie goes along with what such a page asks for, so
//! it counts for nothing there.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;

use super::auth;
use super::error::ApiError;
use crate::app::App;

/// What a handler takes that reads and, by reading, writes something down: 403 where another site's page had a browser ask
/// with its cookie. Writes need no such thing, their cookies are looked at in any case.
pub struct OwnPage;

impl FromRequestParts<Arc<App>> for OwnPage {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        // No browser adds a token by itself.
        if auth::bearer(&parts.headers).is_none() {
            refuse(parts, &app.config.public_url)?;
        }
        Ok(Self)
    }
}

/// # Errors
/// 403 for a request that another site's page may have caused.
pub fn refuse(parts: &Parts, public_url: &str) -> Result<(), ApiError> {
    if is_cross_site(parts, public_url) {
        let message = "another site may not do this in your name; if this was Masker's own page, MASKER_PUBLIC_URL is \
                       not the address at which it was opened";
        return Err(ApiError::forbidden(message));
    }
    Ok(())
}

/// What a browser says of where a request comes from. It says it in one header or both; what sends neither is no browser,
/// and sends no cookie that it was not given.
fn is_cross_site(parts: &Parts, public_url: &str) -> bool {
    let text = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let elsewhere = |site: &str| !site.eq_ignore_ascii_case("same-origin") && !site.eq_ignore_ascii_case("none");
    let host = text(HOST.as_str()).or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
    text("sec-fetch-site").is_some_and(elsewhere)
        || text(ORIGIN.as_str()).is_some_and(|origin| !is_ours(origin, host, public_url))
}

/// Whether an origin is this server, by the name that it was called by or by the one that it knows of itself. Over another
/// scheme than its own it is another server: anybody on the way may be that one.
fn is_ours(origin: &str, host: Option<&str>, public_url: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let Some((own_scheme, rest)) = public_url.split_once("://") else { return false };
    let own = rest.split('/').next().unwrap_or_default();
    let is_known = |name: &str| name.eq_ignore_ascii_case(authority);
    own_scheme.eq_ignore_ascii_case(scheme) && (is_known(own) || host.is_some_and(is_known))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[track_caller]
    fn check(headers: &[(&str, &str)], cross_site: bool) {
        let mut request = Request::post("/api/v1/agents");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).expect("sound headers").into_parts();
        assert_eq!(is_cross_site(&parts, "https://masker.example/base"), cross_site, "{headers:?}");
    }

    #[test]
    fn what_a_browser_says_counts_and_what_is_no_browser_says_nothing() {
        check(&[], false);
        check(&[("host", "10.0.0.7:8080")], false);
        check(&[("sec-fetch-site", "same-origin")], false);
        check(&[("sec-fetch-site", "none")], false);
        check(&[("sec-fetch-site", "cross-site")], true);
        check(&[("sec-fetch-site", "same-site")], true);
        check(&[("sec-fetch-site", "")], true);
        check(&[("origin", "https://masker.example"), ("host", "10.0.0.7:8080")], false);
        check(&[("origin", "https://localhost:8080"), ("host", "localhost:8080")], false);
        check(&[("origin", "http://localhost:8080"), ("host", "localhost:8080")], true);
        check(&[("origin", "http://masker.example"), ("host", "masker.example")], true);
        check(&[("origin", "https://MASKER.example")], false);
        check(&[("origin", "http://masker.example"), ("host", "10.0.0.7:8080")], true);
        check(&[("origin", "https://evil.example"), ("host", "masker.example")], true);
        check(&[("origin", "https://masker.example.evil"), ("host", "masker.example")], true);
        check(&[("origin", "null"), ("host", "null")], true);
        check(&[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")], true);
        check(&[("origin", "https://masker.example"), ("sec-fetch-site", "cross-site")], true);
    }

    #[test]
    fn http_2_names_the_host_in_the_address() {
        let request = Request::post("https://10.0.0.7/api/v1/agents").header("origin", "https://10.0.0.7");
        let (parts, ()) = request.body(()).expect("a sound request").into_parts();
        assert!(!is_cross_site(&parts, "https://masker.example"));
    }
}
