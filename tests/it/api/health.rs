//! `GET /health`, `/livez` and `/readyz`.

use hyper::StatusCode;
use masker_tests::TestApp;
use masker_tests::components;
use masker_tests::fake_upstream::{Reply, respond};
use serde_json::{Value, json};

use super::{another_account, send, token};

async fn health(app: &TestApp) -> (StatusCode, Value) {
    let answer = send(app, "GET", "/health", None, "").await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn an_install_with_everything_is_ok_and_says_what_it_is() {
    let app = TestApp::healthcare().await;
    let (status, body) = health(&app).await;
    assert_eq!(status, StatusCode::OK);
    let ok = json!("ok");
    for component in ["db", "vault", "audit_log", "upstream", "ner_model", "plugins"] {
        assert_eq!(body["components"][component], ok, "{component}");
    }
    assert_eq!((&body["status"], &body["version"]), (&ok, &json!("0.1.0")));
    assert!(
        body["uptime_seconds"].is_u64() && body["build"]["commit"].is_string() && body["build"]["built_at"].is_string()
    );
    app.finish().await;
}

#[tokio::test]
async fn without_the_plugins_that_ship_it_is_degraded() {
    if !masker::app::embedded().is_empty() {
        return; // This build has them inside.
    }
    let app = TestApp::start().await;
    let (status, body) = health(&app).await;
    assert_eq!((status, &body["status"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("degraded")));
    assert_eq!((&body["components"]["ner_model"], &body["components"]["db"]), (&json!("degraded"), &json!("ok")));
    app.finish().await;
}

/// Sends this many messages to the agent, with this upstream response.
async fn say(app: &TestApp, times: usize, reply: fn() -> Reply) {
    for _ in 0..times {
        app.upstream.script(reply());
        app.say("hello").await;
    }
}

#[tokio::test]
async fn an_upstream_shows_once_most_of_enough_calls_failed() {
    let app = TestApp::healthcare().await;
    let failing: fn() -> Reply = Reply::server_error;
    for (times, reply, expected) in [
        (1, failing, "ok"),
        (3, Reply::close, "ok"),
        (1, failing, "degraded"),
        (4, || Reply::text("hello"), "degraded"),
        (1, || Reply::text("hello"), "ok"),
        (5, || Reply::error(400, "invalid_request_error", "too long"), "ok"),
    ] {
        say(&app, times, reply).await;
        let (status, body) = health(&app).await;
        assert_eq!(body["components"]["upstream"], expected, "after {times} more");
        let code = if expected == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        assert_eq!((status, &body["status"], &body["components"]["ner_model"]), (code, &json!(expected), &json!("ok")));
        let ready = send(&app, "GET", "/readyz", None, "").await;
        assert_eq!((ready.status, &ready.json()["status"]), (StatusCode::OK, &json!("ok")), "no restart helps");
    }
    app.upstream.respond_with(respond::echo);
    app.finish().await;
}

#[tokio::test]
async fn a_text_that_a_pass_fails_on_is_not_the_plugins_health() {
    // It fails on texts whose first character has two bytes.
    let policy = "name: sandbox\nversion: 1\nkid: K_HEALTHCARE\ntokenization: vault-deterministic\n\
                  passes: [inside-a-character]\nentities: {NAME: {}, STAFF_ID: {}}\n";
    let app = TestApp::builder().plugin("regex").plugin("ner").guest("inside-a-character").policy(policy).start().await;
    app.upstream.respond_with(respond::echo);
    assert_eq!(app.say("hello").await.status, StatusCode::OK);
    for _ in 0..8 {
        assert_eq!(app.say("\u{e9}, hello").await.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    let (status, body) = health(&app).await;
    assert_eq!((status, &body["components"]["plugins"]), (StatusCode::OK, &json!("ok")));
    app.finish().await;
}

#[tokio::test]
async fn an_agent_that_cannot_serve_is_counted_for_anybody_and_named_for_who_may_read_agents() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plugin = folder.path().join("remembers.wasm");
    std::fs::write(&plugin, components::guest("remembers")).expect("written");
    let path = folder.path().to_str().expect("a UTF-8 path");
    let policy = "name: own\nversion: 1\nkid: K_HEALTHCARE\ntokenization: vault-deterministic\n\
                  passes: [remembers]\nentities: {NAME: {}, STAFF_ID: {}}\n";
    let mut app = TestApp::builder().healthcare().env("MASKER_PLUGIN_DIR", path).start().await;
    app.create_agent(json!({"name": "stopped", "upstream": "stub", "policy_yaml": policy})).await;
    let ready = async |app: &TestApp| {
        let answer = send(app, "GET", "/readyz", None, "").await;
        (answer.status, answer.json())
    };
    let components = |plugins: &str| json!({"db": "ok", "vault": "ok", "audit_log": "ok", "plugins": plugins});
    assert_eq!(
        ready(&app).await,
        (StatusCode::OK, json!({"status": "ok", "components": components("ok"), "unusable_agents": 0}))
    );
    app.restart_after(|_| std::fs::remove_file(&plugin).expect("removed")).await;
    assert_eq!(
        ready(&app).await,
        (
            StatusCode::SERVICE_UNAVAILABLE,
            json!({"status": "degraded", "components": components("degraded"), "unusable_agents": 1})
        )
    );
    let (status, body) = health(&app).await;
    assert_eq!((status, &body["components"]["plugins"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("degraded")));
    assert_eq!(body["unusable_agents"], 1);
    assert!(!body.to_string().contains("stopped"), "anybody may ask: {body}");
    for path in ["/health", "/readyz"] {
        let names = async |account, scopes: &[&str]| {
            let secret = token(&app, account, scopes).await;
            let answer = send(&app, "GET", path, Some(&format!("Bearer {secret}")), "").await.json();
            assert_eq!(answer["unusable_agents"], 1, "{path}");
            answer["unusable_agent_names"].clone()
        };
        assert_eq!(names(None, &["agents:read"]).await, json!(["stopped"]), "{path}");
        assert_eq!(names(None, &["sessions:read"]).await, Value::Null, "{path}");
        assert_eq!(names(Some(another_account(&app)), &["admin"]).await, json!([]), "{path}");
        let wrong = send(&app, "GET", path, Some("Bearer mskt_wrong"), "").await;
        assert_eq!((wrong.status, &wrong.json()["unusable_agents"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(1)));
    }
    let live = send(&app, "GET", "/livez", None, "").await;
    assert_eq!((live.status, live.json()), (StatusCode::OK, json!({"status": "ok"})));
    app.finish().await;
}
