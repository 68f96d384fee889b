//! The stream of sessions: as they end, of the own account, until the service stops.

use hyper::StatusCode;
use masker_tests::TestApp;
use masker_tests::fake_upstream::respond;
use serde_json::Value;

use super::{another_account, send, token};

const STREAM: &str = "/api/v1/sessions/stream";

#[tokio::test]
async fn every_session_is_shown_once_it_can_be_read_and_the_stream_ends_with_the_service() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app.upstream.respond_with(respond::echo);
    let server = app.serve().await;
    let reader = format!("Bearer {}", token(&app, None, &["sessions:read"]).await);
    let mut watching = server.get(STREAM, &reader).await;
    assert_eq!(watching.status, StatusCode::OK);
    assert_eq!(watching.headers["content-type"], "text/event-stream");
    watching.read_until(": sessions from now on").await;
    for said in ["I am E-12345.", "Hello."] {
        app.say(said).await;
        let id = app.sessions().await[0].id.text();
        let read = watching.read_until(&id).await.to_owned();
        let row = app.api("GET", "/api/v1/sessions", &Value::Null).await.json()["data"][0].clone();
        let read = if read.ends_with("\n\n") { read } else { watching.read_until("}\n\n").await.to_owned() };
        let last = read.trim_end().rsplit("\n\n").next().expect("an event");
        let data = last.lines().find_map(|line| line.strip_prefix("data: ")).expect("data");
        assert_eq!(serde_json::from_str::<Value>(data).expect("JSON"), row);
        assert!(last.contains("event: session\n") && last.contains(&format!("id: {id}\n")), "{last}");
    }
    server.stop().await;
    let read = watching.rest().await;
    assert_eq!(read.matches("event: session").count(), 2, "{read}");
    app.finish().await;
}

#[tokio::test]
async fn a_stream_shows_nothing_of_other_accounts() {
    let app = TestApp::start().await;
    let server = app.serve().await;
    let stranger = format!("Bearer {}", token(&app, Some(another_account(&app)), &["admin"]).await);
    let mut watching = server.get(STREAM, &stranger).await;
    watching.read_until(": sessions from now on").await;
    app.say("hello").await;
    app.sessions().await;
    server.stop().await;
    assert_eq!(watching.rest().await.trim(), ": sessions from now on");
    app.finish().await;
}

#[tokio::test]
async fn watching_needs_the_scope_to_read_sessions() {
    let app = TestApp::start().await;
    let other = format!("Bearer {}", token(&app, None, &["agents:read", "reports:read"]).await);
    for (authorization, code) in [(None, "unauthenticated"), (Some(other.as_str()), "forbidden")] {
        assert_eq!(send(&app, "GET", STREAM, authorization, "").await.error_code(), code);
    }
    app.finish().await;
}
