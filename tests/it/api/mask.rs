//! The playground: masks a text under a policy, without storing anything.

use std::fs;

use masker_tests::TestApp;
use masker_tests::test_app::{Answer, STAFF_POLICY};
use serde_json::{Value, json};

use super::{another_account, send, token};
use crate::support;

async fn mask(app: &TestApp, body: Value) -> Answer {
    app.api("POST", "/api/v1/mask", &body).await
}

async fn masked(app: &TestApp, body: Value) -> Value {
    let answer = mask(app, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[track_caller]
fn check(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (status, code), "{}", answer.text());
}

#[tokio::test]
async fn a_text_comes_back_masked_with_what_was_replaced_in_it() {
    let app = TestApp::start().await;
    let answer = masked(&app, json!({"text": "Né: E-12345, and E-12345.", "policy_yaml": STAFF_POLICY})).await;
    let tokens = support::tokens(answer["masked"].as_str().expect("a text"));
    assert_eq!(tokens.len(), 2, "{answer}");
    assert_eq!(tokens[0], tokens[1], "a value has one token");
    assert_eq!(answer["masked"], format!("Né: {0}, and {0}.", tokens[0]));
    let first = json!({
        "event_id": null, "message": 0, "field": "content", "pass": "staff-id", "entity_kind": "STAFF_ID", "span": [4, 11],
        "action": "tokenize", "confidence": 0.95, "token_kind": "vault", "kid": "K_HEALTHCARE", "rehydrated": false,
        "replacement": tokens[0],
    });
    let mut found = answer["events"][0].clone();
    // The protocol's name of the position is the one in sessions.
    assert!(found["field"].as_str().is_some_and(|field| field.contains("content")), "{found}");
    found["field"] = json!("content");
    assert_eq!(found, first);
    assert_eq!(answer["events"][1]["span"], json!([17, 24]));
    app.finish().await;
}

#[tokio::test]
async fn messages_come_back_in_the_form_in_which_they_were_sent() {
    let app = TestApp::start().await;
    let messages = json!([
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "find", "arguments": "{\"staff\": \"E-12345\"}"}}]},
        {"role": "user", "content": [{"type": "text", "text": "E-54321"}, {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}]},
    ]);
    let answer = masked(&app, json!({"messages": messages, "policy_yaml": STAFF_POLICY})).await;
    let masked = &answer["masked"];
    assert!(!masked.to_string().contains("12345") && !masked.to_string().contains("54321"), "{masked}");
    assert_eq!(masked[0]["tool_calls"][0]["function"]["name"], "find");
    assert!(
        masked[1]["content"][0]["text"].as_str().is_some_and(|text| text.starts_with("MSKV1.STAFF_ID.")),
        "{masked}"
    );
    let events = answer["events"].as_array().expect("events");
    assert_eq!(events.iter().map(|event| &event["message"]).collect::<Vec<_>>(), [&json!(0), &json!(1), &json!(null)]);
    assert_eq!(events[2]["field"], "content.media");
    app.finish().await;
}

#[tokio::test]
async fn nothing_is_kept_and_no_token_is_an_agents() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    let before = app.events().len();
    let body = json!({"text": "I am E-12345.", "policy_yaml": STAFF_POLICY});
    let token = support::token(masked(&app, body.clone()).await["masked"].as_str().expect("a text"));
    assert_ne!(
        support::token(masked(&app, body).await["masked"].as_str().expect("a text")),
        token,
        "the key is thrown away"
    );
    assert_eq!(app.events().len(), before);
    assert!(app.sessions().await.is_empty());
    let metric = app.metric("masker_plugin_calls_total");
    // An agent's own token differs, and this one does not resolve for it.
    let echoed = token.clone();
    app.upstream.respond_with(move |_| masker_tests::fake_upstream::Reply::text(&format!("Hello {echoed}.")));
    assert_eq!(app.say("I am E-12345.").await.content(), "Hello [REDACTED:STAFF_ID].");
    assert_ne!(support::token(&app.forwarded_text()), token);
    assert_eq!(app.metric("masker_plugin_calls_total"), metric + 1.0, "what was tried out is not remembered");
    app.finish().await;
}

#[tokio::test]
async fn the_policy_is_the_default_a_named_one_or_a_document() {
    let app = TestApp::healthcare().await;
    let text = "I am Ingrid Halvorsen, card 4111 1111 1111 1111, at 415-555-0123.";
    let default = masked(&app, json!({"text": text})).await;
    assert!(
        default["masked"]
            .as_str()
            .is_some_and(|text| text.contains("MSKV1.NAME.") && text.contains("MSKV1.CREDIT_CARD.")),
        "{default}"
    );
    let named = masked(&app, json!({"text": text, "policy_name": "financial-default"})).await;
    assert!(named["masked"].as_str().is_some_and(|text| text.contains("[REDACTED:CREDIT_CARD]")), "{named}");
    let compact = STAFF_POLICY.replace("passes:", "token_style: compact\npasses:");
    let compact = masked(&app, json!({"text": "E-12345, E-54321, E-12345", "policy_yaml": compact})).await;
    assert_eq!(compact["masked"], "[STAFF_ID_1], [STAFF_ID_2], [STAFF_ID_1]");
    app.finish().await;
}

#[tokio::test]
async fn what_cannot_be_tried_out_says_why() {
    let app = TestApp::builder().guest("panics").start().await;
    for (body, field) in [
        (json!({}), "text"),
        (json!({"text": "x", "messages": []}), "text"),
        (json!({"text": 1}), "text"),
        (json!({"text": "x", "policy_name": "minimal", "policy_yaml": "x"}), "policy_yaml"),
        (json!({"text": "x", "colour": "red"}), "colour"),
        (json!({"messages": "x"}), "messages"),
        (json!({"messages": [{"role": "user", "content": 1}], "policy_yaml": STAFF_POLICY}), "messages[0].content"),
    ] {
        let answer = mask(&app, body).await;
        check(&answer, 422, "validation_failed");
        assert_eq!(answer.json()["error"]["details"][0]["field"], field);
    }
    check(&mask(&app, json!({"text": "x", "policy_name": "nothing"})).await, 422, "unknown_policy");
    let wrong = mask(&app, json!({"text": "x", "policy_yaml": "name: x"})).await;
    check(&wrong, 422, "policy_yaml_invalid");
    let panics = STAFF_POLICY.replace("[staff-id]", "[panics]").replace("{STAFF_ID", "{NAME: {}, STAFF_ID");
    check(&mask(&app, json!({"text": "x", "policy_yaml": panics})).await, 503, "masking_unavailable");
    app.finish().await;
}

#[tokio::test]
async fn whoever_may_read_agents_may_try_policies_out_of_their_own_account() {
    let app = TestApp::start().await;
    let body = json!({"text": "E-12345", "policy_name": "own"}).to_string();
    check(&send(&app, "POST", "/api/v1/mask", None, &body).await, 401, "unauthenticated");
    let writer = format!("Bearer {}", token(&app, None, &["policies:write"]).await);
    check(&send(&app, "POST", "/api/v1/mask", Some(&writer), &body).await, 403, "forbidden");
    let store = app.app().store();
    let document = STAFF_POLICY.replace("name: staff", "name: own");
    app.app().put_policy(store.first_account(), "own".into(), document).await.expect("a policy can be put");
    let reader = format!("Bearer {}", token(&app, None, &["agents:read"]).await);
    assert_eq!(send(&app, "POST", "/api/v1/mask", Some(&reader), &body).await.status, 200);
    let other = format!("Bearer {}", token(&app, Some(another_account(&app)), &["agents:read"]).await);
    check(&send(&app, "POST", "/api/v1/mask", Some(&other), &body).await, 422, "unknown_policy");
    app.finish().await;
}

/// The effect of each shipped policy on one text: which values are masked.
#[tokio::test]
async fn the_policies_that_ship_mask_what_they_say() {
    let app = TestApp::healthcare().await;
    let text = "My name is Ingrid Halvorsen. My email is ingrid@example.com. My social security number is 536-22-8726. \
                My card number is 4111 1111 1111 1111. My date of birth is March 14, 1962. My account number is 0048213377. \
                The appointment is on June 3. Call me at (312) 555-0147.";
    let values = [
        ("name", "Ingrid Halvorsen"),
        ("email", "ingrid@example.com"),
        ("ssn", "536-22-8726"),
        ("card", "4111 1111 1111 1111"),
        ("dob", "March 14, 1962"),
        ("account", "0048213377"),
        ("date", "June 3"),
        ("phone", "(312) 555-0147"),
    ];
    let all = ["name", "email", "ssn", "card", "dob", "account", "date", "phone"];
    for (policy, gone, redacted) in [
        ("healthcare-default", &all[..], &[][..]),
        ("financial-default", &["name", "email", "ssn", "card", "dob", "account", "phone"], &["SSN", "CREDIT_CARD"]),
        ("minimal", &["email", "ssn", "card", "account", "phone"], &[]),
        ("strict", &all, &["SSN", "CREDIT_CARD"]),
    ] {
        let masked = masked(&app, json!({"text": text, "policy_name": policy})).await["masked"].to_string();
        for (what, value) in values {
            assert_eq!(!masked.contains(value), gone.contains(&what), "{policy}, {what}: {masked}");
        }
        for kind in ["SSN", "CREDIT_CARD", "NAME", "ACCOUNT"] {
            let is_redacted = masked.contains(&format!("[REDACTED:{kind}]"));
            assert_eq!(is_redacted, redacted.contains(&kind), "{policy}, {kind}: {masked}");
        }
    }
    app.finish().await;
}

#[test]
fn every_policy_that_ships_explains_itself_and_is_built_in() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/policies");
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).expect("the policies") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a policy");
        assert!(text.starts_with("# ") && text.contains("\ndescription: "), "{}", path.display());
        names.push(path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned());
    }
    names.sort();
    let mut built_in = masker::policy::BUILT_IN.map(|(name, _)| name);
    built_in.sort_unstable();
    assert_eq!(names, built_in);
}
