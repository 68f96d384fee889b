//! Whole answers.

use masker_tests::TestApp;
use masker_tests::fake_upstream::{Reply, respond};
use serde_json::json;

#[tokio::test]
async fn a_value_reaches_the_upstream_as_a_token_and_comes_back_whole() {
    let mut app = TestApp::start().await;
    let value = app.plant("E-12345");
    app.upstream.respond_with(respond::echo);
    let answer = app.say(&format!("I am {value}, hello.")).await;
    assert_eq!(answer.content(), "You said: I am E-12345, hello.");
    let text = app.forwarded_text();
    assert!(text.starts_with("I am MSKV1.STAFF_ID.K_HEALTHCARE.") && text.ends_with(", hello."), "{text}");
    app.finish().await;
}

#[tokio::test]
async fn a_long_request_goes_the_same_way() {
    let mut app = TestApp::builder().env("MASKER_DETECTION_TIMEOUT_MS", "60000").start().await;
    let value = app.plant("E-12345");
    app.upstream.respond_with(respond::echo);
    let said = format!("{}I am {value}, hello.", "So it was said. ".repeat(20_000));
    let answer = app.say(&said).await;
    assert_eq!(answer.content(), format!("You said: {said}"));
    assert!(app.forwarded_text().ends_with(", hello."));
    assert_eq!(app.sessions().await[0].redactions_by_kind.values().sum::<u32>(), 1);
    app.finish().await;
}

#[tokio::test]
async fn the_shipped_policy_masks_a_conversation_and_restores_it() {
    let mut app = TestApp::healthcare().await;
    let said = "My name is Maria Gonzalez, call me at 415-555-0123 or write to maria.gonzalez@example.com.";
    for value in ["Maria", "Gonzalez", "415-555-0123", "maria.gonzalez@example.com"] {
        app.plant(value);
    }
    app.upstream.respond_with(respond::echo);
    let answer = app.say(said).await;
    assert_eq!(answer.content(), format!("You said: {said}"));
    app.finish().await;
}

#[tokio::test]
async fn what_is_not_text_passes_unchanged() {
    let app = TestApp::start().await;
    app.upstream.script(Reply::text("ok"));
    let body = json!({
        "model": "gpt-4o-mini-2024-07-18", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.25,
        "max_tokens": 250, "n": 1, "seed": 7, "top_p": 1.0, "logit_bias": {"50256": -100}, "stop": ["User:"],
        "parallel_tool_calls": false, "service_tier": "default", "stream": false,
    });
    let answer = app.chat(body.clone()).await;
    assert_eq!(answer.content(), "ok");
    assert_eq!(app.forwarded(), body);
    app.finish().await;
}
