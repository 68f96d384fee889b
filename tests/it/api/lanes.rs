//! Costly API work is bounded: excess requests are refused, and the rest of the service is unaffected.

use std::pin::Pin;
use std::task::Poll;

use futures_util::poll;
use masker::app::lanes::{Lane, Refused, Ticket};
use masker::ids::AccountId;
use masker_tests::TestApp;
use masker_tests::fake_upstream::respond;
use masker_tests::test_app::Answer;
use serde_json::{Value, json};

use super::{another_account, send, token};

#[track_caller]
fn check(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (status, code), "{}", answer.text());
}

#[track_caller]
fn check_busy(answer: &Answer) {
    check(answer, 429, "rate_limited");
    assert_eq!(answer.header("retry-after"), Some("5"));
}

type Waiting<'l> = Pin<Box<dyn Future<Output = Result<Ticket, Refused>> + 'l>>;

/// Takes every place of an account in a lane: the first runs, the others wait.
async fn fill(lane: &Lane, account: AccountId) -> (Ticket, Vec<Waiting<'_>>) {
    let first = lane.enter(Some(account)).await.expect("a turn");
    let mut waiting: Vec<Waiting<'_>> = Vec::new();
    loop {
        let mut next: Waiting<'_> = Box::pin(lane.enter(Some(account)));
        match poll!(&mut next) {
            Poll::Pending => waiting.push(next),
            Poll::Ready(refused) => {
                assert_eq!(refused.err(), Some(Refused::Busy));
                return (first, waiting);
            }
        }
    }
}

fn policy(name: &str) -> Value {
    json!({"name": name, "version": 1, "kid": "K_HEALTHCARE", "tokenization": "vault-deterministic",
        "passes": ["staff-id"], "entities": {"STAFF_ID": {}}})
}

fn agent(name: &str) -> Value {
    json!({"name": name, "upstream": "stub", "policy_yaml": policy(name).to_string()})
}

fn to_mask(name: &str) -> Value {
    json!({"text": "I am E-12345.", "policy_yaml": policy(name).to_string()})
}

async fn mask(app: &TestApp, name: &str) -> Answer {
    app.api("POST", "/api/v1/mask", &to_mask(name)).await
}

async fn validate(app: &TestApp) -> Answer {
    app.api("POST", "/api/v1/policies/validate", &policy("x")).await
}

#[tokio::test]
async fn trying_policies_out_never_holds_up_a_change() {
    let app = TestApp::start().await;
    app.upstream.respond_with(respond::echo);
    let owner = app.app().store().first_account();
    assert_eq!(mask(&app, "before").await.status, 200);
    let full = fill(&app.app().lanes.trials, owner).await;
    check_busy(&validate(&app).await);
    check_busy(&mask(&app, "new").await);
    assert_eq!(mask(&app, "before").await.status, 200, "it is prepared already");
    app.create_agent(agent("meanwhile")).await;
    assert_eq!(app.say("hello").await.status, 200);
    let other = format!("Bearer {}", token(&app, Some(another_account(&app)), &["agents:read"]).await);
    let masked = send(&app, "POST", "/api/v1/mask", Some(&other), &to_mask("new").to_string()).await;
    assert_eq!(masked.status, 200, "it has places of its own");
    drop(full);
    assert_eq!(validate(&app).await.json(), json!({"valid": true, "errors": []}));
    assert_eq!(mask(&app, "new").await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn an_accounts_changes_wait_in_a_short_queue_of_its_own() {
    let app = TestApp::start().await;
    let owner = app.app().store().first_account();
    let path = format!("/api/v1/agents/{}", app.agent.id);
    let full = fill(&app.app().lanes.changes, owner).await;
    check_busy(&app.api("POST", "/api/v1/agents", &agent("x")).await);
    check_busy(&app.api("PATCH", &path, &json!({"name": "y"})).await);
    check_busy(&app.api("PUT", "/api/v1/policies/z", &policy("z")).await);
    check(&app.api("POST", "/api/v1/agents", &json!({"name": "", "upstream": "stub"})).await, 422, "validation_failed");
    assert_eq!(mask(&app, "tried").await.status, 200);
    let other = format!("Bearer {}", token(&app, Some(another_account(&app)), &["agents:write"]).await);
    let made = send(&app, "POST", "/api/v1/agents", Some(&other), &agent("other").to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    drop(full);
    app.create_agent(agent("x")).await;
    app.finish().await;
}

#[tokio::test]
async fn a_change_whose_caller_hangs_up_is_not_made() {
    let app = TestApp::start().await;
    let (lane, owner) = (&app.app().lanes.changes, app.app().store().first_account());
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let other = lane.enter(Some(AccountId::generate())).await.expect("a turn");
    let mut other = Box::pin(other.run(move |_| gate.recv()));
    assert!(poll!(&mut other).is_pending(), "its job has the lane");
    let document = policy("desk");
    {
        let put = app.api("PUT", "/api/v1/policies/desk", &document);
        let has_its_turn = app.wait_until("the change has its turn", async || {
            let next: Waiting<'_> = Box::pin(lane.enter(Some(owner)));
            poll!(next).is_pending().then_some(())
        });
        tokio::select! {
            answer = put => panic!("it waits for the lane: {}", answer.text()),
            () = has_its_turn => {}
        }
    }
    open.send(()).expect("the job waits");
    assert_eq!(other.await, Ok(Ok(())));
    drop(lane.enter(Some(owner)).await.expect("its turn was given back"));
    check(&app.api("GET", "/api/v1/policies/desk", &Value::Null).await, 404, "policy_not_found");
    assert_eq!(app.api("PUT", "/api/v1/policies/desk", &document).await.status, 201);
    app.finish().await;
}

#[tokio::test]
async fn a_server_that_stops_ends_costly_work() {
    let app = TestApp::start().await;
    app.upstream.respond_with(respond::echo);
    app.app().lanes.stop();
    check(&validate(&app).await, 503, "masking_unavailable");
    check(&app.api("POST", "/api/v1/agents", &agent("x")).await, 503, "masking_unavailable");
    assert_eq!(app.say("hello").await.status, 200, "a call in progress is finished");
    app.finish().await;
}

#[tokio::test]
async fn patterns_that_cost_too_much_are_named_wherever_a_policy_comes_in() {
    let app = TestApp::healthcare().await;
    let patterns: Vec<Value> = (0..60)
        .map(|at| json!({"name": format!("badge-{at}"), "regex": format!("b{at}[ab]*a[ab]{{9}}"), "confidence": 0.9}))
        .collect();
    let document = json!({"name": "costly", "version": 1, "kid": "K_HEALTHCARE", "tokenization": "vault-deterministic",
        "passes": ["regex"], "entities": {"STAFF_ID": {"patterns": patterns}}});
    let text = document.to_string();
    let bearer = format!("Bearer {}", token(&app, None, &["admin"]).await);
    let verdict = send(&app, "POST", "/api/v1/policies/validate", Some(&bearer), &text).await.json();
    assert_eq!((&verdict["valid"], &verdict["errors"][0]["code"]), (&json!(false), &json!("policy_yaml_invalid")));
    let place = verdict["errors"][0]["path"].as_str().expect("a path");
    assert!(place.starts_with("entities.STAFF_ID.patterns["), "{verdict}");
    assert!(verdict["errors"][0]["message"].as_str().is_some_and(|text| text.contains("badge-")), "{verdict}");
    for answer in [
        app.api("PUT", "/api/v1/policies/costly", &document).await,
        app.api("POST", "/api/v1/agents", &json!({"name": "x", "upstream": "stub", "policy_yaml": text})).await,
        app.api("PATCH", &format!("/api/v1/agents/{}", app.agent.id), &json!({"policy_yaml": text})).await,
        app.api("POST", "/api/v1/mask", &json!({"text": "x", "policy_yaml": text})).await,
    ] {
        check(&answer, 422, "policy_yaml_invalid");
        assert_eq!(answer.json()["error"]["details"][0]["field"], place, "{}", answer.text());
    }
    app.finish().await;
}
