//! Plugins over HTTP: installed, replaced and removed while agents serve; and the required scopes.

use axum::body::Body;
use hyper::Request;
use masker::audit::event::EventKind;
use masker_tests::fake_upstream::respond;
use masker_tests::test_app::{Answer, STAFF_POLICY};
use masker_tests::{TestApp, components};
use serde_json::{Value, json};

use super::{another_account, send, token};

async fn upload_as(app: &TestApp, secret: &str, content_type: &str, component: Vec<u8>) -> Answer {
    let request = Request::post("/api/v1/plugins")
        .header("content-type", content_type)
        .header("authorization", format!("Bearer {secret}"));
    app.request(request.body(Body::from(component)).expect("a sound request")).await
}

async fn upload(app: &TestApp, component: Vec<u8>) -> Answer {
    let secret = token(app, None, &["plugins:write", "agents:read"]).await;
    upload_as(app, &secret, "application/wasm", component).await
}

pub(super) async fn get(app: &TestApp, path: &str) -> Answer {
    app.api("GET", path, &Value::Null).await
}

pub(super) async fn delete(app: &TestApp, name: &str) -> Answer {
    app.api("DELETE", &format!("/api/v1/plugins/{name}"), &Value::Null).await
}

/// A guest with every `from` replaced by `to`, of the same length.
pub(super) fn changed(guest: &str, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = components::guest(guest);
    let at: Vec<usize> =
        (0..=bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from.as_bytes())).collect();
    assert!(!at.is_empty(), "the guest holds {from}");
    for at in at {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

/// `(component (import "read-clock" (func)))`, in the component model's binary format.
const IMPORTS_A_CLOCK: &[u8] = b"\0asm\x0d\0\x01\0\x07\x05\x01\x40\0\x01\0\x0a\x0f\x01\0\x0aread-clock\x01\0";

#[track_caller]
fn check(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (status, code), "{}", answer.text());
}

pub(super) fn kinds(app: &TestApp) -> Vec<EventKind> {
    let kinds = [EventKind::PluginInstalled, EventKind::PluginRemoved];
    app.events().iter().map(|event| event.kind).filter(|kind| kinds.contains(kind)).collect()
}

#[tokio::test]
async fn a_row_says_what_a_plugin_is_and_how_it_does() {
    let app = TestApp::start().await;
    app.upstream.respond_with(respond::echo);
    assert_eq!(app.say("I am E-12345.").await.status, 200);
    let row = get(&app, "/api/v1/plugins/staff-id").await.json()["plugin"].clone();
    let size = components::guest("staff-id").len();
    assert_eq!(
        (&row["name"], &row["version"], &row["source"]),
        (&json!("staff-id"), &json!("1.0.0"), &json!("built-in"))
    );
    assert_eq!((&row["size"], &row["contract_version"]), (&json!(size), &json!("0.1.0")));
    assert!(row["kinds"].as_array().is_some_and(|kinds| kinds.contains(&json!("STAFF_ID"))), "{row}");
    assert!(row["digest"].as_str().is_some_and(|text| text.starts_with("sha256:") && text.len() == 71), "{row}");
    assert_eq!((&row["calls"], &row["failures"]), (&json!(1), &json!(0)));
    assert!(row["p50_ms"].as_f64().is_some_and(|time| time > 0.0) && row["p99_ms"] == row["p50_ms"], "{row}");
    check(&get(&app, "/api/v1/plugins/nothing").await, 404, "plugin_not_found");
    app.finish().await;
}

#[tokio::test]
async fn the_list_of_plugins_goes_by_name() {
    let app = TestApp::builder().guest("remembers").guest("panics").start().await;
    let (mut names, mut query) = (Vec::new(), String::new());
    loop {
        let page = get(&app, &format!("/api/v1/plugins?limit=2{query}")).await.json();
        let rows = page["data"].as_array().expect("rows");
        names.extend(rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("&cursor={cursor}");
    }
    assert!(
        names.is_sorted() && ["panics", "remembers", "staff-id"].iter().all(|name| names.iter().any(|own| own == name)),
        "{names:?}"
    );
    check(&get(&app, "/api/v1/plugins?cursor=x").await, 422, "validation_failed");
    check(&get(&app, "/api/v1/plugins?limit=0").await, 422, "validation_failed");
    app.finish().await;
}

#[tokio::test]
async fn an_upload_takes_a_plugins_place_for_every_agent_and_gives_it_back_when_it_is_removed() {
    let mut app = TestApp::start().await;
    app.upstream.respond_with(respond::echo);
    let version = async |app: &TestApp| get(app, "/api/v1/plugins/staff-id").await.json()["plugin"]["version"].clone();
    let answer = upload(&app, changed("staff-id", "1.0.0", "9.0.0")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        (&answer.json()["plugin"]["source"], &answer.json()["plugin"]["calls"]),
        (&json!("uploaded"), &json!(0))
    );
    app.say("I am E-12345.").await;
    assert!(app.forwarded_text().contains("MSKV1.STAFF_ID."));
    assert_eq!(get(&app, "/api/v1/plugins/staff-id").await.json()["plugin"]["calls"], 1, "the agent runs on it");

    app.restart().await;
    assert_eq!(version(&app).await, "9.0.0", "it is kept");
    assert_eq!(delete(&app, "staff-id").await.status, 204);
    assert_eq!(version(&app).await, "1.0.0", "what it covered is there again");
    app.say("I am E-54321.").await;
    assert!(app.forwarded_text().contains("MSKV1.STAFF_ID."));
    check(&delete(&app, "staff-id").await, 403, "forbidden");
    check(&delete(&app, "nothing").await, 404, "plugin_not_found");
    assert_eq!(kinds(&app), [EventKind::PluginInstalled, EventKind::PluginRemoved]);
    app.restart().await;
    assert_eq!(version(&app).await, "1.0.0");
    app.finish().await;
}

#[tokio::test]
async fn a_plugin_that_an_agent_needs_is_not_removed() {
    let app = TestApp::start().await;
    let answer = upload(&app, components::guest("remembers")).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let policy =
        STAFF_POLICY.replace("[staff-id]", "[staff-id, remembers]").replace("{STAFF_ID", "{NAME: {}, STAFF_ID");
    let new = json!({"name": "needs it", "upstream": "stub", "policy_yaml": policy});
    let agent = app.create_agent(new).await;
    let refused = delete(&app, "remembers").await;
    check(&refused, 409, "plugin_in_use");
    assert!(refused.text().contains("1 of the agents"), "{}", refused.text());
    assert_eq!(get(&app, "/api/v1/plugins/remembers").await.status, 200);
    app.api("DELETE", &format!("/api/v1/agents/{}", agent.id), &Value::Null).await;
    assert_eq!(delete(&app, "remembers").await.status, 204);
    check(&get(&app, "/api/v1/plugins/remembers").await, 404, "plugin_not_found");
    app.finish().await;
}

#[tokio::test]
async fn a_component_that_cannot_be_used_changes_nothing() {
    let app = TestApp::builder().guest("undeclared-kind").start().await;
    app.upstream.respond_with(respond::echo);
    let imports = upload(&app, IMPORTS_A_CLOCK.to_vec()).await;
    check(&imports, 422, "plugin_invalid");
    assert!(
        imports.text().contains("imports read-clock") && imports.text().contains("wasm32-unknown-unknown"),
        "{}",
        imports.text()
    );
    check(&upload(&app, b"hello".to_vec()).await, 422, "plugin_invalid");
    check(&upload(&app, Vec::new()).await, 422, "plugin_invalid");
    // A name with different semantics.
    check(&upload(&app, changed("panics", "panics", "memory")).await, 422, "plugin_invalid");
    // Valid, but it rejects the configuration of an agent's policy.
    let policy =
        STAFF_POLICY.replace("[staff-id]", "[staff-id, undeclared-kind]").replace("{STAFF_ID", "{NAME: {}, STAFF_ID");
    let agent = app.create_agent(json!({"name": "needs it", "upstream": "stub", "policy_yaml": policy})).await;
    let breaks = upload(&app, changed("configure-fails", "configure-fails", "undeclared-kind")).await;
    check(&breaks, 422, "plugin_invalid");
    assert!(
        breaks.text().contains("1 of the agents") && breaks.text().contains("this word is not known"),
        "{}",
        breaks.text()
    );
    assert_eq!(get(&app, "/api/v1/plugins/undeclared-kind").await.json()["plugin"]["source"], "built-in");
    assert!(app.app().serving(&agent.id.parse().expect("an id")).is_some());
    app.say("I am E-12345.").await;
    assert!(app.forwarded_text().contains("MSKV1.STAFF_ID."));
    assert!(kinds(&app).is_empty() && !app.data_dir().join("plugins").exists(), "nothing is kept");
    app.finish().await;
}

#[tokio::test]
async fn only_a_component_is_taken_and_none_that_is_too_large() {
    let app = TestApp::builder().env("MASKER_MAX_PLUGIN_BYTES", "1024").start().await;
    let secret = token(&app, None, &["plugins:write"]).await;
    let component = components::guest("staff-id");
    for other in ["application/json", "application/octet-stream", ""] {
        check(&upload_as(&app, &secret, other, component.clone()).await, 415, "unsupported_media_type");
    }
    check(&upload_as(&app, &secret, "application/wasm", component).await, 413, "payload_too_large");
    app.finish().await;
    let app = TestApp::builder().env("MASKER_MAX_BODY_BYTES", "1024").start().await;
    assert_eq!(upload(&app, components::guest("remembers")).await.status, 201, "its limit is another one");
    app.finish().await;
}

#[tokio::test]
async fn plugins_are_seen_by_all_accounts_and_changed_by_the_owners() {
    let app = TestApp::start().await;
    let other = another_account(&app);
    let admin = token(&app, Some(other), &["admin"]).await;
    let bearer = format!("Bearer {admin}");
    let row = send(&app, "GET", "/api/v1/plugins/staff-id", Some(&bearer), "").await.json();
    assert!(row["plugin"]["version"].is_string() && row["plugin"]["calls"].is_null(), "{row}");
    check(&upload_as(&app, &admin, "application/wasm", components::guest("remembers")).await, 403, "forbidden");
    check(&send(&app, "DELETE", "/api/v1/plugins/staff-id", Some(&bearer), "").await, 403, "forbidden");
    let reader = token(&app, None, &["agents:read"]).await;
    check(&upload_as(&app, &reader, "application/wasm", components::guest("remembers")).await, 403, "forbidden");
    check(&send(&app, "GET", "/api/v1/plugins", None, "").await, 401, "unauthenticated");
    app.finish().await;
}
