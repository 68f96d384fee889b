//! Reports: signed, consistent with the journal, of one format, and without caller text.

use std::fs;
use std::path::Path;

use hyper::StatusCode;
use masker::audit::chain::{Hash, from_hex, hex_text};
use masker::audit::merkle;
use masker::report::signature::{PublicKey, is_genuine};
use masker_tests::TestApp;
use masker_tests::fake_upstream::{Reply, respond};
use masker_tests::test_app::Answer;
use serde_json::{Value, json};

use super::{another_account, send, token};

async fn report(app: &TestApp, path: &str) -> Value {
    let answer = app.api("GET", path, &Value::Null).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["report"].clone()
}

async fn keys(app: &TestApp) -> Vec<PublicKey> {
    let answer = send(app, "GET", "/.well-known/masker-report-key", None, "").await;
    let document = answer.json();
    let documents = document.as_array().cloned().unwrap_or_else(|| vec![document]);
    let text = |key: &Value, field: &str| key[field].as_str().expect("text").to_owned();
    documents
        .iter()
        .map(|key| {
            assert_eq!(key["alg"], "Ed25519");
            PublicKey { key_id: text(key, "key_id"), alg: "Ed25519", public_key: text(key, "public_key") }
        })
        .collect()
}

/// The text extracted from a PDF, in which a token or a name would be found.
fn text_of(pdf: &[u8]) -> String {
    let document = lopdf::Document::load_mem(pdf).expect("a PDF");
    let pages: Vec<u32> = document.get_pages().into_keys().collect();
    document.extract_text(&pages).expect("its text can be read")
}

fn attached(pdf: &[u8]) -> Value {
    let document = lopdf::Document::load_mem(pdf).expect("a PDF");
    let is_file = |object: &&lopdf::Object| {
        object.as_stream().is_ok_and(|stream| {
            stream.dict.get(b"Type").and_then(lopdf::Object::as_name).is_ok_and(|name| name == b"EmbeddedFile")
        })
    };
    let file = document.objects.values().find(is_file).expect("a file is attached").as_stream().expect("a stream");
    serde_json::from_slice(&file.decompressed_content().expect("it can be unpacked")).expect("JSON")
}

async fn pdf(app: &TestApp, path: &str) -> Answer {
    let answer = app.api("GET", path, &Value::Null).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, Some("application/pdf")));
    answer
}

/// Three sessions, two of them turns of one call, one with an unknown token in its answer.
async fn talked() -> TestApp {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app.upstream.respond_with(respond::echo);
    app.say("I am E-12345.").await;
    let ask = |text: &str| json!({"messages": [{"role": "user", "content": text}]});
    app.chat_in_call("c1", ask("I am E-12345.")).await;
    app.upstream.script(Reply::text("hello MSKV1.STAFF_ID.K_HEALTHCARE.AAAAAAAAAAAAAAAAAAAAAAAAAA"));
    app.chat_in_call("c1", ask("again")).await;
    assert_eq!(app.sessions().await.len(), 3);
    app
}

#[tokio::test]
async fn a_sessions_report_is_signed_and_its_root_is_the_sessions() {
    let app = talked().await;
    let session = app.sessions().await[0].clone();
    let path = format!("/api/v1/sessions/{}/report", session.id);
    let report = report(&app, &path).await;
    assert!(is_genuine(&report, &keys(&app).await));
    assert_eq!((&report["scope"], &report["session_id"]), (&json!("session"), &json!(session.id.text())));
    assert_eq!(report["merkle_root_hex"], hex_text(&session.merkle_root.expect("it is over")));
    let failure = &report["leak_detection"]["rehydration_failures"][0];
    assert_eq!(
        (&failure["session_id"], &failure["turn"], &failure["count"]),
        (&json!(session.id.text()), &json!(2), &json!(1))
    );
    assert_eq!(report["summary"]["incidents"], 1);
    let mut other = report.clone();
    other["summary"]["incidents"] = json!(0);
    assert!(!is_genuine(&other, &keys(&app).await), "another figure, another signature");
    app.finish().await;
}

#[tokio::test]
async fn agent_and_account_reports_count_the_same_sessions_and_their_root_is_over_the_sessions_roots() {
    let app = talked().await;
    let mut seen = Vec::new();
    for path in [format!("/api/v1/agents/{}/report", app.agent.id), "/api/v1/reports?since=1h".to_owned()] {
        let report = report(&app, &path).await;
        assert!(is_genuine(&report, &keys(&app).await));
        assert_eq!(report["summary"]["sessions"], 3);
        assert_eq!((&report["summary"]["calls"], &report["summary"]["redactions"]), (&json!(1), &json!(2)));
        assert_eq!(
            (&report["redactions_by_kind"], &report["redactions_by_pass"]),
            (&json!({"STAFF_ID": 2}), &json!({"staff-id": 2}))
        );
        assert_eq!(report["summary"]["restored"], 2);
        let roots: Vec<Hash> = report["sessions"]
            .as_array()
            .expect("sessions")
            .iter()
            .map(|session| from_hex(session["merkle_root_hex"].as_str().expect("a root")).expect("hexadecimal"))
            .collect();
        assert_eq!(report["merkle_root_hex"], hex_text(&merkle::root(&roots)));
        assert_eq!(report["policy_snapshot"][0]["yaml"], json!(masker_tests::test_app::STAFF_POLICY));
        seen.push(roots);
    }
    assert_eq!(seen[0], seen[1]);
    let none = report(&app, "/api/v1/reports?since=0s").await;
    assert_eq!((&none["summary"]["sessions"], &none["sessions"]), (&json!(0), &json!([])));
    app.finish().await;
}

#[tokio::test]
async fn a_pdf_says_what_its_attached_json_says_and_every_page_names_the_report() {
    let app = talked().await;
    let answer = pdf(&app, "/api/v1/reports?format=pdf").await;
    let json = attached(&answer.body);
    let report = &json["report"];
    assert!(is_genuine(report, &keys(&app).await));
    let account = report["account_id"].as_str().expect("an account");
    assert_eq!(
        answer.header("content-disposition"),
        Some(format!("attachment; filename=\"masker-account-{account}.pdf\"").as_str())
    );
    let text = text_of(&answer.body);
    let flat: String = text.split_whitespace().collect();
    let id = report["id"].as_str().expect("an id");
    let pages = lopdf::Document::load_mem(&answer.body).expect("a PDF").get_pages().len();
    assert_eq!(flat.matches(&format!("report{id}")).count(), pages, "on every page");
    for said in [
        report["merkle_root_hex"].as_str(),
        report["signature"]["key_id"].as_str(),
        Some("Executive summary"),
        Some("STAFF_ID"),
        Some("1 agent, 1 named phone call. Sessions by outcome: 3 ok."),
    ] {
        let said: String = said.expect("text").split_whitespace().collect();
        assert!(flat.contains(&said), "{said}");
    }
    app.finish().await;
}

#[tokio::test]
async fn no_report_holds_what_a_caller_said() {
    let mut app = TestApp::healthcare().await;
    let said = ["Johnathan Bramwell", "415-555-0134", "march 3rd 1961", "bramwell@example.org"]
        .map(|value| app.plant(value).to_owned());
    app.upstream.respond_with(respond::echo);
    let text =
        format!("My name is {}, my number is {}, I was born on {}, write to {}.", said[0], said[1], said[2], said[3]);
    app.chat_in_call(&said[1], json!({"messages": [{"role": "user", "content": text, "name": "Bramwell"}], "user": said[3], "metadata": {"who": said[0]}})).await;
    let session = app.sessions().await[0].id;
    for path in [
        format!("/api/v1/sessions/{session}/report"),
        format!("/api/v1/agents/{}/report", app.agent.id),
        "/api/v1/reports".into(),
    ] {
        let json = app.api("GET", &path, &Value::Null).await.text().to_owned();
        let pdf = pdf(&app, &format!("{path}?format=pdf")).await;
        let pages: String = text_of(&pdf.body).split_whitespace().collect();
        let attached = attached(&pdf.body).to_string();
        for value in said.iter().map(String::as_str).chain(["Bramwell", "5550134"]) {
            let tight: String = value.split_whitespace().collect();
            assert!(!json.contains(value) && !attached.contains(value) && !pages.contains(&tight), "{value} in {path}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn a_broken_journal_makes_no_report() {
    let app = talked().await;
    let session = app.sessions().await[0].id;
    let lines = fs::read_to_string(app.journal_path()).expect("the journal can be read");
    let changed = lines.replacen("\"confidence\":0.95", "\"confidence\":0.85", 1);
    assert_ne!(lines, changed);
    fs::write(app.journal_path(), &changed).expect("the journal can be written");
    for path in ["/api/v1/reports".to_owned(), format!("/api/v1/agents/{}/report?format=pdf", app.agent.id)] {
        let answer = app.api("GET", &path, &Value::Null).await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (500, "report_generation_failed"), "{path}");
    }
    // A session's report reads its own events; the change is in another session.
    let own = app.api("GET", &format!("/api/v1/sessions/{session}/report"), &Value::Null).await;
    assert_eq!(own.status.as_u16(), 500, "the chain was found broken");
    fs::write(app.journal_path(), &lines).expect("the journal can be written");
    app.finish().await;
}

#[tokio::test]
async fn a_session_whose_events_were_changed_after_the_chain_was_checked_makes_no_report() {
    let app = talked().await;
    let sessions = app.sessions().await;
    let path = |at: usize| format!("/api/v1/sessions/{}/report", sessions[at].id);
    // The whole chain is valid and is not read again.
    report(&app, &path(0)).await;
    let lines = fs::read_to_string(app.journal_path()).expect("the journal can be read");
    fs::write(app.journal_path(), lines.replacen("\"confidence\":0.95", "\"confidence\":0.85", 1)).expect("written");
    let answer = app.api("GET", &path(2), &Value::Null).await;
    assert_eq!(answer.error_code(), "report_generation_failed", "{}", answer.text());
    fs::write(app.journal_path(), &lines).expect("the journal can be written");
    report(&app, &path(2)).await;
    app.finish().await;
}

#[tokio::test]
async fn a_report_is_the_same_when_its_sessions_are_older_than_the_sums_of_days() {
    let app = talked().await;
    let before = report(&app, "/api/v1/reports").await;
    let database = rusqlite::Connection::open(&app.app().config.database).expect("the database can be opened");
    let as_before = "DELETE FROM agent_days; UPDATE sessions SET counted = NULL, begins_call = 0, incidents = 0";
    database.execute_batch(as_before).expect("an older version's rows");
    for _ in 0..2 {
        let after = report(&app, "/api/v1/reports").await;
        for figures in ["summary", "redactions_by_pass", "pci_dss", "leak_detection", "sessions_digest_hex"] {
            assert_eq!(after[figures], before[figures]);
        }
        assert_eq!(after["summary"]["incidents"], 1);
        assert_eq!(after["leak_detection"]["rehydration_failures"][0]["turn"], 2);
    }
    app.finish().await;
}

#[tokio::test]
async fn the_public_key_rotates_and_old_reports_still_verify() {
    let old = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let new = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
    let before = TestApp::builder().env("MASKER_REPORT_SIGNING_KEY", old).start().await;
    let report_before = report(&before, "/api/v1/reports").await;
    before.finish().await;
    let after = TestApp::builder()
        .env("MASKER_REPORT_SIGNING_KEY", new)
        .env("MASKER_REPORT_SIGNING_KEY_OLD", old)
        .start()
        .await;
    let keys = keys(&after).await;
    assert_eq!(keys.len(), 2);
    assert!(is_genuine(&report_before, &keys));
    assert!(is_genuine(&report(&after, "/api/v1/reports").await, &keys[..1]));
    after.finish().await;
}

#[tokio::test]
async fn a_report_is_written_down_and_needs_its_scope_and_its_account() {
    let app = talked().await;
    let session = app.sessions().await[0].id;
    let path = format!("/api/v1/sessions/{session}/report");
    report(&app, &path).await;
    let made = app.events().into_iter().filter(|event| event.kind == masker::audit::event::EventKind::ReportGenerated);
    assert_eq!(made.count(), 1);
    let reader = format!("Bearer {}", token(&app, None, &["sessions:read"]).await);
    assert_eq!(send(&app, "GET", &path, Some(&reader), "").await.error_code(), "forbidden");
    let other = another_account(&app);
    let other = format!("Bearer {}", token(&app, Some(other), &["reports:read"]).await);
    assert_eq!(send(&app, "GET", &path, Some(&other), "").await.error_code(), "session_not_found");
    let agent = format!("/api/v1/agents/{}/report", app.agent.id);
    assert_eq!(send(&app, "GET", &agent, Some(&other), "").await.error_code(), "agent_not_found");
    for (query, code) in [("format=xml", "validation_failed"), ("since=x", "validation_failed")] {
        let answer = app.api("GET", &format!("/api/v1/reports?{query}"), &Value::Null).await;
        assert_eq!(answer.error_code(), code);
    }
    app.finish().await;
}

#[tokio::test]
async fn agreements_are_recorded_with_an_agent_and_stand_in_its_report() {
    let app = talked().await;
    let path = format!("/api/v1/agents/{}", app.agent.id);
    let change = json!({"agreements": {"llm_provider": {"status": "signed", "reference": "contract 17"}}});
    let answer = app.api("PATCH", &path, &change).await;
    assert_eq!(answer.json()["agent"]["agreements"], change["agreements"], "{}", answer.text());
    let report = report(&app, &format!("{path}/report")).await;
    let party = |role: &str| {
        report["baa_chain"]
            .as_array()
            .expect("a chain")
            .iter()
            .find(|party| party["role"] == role)
            .expect("the party")
            .clone()
    };
    assert_eq!(
        (&party("llm_provider")["agreement"], &party("llm_provider")["reference"]),
        (&json!("signed"), &json!("contract 17"))
    );
    assert_eq!(
        (&party("voice_platform")["agreement"], &party("llm_provider")["sees"]),
        (&json!("not_recorded"), &json!("tokens only"))
    );
    for wrong in [
        json!({"bank": {"status": "signed"}}),
        json!({"llm_provider": {"status": "maybe"}}),
        json!({"llm_provider": "signed"}),
    ] {
        let answer = app.api("PATCH", &path, &json!({"agreements": wrong})).await;
        assert_eq!(answer.json()["error"]["details"][0]["field"], "agreements", "{}", answer.text());
    }
    app.finish().await;
}

#[tokio::test]
async fn a_script_that_knows_nothing_of_masker_verifies_report_and_journal() {
    let app = talked().await;
    let session = app.sessions().await[0].id;
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("a file can be written");
        path
    };
    let key = file("key.json", &send(&app, "GET", "/.well-known/masker-report-key", None, "").await.body);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/verify_report.py");
    for path in [format!("/api/v1/sessions/{session}/report"), "/api/v1/reports".to_owned()] {
        let report = app.api("GET", &path, &Value::Null).await;
        let journal = file("journal.jsonl", &app.api("GET", "/api/v1/audit/export", &Value::Null).await.body);
        let run = |report: &[u8], journal: &Path| {
            let report = file("report.json", report);
            let mut python = std::process::Command::new("python3");
            let ran = python.arg(&script).args([report.as_path(), &key, journal]).output().expect("python3 runs");
            (ran.status.success(), String::from_utf8_lossy(&ran.stdout).into_owned())
        };
        let (good, said) = run(&report.body, &journal);
        assert!(good && said.lines().count() == 4, "{said}");
        let (good, said) = run(report.text().replace("\"scope\":", "\"scope\": \"x\", \"s\":").as_bytes(), &journal);
        assert!(!good && said.contains("BAD signature"), "{said}");
        let text = fs::read_to_string(&journal).expect("the journal");
        let cut: String = text.split_inclusive('\n').skip(1).collect();
        let (good, said) = run(&report.body, &file("cut.jsonl", cut.as_bytes()));
        assert!(!good && said.contains("BAD every event"), "{said}");
    }
    app.finish().await;
}

/// The matrix of a report on an agent with this policy.
async fn matrix(app: &TestApp, policy: &str) -> Value {
    let agent = json!({"name": format!("matrix {}", policy.len()), "upstream": "stub", "policy_yaml": policy});
    let agent = app.create_agent(agent).await;
    report(app, &format!("/api/v1/agents/{}/report", agent.id)).await
}

#[tokio::test]
async fn the_matrix_claims_what_was_measured_and_nothing_for_a_policy_that_finds_less() {
    if masker::app::embedded().is_empty() {
        return; // Nothing ships with this build.
    }
    let app = TestApp::start().await;
    let policy =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../host/policies/healthcare-default.yaml"));
    let policy = policy.expect("the policy that ships");
    let measured = matrix(&app, &policy).await;
    assert_eq!(
        (&measured["safe_harbor_coverage"]["A_names"], &measured["safe_harbor_coverage"]["Q_photo"]),
        (&json!("full"), &json!("full"))
    );
    assert!(
        measured["safe_harbor_detail"][0]["measured_on"].as_str().is_some_and(|set| set.contains("safe-harbor.jsonl"))
    );
    for (from, to, key, why) in [
        ("  NAME: {}", "  NAME: {confidence_threshold: 0.99}", "A_names", "threshold"),
        ("  NAME: {}", "  NAME: {ner: false}", "A_names", "every pass"),
        ("  NAME: {}", "  NAME: {action: passthrough}", "A_names", "does not mask"),
        ("  - ner ", "  # - ner ", "D_phone", "the pass ner"),
        ("media: block", "media: pass", "Q_photo", "pass"),
        ("media: block", "media: block\nallow: [Lakeside]", "D_phone", "allow list"),
    ] {
        assert!(policy.contains(from), "{from}");
        let less = matrix(&app, &policy.replacen(from, to, 1)).await;
        let category = less["safe_harbor_detail"]
            .as_array()
            .expect("categories")
            .iter()
            .find(|one| one["key"] == key)
            .expect("it is there")
            .clone();
        assert_eq!(
            (&less["safe_harbor_coverage"][key], &category["status"]),
            (&json!("in_progress"), &json!("in_progress")),
            "{to}"
        );
        assert!(category["note"].as_str().is_some_and(|note| note.contains(why)), "{to}: {category}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_session_whose_events_are_not_all_found_makes_no_report() {
    let app = talked().await;
    let session = app.sessions().await[0].clone();
    let database = rusqlite::Connection::open(&app.app().config.database).expect("the database can be opened");
    let first = session.journal.first().expect("it has events");
    let changed = database.execute(
        "UPDATE sessions SET journal = ?1 WHERE id = ?2",
        (format!("[[{},{}]]", first.start, first.end), session.id.text()),
    );
    assert_eq!(changed.ok(), Some(1));
    let answer = app.api("GET", &format!("/api/v1/sessions/{}/report", session.id), &Value::Null).await;
    assert_eq!(answer.error_code(), "report_generation_failed", "{}", answer.text());
    app.finish().await;
}

/// The schema of the document, as standalone JSON Schema.
fn schema_of(openapi: &Value) -> Value {
    let mut defs = openapi["components"]["schemas"].as_object().expect("schemas").clone();
    let mut wanted = vec!["ReportEnvelope".to_owned()];
    let mut kept = serde_json::Map::new();
    while let Some(name) = wanted.pop() {
        let Some(schema) = defs.remove(&name) else { continue };
        let text = schema.to_string();
        wanted.extend(
            text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next().map(str::to_owned)),
        );
        kept.insert(name, serde_json::from_str(&text.replace("#/components/schemas/", "#/$defs/")).expect("JSON"));
    }
    kept.sort_keys();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Masker compliance report",
        "$ref": "#/$defs/ReportEnvelope",
        "$defs": kept,
    })
}

#[tokio::test]
async fn every_report_has_the_form_of_the_published_schema() {
    let app = talked().await;
    let openapi = send(&app, "GET", "/api/v1/openapi.json", None, "").await.json();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/core/src/report/schema.json");
    let current = format!("{:#}\n", schema_of(&openapi));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&file, &current).expect("the schema can be written");
    }
    assert_eq!(fs::read_to_string(&file).expect("the schema"), current, "regenerate it with UPDATE=1");
    let served = send(&app, "GET", "/api/v1/schemas/report.json", None, "").await.json();
    let schema = jsonschema::validator_for(&served).expect("a schema");
    let session = app.sessions().await[0].id;
    for path in [
        format!("/api/v1/sessions/{session}/report"),
        format!("/api/v1/agents/{}/report", app.agent.id),
        "/api/v1/reports".into(),
        "/api/v1/reports?since=0s".into(),
    ] {
        let report = app.api("GET", &path, &Value::Null).await.json();
        let errors: Vec<String> = schema.iter_errors(&report).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{path}: {errors:?}");
        let mut wrong = report;
        wrong["report"]["summary"]["sessions"] = json!("three");
        assert!(!schema.is_valid(&wrong));
    }
    app.finish().await;
}
