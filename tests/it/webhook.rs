//! The webhook: authentication, the chosen assistant, the record.

use hyper::StatusCode;
use masker::audit::event::EventKind;
use masker_tests::TestApp;
use masker_tests::fake_upstream::{FakeUpstream, Reply};
use masker_tests::test_app::{Agent, Answer, STAFF_POLICY};
use serde_json::{Value, json};

const SECRET: &str = "secret-of-tests";
const NUMBER: &str = "+14155550134";
const NESTED: &str =
    r#"{"message":{"type":"assistant-request","call":{"id":"c1","customer":{"number":"+14155550134"}}}}"#;
/// `printf '%s' "$NESTED" | openssl dgst -sha256 -hmac secret-of-tests`
const HMAC: &str = "900a8168871be2f1318991a4536458e5cc58e9873fc9a844f4db52aaefee387c";

async fn agent(app: &TestApp, name: &str, more: Value) -> Agent {
    let mut body =
        json!({"name": name, "upstream": "openai:gpt-4o-mini", "policy_yaml": STAFF_POLICY, "platform": "vapi"});
    for (field, value) in more.as_object().expect("fields") {
        body[field] = value.clone();
    }
    app.create_agent(body).await
}

async fn ring(app: &TestApp, agent: &Agent, headers: &[(&str, &str)], body: &str) -> Answer {
    let url = agent.body["webhook_url"].as_str().expect("an agent has one");
    app.post(app.path_of(url), headers, body.to_owned()).await
}

/// The assistant of a good answer, pointing at the agent's proxy.
#[track_caller]
fn assistant(answer: &Answer, agent: &Agent) -> Value {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let assistant = answer.json()["assistant"].clone();
    assert_eq!(assistant["model"]["provider"], "custom-llm", "{assistant}");
    assert_eq!(assistant["model"]["url"], agent.body["proxy_url"], "{assistant}");
    assistant
}

#[tokio::test]
async fn every_form_of_the_secret_opens_the_webhook_and_nothing_else_does() {
    let mut app = TestApp::builder().env("MASKER_VAPI_WEBHOOK_SECRET", SECRET).start().await;
    app.plant(NUMBER);
    let agent = agent(&app, "front", json!({})).await;
    let (prefixed, bearer) = (format!("sha256={HMAC}"), format!("Bearer {SECRET}"));
    for header in [
        ("x-vapi-signature", HMAC),
        ("x-vapi-signature", &prefixed),
        ("x-vapi-signature", SECRET),
        ("x-vapi-signature", &bearer),
        ("x-vapi-secret", SECRET),
        ("authorization", &bearer),
        ("authorization", SECRET),
    ] {
        assistant(&ring(&app, &agent, &[header], NESTED).await, &agent);
    }
    let wrong = format!("Bearer {SECRET}x");
    let refused: [&[(&str, &str)]; 6] = [
        &[],
        &[("x-vapi-signature", "")],
        &[("x-vapi-secret", HMAC)],
        &[("authorization", &wrong)],
        &[("authorization", "Bearer ")],
        &[("x-vapi-signature", HMAC), ("x-vapi-secret", "x")],
    ];
    for headers in refused {
        let answer = ring(&app, &agent, headers, NESTED).await;
        assert_eq!((answer.status, answer.error_code().as_str()), (StatusCode::UNAUTHORIZED, "bad_signature"));
    }
    // Without the secret, a caller cannot even learn whether an agent exists.
    let unknown = app.post("/vapi/webhook/agt_01JZ0000000000000000000000", &[], NESTED).await;
    assert_eq!(unknown.error_code(), "bad_signature");
    app.finish().await;
}

#[tokio::test]
async fn the_signatures_header_has_the_name_that_was_configured() {
    let app = TestApp::builder()
        .env("MASKER_VAPI_WEBHOOK_SECRET", SECRET)
        .env("MASKER_VAPI_SIGNATURE_HEADER", "x-signature")
        .start()
        .await;
    let agent = agent(&app, "front", json!({})).await;
    assistant(&ring(&app, &agent, &[("x-signature", HMAC)], NESTED).await, &agent);
    assert_eq!(ring(&app, &agent, &[("x-vapi-signature", HMAC)], NESTED).await.error_code(), "bad_signature");
    app.finish().await;
}

#[tokio::test]
async fn the_static_assistant_comes_back_and_a_minimal_one_where_there_is_none() {
    let app = TestApp::start().await;
    let fixed = json!({"firstMessage": "Clinic, good morning.", "model": {"provider": "openai", "model": "gpt-4o", "temperature": 0}});
    let front = agent(&app, "front", json!({"assistant": fixed})).await;
    let bare = agent(&app, "bare", json!({})).await;
    let flat = r#"{"type": "assistant-request", "call": {"id": "c2"}}"#;
    for body in [NESTED, flat] {
        let own = assistant(&ring(&app, &front, &[], body).await, &front);
        assert_eq!((&own["firstMessage"], &own["model"]["temperature"]), (&json!("Clinic, good morning."), &json!(0)));
        assert_eq!(own["model"]["model"], "gpt-4o-mini", "the proxy takes no other model than the agent's");
        let minimal = assistant(&ring(&app, &bare, &[], body).await, &bare);
        assert_eq!(minimal.as_object().map(serde_json::Map::len), Some(1), "{minimal}");
    }
    app.finish().await;
}

#[tokio::test]
async fn the_callback_decides_and_the_static_assistant_stands_in_when_it_fails() {
    let mut app = TestApp::builder().env("MASKER_CALLBACK_ALLOW", "127.0.0.0/8").start().await;
    app.plant(NUMBER);
    let own = FakeUpstream::start().await;
    let url = format!("{}/assistant", own.base_url());
    let fields = json!({"assistant": {"firstMessage": "static"}, "assistant_callback_url": url});
    let agent = agent(&app, "front", fields).await;
    for (reply, said) in [
        (Reply::json(&json!({"assistant": {"firstMessage": "asked"}})), "asked"),
        (Reply::json(&json!({"firstMessage": "bare"})), "static"),
        // It would send the call past the proxy.
        (Reply::json(&json!({"assistantId": "a1"})), "static"),
        (Reply::json(&json!({"assistant": "x"})), "static"),
        (Reply::json(&json!([])), "static"),
        (Reply::server_error(), "static"),
        (Reply::html(200), "static"),
        (Reply::bytes(302, "text/plain", "").header("location", &url), "static"),
        (Reply::close(), "static"),
    ] {
        own.script(reply);
        let assistant = assistant(&ring(&app, &agent, &[], NESTED).await, &agent);
        assert_eq!(assistant["firstMessage"], said);
    }
    let asked = own.requests();
    assert_eq!(asked.len(), 9, "a redirect is followed by nobody");
    assert_eq!((asked[0].text().as_str(), asked[0].path.ends_with("/assistant")), (NESTED, true));
    assert!(!asked[0].headers.contains_key("authorization"), "our own credentials stay here");
    app.finish().await;
}

#[tokio::test]
async fn a_callback_leads_into_no_private_network_unless_the_operator_says_so() {
    let own = FakeUpstream::start().await;
    let port = own.base_url().rsplit(':').next().expect("a port").trim_end_matches("/v1").to_owned();
    for (allow, hosts, is_asked) in [
        ("", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.1", "0.0.0.0"].as_slice(), false),
        ("10.0.0.0/8,other.internal", &["127.0.0.1", "localhost"], false),
        ("127.0.0.0/8", &["127.0.0.1", "localhost"], true),
        ("localhost", &["LOCALHOST"], true),
    ] {
        let app = TestApp::builder().env("MASKER_CALLBACK_ALLOW", allow).start().await;
        own.respond_with(|_| Reply::json(&json!({"assistant": {"firstMessage": "asked"}})));
        for (at, host) in hosts.iter().enumerate() {
            let before = own.requests().len();
            let url = format!("http://{host}:{port}/v1/assistant");
            let fields = json!({"assistant": {"firstMessage": "static"}, "assistant_callback_url": url});
            let agent = agent(&app, &format!("front {at}"), fields).await;
            let assistant = assistant(&ring(&app, &agent, &[], NESTED).await, &agent);
            let (said, asked) = if is_asked { ("asked", 1) } else { ("static", 0) };
            assert_eq!(
                (assistant["firstMessage"].as_str(), own.requests().len() - before),
                (Some(said), asked),
                "{host}"
            );
        }
        app.finish().await;
    }
    assert!(own.requests().iter().all(|request| request.path == "/v1/assistant"));
}

#[tokio::test]
async fn the_journal_knows_the_call_and_its_caller_only_as_a_token() {
    let mut app = TestApp::start().await;
    app.plant(NUMBER);
    let agent = agent(&app, "front", json!({})).await;
    let body = r#"{"message": {"type": "assistant-request", "assistant": {"id": "1b2c-x"}, "call": {"id": "c1", "customer": {"number": "+14155550134"}}}}"#;
    assistant(&ring(&app, &agent, &[], body).await, &agent);
    // The next turn of the same call has the same token, and it resolves.
    app.upstream.script(Reply::text("ok"));
    app.post(
        &agent.path(),
        &[("masker-session-id", "c1")],
        json!({"messages": [{"role": "user", "content": "hi"}]}).to_string(),
    )
    .await;
    let events = app.events();
    let event = events.iter().find(|event| event.kind == EventKind::CallStarted).expect("it is written down");
    let session = events.iter().find(|event| event.kind == EventKind::SessionOpened).expect("the turn");
    assert_eq!((&event.call_id, event.agent_id.map(|id| id.text())), (&session.call_id, Some(agent.id.clone())));
    let started = event.started.as_ref().expect("what the platform told");
    assert_eq!((started.assistant_id.as_ref().map(|id| id.as_str()), &*started.model), (Some("1b2c-x"), "gpt-4o-mini"));
    let caller = started.caller.as_ref().expect("a token").as_str();
    assert!(caller.starts_with("MSKV1.PHONE."), "{caller}");
    app.finish().await;
}

#[tokio::test]
async fn other_events_have_no_answer_and_leave_nothing_behind() {
    let mut app = TestApp::start().await;
    app.plant(NUMBER);
    let agent = agent(&app, "front", json!({})).await;
    let before = app.events().len();
    let nested = r#"{"message": {"type": "end-of-call-report", "transcript": "it is +14155550134"}}"#;
    let answer = ring(&app, &agent, &[], nested).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({})));
    let flat = ring(&app, &agent, &[], r#"{"type": "hang"}"#).await;
    assert_eq!((flat.status, flat.error_code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "unsupported_event"));
    for body in ["", "{", "[]", "{}", r#"{"type": 7}"#, "\"assistant-request\""] {
        let answer = ring(&app, &agent, &[], body).await;
        assert_eq!(answer.error_code(), "validation_failed", "{body}");
    }
    assert_eq!(app.events().len(), before);
    let gone = app.post("/vapi/webhook/agt_01JZ0000000000000000000000", &[], NESTED).await;
    assert_eq!((gone.status, gone.error_code().as_str()), (StatusCode::NOT_FOUND, "agent_not_found"));
    assert_eq!(app.post("/vapi/webhook/x", &[], NESTED).await.error_code(), "agent_not_found");
    app.finish().await;
}
