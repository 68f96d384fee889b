//! Credentials of an agent's proxy in addition to the id in its URL: a key, a signature.

use axum::body::Body;
use hyper::{Request, StatusCode};
use masker_tests::TestApp;
use masker_tests::fake_upstream::Reply;
use masker_tests::test_app::{Agent, Answer, STAFF_POLICY};
use serde_json::{Value, json};

use crate::support::ask;

const SECRET: &str = "secret-of-tests";
/// `printf '{"messages":[{"role":"user","content":"hi"}]}' | openssl dgst -sha256 -hmac secret-of-tests`
const HMAC: &str = "f14092a5a60f1559d51b36272813eae334798abaa464af8c72fff34c8e1180e9";
const BODY: &str = r#"{"messages":[{"role":"user","content":"hi"}]}"#;

async fn agent(app: &TestApp, more: Value) -> Agent {
    let mut body = json!({"name": "door", "upstream": "openai:gpt-4o-mini", "policy_yaml": STAFF_POLICY});
    for (field, value) in more.as_object().expect("fields") {
        body[field] = value.clone();
    }
    app.create_agent(body).await
}

fn refused(answer: &Answer, code: &str) {
    assert_eq!((answer.status, answer.error_code().as_str()), (StatusCode::UNAUTHORIZED, code), "{}", answer.text());
    let error = answer.json()["error"].clone();
    assert_eq!((&error["type"], &error["param"]), (&json!("authentication_error"), &Value::Null));
    assert_eq!(error["request_id"].as_str(), answer.header("x-request-id"));
}

#[tokio::test]
async fn an_agent_with_a_key_takes_no_request_without_it_and_passes_the_key_on_to_nobody() {
    // Without our own upstream key, a caller's own credential would be passed on.
    let mut app = TestApp::builder().env("MASKER_OPENAI_API_KEY", "").start().await;
    let locked = agent(&app, json!({"proxy_auth": "key"})).await;
    let key = locked.body["proxy_key"].as_str().expect("the key, once").to_owned();
    app.plant(&key);
    let bearer = format!("Bearer {key}");
    let models = format!("/proxy/{}/v1/models", locked.id);
    let get = async |authorization: &str| {
        let request = Request::get(&models).header("authorization", authorization);
        app.request(request.body(Body::empty()).expect("a request")).await
    };
    let wrong = format!("{bearer}x");
    for header in ["", "Bearer", "Bearer mskp_", key.as_str(), "Basic x", wrong.as_str()] {
        refused(
            &app.post(&locked.path(), &[("authorization", header)], ask("hi").to_string()).await,
            "unauthenticated",
        );
        refused(&get(header).await, "unauthenticated");
    }
    refused(&app.post(&locked.path(), &[], ask("hi").to_string()).await, "unauthenticated");
    assert!(app.upstream.requests().is_empty());

    app.upstream.script(Reply::text("ok"));
    let answer = app.post(&locked.path(), &[("authorization", &bearer)], ask("hi").to_string()).await;
    assert_eq!(answer.content(), "ok");
    assert_eq!(get(&bearer).await.status, StatusCode::OK);
    let request = app.upstream.requests().pop().expect("one request");
    assert!(!request.headers.contains_key("authorization"), "the key stays here");
    app.finish().await;
}

#[tokio::test]
async fn a_signature_that_is_there_must_hold_and_one_that_is_demanded_must_be_there() {
    let app = TestApp::builder().env("MASKER_VAPI_WEBHOOK_SECRET", SECRET).start().await;
    let open = agent(&app, json!({"platform": "vapi"})).await;
    let strict = agent(&app, json!({"name": "strict", "platform": "vapi", "require_signature": true})).await;
    let other = agent(&app, json!({"name": "other", "platform": "custom"})).await;
    let prefixed = format!("sha256={HMAC}");
    for header in [("x-vapi-signature", HMAC), ("x-vapi-signature", prefixed.as_str()), ("x-vapi-secret", SECRET)] {
        for agent in [&open, &strict, &other] {
            app.upstream.script(Reply::text("ok"));
            assert_eq!(app.post(&agent.path(), &[header], BODY).await.content(), "ok", "{header:?}");
        }
    }
    for header in [("x-vapi-signature", "x"), ("x-vapi-signature", ""), ("x-vapi-secret", HMAC)] {
        refused(&app.post(&open.path(), &[header], BODY).await, "bad_signature");
        refused(&app.post(&strict.path(), &[header], BODY).await, "bad_signature");
    }
    // The signature of another body.
    refused(&app.post(&open.path(), &[("x-vapi-signature", HMAC)], ask("more").to_string()).await, "bad_signature");
    refused(&app.post(&strict.path(), &[], BODY).await, "bad_signature");
    let models = Request::get(format!("/proxy/{}/models", strict.id)).body(Body::empty()).expect("a request");
    refused(&app.request(models).await, "bad_signature");
    for (agent, headers) in [(&open, vec![]), (&other, vec![("x-vapi-signature", "of another platform")])] {
        app.upstream.script(Reply::text("ok"));
        assert_eq!(app.post(&agent.path(), &headers, BODY).await.content(), "ok");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_signature_that_cannot_be_checked_opens_nothing_that_demands_one() {
    let app = TestApp::start().await;
    let strict = agent(&app, json!({"require_signature": true})).await;
    for headers in [vec![], vec![("x-vapi-signature", HMAC)], vec![("x-vapi-secret", "")]] {
        refused(&app.post(&strict.path(), &headers, BODY).await, "bad_signature");
    }
    assert!(app.upstream.requests().is_empty());
    app.finish().await;
}

#[tokio::test]
async fn the_signatures_header_has_the_name_that_is_configured() {
    let app = TestApp::builder()
        .env("MASKER_VAPI_WEBHOOK_SECRET", SECRET)
        .env("MASKER_VAPI_SIGNATURE_HEADER", "X-Signature")
        .start()
        .await;
    let strict = agent(&app, json!({"platform": "vapi", "require_signature": true})).await;
    app.upstream.script(Reply::text("ok"));
    assert_eq!(app.post(&strict.path(), &[("x-signature", HMAC)], BODY).await.content(), "ok");
    refused(&app.post(&strict.path(), &[("x-vapi-signature", HMAC)], BODY).await, "bad_signature");
    app.finish().await;
}

#[tokio::test]
async fn a_model_is_shown_to_an_agent_that_may_use_it() {
    let app = TestApp::start().await;
    let slashed = agent(&app, json!({"upstream": "openai:meta-llama/Llama-3"})).await;
    let get = async |path: String| app.request(Request::get(path).body(Body::empty()).expect("a request")).await;
    for base in ["/v1/models", "/models"] {
        for (agent, model, id) in [
            (&app.agent, "gpt-4o-mini", "gpt-4o-mini"),
            (&app.agent, "gpt-4o-mini-2024-07-18", "gpt-4o-mini-2024-07-18"),
            (&slashed, "meta-llama/Llama-3", "meta-llama/Llama-3"),
            (&slashed, "meta-llama%2FLlama-3", "meta-llama/Llama-3"),
        ] {
            let answer = get(format!("/proxy/{}{base}/{model}", agent.id)).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
            assert_eq!((&answer.json()["id"], &answer.json()["object"]), (&json!(id), &json!("model")));
        }
        for model in ["gpt-4o", "gpt-4o-mini/x", "meta-llama/Llama-3", "E-12345"] {
            let answer = get(format!("/proxy/{}{base}/{model}", app.agent.id)).await;
            assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (404, "model_not_found"), "{model}");
            assert_eq!(answer.json()["error"]["param"], "model");
            assert!(!answer.text().contains("E-12345"));
        }
        let nobody = get(format!("/proxy/agt_01HYZABCDEFGHJKMNPQRSTVWXY{base}/gpt-4o-mini")).await;
        assert_eq!((nobody.status.as_u16(), nobody.error_code().as_str()), (404, "agent_not_found"));
    }
    let locked = agent(&app, json!({"name": "locked", "proxy_auth": "key"})).await;
    refused(&get(format!("/proxy/{}/v1/models/gpt-4o-mini", locked.id)).await, "unauthenticated");
    app.finish().await;
}
