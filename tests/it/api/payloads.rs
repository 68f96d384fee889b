//! Stored texts, if a policy asks for them and the install has a retention for them: encrypted, shown to those who may
//! read sessions, deleted after their retention.

use masker::clock::{Clock, Timestamp};
use masker_tests::TestApp;
use masker_tests::fake_upstream::respond;
use serde_json::{Value, json};

use super::{another_account, send, token};
use crate::support::{ask, ask_streamed};

const LOGGING: &str = "audit: {log_payloads: true}";
const DAY: i64 = 86_400_000;

async fn app(days: &str) -> TestApp {
    let mut app =
        TestApp::builder().env("MASKER_PAYLOAD_RETENTION_DAYS", days).staff_policy_with(LOGGING).start().await;
    app.plant("E-12345");
    app.upstream.respond_with(respond::echo);
    app
}

async fn payloads(app: &TestApp) -> Value {
    let id = app.sessions().await[0].id.text();
    app.api("GET", &format!("/api/v1/sessions/{id}"), &Value::Null).await.json()["session"]["payloads"].clone()
}

#[tokio::test]
async fn what_was_said_is_kept_sealed_and_shown_whole() {
    let app = app("7").await;
    for body in [ask("I am E-12345."), ask_streamed("I am E-12345.")] {
        let answer = app.chat(body.clone()).await;
        let kept = payloads(&app).await;
        let text = |field: &str| kept[field].as_str().unwrap_or_else(|| panic!("{field} in {kept}")).to_owned();
        let request: Value = serde_json::from_str(&text("request")).expect("JSON");
        assert_eq!(request["messages"], body["messages"]);
        assert_eq!(text("masked"), app.upstream.requests().last().expect("forwarded").text());
        assert!(!text("masked").contains("E-12345"));
        assert_eq!(text("response"), answer.text(), "to the last byte");
        assert_eq!(kept["truncated"], false);
    }
    // `finish` checks that they are in no file.
    app.finish().await;
}

#[tokio::test]
async fn nothing_is_kept_unless_both_policy_and_install_say_so() {
    for (days, policy) in [("0", LOGGING), ("7", "audit: {log_payloads: false}"), ("7", "")] {
        let app = TestApp::builder().env("MASKER_PAYLOAD_RETENTION_DAYS", days).staff_policy_with(policy).start().await;
        app.upstream.respond_with(respond::echo);
        app.say("I am E-12345.").await;
        let nothing = json!({"request": null, "masked": null, "response": null, "truncated": false});
        assert_eq!(payloads(&app).await, nothing, "{days} {policy}");
        let id = app.sessions().await[0].id;
        assert_eq!(app.app().store().payloads(id).await, Ok(None));
        app.finish().await;
    }
}

#[tokio::test]
async fn a_request_that_was_refused_shows_what_there_was_of_it() {
    let policy = "audit: {log_payloads: true}";
    let yaml = masker_tests::test_app::STAFF_POLICY.replace("[staff-id]", "[staff-id, panics]") + policy;
    let app = TestApp::builder().env("MASKER_PAYLOAD_RETENTION_DAYS", "7").guest("panics").policy(&yaml).start().await;
    assert_eq!(app.say("hello").await.error_code(), "masking_unavailable");
    let kept = payloads(&app).await;
    assert!(kept["request"].as_str().is_some_and(|text| text.contains("hello")), "{kept}");
    assert_eq!((&kept["masked"], &kept["response"]), (&Value::Null, &Value::Null));
    app.finish().await;
}

#[tokio::test]
async fn it_is_shown_until_its_retention_is_over_and_deleted_then() {
    let clock = Clock::manual(Timestamp::from_millis(1_777_896_000_000));
    let mut app = TestApp::builder()
        .env("MASKER_PAYLOAD_RETENTION_DAYS", "7")
        .staff_policy_with(LOGGING)
        .clock(&clock)
        .start()
        .await;
    app.plant("E-12345");
    app.upstream.respond_with(respond::echo);
    app.say("I am E-12345.").await;
    let session = app.sessions().await[0].clone();
    let began = session.started_at.millis();
    let kept = async |app: &TestApp| app.app().store().payloads(session.id).await.expect("readable").is_some();
    clock.set(Timestamp::from_millis(began + 7 * DAY));
    app.app().delete_expired().await;
    assert!(payloads(&app).await["request"].is_string() && kept(&app).await);
    clock.set(Timestamp::from_millis(began + 7 * DAY + 1));
    assert_eq!(payloads(&app).await["request"], Value::Null, "not shown, though it is still there");
    assert!(kept(&app).await);
    app.app().delete_expired().await;
    assert!(!kept(&app).await);
    assert_eq!(app.sessions().await.len(), 1, "the session itself stays");
    app.finish().await;
}

#[tokio::test]
async fn it_is_part_of_a_session_and_so_of_its_account() {
    let app = app("7").await;
    app.say("I am E-12345.").await;
    let id = app.sessions().await[0].id.text();
    let stranger = format!("Bearer {}", token(&app, Some(another_account(&app)), &["admin"]).await);
    let answer = send(&app, "GET", &format!("/api/v1/sessions/{id}"), Some(&stranger), "").await;
    assert_eq!(answer.error_code(), "session_not_found");
    app.finish().await;
}
