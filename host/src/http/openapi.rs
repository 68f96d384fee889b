//! The OpenAPI document of the whole surface, generated from the handlers: `/api/v1/openapi.json`.
//!
//! A handler says with `#[utoipa::path]` what is its own; what every operation of its sort has in common is added here
//! ([`finish`]), so that a handler lists the codes of its own errors only, as `x-errors`. A test holds this document
//! against the router's table.

pub mod errors;
mod finish;
pub mod inputs;

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use bytes::Bytes;
use serde_json::Value;
use utoipa::OpenApi;

use super::{api, docs, health, portal, proxy, webhook};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Masker",
        description = "Keeps protected data out of LLMs during phone calls. Nothing published under `v1` is ever broken: \
            new endpoints, optional fields and enum values only. Lists take `limit` and `cursor`; every response carries \
            `X-Request-Id`, which errors repeat.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "agents", description = "What calls are proxied for: upstream, policy, credentials."),
        (name = "sessions", description = "One proxied request is one session."),
        (name = "policies", description = "What is masked, and how."),
        (name = "plugins", description = "What finds it: WebAssembly components."),
        (name = "tools", description = "Masking without a call."),
        (name = "audit", description = "The journal and its proofs."),
        (name = "vault", description = "What tokens stand for: how much there is, and erasing it."),
        (name = "reports", description = "What happened, signed."),
        (name = "sign-in", description = "People, in a browser."),
        (name = "tokens", description = "API tokens, for scripts."),
        (name = "proxy", description = "OpenAI's API, for voice agents. Errors are OpenAI-shaped."),
        (name = "webhook", description = "What voice platforms ask when a call comes in."),
        (name = "service", description = "Health and documentation."),
    ),
    paths(
        api::agents::create, api::agents::list, api::agents::show, api::agents::update, api::agents::delete,
        api::agents::rotate_proxy_key, api::agents::list_sessions,
        api::auth::github, api::auth::github_callback, api::auth::link_github, api::auth::link_page, api::auth::use_link, api::auth::logout,
        api::auth::logout_all,
        api::auth::sign_ins::list,
        api::auth::sign_ins::end,
        api::audit::verify, api::audit::export, api::audit::prove,
        api::reports::of_session, api::reports::of_agent, api::reports::of_account, api::reports::key, api::reports::schema,
        api::stats::show, api::keys::list, api::auth::methods, portal::page, portal::any_page, portal::asset,
        api::me::show, api::mask::mask, api::synthesize::synthesize,
        api::policies::list, api::policies::show, api::policies::put, api::policies::validate, api::policies::reload,
        api::plugins::list, api::plugins::show, api::plugins::install, api::plugins::remove,
        api::sessions::list, api::sessions::detail::show, api::sessions::stream::stream,
        api::vault::stats, api::vault::purge,
        api::tokens::create, api::tokens::list, api::tokens::delete,
        proxy::completions, proxy::models, proxy::model, webhook::receive,
        health::health, health::live, health::ready, show, docs::show,
    ),
    components(schemas(errors::ApiErrorBody, errors::ProxyErrorBody)),
)]
struct Surface;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| finish::finish(&Surface::openapi()));
static BYTES: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(DOCUMENT.to_string()));

/// The document.
pub fn document() -> &'static Value {
    &DOCUMENT
}

/// `GET /api/v1/openapi.json`.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "service", operation_id = "openapi",
    responses((status = 200, description = "This document.", body = Object)),
    security(()),
)]
pub async fn show() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], BYTES.clone())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Path and method of every route in the router's table, read from its source: axum does not tell.
    fn routed() -> BTreeSet<(String, String)> {
        let (table, _) = include_str!("router.rs").split_once("#[cfg(test)]").expect("the router has tests");
        let mut routes = BTreeSet::new();
        for route in table.split(".route(").skip(1) {
            let mut parts = route.splitn(3, '"');
            let (Some(""), Some(path), Some(handlers)) = (parts.next().map(str::trim), parts.next(), parts.next())
            else {
                panic!("a route's path is written out: {route}")
            };
            let handlers = handlers.split(['\n', ';']).next().expect("handlers");
            // A handler with a layer of its own is made above and merged.
            let merged = handlers.split_once(".merge(").and_then(|(_, rest)| rest.split_once(')'));
            let merged = merged.and_then(|(name, _)| table.split_once(&format!("let {name} =")));
            let merged = merged.and_then(|(_, rest)| rest.split_once(';')).map_or("", |(made, _)| made);
            let handlers = format!("{handlers}{merged}");
            for method in ["get", "post", "put", "patch", "delete"] {
                let named = handlers.contains(&format!(" {method}(")) || handlers.contains(&format!(".{method}("));
                if named {
                    routes.insert((path.replace("{*", "{"), method.to_owned()));
                }
            }
        }
        routes
    }

    fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
        let paths = document()["paths"].as_object().expect("paths");
        paths.iter().flat_map(|(path, item)| {
            let item = item.as_object().expect("a path item");
            item.iter().map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
    }

    #[test]
    fn the_document_and_the_routers_table_name_the_same_operations() {
        let documented: BTreeSet<_> =
            operations().map(|(path, method, _)| (path.to_owned(), method.to_owned())).collect();
        let routed = routed();
        assert!(routed.len() > 20, "are routes still found? {routed:?}");
        let undocumented: Vec<_> = routed.difference(&documented).collect();
        let gone: Vec<_> = documented.difference(&routed).collect();
        assert!(undocumented.is_empty(), "annotate them and name them in openapi.rs: {undocumented:?}");
        assert!(gone.is_empty(), "no route leads there: {gone:?}");
    }

    #[test]
    fn every_error_that_a_handler_names_is_in_the_table() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
        let (mut folders, mut named) = (vec![folder], 0);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let source = std::fs::read_to_string(&path).expect("a source file");
                for list in source.split("\"x-errors\" = json!([").skip(1) {
                    let list = list.split("])").next().expect("a list");
                    for code in
                        list.split(',').map(|code| code.trim().trim_matches('"')).filter(|code| !code.is_empty())
                    {
                        assert!(errors::ERRORS.iter().any(|(own, ..)| *own == code), "{code} in {}", path.display());
                        named += 1;
                    }
                }
            }
        }
        assert!(named > 30, "are they still found?");
    }

    #[test]
    fn operations_have_names_of_their_own_and_only_errors_that_are_known() {
        let mut names = BTreeSet::new();
        for (path, method, operation) in operations() {
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
