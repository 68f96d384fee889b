//! `GET /api/v1/docs`: the OpenAPI document as an HTML page. Rendered once on the server, so the page needs no script
//! and makes no request to another host.

use std::fmt::Write;
use std::sync::LazyLock;

use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::openapi;

const STYLE: &str = include_str!("docs/style.css");

static PAGE: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(page(openapi::document())));
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
});

/// Returns the API reference as an HTML page.
#[utoipa::path(
    get, path = "/api/v1/docs", tag = "service", operation_id = "docs",
    responses((status = 200, description = "The API reference.", body = String, content_type = "text/html")),
    security(()),
)]
pub async fn show() -> impl IntoResponse {
    let headers: [(HeaderName, &str); 3] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, &POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, PAGE.clone()).into_response()
}

fn page(document: &Value) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Masker: API reference</title><style>{STYLE}</style></head><body>\
         <h1>Masker: API reference</h1><p>{}</p><p>OpenAPI document: <a href=\"openapi.json\">openapi.json</a></p><nav><ul>",
        words(&document["info"]["description"])
    );
    let tags: Vec<(&str, &Value)> = items(&document["tags"])
        .filter_map(|tag| Some((tag["name"].as_str()?, &tag["description"])))
        .filter(|(tag, _)| operations(document).any(|(.., operation)| operation["tags"][0] == **tag))
        .collect();
    for (tag, _) in &tags {
        put(&mut html, format_args!("<li><a href=\"#{tag}\">{tag}</a></li>"));
    }
    html.push_str("<li><a href=\"#bodies\">schemas</a></li></ul></nav>");
    for (tag, about) in tags {
        put(&mut html, format_args!("<h2 id=\"{tag}\">{tag}</h2><p>{}</p>", words(about)));
        for (path, method, operation) in operations(document).filter(|(.., operation)| operation["tags"][0] == *tag) {
            put_operation(&mut html, path, method, operation);
        }
    }
    html.push_str("<h2 id=\"bodies\">schemas</h2>");
    for (name, schema) in fields(&document["components"]["schemas"]) {
        put(&mut html, format_args!("<details id=\"body-{name}\"><summary><code>{}</code></summary>", escape(name)));
        put(&mut html, format_args!("<p>{}</p>", words(&schema["description"])));
        put_properties(&mut html, schema);
        html.push_str("</details>");
    }
    html.push_str("</body></html>");
    html
}

fn put_operation(html: &mut String, path: &str, method: &str, operation: &Value) {
    let method = method.to_uppercase();
    put(html, format_args!("<details><summary><b>{method}</b> <code>{}</code></summary>", escape(path)));
    put(html, format_args!("<p>{}</p><p>{}</p>", words(&operation["summary"]), words(&operation["description"])));
    let open =
        operation.get("security").and_then(Value::as_array).is_some_and(|any| any.contains(&serde_json::json!({})));
    if !open {
        html.push_str(
            "<p>Requires the cookie <code>masker_session</code> or <code>Authorization: Bearer mskt_...</code></p>",
        );
    }
    html.push_str("<table>");
    for parameter in items(&operation["parameters"]) {
        let need = if parameter["required"] == true { "required" } else { "optional" };
        let (name, place) = (words(&parameter["name"]), words(&parameter["in"]));
        let about = words(&parameter["description"]);
        put(html, format_args!("<tr><td><code>{name}</code></td><td>{place}, {need}</td><td>{about}</td></tr>"));
    }
    html.push_str("</table>");
    for (kind, content) in fields(&operation["requestBody"]["content"]) {
        put(html, format_args!("<p>Body, <code>{}</code>: {}</p>", escape(kind), type_of(&content["schema"])));
    }
    html.push_str("<table>");
    for (status, response) in fields(&operation["responses"]) {
        let bodies: Vec<String> =
            fields(&response["content"]).map(|(_, content)| type_of(&content["schema"])).collect();
        let about = words(&response["description"]);
        put(html, format_args!("<tr><td>{status}</td><td>{about}</td><td>{}</td></tr>", bodies.join(" or ")));
    }
    html.push_str("</table></details>");
}

fn put_properties(html: &mut String, schema: &Value) {
    for part in items(&schema["allOf"]) {
        put(html, format_args!("<p>All of {}</p>", type_of(part)));
        put_properties(html, part);
    }
    html.push_str("<table>");
    for (name, property) in fields(&schema["properties"]) {
        let need = if items(&schema["required"]).any(|own| own == name) { "" } else { ", optional" };
        let (kind, about) = (type_of(property), words(&property["description"]));
        put(html, format_args!("<tr><td><code>{}</code></td><td>{kind}{need}</td><td>{about}</td></tr>", escape(name)));
    }
    html.push_str("</table>");
    if let Some(example) = schema.get("example") {
        put(html, format_args!("<pre>{}</pre>", escape(&format!("{example:#}"))));
    }
}

/// A short description of a schema's type.
fn type_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return format!("<a href=\"#body-{0}\">{0}</a>", escape(name));
    }
    let several = ["oneOf", "anyOf", "allOf"].into_iter().find_map(|word| schema[word].as_array());
    if let Some(several) = several {
        // The second part of an error schema lists its codes.
        let parts: Vec<String> = several.iter().map(type_of).filter(|part| !part.is_empty()).collect();
        return parts.join(" or ");
    }
    if let Some(known) = schema["enum"].as_array() {
        return known.iter().map(|word| format!("<code>{}</code>", words(word))).collect::<Vec<_>>().join(", ");
    }
    match &schema["type"] {
        Value::Array(types) => types.iter().map(words).collect::<Vec<_>>().join(" or "),
        kind if kind == "array" => format!("list of {}", type_of(&schema["items"])),
        kind => words(kind),
    }
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    fields(&document["paths"])
        .flat_map(|(path, item)| fields(item).map(move |(method, operation)| (path, method, operation)))
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn fields(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

/// A text as HTML, with backquoted parts as code.
fn words(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let pieces = text.split('`').enumerate();
    pieces
        .map(|(index, piece)| match index % 2 {
            0 => escape(piece),
            _ => format!("<code>{}</code>", escape(piece)),
        })
        .collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn put(html: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _ = html.write_fmt(what);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_every_operation_and_asks_nobody_for_anything() {
        let page = page(openapi::document());
        for (path, method, _) in operations(openapi::document()) {
            let line = format!("<b>{}</b> <code>{path}</code>", method.to_uppercase());
            assert!(page.contains(&line), "{line}");
        }
        for foreign in ["<script", "<link", "<img", "src=", "href=\"http", "url(", "@import"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }

    #[test]
    fn texts_are_escaped_and_code_is_marked() {
        assert_eq!(words(&serde_json::json!("a <b> `c & d`")), "a &lt;b&gt; <code>c &amp; d</code>");
        let markup = serde_json::json!({"info": {"description": "<script>"}, "paths": {}});
        assert!(!page(&markup).contains("<script>"));
    }
}
