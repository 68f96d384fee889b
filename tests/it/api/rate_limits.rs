//! Rate limits: off by default, per account, with a retry time.

use hyper::StatusCode;
use masker::clock::{Clock, Timestamp};
use masker_tests::TestApp;
use masker_tests::fake_upstream::respond;
use masker_tests::test_app::Answer;
use serde_json::Value;

use super::{another_account, send, token};

const START: i64 = 1_700_000_000_000;

async fn limited(name: &str, rate: &str) -> (TestApp, Clock) {
    let clock = Clock::manual(Timestamp::from_millis(START));
    let app = TestApp::builder().env(name, rate).clock(&clock).start().await;
    app.upstream.respond_with(respond::echo);
    // Wait until the budget used to create the agent is restored.
    clock.set(Timestamp::from_millis(START + 60_000));
    (app, clock)
}

async fn me(app: &TestApp) -> Answer {
    app.api("GET", "/api/v1/me", &Value::Null).await
}

#[tokio::test]
async fn the_api_lets_a_burst_through_and_says_when_it_goes_on() {
    let (app, clock) = limited("MASKER_RATE_LIMIT_API", "1:3").await;
    for _ in 0..3 {
        assert_eq!(me(&app).await.status, StatusCode::OK);
    }
    for _ in 0..2 {
        let answer = me(&app).await;
        assert_eq!((answer.status, answer.error_code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "rate_limited"));
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(answer.json()["error"].get("details").is_none());
    }
    let stranger = format!("Bearer {}", token(&app, Some(another_account(&app)), &["admin"]).await);
    assert_eq!(send(&app, "GET", "/api/v1/me", Some(&stranger), "").await.status, StatusCode::OK, "has its own");
    assert_eq!(send(&app, "GET", "/api/v1/me", None, "").await.status, StatusCode::UNAUTHORIZED, "has no account");
    assert_eq!(app.say("hello").await.status, StatusCode::OK, "the proxy has its own");
    clock.set(Timestamp::from_millis(START + 61_000));
    assert_eq!(me(&app).await.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test]
async fn the_proxy_answers_in_openais_shape_and_forwards_nothing_more() {
    let (app, clock) = limited("MASKER_RATE_LIMIT_PROXY", "2:2").await;
    for _ in 0..2 {
        assert_eq!(app.say("hello").await.status, StatusCode::OK);
    }
    let models = format!("/proxy/{}/v1/models", app.agent.id);
    for answer in [app.say("hello").await, send(&app, "GET", &models, None, "").await] {
        assert_eq!((answer.status, answer.error_code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "rate_limited"));
        assert_eq!(answer.header("retry-after"), Some("1"));
        let error = &answer.json()["error"];
        assert_eq!((&error["type"], &error["param"]), (&"rate_limit_error".into(), &Value::Null));
        assert_eq!(error["request_id"].as_str(), answer.header("x-request-id"));
    }
    assert_eq!(app.upstream.requests().len(), 2);
    assert_eq!(me(&app).await.status, StatusCode::OK, "the API has its own");
    clock.set(Timestamp::from_millis(START + 60_500));
    assert_eq!(app.say("hello").await.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test]
async fn without_a_setting_there_is_no_limit() {
    let clock = Clock::manual(Timestamp::from_millis(START));
    let app = TestApp::builder().clock(&clock).start().await;
    for _ in 0..100 {
        assert_eq!(me(&app).await.status, StatusCode::OK);
    }
    app.finish().await;
}
