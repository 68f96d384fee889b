//! Changes to an agent: every field, all at once, effective from the next request; and the proxy key.

use futures_util::future::join_all;
use hyper::StatusCode;
use masker::app::Serving;
use masker::audit::event::EventKind;
use masker::ids::AgentId;
use masker::session::Status;
use masker_tests::TestApp;
use masker_tests::fake_upstream::{Reply, Script, Signal, openai, respond};
use masker_tests::test_app::{Answer, STAFF_POLICY};
use serde_json::{Value, json};

use super::{another_account, send, token};
use crate::support::{ask, ask_streamed, fill_the_disk_below};

fn path(app: &TestApp) -> String {
    format!("/api/v1/agents/{}", app.agent.id)
}

async fn patch(app: &TestApp, change: Value) -> Answer {
    app.api("PATCH", &path(app), &change).await
}

async fn shown(app: &TestApp) -> Value {
    app.api("GET", &path(app), &Value::Null).await.json()["agent"].clone()
}

#[tokio::test]
async fn a_change_touches_what_it_names_and_null_takes_a_field_back() {
    let app = TestApp::healthcare().await;
    let own = STAFF_POLICY;
    let changed = format!("{own}media: pass\n");
    let assistant = json!({"firstMessage": "Hi", "voice": {"speed": 1.25}});
    for (change, expected) in [
        (json!({}), json!({"name": "test", "policy_name": "healthcare-default"})),
        (json!({"name": "Front desk"}), json!({"name": "Front desk", "upstream": "openai:gpt-4o-mini"})),
        (json!({"name": "Front desk"}), json!({"name": "Front desk"})),
        (json!({"upstream": "stub"}), json!({"upstream": "stub", "name": "Front desk"})),
        (json!({"tokenization": "reversible-aead"}), json!({"tokenization": "reversible-aead"})),
        (json!({"policy_yaml": own}), json!({"policy_name": "staff", "policy_version": 1, "policy_yaml": own})),
        (json!({"policy_yaml": own, "name": "x"}), json!({"policy_version": 1})),
        (json!({"policy_yaml": changed}), json!({"policy_version": 2, "policy_yaml": changed})),
        (json!({"platform": "vapi"}), json!({"platform": "vapi", "policy_name": "staff"})),
        (json!({"tokenization": null}), json!({"tokenization": "vault-deterministic"})),
        (json!({"policy_name": "healthcare-default"}), json!({"policy_name": "healthcare-default"})),
        (json!({"policy_yaml": own, "policy_name": null}), json!({"policy_name": "staff", "policy_yaml": own})),
        (json!({"policy_yaml": null}), json!({"policy_name": "healthcare-default"})),
        (json!({"platform": null}), json!({"platform": "custom"})),
        (json!({"assistant": assistant}), json!({"assistant": assistant})),
        (
            json!({"assistant_callback_url": "https://a.example/x?y=1"}),
            json!({"assistant_callback_url": "https://a.example/x?y=1", "assistant": assistant}),
        ),
        (json!({"assistant": null}), json!({"assistant": null, "assistant_callback_url": "https://a.example/x?y=1"})),
        (json!({"assistant_callback_url": null}), json!({"assistant_callback_url": null})),
        (json!({"require_signature": true}), json!({"require_signature": true})),
        (json!({"require_signature": null}), json!({"require_signature": false})),
    ] {
        let answer = patch(&app, change.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{change}: {}", answer.text());
        let (answered, shown) = (answer.json()["agent"].clone(), shown(&app).await);
        for (field, value) in expected.as_object().expect("an object") {
            assert_eq!(shown[field], *value, "{change}: {field}");
            assert!(field == "policy_yaml" || answered[field] == *value, "{change}: {answered}");
        }
        assert_eq!((&shown["id"], &shown["created_at"]), (&app.agent.body["id"], &app.agent.body["created_at"]));
    }
    let updates = app.events().iter().filter(|event| event.kind == EventKind::AgentUpdated).count();
    assert_eq!(updates, 20, "each is in the journal");
    app.finish().await;
}

#[tokio::test]
async fn a_change_that_cannot_be_made_changes_nothing() {
    let app = TestApp::start().await;
    let other = app.create_agent(json!({"name": "other", "upstream": "stub", "policy_yaml": STAFF_POLICY})).await;
    let before = shown(&app).await;
    for (change, status, code) in [
        (json!({"name": ""}), 422, "validation_failed"),
        (json!({"name": null}), 422, "validation_failed"),
        (json!({"upstream": null}), 422, "validation_failed"),
        (json!({"name": "fine", "colour": "red"}), 422, "validation_failed"),
        (json!({"name": "fine", "platform": "skype"}), 422, "validation_failed"),
        (json!({"id": app.agent.id}), 422, "validation_failed"),
        (json!({"policy_name": "a", "policy_yaml": "b"}), 422, "validation_failed"),
        (json!([]), 422, "validation_failed"),
        (json!({"name": "fine", "upstream": "nobody:x"}), 422, "unknown_upstream"),
        (json!({"name": "fine", "policy_name": "nope"}), 422, "unknown_policy"),
        (json!({"name": "fine", "policy_yaml": "name: x"}), 422, "policy_yaml_invalid"),
        (json!({"name": "other", "upstream": "stub"}), 409, "name_taken"),
    ] {
        let answer = patch(&app, change.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (status, code), "{change}");
        assert_eq!(shown(&app).await, before, "{change}");
    }
    assert!(app.events().iter().all(|event| event.kind != EventKind::AgentUpdated));
    // A released name may be reused.
    app.api("DELETE", &format!("/api/v1/agents/{}", other.id), &Value::Null).await;
    assert_eq!(patch(&app, json!({"name": "other"})).await.status, StatusCode::OK);
    app.finish().await;
}

#[tokio::test]
async fn requests_in_flight_finish_on_the_old_settings_and_sessions_say_which_they_ran_on() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    let server = app.serve().await;
    let go = Signal::new();
    let wait = go.clone();
    app.upstream.respond_with(move |request| {
        let token = crate::support::token(&request.text());
        let (first, rest) = token.split_at(8);
        let script = Script::new().event(&openai::role_chunk()).event(&openai::text_chunk(&format!("Hi {first}")));
        Reply::stream(script.wait(&wait).events(&openai::text_events(rest, 50)).done())
    });
    let mut answer = server.post(&app.agent.path(), &ask_streamed("I am E-12345.")).await;
    answer.read_until("Hi").await;
    let redacting = STAFF_POLICY.replace("STAFF_ID: {}", "STAFF_ID: {action: redact}");
    let change = json!({"policy_yaml": redacting, "upstream": "openai:gpt-4o", "name": "renamed"});
    let changed = patch(&app, change).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    go.fire();
    assert!(answer.rest().await.contains("E-12345"), "what the old policy masked comes back");

    app.upstream.respond_with(respond::echo);
    assert_eq!(app.say("I am E-12345.").await.content(), "You said: I am [REDACTED:STAFF_ID].");
    assert_eq!(app.forwarded()["model"], "gpt-4o");
    let refused = app.chat(json!({"model": "gpt-4o-mini", "messages": []})).await;
    assert_eq!(refused.error_code(), "model_not_allowed");
    app.sessions_over(2).await;
    let list = app.api("GET", "/api/v1/sessions", &Value::Null).await.json();
    for (row, name, model, version) in
        [(&list["data"][0], "renamed", "gpt-4o", 2), (&list["data"][1], "test", "gpt-4o-mini", 1)]
    {
        assert_eq!((&row["agent_name"], &row["upstream_model"]), (&json!(name), &json!(model)));
        let path = format!("/api/v1/sessions/{}", row["id"].as_str().expect("an id"));
        let session = app.api("GET", &path, &Value::Null).await.json()["session"].clone();
        assert_eq!((&session["policy_name"], &session["policy_version"]), (&json!("staff"), &json!(version)));
    }
    server.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_deleted_agent_takes_no_request_and_finishes_those_in_flight() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    let server = app.serve().await;
    let go = Signal::new();
    let wait = go.clone();
    app.upstream.respond_with(move |request| {
        let token = crate::support::token(&request.text());
        let script = Script::new().event(&openai::role_chunk()).event(&openai::text_chunk("Hi "));
        Reply::stream(script.wait(&wait).events(&openai::text_events(&token, 5)).done())
    });
    let mut answer = server.post(&app.agent.path(), &ask_streamed("I am E-12345.")).await;
    answer.read_until("Hi").await;
    assert_eq!(app.api("DELETE", &path(&app), &Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.say("I am E-12345.").await.error_code(), "agent_not_found");
    go.fire();
    let rest = answer.rest().await;
    assert!(rest.contains("E-12345") && rest.contains("[DONE]"), "{rest}");
    let session = app.sessions_over(1).await[0].clone();
    assert_eq!((session.status, session.rehydrated.as_slice()), (Status::Ok, &[0][..]));
    server.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn changes_at_the_same_time_lose_nothing() {
    let app = TestApp::start().await;
    let changes = [json!({"platform": "vapi"}), json!({"require_signature": true}), json!({"name": "both"})];
    let answers = join_all(changes.map(|change| patch(&app, change))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    let agent = shown(&app).await;
    assert_eq!(
        (&agent["platform"], &agent["require_signature"], &agent["name"]),
        (&json!("vapi"), &json!(true), &json!("both"))
    );
    app.finish().await;
}

#[tokio::test]
async fn what_the_journal_does_not_take_is_not_done() {
    let app = TestApp::start().await;
    let before = shown(&app).await;
    fill_the_disk_below(&app.journal_path());
    let (path, key) = (path(&app), format!("{}/proxy-key", path(&app)));
    let changes = [
        ("PATCH", &path, json!({"name": "other", "proxy_auth": "key"})),
        ("POST", &key, Value::Null),
        ("DELETE", &path, Value::Null),
    ];
    for (method, path, body) in changes {
        let answer = app.api(method, path, &body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.error_code().as_str()),
            (503, "audit_unavailable"),
            "{method} {path}"
        );
        assert_eq!(shown(&app).await, before, "{method} {path}");
        assert!(takes(&app, &app.agent.id, None), "the agent serves as it was");
    }
}

#[tokio::test]
async fn a_change_survives_a_restart() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    let redacting = STAFF_POLICY.replace("STAFF_ID: {}", "STAFF_ID: {action: redact}");
    patch(&app, json!({"policy_yaml": redacting})).await;
    app.restart().await;
    app.upstream.respond_with(respond::echo);
    assert_eq!(app.chat(ask("I am E-12345.")).await.content(), "You said: I am [REDACTED:STAFF_ID].");
    assert_eq!(app.sessions().await[0].policy_version, 2);
    app.finish().await;
}

#[tokio::test]
async fn an_agent_of_another_account_cannot_be_changed_and_does_not_show() {
    let app = TestApp::start().await;
    let stranger = format!("Bearer {}", token(&app, Some(another_account(&app)), &["admin"]).await);
    let never = AgentId::generate().text();
    for id in [app.agent.id.as_str(), &never, "agt_1"] {
        let base = format!("/api/v1/agents/{id}");
        for (method, path) in [("PATCH", base.clone()), ("POST", format!("{base}/proxy-key"))] {
            let answer = send(&app, method, &path, Some(&stranger), r#"{"name": ""}"#).await;
            assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (404, "agent_not_found"), "{path}");
        }
    }
    app.finish().await;
}

/// The new key in a response.
fn key(answer: &Answer) -> String {
    let agent = answer.json()["agent"].clone();
    assert_eq!(agent["proxy_auth"], "key", "{agent}");
    agent["proxy_key"].as_str().expect("a new key is shown").to_owned()
}

/// Whether the running agent accepts this key.
fn takes(app: &TestApp, id: &str, key: Option<&str>) -> bool {
    match app.app().serving(&id.parse().expect("an id")) {
        Some(Serving::Ready(agent)) => agent.door.takes(key),
        _ => panic!("the agent serves"),
    }
}

#[tokio::test]
async fn the_key_of_a_proxy_is_shown_once_kept_as_a_hash_and_can_be_replaced() {
    let mut app = TestApp::start().await;
    let body = json!({"name": "locked", "upstream": "stub", "policy_yaml": STAFF_POLICY, "proxy_auth": "key"});
    let made = app.api("POST", "/api/v1/agents", &body).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let first = key(&made);
    let id = made.json()["agent"]["id"].as_str().expect("an id").to_owned();
    assert!(first.starts_with("mskp_") && first.len() == 48, "{first}");
    let path = format!("/api/v1/agents/{id}");
    assert!(takes(&app, &id, Some(&first)) && !takes(&app, &id, None) && !takes(&app, &id, Some("mskp_")));

    // Setting an existing value changes nothing.
    for change in [json!({"proxy_auth": "key"}), json!({"name": "still locked"})] {
        let answer = app.api("PATCH", &path, &change).await.json()["agent"].clone();
        assert_eq!((&answer["proxy_auth"], answer.get("proxy_key")), (&json!("key"), None));
        assert!(takes(&app, &id, Some(&first)));
    }
    let shown = app.api("GET", &path, &Value::Null).await;
    assert!(!shown.text().contains("mskp_") && shown.json()["agent"]["proxy_auth"] == "key");

    let second = key(&app.api("POST", &format!("{path}/proxy-key"), &Value::Null).await);
    assert!(second != first && takes(&app, &id, Some(&second)) && !takes(&app, &id, Some(&first)));
    app.restart().await;
    assert!(takes(&app, &id, Some(&second)) && !takes(&app, &id, Some(&first)));

    let opened = app.api("PATCH", &path, &json!({"proxy_auth": "id"})).await.json()["agent"].clone();
    assert_eq!((&opened["proxy_auth"], opened.get("proxy_key")), (&json!("id"), None));
    assert!(takes(&app, &id, None));
    // A new key for an agent without one locks it, and so does `proxy_auth: key`.
    let third = key(&app.api("POST", &format!("{path}/proxy-key"), &Value::Null).await);
    assert!(takes(&app, &id, Some(&third)));
    app.api("PATCH", &path, &json!({"proxy_auth": null})).await;
    let fourth = key(&app.api("PATCH", &path, &json!({"proxy_auth": "key"})).await);
    assert!(takes(&app, &id, Some(&fourth)) && !takes(&app, &id, Some(&third)));
    // The end of the test checks that none of them is in a file or in the log.
    for key in [first, second, third, fourth] {
        app.plant(&key);
    }
    app.finish().await;
}
