//! An unusable file in the plugin folder: it is named in the log, and affects nothing else.

use std::fs;
use std::path::Path;

use masker_tests::fake_upstream::respond;
use masker_tests::test_app::Agent;
use masker_tests::{TestApp, components};
use serde_json::json;

const BROKEN: &[u8] = b"half a comp";

async fn start(folder: &Path) -> TestApp {
    let app = TestApp::builder().env("MASKER_PLUGIN_DIR", folder.to_str().expect("UTF-8")).start().await;
    app.upstream.respond_with(respond::echo);
    app
}

/// An agent whose only pass is this plugin.
async fn agent_of(app: &TestApp, plugin: &str) -> Agent {
    let yaml = format!(
        "name: own\nversion: 1\nkid: K_HEALTHCARE\ntokenization: vault-deterministic\n\
         passes: [{plugin}]\nentities: {{NAME: {{}}, STAFF_ID: {{}}}}\n"
    );
    app.create_agent(json!({"name": plugin, "upstream": "openai:gpt-4o-mini", "policy_yaml": yaml})).await
}

async fn call(app: &TestApp, agent: &Agent) -> (u16, String) {
    let body = json!({"messages": [{"role": "user", "content": "I am E-12345."}]}).to_string();
    let answer = app.post(&agent.path(), &[], body).await;
    let code = if answer.status.is_success() { String::new() } else { answer.error_code() };
    (answer.status.as_u16(), code)
}

fn unavailable() -> (u16, String) {
    (503, "masking_unavailable".to_owned())
}

#[tokio::test]
async fn a_start_with_a_broken_file_names_it_and_serves_whoever_does_not_need_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("remembers.wasm");
    fs::write(&file, components::guest("remembers")).expect("written");
    let mut app = start(folder.path()).await;
    let needs_it = agent_of(&app, "remembers").await;
    assert_eq!(call(&app, &needs_it).await.0, 200);

    app.restart_after(|_| fs::write(&file, BROKEN).expect("written")).await;
    let logs = app.logs();
    let line = logs.lines().rfind(|line| line.contains(file.to_str().expect("UTF-8"))).expect("the file is named");
    assert!(line.contains("WARN") && line.contains("not a WebAssembly component"), "{line}");
    assert_eq!(call(&app, &needs_it).await, unavailable());
    assert_eq!(app.say("I am E-12345.").await.status, 200, "the other agent is served");

    fs::write(&file, components::guest("remembers")).expect("written");
    assert_eq!(app.app().reload_plugin_folder().await.expect("repaired"), ["remembers"]);
    assert_eq!(call(&app, &needs_it).await.0, 200);
    app.finish().await;
}

#[tokio::test]
async fn a_broken_file_is_not_silently_replaced_by_the_plugin_that_comes_with_masker() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("staff-id.wasm");
    let mut app = start(folder.path()).await;
    let said = "I am E-12345.";
    assert_eq!(app.say(said).await.status, 200);
    app.restart_after(|_| fs::write(&file, BROKEN).expect("written")).await;
    assert_eq!(app.say(said).await.error_code(), "masking_unavailable");
    assert_eq!(app.app().reload_plugin_folder().await.expect("nothing new"), [""; 0]);
    assert_eq!(app.say(said).await.error_code(), "masking_unavailable");
    fs::remove_file(&file).expect("removed");
    assert_eq!(app.app().reload_plugin_folder().await.expect("gone"), ["staff-id"]);
    assert_eq!(app.say(said).await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn a_broken_file_takes_no_working_plugin_away_and_keeps_no_other_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("remembers.wasm");
    fs::write(&file, components::guest("remembers")).expect("written");
    let app = start(folder.path()).await;
    let agent = agent_of(&app, "remembers").await;

    fs::write(&file, BROKEN).expect("written");
    fs::write(folder.path().join("staff-id.wasm"), BROKEN).expect("written");
    fs::write(folder.path().join("other.wasm"), components::guest("answers-error")).expect("written");
    assert_eq!(app.app().reload_plugin_folder().await.expect("the sound one"), ["answers-error"]);
    assert_eq!(call(&app, &agent).await.0, 200);
    assert_eq!(app.say("I am E-12345.").await.status, 200);
    app.finish().await;
}

#[tokio::test]
async fn a_policy_file_that_needs_a_broken_plugin_is_left_out_until_it_is_repaired() {
    let (folder, policies) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let file = folder.path().join("remembers.wasm");
    fs::write(&file, components::guest("remembers")).expect("written");
    let policy = "name: own\nversion: 1\nkid: K_HEALTHCARE\ntokenization: vault-deterministic\n\
                  passes: [remembers]\nentities: {NAME: {}, STAFF_ID: {}}\n";
    fs::write(policies.path().join("own.yaml"), policy).expect("written");
    let key = format!("{}Bwc=", "BwcH".repeat(10));
    // Development mode skips policies that do not compile.
    let mut app = TestApp::builder()
        .env("MASKER_DEV", "0")
        .env("MASKER_KEY_K_HEALTHCARE", &key)
        .env("MASKER_AUDIT_HMAC_KEY", &key)
        .env("MASKER_PLUGIN_DIR", folder.path().to_str().expect("UTF-8"))
        .env("MASKER_POLICY_PATH", policies.path().to_str().expect("UTF-8"))
        .start()
        .await;
    app.upstream.respond_with(respond::echo);
    let own = json!({"name": "own", "upstream": "openai:gpt-4o-mini", "policy_name": "own"});
    let agent = app.create_agent(own).await;
    assert_eq!(call(&app, &agent).await.0, 200);

    app.restart_after(|_| fs::write(&file, BROKEN).expect("written")).await;
    assert_eq!(call(&app, &agent).await, unavailable());
    assert_eq!(app.say("I am E-12345.").await.status, 200, "the other agent is served");

    fs::write(&file, components::guest("remembers")).expect("written");
    assert_eq!(app.app().reload_plugin_folder().await.expect("repaired"), ["remembers"]);
    app.app().reload_policies().await.expect("all of them can be used");
    assert_eq!(call(&app, &agent).await.0, 200);
    app.finish().await;
}
