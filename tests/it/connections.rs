//! Connections that hold a place without using it, and bodies that never arrive.

use std::time::Duration;

use hyper::StatusCode;
use masker_tests::TestApp;
use masker_tests::fake_upstream::{Reply, respond};
use masker_tests::test_app::{STAFF_POLICY, Server};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::ask;

/// A failing test must not hang.
const LONGEST: Duration = Duration::from_secs(30);

const UNKNOWN: &str = "/proxy/agt_01JZ0000000000000000000000/v1/chat/completions";

async fn open(server: &Server, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.expect("the app listens");
    stream.write_all(bytes.as_bytes()).await.expect("the connection is open");
    stream
}

/// A head that announces a body, and the beginning of the body.
fn head(path: &str, length: usize, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: masker\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// Everything until the connection is closed or reset.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(LONGEST, stream.read_to_end(&mut bytes)).await;
    let _ = read.expect("the connection is closed in time");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The head of an answer.
async fn answer(stream: &mut TcpStream) -> String {
    let read = async {
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n\r\n") {
            text.push(stream.read_u8().await.expect("an answer"));
        }
        String::from_utf8(text).expect("a head is UTF-8")
    };
    tokio::time::timeout(LONGEST, read).await.expect("an answer in time")
}

#[tokio::test]
async fn half_open_connections_take_no_place_from_a_caller() {
    let app = TestApp::builder().env("MASKER_MAX_CONNECTIONS", "8").start().await;
    app.upstream.respond_with(respond::echo);
    let server = app.serve().await;
    let mut held = Vec::new();
    for at in 0..40 {
        held.push(open(&server, if at % 2 == 0 { "" } else { "POST /proxy/" }).await);
    }
    let said = tokio::time::timeout(LONGEST, server.post(&app.agent.path(), &ask("hello"))).await;
    let said = said.expect("a place in time");
    assert_eq!(said.status, StatusCode::OK);
    assert_eq!(rest(&mut held[0]).await, "", "the one that waited longest made room");
    drop((said, held));
    server.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn an_answer_that_is_still_coming_makes_room_for_nobody() {
    let app = TestApp::builder().env("MASKER_MAX_CONNECTIONS", "2").start().await;
    app.upstream.respond_with(respond::echo);
    let server = app.serve().await;
    let sessions = format!("Bearer {}", crate::api::token(&app, None, &["sessions:read"]).await);
    let mut live = server.get("/api/v1/sessions/stream", &[("authorization", &sessions)]).await;
    for _ in 0..4 {
        let mut idle = open(&server, "GET /health HTTP/1.1\r\nhost: masker\r\n\r\n").await;
        assert!(answer(&mut idle).await.starts_with("HTTP/1.1 200"));
    }
    server.post(&app.agent.path(), &ask("hello")).await.rest().await;
    live.read_until("event: session").await;
    live.hang_up();
    server.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let app = TestApp::builder().env("MASKER_HEADER_TIMEOUT_MS", "1").start().await;
    let server = app.serve().await;
    for begun in ["", "G", "GET /health HTTP/1.1\r\nhost: mas", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        rest(&mut open(&server, begun).await).await;
    }
    server.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_connection_between_two_requests_is_kept_for_a_while() {
    let app = TestApp::builder().env("MASKER_IDLE_TIMEOUT_MS", "1").start().await;
    let server = app.serve().await;
    let mut stream = open(&server, "GET /health HTTP/1.1\r\nhost: masker\r\n\r\n").await;
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 200"));
    server.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_408_in_the_shape_of_its_place() {
    let app = TestApp::builder().env("MASKER_BODY_TIMEOUT_MS", "1").start().await;
    let server = app.serve().await;
    let webhook = app.path_of(app.agent.body["webhook_url"].as_str().expect("a URL")).to_owned();
    for (path, shape) in [(app.agent.path(), "\"type\""), (webhook, "\"code\"")] {
        let answer = rest(&mut open(&server, &head(&path, 100, "{\"messages\"")).await).await;
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"), "{answer}");
        assert!(answer.contains(shape), "{answer}");
    }
    assert!(app.upstream.requests().is_empty());
    server.stop().await;
    app.finish().await;
}

/// None of them sends any of the eight megabytes that it announces, and each is answered.
#[tokio::test]
async fn what_is_refused_whatever_it_says_is_not_read() {
    let app = TestApp::builder()
        .env("MASKER_VAPI_WEBHOOK_SECRET", "secret-of-tests")
        .env("MASKER_RATE_LIMIT_PROXY", "1:1")
        .start()
        .await;
    let server = app.serve().await;
    let length = 8 << 20;
    let digest = format!("x-vapi-signature: {}\r\ncontent-length", "a".repeat(64));
    for (head, expected) in [
        (head(UNKNOWN, length, ""), "404"),
        (head("/proxy/x/v1/chat/completions", length, ""), "404"),
        (head("/nowhere", length, ""), "404"),
        (head("/api/v1/tokens", length, ""), "401"),
        (head("/vapi/webhook/agt_01JZ0000000000000000000000", length, ""), "401"),
        (head("/vapi/webhook/x", length, "").replace("content-length", &digest), "401"),
        (head(&app.agent.path(), length + 1, ""), "413"),
        (head(&app.agent.path(), length, ""), "429"),
    ] {
        let mut stream = open(&server, &head).await;
        let answer = answer(&mut stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{head}: {answer}");
    }
    server.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_key_and_a_signature_are_looked_at_before_the_body() {
    let app = TestApp::builder().env("MASKER_VAPI_WEBHOOK_SECRET", "secret-of-tests").start().await;
    let body = |field: &str, value: serde_json::Value| json!({"name": field, "upstream": "openai:gpt-4o-mini", "policy_yaml": STAFF_POLICY, field: value});
    let server = app.serve().await;
    for agent in [body("proxy_auth", json!("key")), body("require_signature", json!(true))] {
        let agent = app.create_agent(agent).await;
        let mut stream = open(&server, &head(&agent.path(), 8 << 20, "")).await;
        let answer = answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
    server.stop().await;
    app.finish().await;
}

/// The response arrives although the caller has sent more than was read.
#[tokio::test]
async fn an_answer_survives_a_body_that_nobody_wanted() {
    let app = TestApp::start().await;
    let server = app.serve().await;
    let body = "x".repeat(600 << 10);
    for _ in 0..8 {
        let mut stream = open(&server, &head(UNKNOWN, body.len(), &body)).await;
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("agent_not_found"), "{answer}");
    }
    server.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn all_bodies_together_are_bounded_and_an_end_makes_room() {
    let app = TestApp::builder()
        .env("MASKER_MAX_BODY_BYTES", "4096")
        .env("MASKER_MAX_PLUGIN_BYTES", "4096")
        .env("MASKER_MAX_BUFFERED_BYTES", "4096")
        .start()
        .await;
    app.upstream.respond_with(respond::echo);
    let server = app.serve().await;
    let body = ask(&"hello ".repeat(400)).to_string();
    let (first, last) = body.split_at(body.len() - 1);
    let mut held = open(&server, &head(&app.agent.path(), body.len(), first)).await;
    let other = ask(&"other ".repeat(400));
    // Until the first body has been read.
    app.wait_until("the bodies to be too many", async || {
        let said = server.post(&app.agent.path(), &other).await;
        let status = said.status;
        let retry = said.headers.get("retry-after").cloned();
        let text = said.rest().await;
        (status != StatusCode::OK).then_some(()).inspect(|()| {
            assert_eq!((status.as_u16(), retry.is_some()), (503, true), "{text}");
            assert!(text.contains("overloaded"), "{text}");
        })
    })
    .await;
    held.write_all(last.as_bytes()).await.expect("the first is still there");
    assert!(answer(&mut held).await.starts_with("HTTP/1.1 200"));
    let said = server.post(&app.agent.path(), &other).await;
    assert_eq!(said.status, StatusCode::OK, "there is room again");
    drop((said, held));
    server.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_request_names_one_host() {
    let app = TestApp::start().await;
    app.upstream.script(Reply::text("ok"));
    let server = app.serve().await;
    for (hosts, status) in [("", 400), ("host: a\r\nhost: a\r\n", 400), ("host: a b\r\n", 400), ("host: a\r\n", 200)] {
        for path in ["/health", "/proxy/x/v1/models"] {
            let request = format!("GET {path} HTTP/1.1\r\n{hosts}connection: close\r\n\r\n");
            let answer = rest(&mut open(&server, &request).await).await;
            let expected = if path == "/health" || status == 400 { status } else { 404 };
            assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{hosts}: {answer}");
            assert!(answer.contains("x-request-id: req_"), "{answer}");
            assert_eq!(answer.contains("bad_request"), status == 400, "{answer}");
        }
    }
    server.stop().await;
    app.finish().await;
}
