//! Extractors for bodies other than our JSON: a policy document and a WebAssembly component.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use utoipa::ToSchema;

use super::body;
use super::error::ApiError;
use crate::app::App;

/// Accepted content types of a policy document. JSON is valid YAML.
const POLICY_TYPES: [&str; 5] =
    ["application/json", "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"];

/// A policy document in YAML or JSON.
#[derive(ToSchema)]
#[schema(as = PolicyText)]
pub struct PolicyDocument(pub String);

impl FromRequest<Arc<App>> for PolicyDocument {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        if !is_one_of(request.headers(), &POLICY_TYPES) {
            return Err(unsupported("send the policy with Content-Type: application/yaml or application/json"));
        }
        let bytes = body::read(request.into_body(), app.config.max_body_bytes).await?;
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| ApiError::field("body", "is not UTF-8"))?;
        Ok(Self(text))
    }
}

/// A WebAssembly component.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct Component(pub Vec<u8>);

impl FromRequest<Arc<App>> for Component {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        if !is_one_of(request.headers(), &["application/wasm"]) {
            return Err(unsupported("send the component with Content-Type: application/wasm"));
        }
        Ok(Self(body::read(request.into_body(), app.config.max_plugin_bytes).await?.to_vec()))
    }
}

/// Whether the content type is one of these, ignoring parameters.
fn is_one_of(headers: &HeaderMap, types: &[&str]) -> bool {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = given.split(';').next().unwrap_or_default().trim();
    types.iter().any(|known| known.eq_ignore_ascii_case(given))
}

fn unsupported(message: &str) -> ApiError {
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_types_parameters_and_case_make_no_difference() {
        for (value, is_known) in [
            ("application/yaml", true),
            ("Application/YAML; charset=utf-8", true),
            ("text/plain", false),
            ("application/yamlx", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, value.parse().expect("a header's value"));
            assert_eq!(is_one_of(&headers, &POLICY_TYPES), is_known, "{value}");
        }
        assert!(!is_one_of(&HeaderMap::new(), &POLICY_TYPES));
    }
}
