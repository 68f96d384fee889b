//! The stream of sessions: as they end, of the caller's account, until the service stops.

use hyper::StatusCode;
use masker::clock::{Clock, Timestamp};
use masker_tests::TestApp;
use masker_tests::fake_upstream::respond;
use masker_tests::test_app::{Browser, LiveAnswer, Server};
use serde_json::{Value, json};

use super::{another_account, send, token};

const STREAM: &str = "/api/v1/sessions/stream";

#[tokio::test]
async fn every_session_is_shown_once_it_can_be_read_and_the_stream_ends_with_the_service() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app.upstream.respond_with(respond::echo);
    let server = app.serve().await;
    let reader = format!("Bearer {}", token(&app, None, &["sessions:read"]).await);
    let mut watching = server.get(STREAM, &[("authorization", &reader)]).await;
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
    let mut watching = server.get(STREAM, &[("authorization", &stranger)]).await;
    watching.read_until(": sessions from now on").await;
    app.say("hello").await;
    app.sessions().await;
    server.stop().await;
    assert!(!watching.rest().await.contains("sess_"));
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

/// The names and ids of a stream's events.
fn events(read: &str) -> Vec<(&str, Option<&str>)> {
    let fields = |event: &'_ str, name: &str| -> Option<std::ops::Range<usize>> {
        let start = event.find(&format!("{name}: "))? + name.len() + 2;
        Some(start..start + event[start..].find('\n').unwrap_or(event.len() - start))
    };
    let events = read.split("\n\n").filter_map(|event| {
        let name = &event[fields(event, "event")?];
        Some((name, fields(event, "\nid").map(|range| &event[range])))
    });
    events.collect()
}

#[tokio::test]
async fn a_reader_who_comes_back_sees_what_ended_meanwhile_once() {
    let app = TestApp::start().await;
    app.upstream.respond_with(respond::echo);
    let server = app.serve().await;
    let reader = format!("Bearer {}", token(&app, None, &["sessions:read"]).await);
    let mut ids = Vec::new();
    for number in 1..=4 {
        app.say("Hello.").await;
        ids.push(app.sessions_over(number).await[0].id.text());
    }
    let of_other = format!("Bearer {}", token(&app, Some(another_account(&app)), &["admin"]).await);
    let never = "sess_01HYZABCDEFGHJKMNPQRSTVWXY";
    let session = |id: usize| ("session", Some(ids[id].as_str()));
    for (authorization, last, expected) in [
        (&reader, ids[0].as_str(), vec![session(1), session(2), session(3)]),
        (&reader, &ids[2], vec![session(3)]),
        (&reader, &ids[3], vec![]),
        (&reader, "", vec![]),
        (&reader, "garbled", vec![]),
        // The missed event is unknown, and so are those after it.
        (&reader, never, vec![("missed", None)]),
        (&of_other, &ids[0], vec![("missed", None)]),
    ] {
        let headers = [("authorization", authorization.as_str()), ("last-event-id", last)];
        let mut watching = server.get(STREAM, &headers).await;
        watching.read_until(": sessions from now on").await;
        let read = match expected.last() {
            Some((_, Some(id))) => watching.read_until(id).await,
            Some((name, None)) => watching.read_until(&format!("event: {name}\ndata: {{\"count\":null}}\n\n")).await,
            None => watching.read_until("\n\n").await,
        };
        assert_eq!(events(read), expected, "after {last}");
        watching.hang_up();
    }
    // New events come after the missed ones, and none twice.
    let mut watching = server.get(STREAM, &[("authorization", &reader), ("last-event-id", &ids[2])]).await;
    watching.read_until(&ids[3]).await;
    app.say("Hello.").await;
    ids.push(app.sessions_over(5).await[0].id.text());
    let read = watching.read_until(&ids[4]).await;
    assert_eq!(events(read), [("session", Some(ids[3].as_str())), ("session", Some(ids[4].as_str()))]);
    server.stop().await;
    app.finish().await;
}

async fn watch(server: &Server, header: (&str, &str)) -> LiveAnswer {
    let mut watching = server.get(STREAM, &[header]).await;
    watching.read_until(": sessions from now on").await;
    watching
}

/// Asserts that the stream ends long before its own limit.
async fn ends(watching: LiveAnswer) {
    let rest = tokio::time::timeout(std::time::Duration::from_secs(60), watching.rest()).await;
    assert!(rest.is_ok(), "the stream does not end");
}

fn cookie(browser: &Browser) -> String {
    format!("masker_session={}", browser.cookie("masker_session").expect("signed in"))
}

#[tokio::test]
async fn a_stream_ends_with_the_sign_in_and_others_go_on() {
    let app = TestApp::start().await;
    app.upstream.respond_with(respond::echo);
    let server = app.serve().await;
    let mut stays = Browser::of_operator(&app).await;
    let mut watching = watch(&server, ("cookie", &cookie(&stays))).await;
    let mut here = Browser::of_operator(&app).await;
    let stream = watch(&server, ("cookie", &cookie(&here))).await;
    here.send(&app, "POST", "/api/v1/auth/logout", &[]).await;
    ends(stream).await;

    let there = Browser::of_operator(&app).await;
    let stream = watch(&server, ("cookie", &cookie(&there))).await;
    let listed = there.clone().send(&app, "GET", "/api/v1/auth/sign-ins", &[]).await.json();
    let rows = listed["data"].as_array().expect("a list");
    let own =
        rows.iter().find(|row| row["current"] == true).expect("its own")["id"].as_str().expect("an id").to_owned();
    stays.send(&app, "DELETE", &format!("/api/v1/auth/sign-ins/{own}"), &[]).await;
    ends(stream).await;

    app.say("Hello.").await;
    watching.read_until("event: session").await;
    stays.send(&app, "POST", "/api/v1/auth/logout-all", &[]).await;
    ends(watching).await;
    server.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_stream_ends_with_the_token_its_maker_or_its_time() {
    let clock = Clock::manual(Timestamp::from_millis(1_700_000_000_000));
    let often = |config: &mut masker::config::Config| config.recheck_credentials = std::time::Duration::from_millis(1);
    let app = TestApp::builder().clock(&clock).configure(often).start().await;
    let server = app.serve().await;
    let make = async |with: &str, seconds: i64| {
        let expires_at = Timestamp::from_millis(1_700_000_000_000 + seconds * 1000).to_string();
        let body = json!({"name": "x", "scopes": ["admin"], "expires_at": expires_at}).to_string();
        let made = send(&app, "POST", "/api/v1/tokens", Some(with), &body).await.json()["token"].clone();
        let text = |name: &str| made[name].as_str().expect("a text").to_owned();
        (format!("/api/v1/tokens/{}", text("id")), format!("Bearer {}", text("secret")))
    };
    let admin = format!("Bearer {}", token(&app, None, &["admin"]).await);
    let (own_path, own) = make(&admin, 60).await;
    let (maker_path, maker) = make(&admin, 60).await;
    let (_, made) = make(&maker, 60).await;
    let (_, short) = make(&admin, 1).await;
    let streams = [
        watch(&server, ("authorization", &own)).await,
        watch(&server, ("authorization", &made)).await,
        watch(&server, ("authorization", &short)).await,
    ];
    let [of_own, of_made, of_short] = streams;
    send(&app, "DELETE", &own_path, Some(&admin), "").await;
    ends(of_own).await;
    send(&app, "DELETE", &maker_path, Some(&admin), "").await;
    ends(of_made).await;
    // No notification is sent for this one.
    clock.set(Timestamp::from_millis(1_700_000_001_000));
    ends(of_short).await;
    server.stop().await;
    app.finish().await;
}
