//! `GET /health`.

use hyper::StatusCode;
use masker_tests::TestApp;
use masker_tests::fake_upstream::{Reply, respond};
use serde_json::{Value, json};

use super::send;

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

#[tokio::test]
async fn an_upstream_that_fails_shows_until_it_answers_again() {
    let app = TestApp::healthcare().await;
    for (reply, expected) in
        [(Reply::server_error(), "degraded"), (Reply::text("hello"), "ok"), (Reply::close(), "degraded")]
    {
        app.upstream.script(reply);
        app.say("hello").await;
        let (status, body) = health(&app).await;
        assert_eq!(body["components"]["upstream"], expected);
        let code = if expected == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        assert_eq!((status, &body["status"], &body["components"]["ner_model"]), (code, &json!(expected), &json!("ok")));
    }
    app.upstream.respond_with(respond::echo);
    app.finish().await;
}
