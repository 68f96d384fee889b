//! Log lines of a proxied request name the agent and the session.

use masker_tests::TestApp;
use masker_tests::fake_upstream::{Reply, respond};
use masker_tests::test_app::{Answer, STAFF_POLICY};

use crate::support::{ask, ask_streamed, fill_the_disk_below};

/// The log lines of this response, at warning level or above.
fn lines(app: &TestApp, answer: &Answer) -> Vec<String> {
    let id = answer.header("x-request-id").expect("every answer has an id").to_owned();
    let logs = app.logs();
    let own = logs.lines().filter(|line| line.contains(&id) && (line.contains(" WARN ") || line.contains("ERROR ")));
    own.map(str::to_owned).collect()
}

#[track_caller]
fn check(app: &TestApp, answer: &Answer, name: &str, expected: &str) {
    let lines = lines(app, answer);
    assert!(lines.iter().any(|line| line.contains(expected)), "{expected:?} is not in {lines:?}");
    for line in lines {
        assert!(line.contains(&format!("agent=\"{name}\"")) && line.contains("session=sess_"), "{line}");
        assert!(!line.contains("agt_"), "an id is a credential: {line}");
    }
}

#[tokio::test]
async fn a_line_of_a_request_names_its_agent_and_its_session() {
    const NAME: &str = "the night shift";
    let policy = STAFF_POLICY.replace("[staff-id]", "[staff-id, {plugin: answers-error, on_error: skip}]");
    let app = TestApp::builder().guest("answers-error").policy(&policy).agent("name", NAME).start().await;
    app.upstream.script(Reply::text("ok"));
    check(&app, &app.chat(ask("hello")).await, NAME, "a pass failed");
    app.upstream.script(Reply::close());
    check(&app, &app.chat(ask("hello")).await, NAME, "the LLM provider");
    app.upstream.script(Reply::bytes(302, "text/plain", ""));
    check(&app, &app.chat(ask_streamed("hello")).await, NAME, "the LLM provider redirects");
    app.finish().await;
}

#[tokio::test]
async fn a_request_that_we_cannot_serve_is_in_the_log() {
    const NAME: &str = "the day shift";
    let policy = STAFF_POLICY.replace("[staff-id]", "[staff-id, answers-error]");
    let app = TestApp::builder().guest("answers-error").policy(&policy).agent("name", NAME).start().await;
    check(&app, &app.chat(ask("hello")).await, NAME, "request failed");
    app.finish().await;
    let mut app = TestApp::builder().agent("name", NAME).start().await;
    app.upstream.respond_with(respond::echo);
    fill_the_disk_below(&app.journal_path());
    check(&app, &app.chat(ask("hello")).await, NAME, "audit journal cannot be written");
    app.restart_after(|_| ()).await;
    app.finish().await;
}
