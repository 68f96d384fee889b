//! `/api/v1/vault`: erased values no longer resolve and are in no file, and the journal records the erasure.

use std::fs;
use std::path::Path;

use hyper::StatusCode;
use masker::audit::event::{Detail, EventKind};
use masker::clock::{Clock, Timestamp};
use masker_tests::TestApp;
use masker_tests::fake_upstream::Reply;
use serde_json::{Value, json};

use super::{another_account, send, token as api_token};
use crate::support::{ask, token};

const LOGGING: &str = "audit: {log_payloads: true}";

async fn purge(app: &TestApp, body: Value) -> Value {
    let answer = app.api("POST", "/api/v1/vault/purge", &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["purge"].clone()
}

/// What a caller of this call hears for this model output.
async fn heard(app: &TestApp, call: &str, model_says: &str) -> String {
    app.upstream.script(Reply::text(model_says));
    app.chat_in_call(call, ask("go on")).await.content()
}

/// Sends a text in a call; returns its first token.
async fn said(app: &TestApp, call: &str, text: &str) -> String {
    app.upstream.script(Reply::text("Noted."));
    app.chat_in_call(call, ask(text)).await;
    token(&app.forwarded_text())
}

/// All encrypted data of the vault and the payloads.
async fn sealed(app: &TestApp) -> Vec<Vec<u8>> {
    let store = app.app().store();
    let rows = store.vault().page(None, 100).await.expect("the vault can be read");
    let payloads = store.kept_payloads(None).await.expect("the database can be read");
    rows.into_iter().map(|(row, _)| row.sealed).chain(payloads.into_iter().map(|(_, sealed)| sealed)).collect()
}

/// Whether a file of the data folder contains one of these, or a part of one.
fn is_in_a_file(folder: &Path, sealed: &[Vec<u8>]) -> Option<String> {
    let parts: Vec<&[u8]> = sealed.iter().flat_map(|sealed| sealed.chunks_exact(16)).collect();
    for entry in fs::read_dir(folder).expect("the data folder can be listed") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let bytes = fs::read(&path).expect("a file of the data folder can be read");
            if parts.iter().any(|part| bytes.windows(part.len()).any(|window| window == *part)) {
                return Some(path.display().to_string());
            }
        }
    }
    None
}

#[tokio::test]
async fn a_subject_is_erased_with_everything_of_its_calls() {
    let mut app = TestApp::builder().env("MASKER_PAYLOAD_RETENTION_DAYS", "7").staff_policy_with(LOGGING).start().await;
    for value in ["E-12345", "E-12346", "E-55555"] {
        app.plant(value);
    }
    let theirs = said(&app, "call-1", "I am E-12345.").await;
    let as_well = said(&app, "call-1", "My colleague is E-12346.").await;
    let other = said(&app, "call-2", "I am E-55555.").await;
    app.sessions().await;
    assert_eq!(heard(&app, "call-1", &format!("Hello {theirs}.")).await, "Hello E-12345.");
    app.sessions().await;
    let before = sealed(&app).await;
    assert!(is_in_a_file(app.data_dir(), &before).is_some(), "this test can see what it looks for");

    let counted = purge(&app, json!({"subject": " e-12345", "dry_run": true})).await;
    assert_eq!(counted, json!({"values": 2, "payloads": 3, "dry_run": true}));
    assert_eq!(sealed(&app).await.len(), before.len(), "counting erases nothing");
    assert_eq!(
        purge(&app, json!({"subject": " e-12345"})).await,
        json!({"values": 2, "payloads": 3, "dry_run": false})
    );

    let after = sealed(&app).await;
    let gone: Vec<Vec<u8>> = before.into_iter().filter(|sealed| !after.contains(sealed)).collect();
    assert_eq!((gone.len(), after.len()), (5, 2));
    assert_eq!(is_in_a_file(app.data_dir(), &gone), None);
    for token in [&theirs, &as_well] {
        assert_eq!(heard(&app, "call-1", &format!("Hello {token}.")).await, "Hello [REDACTED:STAFF_ID].");
    }
    assert_eq!(heard(&app, "call-2", &format!("Hello {other}.")).await, "Hello E-55555.");

    let events = app.events();
    let noted = |kind| {
        let event = events.iter().find(|event| event.kind == kind).unwrap_or_else(|| panic!("{kind:?} is noted"));
        (event.field.as_ref().map(|field| field.as_str().to_owned()), event.detail.clone())
    };
    assert_eq!(noted(EventKind::VaultPurged), (Some("subject".into()), Some(Detail::Count(2))));
    assert_eq!(noted(EventKind::PayloadsPurged), (Some("subject".into()), Some(Detail::Count(3))));
    let (since, until) = (Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX));
    let noted = app.app().store().erasures(since, until).await.expect("the database can be read");
    assert_eq!(noted.iter().map(|e| (&*e.what, e.values, e.payloads)).collect::<Vec<_>>(), [("subject", 2, 3)]);
    let report = app.api("GET", "/api/v1/reports", &Value::Null).await.json();
    let said = &report["report"]["erasures"][0];
    assert_eq!((&said["by"], &said["values"], &said["payloads"]), (&json!("subject"), &json!(2), &json!(3)), "{said}");
    assert_eq!(app.api("GET", "/api/v1/reports?format=pdf", &Value::Null).await.status, StatusCode::OK);
    // `finish` checks that the journal verifies, and that no planted value is in a file.
    app.finish().await;
}

#[tokio::test]
async fn a_value_that_is_said_again_after_an_erasure_comes_back_again() {
    let app = TestApp::start().await;
    let before = said(&app, "call-1", "I am E-12345.").await;
    assert_eq!(purge(&app, json!({"subject": "E-12345"})).await["values"], 1);
    let again = said(&app, "call-1", "I am E-12345.").await;
    assert_eq!(before, again);
    assert_eq!(heard(&app, "call-1", &again).await, "E-12345", "the vault was asked to keep it once more");
    app.finish().await;
}

#[tokio::test]
async fn where_calls_have_no_name_only_the_value_goes() {
    let app = TestApp::start().await;
    for text in ["I am E-12345.", "I am E-55555."] {
        app.upstream.script(Reply::text("Noted."));
        app.say(text).await;
    }
    assert_eq!(purge(&app, json!({"subject": "E-12345"})).await["values"], 1);
    assert_eq!(app.app().store().vault().count().await, Ok(1));
    app.finish().await;
}

#[tokio::test]
async fn what_is_older_than_a_moment_is_erased() {
    let clock = Clock::manual(Timestamp::from_millis(1_777_896_000_000));
    let app = TestApp::builder()
        .env("MASKER_PAYLOAD_RETENTION_DAYS", "7")
        .staff_policy_with(LOGGING)
        .clock(&clock)
        .start()
        .await;
    let old = said(&app, "call-1", "I am E-12345.").await;
    clock.set(Timestamp::from_millis(1_777_896_000_000 + 7_200_000));
    let new = said(&app, "call-1", "I am E-55555.").await;
    app.sessions().await;
    assert_eq!(purge(&app, json!({"before": "1h"})).await, json!({"values": 1, "payloads": 1, "dry_run": false}));
    assert_eq!(heard(&app, "call-1", &format!("{old} {new}")).await, "[REDACTED:STAFF_ID] E-55555");
    app.finish().await;
}

#[tokio::test]
async fn an_erasure_forgets_what_it_erased_and_nothing_else() {
    const SAID: &str = "so E one two three four five it is";
    let app = TestApp::start().await;
    for call in ["call-1", "call-2"] {
        said(&app, call, "I am E-12345.").await;
    }
    said(&app, "call-2", "My colleague is E-55555.").await;
    let sent = async |call| {
        app.upstream.script(Reply::text("Noted."));
        app.chat_in_call(call, ask(SAID)).await;
        app.forwarded_text()
    };
    assert!(sent("call-1").await.starts_with("so MSKV1."));
    assert_eq!(purge(&app, json!({"subject": "E-55555"})).await["values"], 2);
    assert_eq!(sent("call-2").await, SAID, "the memory of a call that was erased is empty");
    assert!(sent("call-1").await.starts_with("so MSKV1."), "the memory of another call stays");
    app.finish().await;
}

#[tokio::test]
async fn a_vault_that_takes_nothing_is_noticed_before_a_text_leaves() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    crate::support::fill_the_disk_below(&app.data_dir().join("vault.db-rows-a"));
    for _ in 0..2 {
        let answer = app.say("I am E-12345.").await;
        assert_eq!((answer.status.as_u16(), answer.error_code()), (503, "masking_unavailable".into()));
    }
    assert!(app.upstream.requests().is_empty(), "it went");
    app.finish().await;
}

#[tokio::test]
async fn what_is_in_the_vault_is_counted_by_key_and_kind() {
    let app = TestApp::start().await;
    let stats = async || app.api("GET", "/api/v1/vault/stats", &Value::Null).await.json()["vault"].clone();
    assert_eq!((&stats().await["values"], &stats().await["oldest_at"]), (&json!(0), &Value::Null));
    said(&app, "call-1", "I am E-12345.").await;
    let full = stats().await;
    assert_eq!((&full["values"], &full["values_by_kid"]), (&json!(1), &json!({"K_HEALTHCARE": 1})));
    assert_eq!(
        (&full["values_by_kind"], &full["values_sealed_by"]),
        (&json!({"STAFF_ID": 1}), &json!({"K_HEALTHCARE": 1}))
    );
    assert!(full["size_bytes"].as_u64().is_some_and(|bytes| bytes > 0) && full["newest_at"].is_string(), "{full}");
    app.finish().await;
}

#[tokio::test]
async fn nothing_is_erased_when_it_cannot_be_written_down() {
    let app = TestApp::start().await;
    said(&app, "call-1", "I am E-12345.").await;
    crate::support::fill_the_disk_below(&app.journal_path());
    let answer = app.api("POST", "/api/v1/vault/purge", &json!({"subject": "E-12345"})).await;
    assert_eq!((answer.status.as_u16(), answer.error_code()), (503, "audit_unavailable".into()));
    assert_eq!(app.app().store().vault().count().await, Ok(1));
    app.finish().await;
}

#[tokio::test]
async fn an_erasure_is_asked_for_in_one_way_by_the_installs_owner() {
    let app = TestApp::start().await;
    for (body, field) in [
        (json!({}), "body"),
        (json!({"before": "1h", "kid": "K"}), "body"),
        (json!({"before": "yesterday"}), "before"),
        (json!({"kid": "k"}), "kid"),
        (json!({"subject": "E-"}), "subject"),
        (json!({"subject": null}), "body"),
        (json!({"older": "1h"}), "older"),
    ] {
        let answer = app.api("POST", "/api/v1/vault/purge", &body).await;
        assert_eq!(answer.error_code(), "validation_failed", "{body}");
        let details = answer.json()["error"]["details"].clone();
        assert!(details.as_array().is_some_and(|all| all.iter().any(|one| one["field"] == field)), "{details}");
    }
    let others = format!("Bearer {}", api_token(&app, Some(another_account(&app)), &["admin"]).await);
    let reads = format!("Bearer {}", api_token(&app, None, &["sessions:read"]).await);
    for token in [others, reads] {
        let answer = send(&app, "POST", "/api/v1/vault/purge", Some(&token), "{\"before\": \"0s\"}").await;
        assert_eq!(answer.error_code(), "forbidden");
        assert_eq!(send(&app, "GET", "/api/v1/vault/stats", Some(&token), "").await.error_code(), "forbidden");
    }
    app.finish().await;
}
