//! The contract's table of errors, row by row: one test for each, named like its code.

use axum::body::Body;
use hyper::{Request, StatusCode};
use masker_tests::TestApp;
use masker_tests::fake_github::{FakeGitHub, Person, Trouble};
use masker_tests::fake_upstream::Reply;
use masker_tests::test_app::{Answer, Browser, STAFF_POLICY};
use serde_json::{Value, json};

use super::{send, token};
use crate::support::fill_the_disk_below;

/// Every code and its status.
const ROWS: [(&str, u16); 26] = [
    ("unauthenticated", 401),
    ("bad_signature", 401),
    ("forbidden", 403),
    ("not_found", 404),
    ("agent_not_found", 404),
    ("session_not_found", 404),
    ("policy_not_found", 404),
    ("plugin_not_found", 404),
    ("invalid_state", 400),
    ("name_taken", 409),
    ("validation_failed", 422),
    ("unknown_upstream", 422),
    ("unknown_policy", 422),
    ("policy_yaml_invalid", 422),
    ("model_not_allowed", 422),
    ("unsupported_event", 422),
    ("plugin_invalid", 422),
    ("rate_limited", 429),
    ("internal_error", 500),
    ("report_generation_failed", 500),
    ("user_upsert_failed", 500),
    ("upstream_error", 502),
    ("oauth_exchange_failed", 502),
    ("audit_unavailable", 503),
    ("masking_unavailable", 503),
    ("upstream_timeout", 504),
];

/// Rows that are not implemented yet. To implement one, add its test and remove it here.
const TO_COME: [&str; 0] = [];

/// Asserts an error of the API: status, code, the request's id in body and header, details only for some codes.
#[track_caller]
fn check(answer: &Answer, code: &str) {
    let error = check_both(answer, code);
    assert!(error.get("type").is_none(), "this is the shape of OpenAI: {error}");
    assert_eq!(error.get("details").is_some(), code == "validation_failed" || code == "policy_yaml_invalid", "{error}");
}

/// Asserts an error of the proxy.
#[track_caller]
fn check_openai(answer: &Answer, code: &str) {
    let error = check_both(answer, code);
    assert!(error["type"].is_string() && error.get("param").is_some(), "this is not the shape of OpenAI: {error}");
}

#[track_caller]
fn check_both(answer: &Answer, code: &str) -> Value {
    let (_, status) = ROWS.into_iter().find(|(own, _)| *own == code).expect("a row of the table");
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (status, code), "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let error = answer.json()["error"].clone();
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
    let id = answer.header("x-request-id").expect("every answer has an id");
    assert!(id.starts_with("req_") && id.len() == 30 && error["request_id"] == id, "{error}");
    error
}

#[test]
fn every_row_has_its_test_or_is_still_to_come() {
    let source = include_str!("contract.rs");
    for (code, _) in ROWS {
        let has_test = source.contains(&format!("#[tokio::test]\nasync fn {code}()"));
        assert_ne!(has_test, TO_COME.contains(&code), "{code}");
    }
}

async fn get(app: &TestApp, path: &str) -> Answer {
    app.api("GET", path, &Value::Null).await
}

async fn create(app: &TestApp, body: Value) -> Answer {
    app.api("POST", "/api/v1/agents", &body).await
}

/// Breaks the database from outside.
fn break_table(app: &TestApp, table: &str) {
    let database = rusqlite::Connection::open(&app.app().config.database).expect("the database can be opened");
    database.execute_batch(&format!("ALTER TABLE {table} RENAME TO broken")).expect("a table can be renamed");
}

#[tokio::test]
async fn unauthenticated() {
    let app = TestApp::start().await;
    check(&send(&app, "GET", "/api/v1/me", None, "").await, "unauthenticated");
    app.finish().await;
}

#[tokio::test]
async fn forbidden() {
    let app = TestApp::start().await;
    let reader = format!("Bearer {}", token(&app, None, &["agents:read"]).await);
    check(&send(&app, "GET", "/api/v1/tokens", Some(&reader), "").await, "forbidden");
    app.finish().await;
}

#[tokio::test]
async fn not_found() {
    let app = TestApp::start().await;
    check(&get(&app, "/api/v1/nothing").await, "not_found");
    check(&app.api("DELETE", "/api/v1/tokens/tok_1", &Value::Null).await, "not_found");
    app.finish().await;
}

#[tokio::test]
async fn policy_not_found() {
    let app = TestApp::start().await;
    check(&get(&app, "/api/v1/policies/nothing").await, "policy_not_found");
    app.finish().await;
}

#[tokio::test]
async fn plugin_not_found() {
    let app = TestApp::start().await;
    check(&get(&app, "/api/v1/plugins/nothing").await, "plugin_not_found");
    app.finish().await;
}

#[tokio::test]
async fn plugin_invalid() {
    let app = TestApp::start().await;
    let secret = token(&app, None, &["plugins:write"]).await;
    let request = Request::post("/api/v1/plugins")
        .header("content-type", "application/wasm")
        .header("authorization", format!("Bearer {secret}"));
    let answer = app.request(request.body(Body::from("hello")).expect("a sound request")).await;
    check(&answer, "plugin_invalid");
    app.finish().await;
}

#[tokio::test]
async fn session_not_found() {
    let app = TestApp::start().await;
    check(&get(&app, "/api/v1/sessions/sess_01HYZABCDEFGHJKMNPQRSTVWXY").await, "session_not_found");
    app.finish().await;
}

#[tokio::test]
async fn agent_not_found() {
    let app = TestApp::start().await;
    check(&get(&app, "/api/v1/agents/agt_1").await, "agent_not_found");
    check_openai(&send(&app, "GET", "/proxy/agt_1/v1/models", None, "").await, "agent_not_found");
    app.finish().await;
}

#[tokio::test]
async fn invalid_state() {
    let github = FakeGitHub::start().await;
    let app = TestApp::builder().github(&github).start().await;
    check(&get(&app, "/api/v1/auth/github/callback?code=x&state=y").await, "invalid_state");
    app.finish().await;
}

#[tokio::test]
async fn name_taken() {
    let app = TestApp::start().await;
    check(&create(&app, json!({"name": "test", "upstream": "stub", "policy_yaml": STAFF_POLICY})).await, "name_taken");
    app.finish().await;
}

#[tokio::test]
async fn validation_failed() {
    let app = TestApp::start().await;
    check(&create(&app, json!({})).await, "validation_failed");
    check(&get(&app, "/api/v1/agents?limit=0").await, "validation_failed");
    check_openai(&app.send("{").await, "validation_failed");
    app.finish().await;
}

#[tokio::test]
async fn unknown_upstream() {
    let app = TestApp::start().await;
    check(&create(&app, json!({"name": "x", "upstream": "nobody:x"})).await, "unknown_upstream");
    app.finish().await;
}

#[tokio::test]
async fn bad_signature() {
    let app = TestApp::builder().env("MASKER_VAPI_WEBHOOK_SECRET", "secret-of-tests").start().await;
    let webhook = format!("/vapi/webhook/{}", app.agent.id);
    check(&send(&app, "POST", &webhook, None, r#"{"type": "assistant-request"}"#).await, "bad_signature");
    app.finish().await;
}

#[tokio::test]
async fn report_generation_failed() {
    let app = TestApp::start().await;
    let journal = std::fs::read_to_string(app.journal_path()).expect("the journal can be read");
    std::fs::write(app.journal_path(), journal.replace("agent_created", "agent_deleted")).expect("it can be written");
    check(&get(&app, "/api/v1/reports").await, "report_generation_failed");
    std::fs::write(app.journal_path(), journal).expect("it can be written");
    app.finish().await;
}

#[tokio::test]
async fn unsupported_event() {
    let app = TestApp::start().await;
    let webhook = format!("/vapi/webhook/{}", app.agent.id);
    check(&send(&app, "POST", &webhook, None, r#"{"type": "hang"}"#).await, "unsupported_event");
    app.finish().await;
}

#[tokio::test]
async fn unknown_policy() {
    let app = TestApp::start().await;
    check(&create(&app, json!({"name": "x", "upstream": "stub", "policy_name": "x"})).await, "unknown_policy");
    app.finish().await;
}

#[tokio::test]
async fn policy_yaml_invalid() {
    let app = TestApp::start().await;
    check(
        &create(&app, json!({"name": "x", "upstream": "stub", "policy_yaml": "name: x"})).await,
        "policy_yaml_invalid",
    );
    app.finish().await;
}

#[tokio::test]
async fn model_not_allowed() {
    let app = TestApp::start().await;
    check_openai(&app.chat(json!({"model": "gpt-5", "messages": []})).await, "model_not_allowed");
    app.finish().await;
}

#[tokio::test]
async fn rate_limited() {
    let app = TestApp::builder()
        .env("MASKER_RATE_LIMIT_API", "1:1")
        .env("MASKER_RATE_LIMIT_PROXY", "1:1")
        .clock(&masker::clock::Clock::manual(masker::clock::Timestamp::from_millis(0)))
        .start()
        .await;
    // Creating the agent was the one request.
    let answer = get(&app, "/api/v1/me").await;
    check(&answer, "rate_limited");
    assert_eq!(answer.header("retry-after"), Some("1"));
    let models = format!("/proxy/{}/v1/models", app.agent.id);
    assert_eq!(send(&app, "GET", &models, None, "").await.status, StatusCode::OK);
    let answer = send(&app, "GET", &models, None, "").await;
    check_openai(&answer, "rate_limited");
    assert_eq!(answer.header("retry-after"), Some("1"));
    app.finish().await;
}

#[tokio::test]
async fn internal_error() {
    let app = TestApp::start().await;
    break_table(&app, "agents");
    let answer = get(&app, "/api/v1/agents").await;
    check(&answer, "internal_error");
    for ours in ["agents", "table", "SQL", "/"] {
        assert!(!answer.json()["error"]["message"].to_string().contains(ours), "{}", answer.text());
    }
}

#[tokio::test]
async fn user_upsert_failed() {
    let github = FakeGitHub::start().await;
    let app = TestApp::builder().github(&github).start().await;
    let mut browser = Browser::default();
    let away = browser.send(&app, "GET", "/api/v1/auth/github", &[]).await;
    let back = github.agree(away.header("location").expect("a place"), &Person::new(1, "ada"));
    break_table(&app, "users");
    check(&browser.send(&app, "GET", app.path_of(&back), &[]).await, "user_upsert_failed");
}

#[tokio::test]
async fn upstream_error() {
    let app = TestApp::start().await;
    app.upstream.script(Reply::close());
    check_openai(&app.say("hello").await, "upstream_error");
    app.finish().await;
}

#[tokio::test]
async fn oauth_exchange_failed() {
    let github = FakeGitHub::start().await;
    let app = TestApp::builder().github(&github).start().await;
    let mut browser = Browser::default();
    let away = browser.send(&app, "GET", "/api/v1/auth/github", &[]).await;
    let back = github.agree(away.header("location").expect("a place"), &Person::new(1, "ada"));
    github.trouble(Trouble::ExchangeFails);
    check(&browser.send(&app, "GET", app.path_of(&back), &[]).await, "oauth_exchange_failed");
    app.finish().await;
}

#[tokio::test]
async fn audit_unavailable() {
    let app = TestApp::start().await;
    fill_the_disk_below(&app.journal_path());
    check(
        &create(&app, json!({"name": "x", "upstream": "stub", "policy_yaml": STAFF_POLICY})).await,
        "audit_unavailable",
    );
    check(&app.api("POST", "/api/v1/tokens", &json!({"name": "x", "scopes": ["admin"]})).await, "audit_unavailable");
    let link = app.app().login_link().await.expect("a link");
    let mut browser = Browser::default();
    check(&browser.send(&app, "POST", app.path_of(&link), &[]).await, "audit_unavailable");
    assert_eq!(browser.cookie("masker_session"), None, "nobody is signed in unrecorded");
    check_openai(&app.say("hello").await, "audit_unavailable");
}

#[tokio::test]
async fn masking_unavailable() {
    let policy = STAFF_POLICY.replace("[staff-id]", "[staff-id, answers-error]");
    let app = TestApp::builder().guest("answers-error").policy(&policy).start().await;
    check_openai(&app.say("hello").await, "masking_unavailable");
    assert!(app.upstream.requests().is_empty());
    app.finish().await;
}

#[tokio::test]
async fn upstream_timeout() {
    let app = TestApp::builder().env("MASKER_UPSTREAM_TIMEOUT_MS", "50").start().await;
    app.upstream.script(Reply::stall());
    check_openai(&app.say("hello").await, "upstream_timeout");
    app.finish().await;
}

/// Two conventions that are not codes of the table.
#[tokio::test]
async fn a_wrong_method_and_what_is_not_json() {
    let app = TestApp::builder().env("MASKER_MAX_BODY_BYTES", "2048").start().await;
    let error = |answer: &Answer| (answer.status.as_u16(), answer.error_code());
    assert_eq!(error(&app.api("PUT", "/api/v1/me", &Value::Null).await), (405, "method_not_allowed".into()));
    let large = json!({"name": "x".repeat(3000)});
    assert_eq!(error(&app.api("POST", "/api/v1/tokens", &large).await), (413, "payload_too_large".into()));
    let mut browser = Browser::of_operator(&app).await;
    let bare = browser.send(&app, "POST", "/api/v1/tokens", &[]).await;
    assert_eq!(error(&bare), (415, "unsupported_media_type".into()));
    app.finish().await;
}
