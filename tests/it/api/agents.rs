//! Agents: created, listed, shown, deleted.

use std::collections::BTreeSet;

use axum::body::Body;
use hyper::{Request, StatusCode};
use masker::audit::event::EventKind;
use masker::ids::AgentId;
use masker_tests::TestApp;
use masker_tests::fake_upstream::respond;
use masker_tests::test_app::{Answer, STAFF_POLICY};
use serde_json::{Value, json};

use super::{another_account, send, token};

const AGENTS: &str = "/api/v1/agents";

async fn create(app: &TestApp, body: &Value) -> Answer {
    app.api("POST", AGENTS, body).await
}

fn named(name: &str) -> Value {
    json!({"name": name, "upstream": "stub", "policy_yaml": STAFF_POLICY})
}

async fn get(app: &TestApp, path: &str) -> Answer {
    app.api("GET", path, &Value::Null).await
}

/// The names of a page and its cursor.
async fn page(app: &TestApp, query: &str) -> (Vec<String>, Option<String>) {
    let answer = get(app, &format!("{AGENTS}?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let body = answer.json();
    let rows = body["data"].as_array().expect("rows");
    let names = rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect();
    (names, body["next_cursor"].as_str().map(str::to_owned))
}

#[track_caller]
fn check_fields(answer: &Answer, expected: &[(&str, &str)]) {
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, "validation_failed"),
        "{}",
        answer.text()
    );
    let error = &answer.json()["error"];
    let details = error["details"].as_array().expect("details");
    assert_eq!(details.len(), expected.len(), "{error}");
    for (detail, (field, words)) in details.iter().zip(expected) {
        assert_eq!(detail["field"], *field, "{error}");
        assert!(detail["message"].as_str().is_some_and(|text| text.contains(words)), "{error}");
    }
}

#[tokio::test]
async fn an_agent_is_shown_as_it_was_made() {
    let app = TestApp::builder().env("MASKER_PUBLIC_URL", "https://masker.example/").start().await;
    let mut body = named("Front desk · 2");
    body["platform"] = json!("vapi");
    let answer = create(&app, &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let made = answer.json()["agent"].clone();
    let id = made["id"].as_str().expect("an id");
    assert!(id.starts_with("agt_") && id.len() == 30);
    let base = format!("https://masker.example/proxy/{id}");
    assert_eq!(
        made,
        json!({
            "id": id, "name": "Front desk · 2", "upstream": "stub", "tokenization": "vault-deterministic",
            "policy_name": "staff", "policy_version": 1, "platform": "vapi", "assistant": null,
            "assistant_callback_url": null, "proxy_auth": "id", "require_signature": false, "agreements": null,
            "proxy_url": format!("{base}/v1/chat/completions"), "proxy_base_url": format!("{base}/v1"),
            "webhook_url": format!("https://masker.example/vapi/webhook/{id}"), "created_at": made["created_at"],
        })
    );
    let created = made["created_at"].as_str().expect("a time");
    assert!(created.len() == "2026-05-03T21:14:32.481Z".len() && created.ends_with('Z'), "{created}");

    let mut shown = get(&app, &format!("{AGENTS}/{id}")).await.json()["agent"].clone();
    let object = shown.as_object_mut().expect("an object");
    assert_eq!(object.remove("policy_yaml"), Some(json!(STAFF_POLICY)));
    let stats = object.remove("stats").expect("stats");
    assert_eq!((&stats["session_count_24h"], &stats["redaction_count_24h"]), (&json!(0), &json!(0)));
    assert_eq!(shown, made);
    app.finish().await;
}

#[tokio::test]
async fn what_an_agent_did_is_counted() {
    let app = TestApp::start().await;
    app.upstream.respond_with(respond::echo);
    for said in ["I am E-12345 and E-54321.", "Hello."] {
        app.say(said).await;
    }
    app.app().store().sessions_flushed().await.expect("written");
    let stats = get(&app, &format!("{AGENTS}/{}", app.agent.id)).await.json()["agent"]["stats"].clone();
    for (field, count) in [("session_count_24h", 2), ("session_count_7d", 2), ("redaction_count_24h", 2)] {
        assert_eq!(stats[field], count, "{field}: {stats}");
    }
    assert!(
        stats["p50_latency_ms"].as_f64() <= stats["p95_latency_ms"].as_f64() && stats["p50_latency_ms"].is_number(),
        "{stats}"
    );
    let row = &get(&app, AGENTS).await.json()["data"][0].clone();
    assert_eq!(row["session_count_24h"], 2);
    app.finish().await;
}

#[tokio::test]
async fn the_policy_that_ships_is_the_default_and_tokenization_can_be_overridden() {
    let app = TestApp::healthcare().await;
    assert_eq!(app.agent.body["policy_name"], "healthcare-default");
    let body = json!({"name": "aead", "upstream": "stub", "policy_name": "healthcare-default", "tokenization": "reversible-aead"});
    let made = create(&app, &body).await.json()["agent"].clone();
    assert_eq!(made["tokenization"], "reversible-aead");
    app.finish().await;
}

#[tokio::test]
async fn every_wrong_field_is_named_with_its_reason() {
    let app = TestApp::start().await;
    for (change, expected) in [
        (json!({"name": null}), &[("name", "must not be null")][..]),
        (json!({"name": 7}), &[("name", "must be a string")]),
        (json!({"name": ""}), &[("name", "1 to 64 characters")]),
        (json!({"name": "x".repeat(65)}), &[("name", "1 to 64 characters")]),
        (json!({"name": "a\nb"}), &[("name", "U+000A")]),
        (json!({"name": "   "}), &[("name", "space")]),
        (json!({"name": "front\u{202e}desk"}), &[("name", "invisible character: U+202E")]),
        (json!({"name": "\u{200b}"}), &[("name", "invisible character: U+200B")]),
        (json!({"upstream": ["stub"]}), &[("upstream", "must be a string")]),
        (json!({"tokenization": "rot13"}), &[("tokenization", "vault-deterministic, reversible-aead or synthetic")]),
        (json!({"platform": "skype"}), &[("platform", "vapi, retell, bolna, elevenlabs, twilio, custom")]),
        (json!({"policy_name": "healthcare-default"}), &[("policy_yaml", "either policy_name or policy_yaml")]),
        (json!({"assistant": "me"}), &[("assistant", "must be a JSON object")]),
        (json!({"assistant": {"x": "y".repeat(300_000)}}), &[("assistant", "larger than")]),
        (json!({"assistant_callback_url": "ftp://a.example"}), &[("assistant_callback_url", "http or https")]),
        (json!({"assistant_callback_url": "https://me:secret@a.example"}), &[("assistant_callback_url", "password")]),
        (json!({"proxy_auth": "none"}), &[("proxy_auth", "id or key")]),
        (json!({"require_signature": "yes"}), &[("require_signature", "true or false")]),
        (json!({"colour": "red"}), &[("colour", "unknown field, expected one of name")]),
        (
            json!({"name": "", "platform": "x", "tokenization": "y"}),
            &[("name", ""), ("platform", ""), ("tokenization", "")],
        ),
        (
            json!({"name": 1, "upstream": 2, "x": 3}),
            &[("name", "string"), ("upstream", "string"), ("x", "unknown field")],
        ),
    ] {
        let mut body = named("wrong");
        body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        check_fields(&create(&app, &body).await, expected);
    }
    check_fields(&create(&app, &json!({})).await, &[("name", "is required"), ("upstream", "is required")]);
    check_fields(&create(&app, &json!([1])).await, &[("body", "must be a JSON object")]);
    assert_eq!(page(&app, "").await.0, ["test"], "nothing was made");
    app.finish().await;
}

#[tokio::test]
async fn a_name_has_64_characters_however_many_bytes() {
    let app = TestApp::start().await;
    assert_eq!(create(&app, &named(&"é".repeat(64))).await.status, StatusCode::CREATED);
    app.finish().await;
}

#[tokio::test]
async fn an_upstream_nobody_configured_is_unknown() {
    let app = TestApp::start().await;
    for upstream in ["", "openai", "openai:", "openai:a b", "anthropic:claude", "stub:x", "openai:\u{7f}"] {
        let body = json!({"name": "x", "upstream": upstream, "policy_yaml": STAFF_POLICY});
        let answer = create(&app, &body).await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (422, "unknown_upstream"), "{upstream}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_policy_nobody_wrote_is_unknown() {
    let app = TestApp::start().await;
    let answer = create(&app, &json!({"name": "x", "upstream": "stub", "policy_name": "nope"})).await;
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (422, "unknown_policy"));
    app.finish().await;
}

#[tokio::test]
async fn a_policy_with_mistakes_is_refused_with_all_of_them() {
    let app = TestApp::start().await;
    let yaml = "name: x\nversion: 1\nkid: K_NOPE\ntokenization: vault-deterministic\npasses: [staff-id]\nentities: {STAFF_ID: {acton: redact}}\n";
    let answer = create(&app, &json!({"name": "x", "upstream": "stub", "policy_yaml": yaml})).await;
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (422, "policy_yaml_invalid"));
    let details = answer.json()["error"]["details"].clone();
    let fields: Vec<&str> =
        details.as_array().expect("details").iter().filter_map(|row| row["field"].as_str()).collect();
    assert_eq!(fields, ["kid", "entities.STAFF_ID.acton"]);
    app.finish().await;
}

#[tokio::test]
async fn a_name_is_taken_until_its_agent_is_deleted() {
    let app = TestApp::start().await;
    let first = create(&app, &named("desk")).await.json()["agent"]["id"].as_str().expect("an id").to_owned();
    let answer = create(&app, &named("desk")).await;
    assert_eq!((answer.status, answer.error_code().as_str()), (StatusCode::CONFLICT, "name_taken"));
    assert_eq!(app.api("DELETE", &format!("{AGENTS}/{first}"), &Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(create(&app, &named("desk")).await.status, StatusCode::CREATED);
    app.finish().await;
}

#[tokio::test]
async fn a_body_that_is_not_json_or_too_large_or_of_another_type_is_refused() {
    let app = TestApp::builder().env("MASKER_MAX_BODY_BYTES", "2048").start().await;
    let authorization = format!("Bearer {}", token(&app, None, &["admin"]).await);
    for body in ["{", "", "nope", "{\"name\": \"\\ud800\"}"] {
        check_fields(&send(&app, "POST", AGENTS, Some(&authorization), body).await, &[("body", "JSON")]);
    }
    let large = json!({"name": "x", "upstream": "stub", "policy_yaml": "#".repeat(3000)}).to_string();
    let answer = send(&app, "POST", AGENTS, Some(&authorization), &large).await;
    assert_eq!((answer.status, answer.error_code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"));
    for content_type in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        let mut request = Request::post(AGENTS).header("authorization", &authorization);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let answer = app.request(request.body(Body::from(named("x").to_string())).expect("a request")).await;
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type")
        );
    }
    app.finish().await;
}

#[tokio::test]
async fn the_list_is_newest_first_and_its_pages_stay_whole_while_agents_come_and_go() {
    let app = TestApp::start().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        ids.push(create(&app, &named(name)).await.json()["agent"]["id"].as_str().expect("an id").to_owned());
    }
    assert_eq!(page(&app, "").await, (["e", "d", "c", "b", "a", "test"].map(str::to_owned).to_vec(), None));
    let (first, cursor) = page(&app, "limit=2").await;
    assert_eq!(first, ["e", "d"]);
    // A new agent, the one at the cursor, and one of the rest.
    assert_eq!(create(&app, &named("f")).await.status, StatusCode::CREATED);
    for gone in [3, 1] {
        app.api("DELETE", &format!("{AGENTS}/{}", ids[gone]), &Value::Null).await;
    }
    let (second, cursor) = page(&app, &format!("limit=2&cursor={}", cursor.expect("more"))).await;
    assert_eq!(second, ["c", "a"]);
    let (last, cursor) = page(&app, &format!("limit=2&cursor={}", cursor.expect("more"))).await;
    assert_eq!((last, cursor), (vec!["test".to_owned()], None));
    app.finish().await;
}

#[tokio::test]
async fn a_list_can_be_narrowed_to_a_part_of_the_name_in_any_case_and_without_wildcards() {
    let app = TestApp::start().await;
    for name in ["100% Café", "100 percent", "a_b", "aXb", "back\\slash"] {
        assert_eq!(create(&app, &named(name)).await.status, StatusCode::CREATED);
    }
    for (part, expected) in [
        ("%25", &["100% Café"][..]),
        ("_", &["a_b"]),
        ("%5C", &["back\\slash"]),
        ("CAF%C3%89", &["100% Café"]),
        ("A", &["back\\slash", "aXb", "a_b", "100% Café"]),
        ("100%25%20c", &["100% Café"]),
        ("nobody", &[]),
    ] {
        let (names, _) = page(&app, &format!("name_contains={part}")).await;
        assert_eq!(names, expected, "{part}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_query_that_makes_no_sense_is_refused_and_an_unknown_parameter_is_not() {
    let app = TestApp::start().await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("cursor=garbled", "cursor"),
        ("cursor=", "cursor"),
        ("cursor=YWd0XzE", "cursor"),
    ] {
        check_fields(&get(&app, &format!("{AGENTS}?{query}")).await, &[(field, "")]);
    }
    check_fields(&get(&app, &format!("{AGENTS}?limit=0&cursor=x")).await, &[("limit", ""), ("cursor", "")]);
    for query in ["limit=1", "limit=100", "colour=red", "limit=5&limit=6"] {
        assert_eq!(page(&app, query).await.0, ["test"], "{query}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_deleted_agent_is_gone_at_once_everywhere_and_the_journal_says_so() {
    let app = TestApp::start().await;
    app.upstream.respond_with(respond::echo);
    assert_eq!(app.say("hello").await.status, StatusCode::OK);
    let path = format!("{AGENTS}/{}", app.agent.id);
    let deleted = app.api("DELETE", &path, &Value::Null).await;
    assert_eq!((deleted.status, deleted.body.len()), (StatusCode::NO_CONTENT, 0));
    let answer = app.say("hello").await;
    assert_eq!((answer.status, answer.error_code().as_str()), (StatusCode::NOT_FOUND, "agent_not_found"));
    assert_eq!(answer.json()["error"]["type"], "invalid_request_error", "the proxy speaks OpenAI's shape");
    for method in ["GET", "DELETE"] {
        assert_eq!(app.api(method, &path, &Value::Null).await.error_code(), "agent_not_found");
    }
    assert_eq!(page(&app, "").await.0, [""; 0]);
    let kinds: Vec<EventKind> = app.events().iter().map(|event| event.kind).collect();
    assert_eq!((kinds[0], kinds.last()), (EventKind::AgentCreated, Some(&EventKind::AgentDeleted)));
    assert_eq!(app.upstream.requests().len(), 1);
    assert_eq!(app.sessions().await.len(), 1, "its sessions stay");
    app.finish().await;
}

#[tokio::test]
async fn an_agent_of_another_account_is_like_one_that_never_was() {
    let app = TestApp::start().await;
    let stranger = format!("Bearer {}", token(&app, Some(another_account(&app)), &["admin"]).await);
    let theirs = format!("{AGENTS}/{}", app.agent.id);
    let never = format!("{AGENTS}/{}", AgentId::generate().text());
    let malformed = format!("{AGENTS}/agt_1");
    for method in ["GET", "DELETE"] {
        let mut answers = BTreeSet::new();
        for path in [&theirs, &never, &malformed] {
            let answer = send(&app, method, path, Some(&stranger), "").await;
            let mut body = answer.json();
            body["error"]["request_id"] = Value::Null;
            answers.insert((answer.status.as_u16(), body.to_string()));
        }
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert!(answers.iter().all(|(status, body)| *status == 404 && body.contains("agent_not_found")));
    }
    let listed = send(&app, "GET", AGENTS, Some(&stranger), "").await.json();
    assert_eq!(listed, json!({"data": [], "next_cursor": null}));
    assert_eq!(page(&app, "").await.0, ["test"], "it is still there for its owner");
    app.finish().await;
}

#[tokio::test]
async fn agents_serve_again_after_a_restart() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app.upstream.respond_with(respond::echo);
    app.restart().await;
    assert_eq!(app.say("I am E-12345.").await.content(), "You said: I am E-12345.");
    app.finish().await;
}
