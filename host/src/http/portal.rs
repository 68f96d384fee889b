//! `/portal`: the web interface for the API. Its files are embedded in the binary; every page calls `/api/v1` with the
//! sign-in cookie, so everything it does is also available over HTTP.
//!
//! The content security policy restricts pages to these files: nothing is loaded from elsewhere, no inline script runs.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH,
    REFERRER_POLICY,
};
use axum::response::{IntoResponse, Response};

use super::error::ApiError;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

macro_rules! assets {
    ($($name:literal),* $(,)?) => {
        /// All files, by their name below `/portal/assets/`.
        const ASSETS: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../portal/", $name)))),*];
    };
}

assets!(
    "app.css",
    "app.js",
    "api.js",
    "chart.js",
    "dom.js",
    "format.js",
    "shell.js",
    "pages/agent.js",
    "pages/agents.js",
    "pages/dashboard.js",
    "pages/journal.js",
    "pages/playground.js",
    "pages/plugins.js",
    "pages/policies.js",
    "pages/policy.js",
    "pages/session.js",
    "pages/sessions.js",
    "pages/settings.js",
    "pages/sign_in.js",
);

const PAGE: &str = include_str!("../../portal/index.html");

/// Returns the portal. The script selects the page.
#[utoipa::path(
    get, path = "/portal", tag = "service", operation_id = "portal",
    responses((status = 200, description = "The portal's HTML.", body = String, content_type = "text/html")),
    security(()),
)]
pub async fn page() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, PAGE).into_response()
}

/// Returns the portal, for the address of one of its pages.
#[utoipa::path(
    get, path = "/portal/{*page}", tag = "service", operation_id = "portal_page",
    params(("page" = String, Path, description = "Path of the page.", example = "agents")),
    responses((status = 200, description = "The portal's HTML.", body = String, content_type = "text/html")),
    security(()),
)]
pub async fn any_page() -> Response {
    page().await
}

/// Returns a file of the portal.
#[utoipa::path(
    get, path = "/portal/assets/{*file}", tag = "service", operation_id = "portal_asset",
    params(("file" = String, Path, description = "Name of the file.", example = "app.js")),
    responses((status = 200, description = "A script or a style sheet.", body = String, content_type = "text/javascript")),
    security(()),
    extensions(("x-errors" = json!(["not_found"]))),
)]
pub async fn asset(Path(file): Path<String>, headers: HeaderMap) -> Result<Response, ApiError> {
    let Some((name, content)) = ASSETS.iter().find(|(name, _)| *name == file) else {
        return Err(ApiError::not_found("the portal has no such file"));
    };
    let tag = format!("\"{}\"", &blake3::hash(content.as_bytes()).to_hex()[..16]);
    let kind = if name.ends_with(".css") { "text/css; charset=utf-8" } else { "text/javascript; charset=utf-8" };
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()) == Some(&tag);
    let headers: [(HeaderName, HeaderValue); 3] = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        // Revalidated on every load, because files change with the binary. Mostly answered with 304.
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (ETAG, HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))),
    ];
    Ok(if known { (StatusCode::NOT_MODIFIED, headers).into_response() } else { (headers, *content).into_response() })
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { files(&path, found) } else { found.push(path) }
        }
    }

    #[test]
    fn every_file_is_served_and_none_names_another_host() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("portal");
        let mut found = Vec::new();
        files(&folder, &mut found);
        for path in found {
            let name = path.strip_prefix(&folder).expect("below it").to_str().expect("UTF-8").to_owned();
            assert!(name == "index.html" || ASSETS.iter().any(|(own, _)| *own == name), "{name} is not served");
        }
        for (name, content) in ASSETS.iter().chain([&("index.html", PAGE)]) {
            for link in content.split("http").skip(1).filter(|rest| rest.starts_with("://") || rest.starts_with("s://"))
            {
                let known = ["://www.w3.org/2000/svg", "s://clinic.example"].iter().any(|own| link.starts_with(own));
                assert!(known, "{name}: http{}", &link[..link.len().min(40)]);
            }
            assert!(!content.contains("innerHTML") && !content.contains("eval("), "{name}: text is put in as text");
        }
    }
}
