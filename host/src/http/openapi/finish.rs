//! Completes the generated document: adds the common errors, the request id and the security to every operation.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use super::errors::ERRORS;

/// A request id for examples.
const EXAMPLE_ID: &str = "req_01JZ0000000000000000000000";

/// Completes the document.
pub fn finish(generated: &OpenApi) -> Value {
    let mut document = json!(generated);
    document["components"]["securitySchemes"] = security_schemes();
    document["security"] = json!([{"cookie": []}, {"token": []}]);
    if let Some(paths) = document["paths"].as_object_mut() {
        // OpenAPI has no equivalent of axum's wildcard `{*rest}`.
        *paths = std::mem::take(paths).into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
        let mut names = HashMap::new();
        for operation in paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
            complete(operation);
            number(operation, &mut names);
        }
    }
    document
}

fn security_schemes() -> Value {
    json!({
        "cookie": {
            "type": "apiKey", "in": "cookie", "name": "masker_session",
            "description": "A signed-in user. Cross-site writes are refused.",
        },
        "token": {
            "type": "http", "scheme": "bearer",
            "description": "An API token, `mskt_...`. A call refused with 403 names the scope that it requires.",
        },
        "proxy_key": {
            "type": "http", "scheme": "bearer",
            "description": "In addition to the agent's id in the path, which is itself a credential: the key `mskp_...` of an \
                agent whose `proxy_auth` is `key`.",
        },
    })
}

/// Adds the common parts of its kind and its errors as responses to an operation.
fn complete(operation: &mut Value) {
    let of_proxy = operation["tags"][0] == "proxy";
    let codes = error_codes(operation, of_proxy);
    let mut by_status: BTreeMap<u16, Vec<(&str, &str)>> = BTreeMap::new();
    for (code, status, when) in ERRORS.iter().filter(|(code, ..)| codes.iter().any(|own| own == code)) {
        by_status.entry(*status).or_default().push((code, when));
    }
    if of_proxy {
        operation["security"] = json!([{}, {"proxy_key": []}]);
    }
    for (status, errors) in by_status {
        // A response declared by the handler takes precedence, such as the 503 of a health check.
        if operation["responses"].get(status.to_string()).is_none() {
            operation["responses"][status.to_string()] = error_response(status, &errors, of_proxy);
        }
    }
    for response in operation["responses"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        response["headers"]["X-Request-Id"] =
            json!({"required": true, "description": "The id of the request.", "schema": {"type": "string"}});
    }
}

fn error_codes(operation: &mut Value, of_proxy: bool) -> Vec<String> {
    let own = operation.as_object_mut().and_then(|operation| operation.remove("x-errors"));
    let own = own.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut codes: Vec<String> = own.map(str::to_owned).collect();
    let mut add = |more: &[&str]| codes.extend(more.iter().map(|code| (*code).to_owned()));
    add(&["internal_error", "bad_request"]);
    if operation.get("security").is_none() {
        add(&["unauthenticated", "forbidden", "rate_limited"]);
    }
    if operation.get("requestBody").is_some() {
        add(&["payload_too_large", "request_timeout", "overloaded", "validation_failed"]);
        if !of_proxy {
            add(&["unsupported_media_type"]);
        }
    }
    let parameters = operation["parameters"].as_array();
    if parameters.into_iter().flatten().any(|parameter| parameter["in"] == "query") {
        add(&["validation_failed"]);
    }
    codes
}

fn error_response(status: u16, errors: &[(&str, &str)], of_proxy: bool) -> Value {
    let lines: Vec<String> = errors.iter().map(|(code, when)| format!("`{code}`: {when}")).collect();
    let examples: Map<String, Value> = errors
        .iter()
        .map(|(code, when)| ((*code).to_owned(), json!({"value": example(code, when, of_proxy)})))
        .collect();
    let codes: Vec<&str> = errors.iter().map(|(code, _)| *code).collect();
    let schema = if of_proxy {
        // Errors from the upstream pass through with their own codes.
        json!({"$ref": "#/components/schemas/ProxyError"})
    } else {
        json!({"allOf": [
            {"$ref": "#/components/schemas/Error"},
            {"properties": {"error": {"properties": {"code": {"enum": codes}}}}},
        ]})
    };
    let mut response = json!({
        "description": lines.join(" "),
        "content": {"application/json": {"schema": schema, "examples": examples}},
    });
    if status == 429 {
        response["headers"]["Retry-After"] = json!({"description": "Seconds.", "schema": {"type": "string"}});
    }
    response
}

fn example(code: &str, message: &str, of_proxy: bool) -> Value {
    if of_proxy {
        let kind = "invalid_request_error";
        return json!({"error": {"message": message, "type": kind, "param": null, "code": code, "request_id": EXAMPLE_ID}});
    }
    let mut error = json!({"code": code, "message": message, "request_id": EXAMPLE_ID});
    if code == "validation_failed" {
        error["details"] = json!([{"field": "name", "message": "is required"}]);
    }
    json!({"error": error})
}

/// An endpoint with several paths becomes several operations, each with a distinct name.
fn number(operation: &mut Value, names: &mut HashMap<String, usize>) {
    let Some(name) = operation["operationId"].as_str().map(str::to_owned) else { return };
    let times = names.entry(name.clone()).or_default();
    *times += 1;
    if *times > 1 {
        operation["operationId"] = json!(format!("{name}_{times}"));
    }
}
