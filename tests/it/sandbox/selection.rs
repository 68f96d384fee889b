//! Which plugins run: those of the agent's policy, and of two with one name the operator's.

use std::fs;

use masker_tests::fake_upstream::respond;
use masker_tests::{TestApp, components};
use serde_json::json;

fn policy(passes: &str, kinds: &str) -> String {
    format!(
        "name: chosen\nversion: 1\nkid: K_HEALTHCARE\ntokenization: vault-deterministic\n\
         passes: [{passes}]\nentities: {{{kinds}}}\n"
    )
}

#[tokio::test]
async fn each_agent_runs_the_passes_of_its_own_policy() {
    let app = TestApp::builder().plugin("regex").start().await;
    app.upstream.respond_with(respond::echo);
    let said = "I am E-12345, at 415-555-0123.";
    let body = json!({"messages": [{"role": "user", "content": said}]}).to_string();
    for (name, passes, kinds, staff, phone) in [
        ("numbers", "regex", "PHONE: {}", false, true),
        ("staff", "staff-id", "STAFF_ID: {}, NAME: {}", true, false),
        ("both", "regex, staff-id", "PHONE: {}, STAFF_ID: {}", true, true),
    ] {
        let agent = json!({"name": name, "upstream": "openai:gpt-4o-mini", "policy_yaml": policy(passes, kinds)});
        let agent = app.create_agent(agent).await;
        assert_eq!(app.post(&agent.path(), &[], body.clone()).await.content(), format!("You said: {said}"));
        let text = app.forwarded_text();
        assert_eq!(!text.contains("E-12345"), staff, "{name}: {text}");
        assert_eq!(!text.contains("415-555-0123"), phone, "{name}: {text}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_pass_that_is_no_plugin_makes_no_agent() {
    let app = TestApp::start().await;
    let body = json!({"name": "x", "upstream": "stub", "policy_yaml": policy("staff-ids", "STAFF_ID: {}")});
    let answer = app.api("POST", "/api/v1/agents", &body).await;
    assert_eq!(answer.error_code(), "policy_yaml_invalid");
    let details = &answer.json()["error"]["details"];
    assert_eq!(details[0]["field"], "passes[0]");
    assert!(details[0]["message"].as_str().is_some_and(|text| text.contains("did you mean staff-id?")), "{details}");
    app.finish().await;
}

#[tokio::test]
async fn a_plugin_of_the_operators_folder_takes_the_place_of_an_embedded_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let embedded = components::guest("staff-id");
    let at = embedded.windows(5).position(|window| window == b"1.0.0").expect("the guest's version");
    let mut own = embedded.clone();
    own[at] = b'9';
    fs::write(folder.path().join("any-name.wasm"), own).expect("written");
    let version = |app: &TestApp| app.app().catalog().plugin("staff-id").expect("loaded").manifest.version.clone();

    let app = TestApp::start().await;
    assert_eq!(version(&app), "1.0.0");
    app.finish().await;
    let path = folder.path().to_str().expect("a UTF-8 path");
    let app = TestApp::builder().env("MASKER_PLUGIN_DIR", path).start().await;
    assert_eq!(version(&app), "9.0.0");
    app.upstream.respond_with(respond::echo);
    assert_eq!(app.say("I am E-12345.").await.content(), "You said: I am E-12345.");
    assert!(app.forwarded_text().contains("MSKV1.STAFF_ID."));
    app.finish().await;
}

#[tokio::test]
async fn an_agent_whose_plugin_is_gone_answers_that_it_cannot_mask() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plugin = folder.path().join("remembers.wasm");
    fs::write(&plugin, components::guest("remembers")).expect("written");
    let path = folder.path().to_str().expect("a UTF-8 path");
    let mut app = TestApp::builder().env("MASKER_PLUGIN_DIR", path).start().await;
    app.upstream.respond_with(respond::echo);
    let yaml = policy("remembers", "NAME: {}, STAFF_ID: {}");
    let agent = json!({"name": "own", "upstream": "openai:gpt-4o-mini", "policy_yaml": yaml});
    let agent = app.create_agent(agent).await;
    let body = json!({"messages": [{"role": "user", "content": "hello"}]}).to_string();
    assert_eq!(app.post(&agent.path(), &[], body.clone()).await.status, 200);
    app.upstream.clear();

    app.restart_after(|_| fs::remove_file(&plugin).expect("removed")).await;
    let answer = app.post(&agent.path(), &[], body).await;
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (503, "masking_unavailable"));
    assert!(app.upstream.requests().is_empty(), "nothing was forwarded");
    assert_eq!(app.say("hello").await.status, 200, "the other agent still serves");
    app.finish().await;
}
