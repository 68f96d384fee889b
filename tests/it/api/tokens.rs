//! API tokens and the identity of their callers.

use hyper::StatusCode;
use masker::audit::event::{Detail, Event, EventKind, Maker};
use masker::clock::{Clock, Timestamp};
use masker::ids::{TokenId, UserId};
use masker_tests::TestApp;
use masker_tests::test_app::{Answer, Browser};
use serde_json::{Value, json};

use super::{another_account, send, token};

const TOKENS: &str = "/api/v1/tokens";

#[track_caller]
fn check(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (status, code), "{}", answer.text());
}

#[tokio::test]
async fn a_token_is_shown_with_its_secret_once_and_without_it_from_then_on() {
    let mut app = TestApp::start().await;
    let mut browser = Browser::of_operator(&app).await;
    let me = browser.send(&app, "GET", "/api/v1/me", &[]).await.json();
    let body = json!({"name": "CI · nightly", "scopes": ["sessions:read", "agents:read", "agents:read"], "expires_at": "2199-01-31T01:00:00+01:00"});
    let made = browser.send_json(&app, "POST", TOKENS, &[], &body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let mut token = made.json()["token"].clone();
    let secret = token.as_object_mut().expect("a token").remove("secret").expect("a secret");
    let secret = secret.as_str().expect("a text").to_owned();
    assert!(secret.starts_with("mskt_") && secret.len() == 48);
    assert_eq!(
        token,
        json!({
            "id": token["id"], "name": "CI · nightly", "scopes": ["agents:read", "sessions:read"],
            "created_at": token["created_at"], "expires_at": "2199-01-31T00:00:00.000Z", "created_by": me["user"]["id"],
            "made_with": null,
        })
    );
    assert!(token["id"].as_str().is_some_and(|id| id.starts_with("tok_") && id.len() == 30));
    let listed = browser.send(&app, "GET", &format!("{TOKENS}?limit=1"), &[]).await.json();
    assert_eq!(listed["data"], json!([token]));

    let authorization = format!("Bearer {secret}");
    let shown = send(&app, "GET", "/api/v1/me", Some(&authorization), "").await.json();
    assert_eq!((&shown["user"]["id"], &shown["account"]), (&me["user"]["id"], &me["account"]));
    assert_eq!(shown["permissions"], json!(["agents:read", "sessions:read"]));
    app.plant(&secret["mskt_".len()..]);
    app.finish().await;
}

#[tokio::test]
async fn a_token_of_the_command_line_is_nobodys_and_admin_may_everything() {
    let app = TestApp::start().await;
    let me = app.api("GET", "/api/v1/me", &Value::Null).await.json();
    assert_eq!(me["user"], Value::Null);
    assert_eq!(
        me["permissions"],
        json!([
            "agents:read",
            "agents:write",
            "sessions:read",
            "reports:read",
            "billing:read",
            "policies:write",
            "plugins:write",
            "admin"
        ])
    );
    app.finish().await;
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_token_is_said_at_once() {
    let app = TestApp::start().await;
    let long = "x".repeat(65);
    for (body, fields) in [
        (json!({}), &["name", "scopes"][..]),
        (json!({"name": "", "scopes": []}), &["name", "scopes"]),
        (json!({"name": long, "scopes": "admin"}), &["name", "scopes"]),
        (json!({"name": "a\u{7}", "scopes": ["agents:delete"]}), &["name", "scopes"]),
        (json!({"name": 1, "scopes": ["admin", 1], "expires_at": 5, "x": 0}), &["name", "scopes", "expires_at", "x"]),
        (json!({"name": "\u{2066}x", "scopes": ["admin"]}), &["name"]),
        (json!({"name": "x", "scopes": ["admin"], "expires_at": "soon"}), &["expires_at"]),
        (json!({"name": "x", "scopes": ["admin"], "expires_at": "+10000-01-01T00:00:00Z"}), &["expires_at"]),
        (json!({"name": "x", "scopes": ["admin"], "expires_at": "9999-12-31T23:59:59-01:00"}), &["expires_at"]),
        (json!({"name": "x", "scopes": ["admin"], "expires_at": "2020-01-01T00:00:00Z"}), &["expires_at"]),
        (json!(["x"]), &["body"]),
    ] {
        let answer = app.api("POST", TOKENS, &body).await;
        check(&answer, 422, "validation_failed");
        let error = &answer.json()["error"];
        let wrong: Vec<&str> =
            error["details"].as_array().expect("details").iter().filter_map(|row| row["field"].as_str()).collect();
        assert_eq!(wrong, fields, "{body}");
    }
    assert_eq!(app.api("GET", TOKENS, &Value::Null).await.json()["data"].as_array().map(Vec::len), Some(1));
    let name = "é".repeat(64);
    let made = app.api("POST", TOKENS, &json!({"name": name, "scopes": ["admin"], "expires_at": null})).await;
    assert_eq!((made.status, &made.json()["token"]["expires_at"]), (StatusCode::CREATED, &Value::Null));
    app.finish().await;
}

#[tokio::test]
async fn a_token_ends_when_it_expires_or_is_deleted_and_the_journal_has_both_ends() {
    let clock = Clock::manual(Timestamp::from_millis(1_700_000_000_000));
    let app = TestApp::builder().clock(&clock).start().await;
    let soon = Timestamp::from_millis(1_700_000_001_000);
    let made =
        app.api("POST", TOKENS, &json!({"name": "x", "scopes": ["admin"], "expires_at": soon.to_string()})).await;
    let token = made.json()["token"].clone();
    let authorization = format!("Bearer {}", token["secret"].as_str().expect("a secret"));
    assert_eq!(send(&app, "GET", "/api/v1/me", Some(&authorization), "").await.status, StatusCode::OK);
    clock.set(soon);
    check(&send(&app, "GET", "/api/v1/me", Some(&authorization), "").await, 401, "unauthenticated");
    let path = format!("{TOKENS}/{}", token["id"].as_str().expect("an id"));
    let deleted = app.api("DELETE", &path, &Value::Null).await;
    assert_eq!((deleted.status, deleted.text()), (StatusCode::NO_CONTENT, ""));
    check(&app.api("DELETE", &path, &Value::Null).await, 404, "not_found");
    let kinds: Vec<EventKind> = app.events().iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::AgentCreated, EventKind::TokenCreated, EventKind::TokenDeleted]);
    app.finish().await;
}

/// A token's event: kind, token, reason.
fn told(event: &Event) -> (EventKind, String, Option<Detail>) {
    (event.kind, event.token.as_ref().expect("it names the token").id.text(), event.detail.clone())
}

#[tokio::test]
async fn a_token_made_with_a_token_ends_with_it_and_never_outlives_it() {
    let clock = Clock::manual(Timestamp::from_millis(1_700_000_000_000));
    let mut app = TestApp::builder().clock(&clock).start().await;
    let mut browser = Browser::of_operator(&app).await;
    let me = browser.send(&app, "GET", "/api/v1/me", &[]).await.json();
    let end = Timestamp::from_millis(1_700_000_060_000).to_string();
    let body = json!({"name": "CI · \"a\"", "scopes": ["admin", "agents:read"], "expires_at": end});
    let root = browser.send_json(&app, "POST", TOKENS, &[], &body).await.json()["token"].clone();
    let secret = |token: &Value| token["secret"].as_str().expect("a secret").to_owned();
    let authorization = |token: &Value| format!("Bearer {}", secret(token));
    let make = async |with: &Value, expires_at: Value| {
        let body = json!({"name": "made", "scopes": ["sessions:read", "admin"], "expires_at": expires_at});
        send(&app, "POST", TOKENS, Some(&authorization(with)), &body.to_string()).await
    };
    let later = make(&root, json!("2199-01-01T00:00:00Z")).await;
    check(&later, 422, "validation_failed");
    assert_eq!(later.json()["error"]["details"][0]["field"], "expires_at");
    let child = make(&root, Value::Null).await.json()["token"].clone();
    assert_eq!((&child["expires_at"], &child["made_with"]), (&root["expires_at"], &root["id"]));
    assert_eq!(child["created_by"], me["user"]["id"]);
    let sooner = json!(Timestamp::from_millis(1_700_000_001_000).to_string());
    let grandchild = make(&child, sooner.clone()).await.json()["token"].clone();
    assert_eq!(grandchild["expires_at"], sooner);

    let deleted = browser.send(&app, "DELETE", &format!("{TOKENS}/{}", root["id"].as_str().expect("an id")), &[]).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    for token in [&root, &child, &grandchild] {
        check(&send(&app, "GET", "/api/v1/me", Some(&authorization(token)), "").await, 401, "unauthenticated");
    }
    let listed = app.api("GET", TOKENS, &Value::Null).await.json();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "the test's own");

    let events: Vec<Event> = app.events().into_iter().filter(|event| event.token.is_some()).collect();
    let id = |token: &Value| token["id"].as_str().expect("an id").to_owned();
    let with_maker = Some(Detail::from("maker"));
    assert_eq!(
        events.iter().map(told).collect::<Vec<_>>(),
        [
            (EventKind::TokenCreated, id(&root), None),
            (EventKind::TokenCreated, id(&child), None),
            (EventKind::TokenCreated, id(&grandchild), None),
            (EventKind::TokenDeleted, id(&root), None),
            (EventKind::TokenRevoked, id(&child), with_maker.clone()),
            (EventKind::TokenRevoked, id(&grandchild), with_maker),
        ]
    );
    let named = events[0].token.as_deref().expect("the token");
    let person: UserId = me["user"]["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    assert_eq!((&*named.name, named.maker), ("CI · \"a\"", Some(Maker::Person(person))));
    assert_eq!(named.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(), ["agents:read", "admin"]);
    assert_eq!(events[1].token.as_ref().and_then(|token| token.maker), Some(Maker::Token(named.id)));
    let secrets = [secret(&root), secret(&child), secret(&grandchild)];
    for secret in &secrets {
        app.plant(&secret["mskt_".len()..]);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_token_of_another_account_is_like_one_that_never_was() {
    let app = TestApp::start().await;
    let own = app.api("GET", TOKENS, &Value::Null).await.json()["data"][0]["id"].as_str().expect("an id").to_owned();
    let stranger = format!("Bearer {}", token(&app, Some(another_account(&app)), &["admin"]).await);
    let mut answers = Vec::new();
    for id in [own, TokenId::generate().text(), "tok_1".into(), "%FF".into()] {
        let answer = send(&app, "DELETE", &format!("{TOKENS}/{id}"), Some(&stranger), "").await;
        check(&answer, 404, "not_found");
        let mut body = answer.json();
        body["error"]["request_id"] = Value::Null;
        answers.push(body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let listed = send(&app, "GET", TOKENS, Some(&stranger), "").await.json();
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(1), "its own");
    assert_eq!(app.api("GET", "/api/v1/me", &Value::Null).await.status, StatusCode::OK, "nothing was deleted");
    app.finish().await;
}

#[tokio::test]
async fn keys_are_listed_by_name_and_age_and_none_is_shown() {
    let app = TestApp::start().await;
    let answer = app.api("GET", "/api/v1/keys", &Value::Null).await;
    assert_eq!(answer.status, StatusCode::OK);
    let json = answer.json();
    let keys = json["keys"].as_array().expect("a list");
    let purposes: Vec<_> = keys.iter().filter_map(|key| key["purpose"].as_str()).collect();
    for purpose in ["token", "report", "journal", "sign_in"] {
        assert!(purposes.contains(&purpose), "{purpose}");
    }
    for key in keys {
        assert_eq!(key["id"].as_str().map(str::len), Some(16), "{key}");
        assert_eq!(key["state"], "current");
        assert!(key["first_seen_at"].as_str().is_some_and(|at| at.starts_with("20")), "{key}");
    }
    app.finish().await;
}
