//! Realistic surrogates over HTTP.

use masker_tests::TestApp;
use masker_tests::test_app::Answer;
use serde_json::{Value, json};

use super::{send, token};

const TEXT: &str = "My name is Ingrid Halvorsen, born on March 14, 1962. Call me at (312) 867-5309. \
                    My card number is 4111 1111 1111 1111. My email is ingrid@lakeside.org. Thanks, Ingrid.";

async fn synthesize(app: &TestApp, body: Value) -> Answer {
    app.api("POST", "/api/v1/synthesize", &body).await
}

async fn made(app: &TestApp, body: Value) -> Value {
    let answer = synthesize(app, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[track_caller]
fn check(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (status, code), "{}", answer.text());
}

#[tokio::test]
async fn values_become_realistic_ones_and_the_rest_stays() {
    let mut app = TestApp::healthcare().await;
    for value in ["Halvorsen", "867-5309", "ingrid@lakeside.org"] {
        app.plant(value);
    }
    let answer = made(&app, json!({"text": TEXT, "seed": 7})).await;
    let text = answer["synthesized"].as_str().expect("a text");
    for value in ["Ingrid", "Halvorsen", "March 14", "867-5309", "4111 1111 1111 1111", "lakeside"] {
        assert!(!text.contains(value), "{value}: {text}");
    }
    assert!(text.starts_with("My name is ") && text.contains(") 555-01") && text.contains("@example.com"), "{text}");
    assert!(!text.contains("MSKV1") && !text.contains("[REDACTED"), "{text}");
    let events = answer["events"].as_array().expect("events");
    let name = events[0]["replacement"].as_str().expect("a name");
    let given = name.split(' ').next().expect("a given name");
    assert!(text.ends_with(&format!("Thanks, {given}.")), "a part of a name is a part of its surrogate: {text}");
    assert!(events.iter().all(|event| event["token_kind"] == "synthetic" && event["kid"].is_null()), "{answer}");
    assert!(app.sessions().await.is_empty(), "nothing is kept");

    assert_eq!(made(&app, json!({"text": TEXT, "seed": "7"})).await, answer, "the same seed, the same surrogates");
    let other = made(&app, json!({"text": TEXT})).await;
    assert_ne!(other["synthesized"], answer["synthesized"]);
    let again = made(&app, json!({"text": TEXT, "seed": other["seed"]})).await;
    assert_eq!(again, other, "the seed that was chosen is told");
    app.finish().await;
}

#[tokio::test]
async fn the_policy_decides_what_is_replaced() {
    let app = TestApp::healthcare().await;
    for field in ["policy", "policy_name"] {
        let answer = made(&app, json!({"text": TEXT, field: "financial-default", "seed": 1})).await;
        let text = answer["synthesized"].as_str().expect("a text");
        assert!(text.contains("[REDACTED:CREDIT_CARD]") && !text.contains("Halvorsen"), "{text}");
    }
    let minimal = made(&app, json!({"text": TEXT, "policy": "minimal"})).await;
    assert!(minimal["synthesized"].as_str().is_some_and(|text| text.contains("Ingrid Halvorsen")), "{minimal}");
    app.finish().await;
}

#[tokio::test]
async fn what_cannot_be_read_says_why_and_not_everybody_may() {
    let app = TestApp::start().await;
    for (body, field) in [
        (json!({}), "text"),
        (json!({"text": "x", "policy": "minimal", "policy_name": "minimal"}), "policy"),
        (json!({"text": "x", "seed": 1.5}), "seed"),
        (json!({"text": "x", "seed": "x".repeat(257)}), "seed"),
        (json!({"text": "x", "messages": []}), "messages"),
    ] {
        let answer = synthesize(&app, body).await;
        check(&answer, 422, "validation_failed");
        assert_eq!(answer.json()["error"]["details"][0]["field"], field);
    }
    check(&synthesize(&app, json!({"text": "x", "policy": "nothing"})).await, 422, "unknown_policy");
    let body = json!({"text": "x"}).to_string();
    check(&send(&app, "POST", "/api/v1/synthesize", None, &body).await, 401, "unauthenticated");
    let writer = format!("Bearer {}", token(&app, None, &["agents:write"]).await);
    check(&send(&app, "POST", "/api/v1/synthesize", Some(&writer), &body).await, 403, "forbidden");
    app.finish().await;
}
