//! `GET /api/v1/openapi.json`: the OpenAPI document, generated from the table of endpoints.
//!
//! A handler describes itself with `#[utoipa::path]`. What all operations of a kind have in common is added in
//! [`finish`], so a handler lists only its own error codes, as `x-errors`.

pub mod errors;
mod finish;
pub mod schemas;

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use bytes::Bytes;
use serde_json::Value;
use utoipa::OpenApi;

use super::router;

/// The document without endpoints.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Masker",
        description = "Keeps protected data out of LLMs during phone calls. Changes under `v1` are backward compatible: \
            new endpoints, optional fields and enum values only. Lists take `limit` and `cursor`; every response carries \
            `X-Request-Id`, which errors repeat.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "agents", description = "Agents: upstream, policy and credentials of one voice assistant."),
        (name = "sessions", description = "Sessions: one per proxied request."),
        (name = "policies", description = "Policies: what is masked, and how."),
        (name = "plugins", description = "Detection plugins: sandboxed WebAssembly components."),
        (name = "tools", description = "Masking a text without an LLM call."),
        (name = "audit", description = "Verification, export and proofs of the journal."),
        (name = "vault", description = "The values behind tokens: statistics and erasure."),
        (name = "reports", description = "Signed compliance reports."),
        (name = "sign-in", description = "Sign-in of users in a browser."),
        (name = "tokens", description = "API tokens for scripts."),
        (name = "proxy", description = "OpenAI-compatible API for voice agents. Errors have OpenAI's shape."),
        (name = "webhook", description = "Webhook that voice platforms call when a call comes in."),
        (name = "service", description = "Health and documentation."),
    ),
    components(schemas(errors::ApiErrorBody, errors::ProxyErrorBody)),
)]
pub(super) struct Frame;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| finish::finish(&router::described()));
static BYTES: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(DOCUMENT.to_string()));

/// The document.
pub fn document() -> &'static Value {
    &DOCUMENT
}

/// Returns the OpenAPI document.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "service", operation_id = "openapi",
    responses((status = 200, description = "The OpenAPI document.", body = Object)),
    security(()),
)]
pub async fn show() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], BYTES.clone())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
        let paths = document["paths"].as_object().expect("paths");
        paths.iter().flat_map(|(path, item)| {
            let item = item.as_object().expect("a path item");
            item.iter().map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
    }

    #[test]
    fn every_error_that_a_handler_names_is_in_the_table() {
        let described = serde_json::json!(router::described());
        let named: Vec<&str> = operations(&described)
            .flat_map(|(.., operation)| operation["x-errors"].as_array().into_iter().flatten())
            .map(|code| code.as_str().expect("a code"))
            .collect();
        assert!(named.len() > 30, "are they still found?");
        for code in named {
            assert!(errors::ERRORS.iter().any(|(own, ..)| *own == code), "{code}");
        }
    }

    #[test]
    fn operations_have_names_of_their_own_and_only_errors_that_are_known() {
        let mut names = BTreeSet::new();
        for (path, method, operation) in operations(document()) {
            let name = operation["operationId"].as_str().expect("an operation has a name");
            assert!(names.insert(name), "{name} is there twice");
            assert!(operation["summary"].is_string() && operation["tags"][0].is_string(), "{method} {path}");
            assert!(operation.get("x-errors").is_none(), "{method} {path}");
        }
    }

    #[test]
    fn references_lead_somewhere() {
        fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
            match value {
                Value::Object(map) => {
                    found.extend(map.get("$ref").and_then(Value::as_str));
                    map.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        references(document(), &mut found);
        assert!(found.len() > 50);
        for reference in found {
            let pointer = reference.strip_prefix('#').expect("a reference into this document");
            assert!(document().pointer(pointer).is_some(), "{reference}");
        }
    }
}
