//! Plugins change while calls run: signed ones only, from a folder that changes, under load.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::body::Body;
use hyper::Request;
use masker::audit::event::EventKind;
use masker::keys::signature::{SigningKey, beside};
use masker_tests::TestApp;
use masker_tests::fake_upstream::respond;
use masker_tests::test_app::Answer;
use serde_json::{Value, json};

use super::plugins::{changed, delete, get, kinds};
use super::token;

async fn upload(app: &TestApp, component: Vec<u8>, signature: Option<&str>) -> Answer {
    let secret = token(app, None, &["plugins:write"]).await;
    let mut request = Request::post("/api/v1/plugins")
        .header("content-type", "application/wasm")
        .header("authorization", format!("Bearer {secret}"));
    if let Some(signature) = signature {
        request = request.header("masker-plugin-signature", signature);
    }
    app.request(request.body(Body::from(component)).expect("a sound request")).await
}

async fn version(app: &TestApp) -> Value {
    get(app, "/api/v1/plugins/staff-id").await.json()["plugin"]["version"].clone()
}

#[tokio::test]
async fn an_install_that_asks_for_signatures_takes_signed_components_only() {
    let (key, other) = (SigningKey::generate().expect("random"), SigningKey::generate().expect("random"));
    let mut app = TestApp::builder()
        .env("MASKER_PLUGIN_REQUIRE_SIGNED", "1")
        .env("MASKER_PLUGIN_TRUSTED_KEYS", &key.public())
        .start()
        .await;
    let component = changed("staff-id", "1.0.0", "9.0.0");
    let refusals = [None, Some(other.sign(&component)), Some(key.sign(b"something else")), Some("?".to_owned())];
    for signature in refusals {
        let answer = upload(&app, component.clone(), signature.as_deref()).await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (422, "plugin_invalid"), "{signature:?}");
        assert!(answer.text().contains("sign"), "{}", answer.text());
    }
    assert_eq!(version(&app).await, "1.0.0", "what comes with Masker needs none");
    let answer = upload(&app, component.clone(), Some(&key.sign(&component))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(version(&app).await, "9.0.0");

    app.restart().await;
    assert_eq!(version(&app).await, "9.0.0", "its signature is kept with it");
    app.restart_with("MASKER_PLUGIN_TRUSTED_KEYS", &other.public()).await;
    let gone = get(&app, "/api/v1/plugins/staff-id").await;
    assert_eq!(gone.error_code(), "plugin_not_found", "a key that is trusted no more takes its components along");
    assert_eq!(app.say("Hello.").await.error_code(), "masking_unavailable", "and nothing takes their place");
    app.restart_with("MASKER_PLUGIN_TRUSTED_KEYS", &key.public()).await;
    assert_eq!(delete(&app, "staff-id").await.status, 204);
    let left = fs::read_dir(app.data_dir().join("plugins")).expect("the folder").count();
    assert_eq!(left, 0, "no signature stays behind");
    app.finish().await;
}

#[tokio::test]
async fn what_is_put_into_the_plugin_folder_takes_effect_without_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().to_str().expect("UTF-8");
    let app = TestApp::builder().env("MASKER_PLUGIN_DIR", path).start().await;
    app.upstream.respond_with(respond::echo);
    let reload = async || app.app().reload_plugin_folder().await;
    assert!(reload().await.expect("an empty folder").is_empty());

    let file = folder.path().join("own.wasm");
    fs::write(&file, changed("staff-id", "1.0.0", "9.0.0")).expect("written");
    assert_eq!(reload().await.expect("taken"), ["staff-id"]);
    assert_eq!(version(&app).await, "9.0.0");
    app.say("I am E-12345.").await;
    assert!(app.forwarded_text().contains("MSKV1.STAFF_ID."));
    assert!(reload().await.expect("nothing new").is_empty());

    fs::write(&file, b"half a comp").expect("written");
    assert!(reload().await.expect("nothing that can be used").is_empty());
    assert!(app.logs().contains(file.to_str().expect("UTF-8")), "the file is named");
    assert_eq!(version(&app).await, "9.0.0", "what was loaded serves on");

    fs::remove_file(&file).expect("removed");
    assert_eq!(reload().await.expect("gone"), ["staff-id"]);
    assert_eq!(version(&app).await, "1.0.0");
    assert_eq!(kinds(&app), [EventKind::PluginInstalled, EventKind::PluginRemoved]);
    app.finish().await;
}

#[tokio::test]
async fn a_folder_of_signed_plugins_reads_the_signature_beside_each() {
    let key = SigningKey::generate().expect("random");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let app = TestApp::builder()
        .env("MASKER_PLUGIN_DIR", folder.path().to_str().expect("UTF-8"))
        .env("MASKER_PLUGIN_REQUIRE_SIGNED", "1")
        .env("MASKER_PLUGIN_TRUSTED_KEYS", &key.public())
        .start()
        .await;
    let file = folder.path().join("own.wasm");
    let component = changed("staff-id", "1.0.0", "9.0.0");
    fs::write(&file, &component).expect("written");
    assert!(app.app().reload_plugin_folder().await.expect("nothing that can be used").is_empty());
    let logs = app.logs();
    let line = logs.lines().rfind(|line| line.contains(file.to_str().expect("UTF-8"))).expect("the file is named");
    assert!(line.contains("not signed"), "{line}");
    fs::write(beside(&file), key.sign(&component)).expect("written");
    assert_eq!(app.app().reload_plugin_folder().await.expect("taken"), ["staff-id"]);
    app.finish().await;
}

#[tokio::test]
async fn a_broken_upload_stops_its_agents_and_is_not_replaced_by_what_it_covers() {
    let mut app = TestApp::builder().guest("remembers").start().await;
    app.upstream.respond_with(respond::echo);
    let policy = "name: own\nversion: 1\nkid: K_HEALTHCARE\ntokenization: vault-deterministic\n\
                  passes: [remembers]\nentities: {NAME: {}, STAFF_ID: {}}\n";
    let other = app.create_agent(json!({"name": "other", "upstream": "stub", "policy_yaml": policy})).await;
    let hello = json!({"messages": [{"role": "user", "content": "Hello."}]}).to_string();
    let component = changed("staff-id", "1.0.0", "9.0.0");
    let break_it = |data: &Path| fs::write(data.join("plugins/staff-id.wasm"), "half a comp").expect("written");
    assert_eq!(upload(&app, component.clone(), None).await.status, 200);
    app.restart_after(break_it).await;
    assert_eq!(app.say("I am E-12345.").await.error_code(), "masking_unavailable");
    assert_eq!(app.post(&other.path(), &[], hello).await.status, 200, "an agent that does not need it");
    let health = app.api("GET", "/health", &Value::Null).await;
    assert_eq!((health.status.as_u16(), &health.json()["unusable_agent_names"]), (503, &json!(["test"])));
    let logs = app.logs();
    let line = logs.lines().rfind(|line| line.contains("an uploaded plugin cannot be used")).expect("a log line");
    assert!(line.contains("staff-id"), "{line}");

    assert_eq!(delete(&app, "staff-id").await.status, 204);
    assert_eq!(app.say("I am E-12345.").await.status, 200, "the operator decided for what it covered");
    assert!(app.forwarded_text().contains("MSKV1.STAFF_ID."));

    assert_eq!(upload(&app, component.clone(), None).await.status, 200);
    app.restart_after(break_it).await;
    assert_eq!(app.say("I am E-12345.").await.error_code(), "masking_unavailable");
    assert!(upload(&app, component, None).await.status.is_success(), "or it is uploaded again");
    assert_eq!(version(&app).await, "9.0.0");
    assert_eq!(app.say("I am E-12345.").await.status, 200);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn plugins_are_swapped_and_removed_under_load_without_a_failed_request() {
    let app = Arc::new(TestApp::start().await);
    app.upstream.respond_with(respond::echo);
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..4)
        .map(|caller| {
            let (app, stop, answered) = (app.clone(), stop.clone(), answered.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let number = 10_000 + answered.fetch_add(1, Ordering::Relaxed) % 80_000;
                    let said = format!("caller {caller} is E-{number}.");
                    let answer = app.say(&said).await;
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    assert_eq!(answer.content(), format!("You said: {said}"));
                }
            })
        })
        .collect();
    for round in 0..6 {
        let before = answered.load(Ordering::Relaxed);
        let swapped = upload(&app, changed("staff-id", "1.0.0", &format!("9.0.{round}")), None).await;
        assert_eq!(swapped.status, 200, "{}", swapped.text());
        app.wait_until("calls on the new one", async || (answered.load(Ordering::Relaxed) > before + 8).then_some(()))
            .await;
        assert_eq!(delete(&app, "staff-id").await.status, 204);
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("every request was answered, masked and restored");
    }
    let forwarded = app.upstream.requests();
    assert!(forwarded.len() > 48);
    for request in forwarded {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        assert!(!body.contains("E-") && body.contains("MSKV1.STAFF_ID."), "{body}");
    }
    let app = Arc::into_inner(app).expect("the callers are gone");
    app.finish().await;
}
