//! `/api/v1/audit`: the journal is verified and exported, as a whole for the install's owner, in part for others.

use std::fs;
use std::path::Path;

use hyper::StatusCode;
use masker::audit::chain::from_hex;
use masker::audit::event::{Event, EventKind};
use masker::audit::merkle::is_included;
use masker::audit::verify::Line;
use masker::clock::{Clock, Timestamp};
use masker_tests::TestApp;
use serde_json::{Value, json};

use super::{another_account, send, token};

async fn verify(app: &TestApp) -> Value {
    let answer = app.api("POST", "/api/v1/audit/verify", &Value::Null).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn a_sound_journal_verifies_and_a_changed_byte_is_named() {
    let app = TestApp::start().await;
    app.say("I am E-12345.").await;
    app.sessions().await;
    let sound = verify(&app).await;
    let lines = fs::read(app.journal_path()).expect("the journal can be read");
    let count = lines.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(
        (&sound["ok"], &sound["event_count"], &sound["message"]),
        (&json!(true), &json!(count), &json!("chain ok"))
    );
    let last = lines[..lines.len() - 1].rsplit(|byte| *byte == b'\n').next().expect("a line");
    assert_eq!(sound["end_hash"], json!(masker::audit::chain::hex_text(&Line::parse(last).expect("an event").hash)));

    // A manual edit of the file.
    let first = lines.iter().position(|byte| *byte == b'\n').expect("a first line");
    let mut changed = lines.clone();
    let at = first + 1 + lines[first + 1..].windows(6).position(|six| six == b"\"kind\"").expect("a kind") + 8;
    changed[at] ^= 1;
    fs::write(app.journal_path(), &changed).expect("the journal can be written");
    let broken = verify(&app).await;
    assert_eq!((&broken["ok"], &broken["event_count"], &broken["line"]), (&json!(false), &json!(1), &json!(2)));
    assert_eq!(broken["offset"], json!(first + 1));
    assert!(broken["message"].as_str().is_some_and(|message| message.contains("line 2")), "{broken}");
    fs::write(app.journal_path(), &lines).expect("the journal can be written");
    app.finish().await;
}

#[tokio::test]
async fn the_owner_exports_the_journal_byte_for_byte() {
    let app = TestApp::start().await;
    app.say("I am E-12345.").await;
    app.sessions().await;
    let answer = app.api("GET", "/api/v1/audit/export", &Value::Null).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, Some("application/x-ndjson")));
    assert_eq!(answer.text().as_bytes(), fs::read(app.journal_path()).expect("the journal can be read"));
    app.finish().await;
}

#[tokio::test]
async fn another_account_gets_its_own_events_each_with_a_proof() {
    let app = TestApp::start().await;
    let secret = token(&app, Some(another_account(&app)), &["admin"]).await;
    let token = format!("Bearer {secret}");
    app.say("I am E-12345.").await;
    let body = json!({"name": "theirs", "upstream": "stub"}).to_string();
    assert_eq!(send(&app, "POST", "/api/v1/agents", Some(&token), &body).await.status, StatusCode::CREATED);
    app.sessions().await;

    let verified = send(&app, "POST", "/api/v1/audit/verify", Some(&token), "").await.json();
    assert_eq!((&verified["ok"], &verified["event_count"]), (&json!(true), &json!(1)), "{verified}");
    let answer = send(&app, "GET", "/api/v1/audit/export", Some(&token), "").await;
    let lines: Vec<Value> = answer.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let [head, own] = lines.as_slice() else { panic!("its one event, behind the head: {}", answer.text()) };
    assert_eq!(own["event"]["kind"], "agent_created");
    let hash = |value: &Value| from_hex(value.as_str().expect("a hash")).expect("64 digits");
    let number = |value: &Value| usize::try_from(value.as_u64().expect("a number")).expect("small");
    let path: Vec<_> = own["proof"]["path"].as_array().expect("a path").iter().map(hash).collect();
    assert_eq!(own["proof"]["tree_size"], head["journal"]["event_count"]);
    assert!(is_included(
        &hash(&own["event"]["this_hash"]),
        number(&own["proof"]["leaf_index"]),
        number(&own["proof"]["tree_size"]),
        &path,
        &hash(&head["journal"]["tree_root_hex"]),
    ));
    app.finish().await;
}

#[tokio::test]
async fn a_journal_of_several_files_is_one_journal_and_its_oldest_go_in_time() {
    const DAY: i64 = 86_400_000;
    let noon = 1_777_896_000_000;
    let clock = Clock::manual(Timestamp::from_millis(noon));
    let mut app = TestApp::builder()
        .env("MASKER_AUDIT_ROTATE_BYTES", "65536")
        .env("MASKER_AUDIT_RETENTION_DAYS", "100")
        .env("MASKER_SESSION_METADATA_RETENTION_DAYS", "100")
        .clock(&clock)
        .start()
        .await;
    // More than a page of sessions remains when the first are deleted.
    for (day, requests) in [(0, 40), (10, 40), (20, 110)] {
        clock.set(Timestamp::from_millis(noon + day * DAY));
        for _ in 0..requests {
            app.say("I am E-12345 and E-55555.").await;
        }
    }
    app.sessions().await;
    let files = app.app().pipeline.journal.closed_files().len();
    assert!(files >= 2, "{files}");
    app.restart().await;
    let count = app.events().len();
    let sound = verify(&app).await;
    assert_eq!((&sound["ok"], &sound["event_count"]), (&json!(true), &json!(count)));
    let first_session = app.events().iter().find_map(|event| event.session_id).expect("sessions");
    let shown = app.api("GET", &format!("/api/v1/sessions/{}", first_session.text()), &Value::Null).await.json();
    assert_eq!(shown["session"]["events"].as_array().map(Vec::len), Some(2), "{shown}");
    let exported = app.api("GET", "/api/v1/audit/export", &Value::Null).await;
    assert_eq!(exported.text().lines().count(), count);

    clock.set(Timestamp::from_millis(noon + 105 * DAY));
    app.app().delete_expired().await;
    let left = app.app().pipeline.journal.closed_files();
    assert!(left[0].range.start > 0 && left[0].range.start == app.app().pipeline.journal.start(), "{left:?}");
    let events = app.events();
    assert!(events.iter().any(|event| event.kind == EventKind::JournalTrimmed));
    assert!(events.iter().all(|event| event.kind != EventKind::AgentCreated), "the first file is gone");
    assert!(events.iter().any(|event| event.ts < Timestamp::from_millis(noon + 11 * DAY)), "the second's are not");
    let sound = verify(&app).await;
    assert_eq!((&sound["ok"], &sound["event_count"]), (&json!(true), &json!(events.len())), "{sound}");
    app.restart().await;
    assert_eq!(verify(&app).await["ok"], true);

    // The standalone script agrees.
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("a file");
        path
    };
    let exported = app.api("GET", "/api/v1/audit/export", &Value::Null).await.body;
    let report = file("report.json", &app.api("GET", "/api/v1/reports", &Value::Null).await.body);
    let key = file("key.json", &send(&app, "GET", "/.well-known/masker-report-key", None, "").await.body);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/verify_report.py");
    let run = |journal: &[u8]| {
        let journal = file("journal.jsonl", journal);
        let mut python = std::process::Command::new("python3");
        let ran = python.arg(script).args([&report, &key, &journal]).output().expect("python3 runs");
        (ran.status.success(), String::from_utf8_lossy(&ran.stdout).into_owned())
    };
    assert!(run(&exported).0, "{}", run(&exported).1);
    // Also with the files themselves, which are compressed in the background.
    app.app().look_after_journal();
    let compressed = app.app().pipeline.journal.closed_files();
    assert!(
        compressed.iter().all(|file| file.path.extension().is_some_and(|ending| ending == "zst")),
        "{compressed:?}"
    );
    assert_eq!(app.api("GET", "/api/v1/audit/export", &Value::Null).await.body.slice(..exported.len()), exported);
    if std::process::Command::new("zstd").arg("--version").output().is_ok() {
        let mut python = std::process::Command::new("python3");
        let ran = python.arg(script).args([&report, &key, &app.journal_path()]).output().expect("python3 runs");
        assert!(
            ran.status.success(),
            "{}{}",
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr)
        );
    }
    let text = String::from_utf8(exported.to_vec()).expect("UTF-8");
    // A valid chain whose start is not recorded in any event.
    let newest = text
        .lines()
        .collect::<Vec<_>>()
        .iter()
        .rposition(|line| line.contains("\"journal_rotated\""))
        .expect("several files");
    let part: String = text.split_inclusive('\n').skip(newest).collect();
    assert!(run(part.as_bytes()).1.contains("BAD every event"), "{}", run(part.as_bytes()).1);

    // The deletion of a file by something else is detected.
    let first = app.app().pipeline.journal.closed_files().remove(0);
    let bytes = fs::read(&first.path).expect("the journal can be read");
    fs::remove_file(&first.path).expect("it can be deleted");
    assert_eq!(verify(&app).await["ok"], false);
    fs::write(&first.path, bytes).expect("the journal can be written");
    assert_eq!(verify(&app).await["ok"], true);
    app.finish().await;
}

/// Appends enough for several files.
fn fill(app: &TestApp) {
    let journal = &app.app().pipeline.journal;
    let before = journal.closed_files().len();
    let events: Vec<Event> = (0..50).map(|_| Event::new(EventKind::Login, Timestamp::from_millis(0))).collect();
    while journal.closed_files().len() < before + 2 {
        journal.append(&events).expect("the journal takes events");
    }
}

async fn audit_log(app: &TestApp) -> (u16, Value) {
    let health = app.api("GET", "/health", &Value::Null).await;
    let body = health.json();
    assert_eq!(body["components"]["audit_log"] == "ok", body["journal"]["sound"] == true, "{body}");
    (health.status.as_u16(), body["journal"].clone())
}

/// A manual edit of the file.
fn change(file: &Path) {
    let text = fs::read_to_string(file).expect("a file of the journal");
    let (at, _) = text.match_indices("\"1970-").nth(20).expect("an event");
    fs::write(file, format!("{}\"1971-{}", &text[..at], &text[at + 6..])).expect("it can be written");
}

#[tokio::test]
async fn a_line_that_was_changed_is_found_at_start_or_within_a_day() {
    let clock = Clock::manual(Timestamp::from_millis(1_777_896_000_000));
    let mut app = TestApp::builder().env("MASKER_AUDIT_ROTATE_BYTES", "65536").clock(&clock).start().await;
    app.say("I am E-12345.").await;
    let report = format!("/api/v1/sessions/{}/report", app.sessions().await[0].id);
    fill(&app);
    let old = app.app().pipeline.journal.closed_files()[0].path.clone();
    let sound = fs::read(&old).expect("a closed file");
    app.app().look_after_journal();
    let compressed = app.app().pipeline.journal.closed_files()[0].path.clone();
    assert_ne!(compressed, old);

    // Long before the end: startup continues from the checkpoint.
    app.restart_after(|_| {
        fs::remove_file(&compressed).expect("a closed file");
        fs::write(&old, &sound).expect("it can be written");
        change(&old);
    })
    .await;
    assert_eq!(app.api("GET", &report, &Value::Null).await.status, 200);
    let (status, checks) = audit_log(&app).await;
    assert_eq!((status, &checks["last_whole_check"]["ok"]), (200, &json!(true)), "{checks}");
    clock.set(Timestamp::from_millis(clock.now().millis() + 86_400_000));
    app.app().look_after_journal();
    let (status, checks) = audit_log(&app).await;
    assert_eq!((status, &checks["last_whole_check"]["ok"]), (503, &json!(false)), "{checks}");
    assert_eq!(checks["last_whole_check"]["at"], clock.now().to_string());
    assert_eq!(app.api("GET", &report, &Value::Null).await.error_code(), "report_generation_failed");
    app.restart().await;
    assert_eq!(audit_log(&app).await.0, 503, "the next start knows it");
    // If a file exists in both forms, the plain one counts.
    app.restart_after(|_| fs::write(&old, &sound).expect("it can be written")).await;
    let found = verify(&app).await;
    assert_eq!((&found["ok"], &found["last_whole_check"]["ok"]), (&json!(true), &json!(true)));
    assert_eq!((audit_log(&app).await.0, app.api("GET", &report, &Value::Null).await.status.as_u16()), (200, 200));

    // After the checkpoint, and further from the end than startup verifies.
    fill(&app);
    let new = app.app().pipeline.journal.closed_files().pop().expect("closed files").path;
    let sound = fs::read(&new).expect("a closed file");
    app.restart_after(|_| change(&new)).await;
    assert_eq!(app.api("GET", &report, &Value::Null).await.error_code(), "report_generation_failed");
    assert_eq!(audit_log(&app).await.0, 503);
    fs::write(&new, sound).expect("it can be written");
    app.finish().await;
}

#[tokio::test]
async fn a_journal_that_was_cut_at_a_line_is_missed() {
    let mut app = TestApp::start().await;
    for _ in 0..3 {
        app.say("I am E-12345.").await;
    }
    app.sessions().await;
    let journal = app.journal_path();
    let whole = fs::read_to_string(&journal).expect("the journal");
    let kept: String = whole.split_inclusive('\n').take(4).collect();
    app.restart_after(|_| fs::write(&journal, &kept).expect("it can be written")).await;
    for _ in 0..2 {
        let missing = json!(whole.len() - kept.len());
        let (status, checks) = audit_log(&app).await;
        assert_eq!((status, &checks["missing_bytes"]), (503, &missing), "{checks}");
        let found = verify(&app).await;
        assert_eq!((&found["ok"], &found["missing_bytes"]), (&json!(false), &missing), "{found}");
        assert_eq!(found["offset"], json!(kept.len()));
        assert!(found["message"].as_str().is_some_and(|message| message.contains("shorter")), "{found}");
        assert_eq!(app.api("GET", "/api/v1/reports", &Value::Null).await.error_code(), "report_generation_failed");
        app.restart().await;
    }
    // The operator accepts the loss.
    let checkpoint = journal.with_extension("jsonl.checkpoint");
    app.restart_after(|_| fs::remove_file(checkpoint).expect("the checkpoint")).await;
    assert_eq!((audit_log(&app).await.0, &verify(&app).await["ok"]), (200, &json!(true)));
    app.finish().await;
}

#[tokio::test]
async fn an_event_of_a_session_is_proved_to_stand_in_its_tree() {
    let app = TestApp::start().await;
    app.say("I am E-12345 and E-55555.").await;
    let session = app.sessions().await.remove(0);
    let root = session.merkle_root.expect("a root");
    let id = session.id.text();
    let prove = async |session: &str, event: &str| {
        app.api("GET", &format!("/api/v1/sessions/{session}/events/{event}/proof"), &Value::Null).await
    };
    let events = app.events();
    let own: Vec<_> = events.iter().filter(|event| event.session_id == Some(session.id)).collect();
    assert_eq!(own.len(), 4);
    let text = fs::read_to_string(app.journal_path()).expect("the journal can be read");
    for (index, event) in own.iter().enumerate() {
        let proof = prove(&id, &event.event_id.text()).await.json()["proof"].clone();
        let hash = |value: &Value| from_hex(value.as_str().expect("a hash")).expect("64 digits");
        let path: Vec<_> = proof["path"].as_array().expect("a path").iter().map(hash).collect();
        assert_eq!((&proof["leaf_index"], &proof["tree_size"]), (&json!(index), &json!(own.len())));
        assert!(is_included(&hash(&proof["leaf_hash"]), index, own.len(), &path, &root), "{proof}");
        let line = proof["event"].as_str().expect("a line");
        assert!(text.lines().any(|own| own == line) && line.contains(&event.event_id.text()), "{line}");
    }
    let elsewhere = events.iter().find(|event| event.session_id.is_none()).expect("the agent was made").event_id;
    for event in [elsewhere.text(), "evt_1".into()] {
        assert_eq!(prove(&id, &event).await.error_code(), "not_found");
    }
    assert_eq!(prove("sess_1", &own[0].event_id.text()).await.error_code(), "session_not_found");
    let other = format!("Bearer {}", token(&app, Some(another_account(&app)), &["admin"]).await);
    let path = format!("/api/v1/sessions/{id}/events/{}/proof", own[0].event_id.text());
    assert_eq!(send(&app, "GET", &path, Some(&other), "").await.error_code(), "session_not_found");

    // An event is removed by hand.
    let short = text.lines().filter(|line| !line.contains(&own[1].event_id.text())).collect::<Vec<_>>().join("\n");
    fs::write(app.journal_path(), short + "\n" + &"\n".repeat(text.len())).expect("the journal can be written");
    assert_eq!(prove(&id, &own[0].event_id.text()).await.error_code(), "audit_unavailable");
    fs::write(app.journal_path(), &text).expect("the journal can be written");
    app.finish().await;
}

#[tokio::test]
async fn both_need_the_scope_admin() {
    let app = TestApp::start().await;
    let token = format!("Bearer {}", token(&app, None, &["sessions:read", "reports:read"]).await);
    for (method, path) in [("POST", "/api/v1/audit/verify"), ("GET", "/api/v1/audit/export")] {
        assert_eq!(send(&app, method, path, Some(&token), "").await.error_code(), "forbidden", "{path}");
        assert_eq!(send(&app, method, path, None, "").await.error_code(), "unauthenticated", "{path}");
    }
    app.finish().await;
}
