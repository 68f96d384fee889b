//! Rejects requests that another site's page makes a browser send (CSRF). Browsers attach cookies to such requests, so
//! there a cookie does not authenticate.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;

use super::auth;
use super::error::ApiError;
use crate::app::App;

/// Extractor for handlers that have side effects on a read: 403 if the browser sent the cookie on behalf of another
/// site's page. Writes do not need it, their cookies are always checked.
pub struct OwnPage;

impl FromRequestParts<Arc<App>> for OwnPage {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        // Browsers do not attach tokens by themselves.
        if auth::bearer(&parts.headers).is_none() {
            refuse(parts, &app.config.public_url)?;
        }
        Ok(Self)
    }
}

/// Rejects a cross-site request.
///
/// # Errors
/// 403 if another site's page may have caused the request.
pub fn refuse(parts: &Parts, public_url: &str) -> Result<(), ApiError> {
    if is_cross_site(parts, public_url) {
        let message = "cross-site request refused; if it was sent by Masker's own page, MASKER_PUBLIC_URL is \
                       not the address at which the page was opened";
        return Err(ApiError::forbidden(message));
    }
    Ok(())
}

/// Evaluates the browser's statements about the origin of a request. Browsers send one or both headers; a client that
/// sends neither is not a browser, and sends no cookie that it was not given.
fn is_cross_site(parts: &Parts, public_url: &str) -> bool {
    let text = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let elsewhere = |site: &str| !site.eq_ignore_ascii_case("same-origin") && !site.eq_ignore_ascii_case("none");
    let host = text(HOST.as_str()).or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
    text("sec-fetch-site").is_some_and(elsewhere)
        || text(ORIGIN.as_str()).is_some_and(|origin| !is_ours(origin, host, public_url))
}

/// Whether an origin is this server, by the requested host name or by the public URL. Another scheme than that of the
/// public URL is another server: anyone on the network path could be that one.
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
