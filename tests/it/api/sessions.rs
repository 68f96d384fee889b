//! Sessions: listed, filtered, shown.

use std::collections::BTreeSet;

use hyper::StatusCode;
use masker::clock::{Clock, Timestamp};
use masker::ids::{AgentId, SessionId};
use masker_tests::TestApp;
use masker_tests::fake_upstream::{Reply, respond};
use masker_tests::test_app::{Answer, STAFF_POLICY};
use serde_json::{Value, json};

use super::{another_account, lists, send, token};
use crate::support::{answer_with, ask};

const SESSIONS: &str = "/api/v1/sessions";
/// Noon of a day, for tests that set the clock.
const NOON: i64 = 1_777_896_000_000;

async fn get(app: &TestApp, path: &str) -> Answer {
    app.api("GET", path, &Value::Null).await
}

/// The ids of a page and its cursor.
async fn page(app: &TestApp, query: &str) -> (Vec<String>, Option<String>) {
    let answer = get(app, &format!("{SESSIONS}?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text());
    let body = answer.json();
    let rows = body["data"].as_array().expect("rows");
    let ids = rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect();
    (ids, body["next_cursor"].as_str().map(str::to_owned))
}

/// Sends a message and returns the session's id once it can be read.
async fn said(app: &TestApp, body: Value, call: &str) -> String {
    let before = app.sessions().await.len();
    match call {
        "" => app.chat(body).await,
        call => app.chat_in_call(call, body).await,
    };
    app.sessions_over(before + 1).await[0].id.text()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

const ROW: [&str; 11] = [
    "id",
    "agent_id",
    "agent_name",
    "call_id",
    "started_at",
    "ended_at",
    "duration_ms",
    "status",
    "redaction_count",
    "redactions_by_kind",
    "upstream_model",
];

#[tokio::test]
async fn a_session_is_listed_and_shown_with_everything_about_it() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app.plant("E-54321");
    answer_with(&app, |token| format!("only {token}"));
    let body = json!({"messages": [
        {"role": "system", "content": "é E-12345"},
        {"role": "user", "content": [{"type": "text", "text": "x E-54321"},
            {"type": "image_url", "image_url": {"url": "https://a.example/scan.png"}}]},
    ]});
    let id = said(&app, body, "call-a").await;
    let row = get(&app, SESSIONS).await.json()["data"][0].clone();
    assert_eq!(keys(&row), ROW);
    for (field, expected) in [
        ("id", json!(id)),
        ("agent_id", json!(app.agent.id)),
        ("agent_name", json!("test")),
        ("status", json!("ok")),
        ("redaction_count", json!(2)),
        ("redactions_by_kind", json!({"STAFF_ID": 2})),
        ("upstream_model", json!("gpt-4o-mini")),
    ] {
        assert_eq!(row[field], expected, "{field}");
    }
    for field in ["started_at", "ended_at"] {
        let time = row[field].as_str().expect("a time");
        assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
    }
    assert!(row["duration_ms"].as_i64().is_some_and(|duration| duration >= 0));
    assert!(row["call_id"].as_str().is_some_and(|call| call.len() == 32 && !call.contains("call-a")));

    let session = get(&app, &format!("{SESSIONS}/{id}")).await.json()["session"].clone();
    for field in ROW {
        assert_eq!(session[field], row[field], "{field}");
    }
    assert_eq!((&session["policy_name"], &session["policy_version"]), (&json!("staff"), &json!(1)));
    let stages = &session["stage_durations_ms"];
    assert_eq!(keys(stages), ["detection", "tokenize", "upstream", "rehydrate"]);
    assert!(stages.as_object().expect("stages").values().all(|time| time.as_f64().is_some_and(|time| time > 0.0)));
    let root = session["merkle_root_hex"].as_str().expect("a root");
    assert_eq!(root.len(), 64);
    assert_eq!(
        app.sessions().await[0].merkle_root.map(|hash| masker::audit::chain::hex_text(&hash)).as_deref(),
        Some(root)
    );
    let events = session["events"].as_array().expect("events");
    assert_eq!(events.len(), 3, "{events:?}");
    assert!(events[0]["event_id"].as_str().is_some_and(|id| id.starts_with("evt_") && id.len() == 30));
    let of = |event: &Value| {
        let mut event = event.clone();
        event.as_object_mut().expect("an object").remove("event_id");
        event
    };
    let span = |message, start, rehydrated| {
        json!({"message": message, "field": "content", "pass": "staff-id", "entity_kind": "STAFF_ID",
            "span": [start, start + 7], "action": "tokenize", "confidence": events[0]["confidence"],
            "token_kind": "vault", "kid": "K_HEALTHCARE", "rehydrated": rehydrated})
    };
    assert_eq!(of(&events[0]), span(0, 2, true), "characters, not bytes");
    assert_eq!(of(&events[1]), span(1, 2, false));
    assert!(events[0]["confidence"].as_f64().is_some_and(|confidence| (0.0..=1.0).contains(&confidence)));
    assert_eq!((&events[2]["field"], &events[2]["span"]), (&json!("content.media"), &Value::Null), "the image");
    assert_eq!((&session["failed_passes"], &session["rehydration_failures"]), (&json!([]), &json!(0)));
    let nothing = json!({"request": null, "masked": null, "response": null, "truncated": false});
    assert_eq!(session["payloads"], nothing);
    app.finish().await;
}

#[tokio::test]
async fn what_went_wrong_in_a_session_shows() {
    let policy = STAFF_POLICY.replace("[staff-id]", "[staff-id, {plugin: panics, on_error: skip}]");
    let app = TestApp::builder().guest("panics").policy(&policy).start().await;
    app.upstream.script(Reply::text("MSKV1.STAFF_ID.K_HEALTHCARE.AAAAAAAAAAAAAAAAAAAAAAAAAA is made up"));
    let id = said(&app, ask("hello"), "").await;
    let session = get(&app, &format!("{SESSIONS}/{id}")).await.json()["session"].clone();
    let failed = &session["failed_passes"][0];
    assert_eq!((&failed["pass"], &failed["outcome"]), (&json!("panics"), &json!("skipped")));
    assert!(failed["fault"].is_string() && failed["event_id"].is_string());
    assert_eq!((&session["rehydration_failures"], &session["events"]), (&json!(1), &json!([])));
    app.finish().await;
}

#[tokio::test]
async fn the_list_can_be_narrowed_in_every_way_and_all_of_them_together() {
    let clock = Clock::manual(Timestamp::from_millis(NOON));
    let mut app = TestApp::builder().clock(&clock).start().await;
    app.upstream.respond_with(respond::echo);
    let hours_ago = |hours: i64| clock.set(Timestamp::from_millis(NOON - hours * 3_600_000));
    hours_ago(30);
    let old = said(&app, ask("E-12345"), "").await;
    hours_ago(5);
    let call = said(&app, ask("E-12345 E-54321"), "call-a").await;
    let plain = said(&app, ask("hello"), "").await;
    app.upstream.script(Reply::server_error());
    hours_ago(1);
    let failed = said(&app, ask("E-12345"), "call-a").await;
    let other = app.create_agent(json!({"name": "other", "upstream": "stub", "policy_yaml": STAFF_POLICY})).await;
    let first = std::mem::replace(&mut app.agent, other);
    hours_ago(0);
    let of_other = said(&app, ask("E-12345"), "call-a").await;
    let hash = get(&app, &format!("{SESSIONS}/{call}")).await.json()["session"]["call_id"].clone();
    let hash = hash.as_str().expect("a call");
    let (a, b) = (first.id.as_str(), app.agent.id.as_str());
    let all = [&of_other, &failed, &plain, &call, &old];
    for (query, expected) in [
        (String::new(), &all[..4]),
        ("since=24h".into(), &all[..4]),
        ("since=2d".into(), &all[..]),
        ("since=99999w".into(), &all[..]),
        ("since=60m".into(), &all[..2]),
        ("since=3599s".into(), &all[..1]),
        ("since=2026-05-04T11:00:00.000Z".into(), &all[..2]),
        ("since=2026-05-04T13:00:00%2B02:00".into(), &all[..2]),
        ("since=2099-01-01T00:00:00Z".into(), &[]),
        (format!("agent_id={a}"), &[&failed, &plain, &call]),
        (format!("agent_id={b}&since=2w"), &[&of_other]),
        (format!("agent_id={}", AgentId::generate().text()), &[]),
        ("status=ok".into(), &[&of_other, &plain, &call]),
        ("status=error".into(), &[&failed]),
        ("status=partial".into(), &[]),
        ("min_redactions=0".into(), &all[..4]),
        ("min_redactions=1&since=1w".into(), &[&of_other, &failed, &call, &old]),
        ("min_redactions=2".into(), &[&call]),
        ("min_redactions=9223372036854775807".into(), &[]),
        ("call_id=call-a".into(), &[&of_other, &failed, &call]),
        (format!("call_id={hash}"), &[&failed, &call]),
        (format!("call_id=call-a&agent_id={b}"), &[&of_other]),
        ("call_id=call-a&status=error".into(), &[&failed]),
        ("call_id=call-b".into(), &[]),
        (format!("agent_id={a}&status=ok&min_redactions=1&since=1w&call_id=call-a"), &[&call]),
        ("colour=red".into(), &all[..4]),
    ] {
        let (ids, cursor) = page(&app, &query).await;
        assert_eq!((ids.iter().collect::<Vec<_>>().as_slice(), cursor), (expected, None), "{query}");
    }
    // The same below an agent, where the query's agent is ignored.
    for (query, expected) in [("", &[&failed, &plain, &call][..]), ("?status=error&agent_id=x", &[])] {
        let answer = get(&app, &format!("/api/v1/agents/{a}/sessions{query}")).await;
        if query.contains("agent_id=x") {
            assert_eq!(answer.error_code(), "validation_failed");
            continue;
        }
        let rows = answer.json()["data"].as_array().expect("rows").clone();
        let ids: Vec<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
        assert_eq!(ids, expected.iter().map(|id| id.as_str()).collect::<Vec<_>>());
    }
    app.finish().await;
}

#[tokio::test]
async fn a_query_that_makes_no_sense_is_refused_with_every_reason() {
    let app = TestApp::start().await;
    let paths = [SESSIONS.to_owned(), format!("/api/v1/agents/{}/sessions", app.agent.id)];
    for (query, fields) in [
        ("limit=0", &["limit"][..]),
        ("limit=101", &["limit"]),
        ("cursor=garbled", &["cursor"]),
        ("since=", &["since"]),
        ("since=yesterday", &["since"]),
        ("since=-1h", &["since"]),
        ("agent_id=agt_1", &["agent_id"]),
        ("agent_id=sess_01HYZABCDEFGHJKMNPQRSTVWXY", &["agent_id"]),
        ("status=OK", &["status"]),
        ("status=", &["status"]),
        ("min_redactions=-1", &["min_redactions"]),
        ("min_redactions=many", &["min_redactions"]),
        ("call_id=", &["call_id"]),
        ("since=x&agent_id=x&status=x&min_redactions=x", &["since", "agent_id", "status", "min_redactions"]),
    ] {
        for path in &paths {
            let answer = get(&app, &format!("{path}?{query}")).await;
            assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (422, "validation_failed"), "{query}");
            let details = answer.json()["error"]["details"].clone();
            let named: Vec<&str> =
                details.as_array().expect("details").iter().filter_map(|detail| detail["field"].as_str()).collect();
            assert_eq!(named, fields, "{query}");
        }
    }
    let long = "x".repeat(257);
    assert_eq!(get(&app, &format!("{SESSIONS}?call_id={long}")).await.error_code(), "validation_failed");
    app.finish().await;
}

/// The list of sessions, with its own query or below an agent.
struct Rows(String);

impl lists::Rows for Rows {
    fn path(&self) -> String {
        self.0.clone()
    }

    async fn insert(&mut self, app: &TestApp) -> String {
        said(app, ask("E-12345"), "").await
    }

    async fn remove(&mut self, _: &TestApp, _: &str) -> bool {
        false
    }
}

#[tokio::test]
async fn the_lists_of_sessions() {
    for path in ["/api/v1/sessions?", "/api/v1/sessions?status=ok&min_redactions=1&", "/api/v1/agents/AGENT/sessions?"]
    {
        let app = TestApp::start().await;
        app.upstream.respond_with(respond::echo);
        lists::check_list(&app, &mut Rows(path.replace("AGENT", &app.agent.id))).await;
        app.finish().await;
    }
}

#[tokio::test]
async fn sessions_of_another_account_are_like_ones_that_never_were() {
    let app = TestApp::start().await;
    let id = said(&app, ask("E-12345"), "call-a").await;
    let stranger = format!("Bearer {}", token(&app, Some(another_account(&app)), &["admin"]).await);
    let never = SessionId::generate().text();
    let mut answers = BTreeSet::new();
    for id in [id.as_str(), &never, "sess_1", "%FF"] {
        let answer = send(&app, "GET", &format!("{SESSIONS}/{id}"), Some(&stranger), "").await;
        let mut body = answer.json();
        body["error"]["request_id"] = Value::Null;
        answers.insert((answer.status.as_u16(), body.to_string()));
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|(status, body)| *status == 404 && body.contains("session_not_found")));
    let nothing = json!({"data": [], "next_cursor": null});
    for query in [String::new(), format!("?agent_id={}", app.agent.id), "?call_id=call-a".into(), "?status=ok".into()] {
        let answer = send(&app, "GET", &format!("{SESSIONS}{query}"), Some(&stranger), "").await;
        assert_eq!(answer.json(), nothing, "{query}");
    }
    for agent in [app.agent.id.clone(), AgentId::generate().text(), "agt_1".into()] {
        let answer = send(&app, "GET", &format!("/api/v1/agents/{agent}/sessions"), Some(&stranger), "").await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (404, "agent_not_found"));
    }
    assert_eq!(page(&app, "").await.0, [id], "it is still there for its owner");
    app.finish().await;
}

#[tokio::test]
async fn sessions_stay_when_their_agent_is_deleted() {
    let app = TestApp::start().await;
    let id = said(&app, ask("E-12345"), "call-a").await;
    app.api("DELETE", &format!("/api/v1/agents/{}", app.agent.id), &Value::Null).await;
    for query in [String::new(), format!("agent_id={}", app.agent.id), "call_id=call-a".into()] {
        assert_eq!(page(&app, &query).await.0, std::slice::from_ref(&id), "{query}");
    }
    assert_eq!(get(&app, &format!("{SESSIONS}/{id}")).await.status, StatusCode::OK);
    let below = get(&app, &format!("/api/v1/agents/{}/sessions", app.agent.id)).await;
    assert_eq!(below.error_code(), "agent_not_found");
    app.finish().await;
}
