//! Policies over HTTP: versions, the agents that use them, validation, reloading of files; and ownership.

use std::fs;
use std::path::Path;

use axum::body::Body;
use hyper::Request;
use masker::audit::event::EventKind;
use masker_tests::TestApp;
use masker_tests::fake_upstream::respond;
use masker_tests::test_app::Answer;
use serde_json::{Value, json};

use super::lists::{Rows, check_list};
use super::{another_account, send, token};

/// A policy that masks staff ids, with extra lines.
fn staff(name: &str, lines: &str) -> String {
    format!(
        "name: {name}\nversion: 1\nkid: K_HEALTHCARE\ntokenization: vault-deterministic\npasses: [staff-id]\n\
         entities: {{STAFF_ID: {{}}}}\n{lines}"
    )
}

async fn put_as(app: &TestApp, secret: &str, name: &str, content_type: &str, document: &str) -> Answer {
    let request = Request::put(format!("/api/v1/policies/{name}"))
        .header("content-type", content_type)
        .header("authorization", format!("Bearer {secret}"));
    app.request(request.body(Body::from(document.to_owned())).expect("a sound request")).await
}

async fn put(app: &TestApp, name: &str, document: &str) -> Answer {
    let secret = token(app, None, &["policies:write"]).await;
    put_as(app, &secret, name, "application/yaml", document).await
}

async fn get(app: &TestApp, path: &str) -> Answer {
    app.api("GET", path, &Value::Null).await
}

async fn reload(app: &TestApp) -> Answer {
    app.api("POST", "/api/v1/admin/policy/reload", &Value::Null).await
}

#[track_caller]
fn check(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (status, code), "{}", answer.text());
}

#[tokio::test]
async fn every_put_is_a_version_that_stays_readable() {
    let app = TestApp::start().await;
    let first = put(&app, "desk", &staff("desk", "")).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let second = staff("desk", "description: the second\n");
    let answer = put(&app, "desk", &second).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let policy = &answer.json()["policy"];
    assert_eq!(
        (&policy["version"], &policy["source"], &policy["policy_yaml"]),
        (&json!(2), &json!("account"), &json!(second))
    );
    assert!(policy["id"].as_str().is_some_and(|id| id.starts_with("pol_")), "{policy}");

    let shown = get(&app, "/api/v1/policies/desk").await.json();
    assert_eq!(shown["policy"], *policy);
    let versions = shown["policy"]["versions"].as_array().expect("versions");
    assert_eq!(versions.iter().map(|row| &row["version"]).collect::<Vec<_>>(), [&json!(2), &json!(1)]);
    let old = get(&app, "/api/v1/policies/desk?version=1").await.json();
    assert_eq!(old["policy"]["policy_yaml"], staff("desk", ""));
    check(&get(&app, "/api/v1/policies/desk?version=3").await, 404, "policy_not_found");
    for bad in ["0", "-1", "x", ""] {
        check(&get(&app, &format!("/api/v1/policies/desk?version={bad}")).await, 422, "validation_failed");
    }
    let events = app.events();
    let noted: Vec<_> = events.iter().filter(|event| event.kind == EventKind::PolicyReloaded).collect();
    assert_eq!(noted.iter().map(|event| event.policy_version).collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert_eq!(noted[0].policy_name.as_deref(), Some("desk"));
    app.finish().await;
}

#[tokio::test]
async fn agents_run_on_a_new_version_at_once_and_sessions_name_it() {
    let mut app = TestApp::start().await;
    app.upstream.respond_with(respond::echo);
    put(&app, "desk", &staff("desk", "")).await;
    let new = json!({"name": "named", "upstream": "openai:gpt-4o-mini", "policy_name": "desk"});
    let agent = app.create_agent(new).await;
    let say = async |app: &TestApp| {
        let body = json!({"messages": [{"role": "user", "content": "I am E-12345."}]}).to_string();
        assert_eq!(app.post(&agent.path(), &[], body).await.status, 200);
        app.forwarded_text()
    };
    assert!(say(&app).await.contains("MSKV1.STAFF_ID."));
    let redacts = staff("desk", "").replace("{STAFF_ID: {}}", "{STAFF_ID: {action: redact}}");
    assert_eq!(put(&app, "desk", &redacts).await.status, 200);
    assert_eq!(say(&app).await, "I am [REDACTED:STAFF_ID].");
    let shown = get(&app, &format!("/api/v1/agents/{}", agent.id)).await.json();
    assert_eq!((&shown["agent"]["policy_version"], &shown["agent"]["policy_yaml"]), (&json!(2), &json!(redacts)));
    let sessions = app.sessions().await;
    assert_eq!(
        sessions.iter().map(|row| (&*row.policy_name, row.policy_version)).collect::<Vec<_>>(),
        [("desk", 2), ("desk", 1)]
    );

    app.restart().await;
    assert_eq!(say(&app).await, "I am [REDACTED:STAFF_ID].", "it is kept");
    assert_eq!(app.sessions().await[0].policy_version, 2);
    app.finish().await;
}

#[tokio::test]
async fn a_put_that_cannot_be_used_changes_nothing_and_says_why() {
    let app = TestApp::builder().guest("configure-fails").start().await;
    put(&app, "desk", &staff("desk", "")).await;
    let wrong = put(&app, "desk", &staff("desk", "colour: red\n")).await;
    check(&wrong, 422, "policy_yaml_invalid");
    assert_eq!(wrong.json()["error"]["details"][0]["field"], "colour");
    let other = put(&app, "desk", &staff("another", "")).await;
    check(&other, 422, "policy_yaml_invalid");
    assert_eq!(other.json()["error"]["details"][0]["field"], "name");
    let refused = staff("desk", "").replace("[staff-id]", "[{plugin: configure-fails, config: {word: x}}]");
    let refused = refused.replace("{STAFF_ID: {}}", "{STAFF_ID: {}, NAME: {}}");
    let refused = put(&app, "desk", &refused).await;
    check(&refused, 422, "policy_yaml_invalid");
    assert!(refused.text().contains("this word is not known"), "{}", refused.text());
    check(&put(&app, "healthcare-default", &staff("healthcare-default", "")).await, 409, "name_taken");
    assert_eq!(get(&app, "/api/v1/policies/desk").await.json()["policy"]["version"], 1);
    app.finish().await;
}

#[tokio::test]
async fn a_policy_may_be_json_and_nothing_else_but_yaml() {
    let app = TestApp::builder().env("MASKER_MAX_BODY_BYTES", "4096").start().await;
    let secret = token(&app, None, &["policies:write"]).await;
    let document = json!({
        "name": "desk", "version": 1, "kid": "K_HEALTHCARE", "tokenization": "reversible-aead",
        "passes": ["staff-id"], "entities": {"STAFF_ID": {}},
    });
    let answer = put_as(&app, &secret, "desk", "application/json", &document.to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    check(&put_as(&app, &secret, "desk", "text/plain", &staff("desk", "")).await, 415, "unsupported_media_type");
    let long = staff("desk", &format!("description: {}\n", "x".repeat(5000)));
    check(&put_as(&app, &secret, "desk", "application/yaml", &long).await, 413, "payload_too_large");
    app.finish().await;
}

#[tokio::test]
async fn a_policy_is_its_accounts_and_the_installs_are_everybodys() {
    let app = TestApp::start().await;
    put(&app, "desk", &staff("desk", "")).await;
    let other = another_account(&app);
    let secret = token(&app, Some(other), &["agents:read", "agents:write", "policies:write"]).await;
    let bearer = format!("Bearer {secret}");
    check(&send(&app, "GET", "/api/v1/policies/desk", Some(&bearer), "").await, 404, "policy_not_found");
    check(&send(&app, "GET", "/api/v1/policies/nothing", Some(&bearer), "").await, 404, "policy_not_found");
    let listed = send(&app, "GET", "/api/v1/policies", Some(&bearer), "").await.json();
    assert!(listed["data"].as_array().expect("rows").iter().all(|row| row["name"] != "desk"), "{listed}");
    let agent = json!({"name": "x", "upstream": "stub", "policy_name": "desk"}).to_string();
    check(&send(&app, "POST", "/api/v1/agents", Some(&bearer), &agent).await, 422, "unknown_policy");
    let own = put_as(&app, &secret, "desk", "application/yaml", &staff("desk", "description: of the other\n")).await;
    assert_eq!(
        (own.status.as_u16(), &own.json()["policy"]["version"]),
        (201, &json!(1)),
        "each account has its own names"
    );
    assert_eq!(get(&app, "/api/v1/policies/desk").await.json()["policy"]["policy_yaml"], staff("desk", ""));

    let reader = token(&app, None, &["agents:read"]).await;
    check(&put_as(&app, &reader, "desk", "application/yaml", &staff("desk", "")).await, 403, "forbidden");
    let writer = format!("Bearer {}", token(&app, None, &["policies:write"]).await);
    for path in ["/api/v1/policies", "/api/v1/policies/desk"] {
        check(&send(&app, "GET", path, Some(&writer), "").await, 403, "forbidden");
        check(&send(&app, "GET", path, None, "").await, 401, "unauthenticated");
    }
    check(&send(&app, "POST", "/api/v1/admin/policy/reload", Some(&writer), "").await, 403, "forbidden");
    let admin = format!("Bearer {}", token(&app, Some(other), &["admin"]).await);
    check(&send(&app, "POST", "/api/v1/admin/policy/reload", Some(&admin), "").await, 403, "forbidden");
    app.finish().await;
}

#[tokio::test]
async fn checking_a_policy_says_everything_that_is_wrong_with_it() {
    let app = TestApp::builder().guest("configure-fails").start().await;
    let validate = async |document: &str| {
        let request = Request::post("/api/v1/policies/validate")
            .header("content-type", "application/yaml")
            .header("authorization", format!("Bearer {}", token(&app, None, &["agents:read"]).await));
        let answer = app.request(request.body(Body::from(document.to_owned())).expect("a sound request")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    assert_eq!(validate(&staff("desk", "")).await, json!({"valid": true, "errors": []}));
    let wrong = validate(&staff("desk", "colour: red\nmedia: maybe\n").replace("K_HEALTHCARE", "K_OTHER")).await;
    assert_eq!(wrong["valid"], false);
    let errors = wrong["errors"].as_array().expect("errors");
    let found: Vec<_> = errors
        .iter()
        .map(|error| (error["code"].as_str().expect("a code"), error["path"].as_str().expect("a path")))
        .collect();
    assert_eq!(found, [("unknown_kid", "kid"), ("policy_yaml_invalid", "colour"), ("policy_yaml_invalid", "media")]);
    assert!(
        errors
            .iter()
            .all(|error| error["message"].as_str().is_some_and(|text| !text.is_empty()) && error["line"].is_u64())
    );
    let refused = staff("desk", "").replace("[staff-id]", "[{plugin: configure-fails, config: {word: x}}]");
    let refused = validate(&refused.replace("{STAFF_ID: {}}", "{STAFF_ID: {}, NAME: {}}")).await;
    assert_eq!(
        (&refused["valid"], &refused["errors"][0]["code"]),
        (&json!(false), &json!("invalid_pass")),
        "{refused}"
    );
    check(&get(&app, "/api/v1/policies/desk").await, 404, "policy_not_found");
    app.finish().await;
}

fn write(folder: &Path, file: &str, document: &str) {
    fs::write(folder.join(file), document).expect("the folder can be written to");
}

#[tokio::test]
async fn files_are_read_again_as_a_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "desk.yaml", &staff("desk", ""));
    let path = folder.path().to_str().expect("a UTF-8 path");
    let app = TestApp::builder().env("MASKER_POLICY_PATH", path).start().await;
    app.upstream.respond_with(respond::echo);
    let new = json!({"name": "named", "upstream": "openai:gpt-4o-mini", "policy_name": "desk"});
    let agent = app.create_agent(new).await;
    let say = async || {
        let body = json!({"messages": [{"role": "user", "content": "I am E-12345."}]}).to_string();
        assert_eq!(app.post(&agent.path(), &[], body).await.status, 200);
        app.forwarded_text()
    };
    assert_eq!(reload(&app).await.json(), json!({"changed": [], "removed": []}));

    let redacts = staff("desk", "").replace("{STAFF_ID: {}}", "{STAFF_ID: {action: redact}}");
    write(folder.path(), "desk.yaml", &redacts);
    write(folder.path(), "z.yaml", &staff("z", "colour: red\n"));
    let refused = reload(&app).await;
    check(&refused, 422, "policy_yaml_invalid");
    assert_eq!(refused.json()["error"]["details"][0]["field"], "z.yaml: colour");
    assert!(say().await.contains("MSKV1.STAFF_ID."), "nothing has changed");
    write(folder.path(), "z.yaml", &staff("desk", ""));
    check(&reload(&app).await, 422, "policy_yaml_invalid");

    write(folder.path(), "z.yaml", &staff("z", ""));
    let answer = reload(&app).await.json();
    let mut changed: Vec<_> = answer["changed"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| (row["name"].as_str().expect("a name"), row["version"].as_u64()))
        .collect();
    changed.sort_unstable();
    assert_eq!(changed, [("desk", Some(2)), ("z", Some(1))]);
    assert_eq!(say().await, "I am [REDACTED:STAFF_ID].");
    assert_eq!(app.sessions().await[0].policy_version, 2);
    assert_eq!(get(&app, "/api/v1/policies/desk?version=1").await.json()["policy"]["policy_yaml"], staff("desk", ""));
    let events = app.events();
    assert!(events.iter().any(|event| event.kind == EventKind::PolicyReloaded), "{events:?}");

    fs::remove_file(folder.path().join("desk.yaml")).expect("removed");
    let refused = reload(&app).await;
    check(&refused, 422, "policy_yaml_invalid");
    assert!(refused.text().contains("1 of the agents"), "{}", refused.text());
    app.api("DELETE", &format!("/api/v1/agents/{}", agent.id), &Value::Null).await;
    assert_eq!(reload(&app).await.json()["removed"], json!(["desk"]));
    check(
        &app.api("POST", "/api/v1/agents", &json!({"name": "n", "upstream": "stub", "policy_name": "desk"})).await,
        422,
        "unknown_policy",
    );
    app.finish().await;
}

#[tokio::test]
async fn the_built_in_policies_are_there_to_be_read() {
    let app = TestApp::start().await;
    let listed = get(&app, "/api/v1/policies").await.json();
    for name in ["healthcare-default", "financial-default", "minimal", "strict"] {
        let row = listed["data"].as_array().and_then(|rows| rows.iter().find(|row| row["name"] == name));
        assert_eq!(row.map(|row| (&row["source"], &row["version"])), Some((&json!("built-in"), &json!(1))), "{name}");
        let shown = get(&app, &format!("/api/v1/policies/{name}")).await.json();
        assert!(shown["policy"]["policy_yaml"].as_str().is_some_and(|text| text.contains(&format!("name: {name}"))));
    }
    app.finish().await;
}

struct Policies {
    made: usize,
}

impl Rows for Policies {
    fn path(&self) -> String {
        "/api/v1/policies?".into()
    }

    async fn insert(&mut self, app: &TestApp) -> String {
        self.made += 1;
        let name = format!("of-the-list-{}", self.made);
        put(app, &name, &staff(&name, "")).await.json()["policy"]["id"].as_str().expect("an id").to_owned()
    }

    async fn remove(&mut self, _: &TestApp, _: &str) -> bool {
        false
    }
}

#[tokio::test]
async fn the_list_of_policies() {
    let app = TestApp::start().await;
    check_list(&app, &mut Policies { made: 0 }).await;
    app.finish().await;
}
