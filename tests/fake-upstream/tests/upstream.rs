//! Tests the fake upstream with a bare TCP client, which sees every byte and every way of closing.
#![allow(clippy::unwrap_used, reason = "a test panics when its own setup fails")]

use std::io::ErrorKind;

use masker_fake_upstream::{FakeUpstream, Reply, Script, Signal, openai, respond};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn send(upstream: &FakeUpstream, body: &Value) -> TcpStream {
    let mut stream = TcpStream::connect(upstream.address()).await.unwrap();
    let body = body.to_string();
    let head = format!(
        "POST /v1/chat/completions?x=1 HTTP/1.1\r\nhost: a\r\nx-marker: 7\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    stream
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut got = Vec::new();
    while !got.ends_with(end.as_bytes()) {
        got.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(got).unwrap()
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut got = Vec::new();
    stream.read_to_end(&mut got).await.unwrap();
    String::from_utf8(got).unwrap()
}

#[tokio::test]
async fn a_request_is_recorded_as_sent() {
    let upstream = FakeUpstream::start().await;
    upstream.script(Reply::text("hello").header("x-answer", "8"));
    let answer = read_all(&mut send(&upstream, &json!({"model": "m"})).await).await;

    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("x-answer: 8") && answer.contains("\"hello\""));
    let requests = upstream.requests();
    assert_eq!(requests[0].method, "POST");
    assert_eq!(requests[0].path, "/v1/chat/completions?x=1");
    assert_eq!(requests[0].header("X-Marker"), Some("7"));
    assert_eq!(requests[0].text(), r#"{"model":"m"}"#);
    assert!(!requests[0].disconnected);
    assert!(upstream.base_url().ends_with("/v1"));
}

#[tokio::test]
async fn a_request_without_a_script_is_an_error() {
    let upstream = FakeUpstream::start().await;
    let answer = read_all(&mut send(&upstream, &json!({})).await).await;
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
}

#[tokio::test]
async fn a_script_is_sent_chunk_by_chunk_and_pauses_until_the_test_says_so() {
    let upstream = FakeUpstream::start().await;
    let go_on = Signal::new();
    upstream.script(Reply::stream(Script::new().raw("é").cut_every(1).wait(&go_on).done()));
    let mut stream = send(&upstream, &json!({})).await;
    read_until(&mut stream, "\r\n\r\n").await;
    let mut halves = [0; 12];
    stream.read_exact(&mut halves).await.unwrap();
    assert_eq!(&halves, b"1\r\n\xc3\r\n1\r\n\xa9\r\n");
    go_on.reached().await;
    assert_eq!(stream.try_read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    go_on.fire();
    assert_eq!(read_all(&mut stream).await, "E\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
    assert!(!upstream.requests()[0].disconnected);
}

#[tokio::test]
async fn the_connection_can_be_closed_or_reset_in_the_middle() {
    let upstream = FakeUpstream::start().await;
    let half = Script::new().raw("data: {");

    upstream.script(Reply::stream(half.clone().close()));
    let got = read_all(&mut send(&upstream, &json!({})).await).await;
    assert!(got.ends_with("data: {\r\n"), "{got}");

    upstream.script(Reply::stream(half.reset()));
    let mut stream = send(&upstream, &json!({})).await;
    read_until(&mut stream, "data: {\r\n").await;
    let error = stream.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!(upstream.requests().iter().all(|request| !request.disconnected));
}

#[tokio::test]
async fn a_request_can_be_left_without_an_answer() {
    let upstream = FakeUpstream::start().await;
    upstream.script(Reply::close()).script(Reply::reset());
    assert_eq!(read_all(&mut send(&upstream, &json!({})).await).await, "");
    let mut stream = send(&upstream, &json!({})).await;
    let error = stream.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_at_every_stage() {
    let before_the_status = Reply::stall();
    let held = Reply::text("late").after(&Signal::new());
    let in_the_stream = Reply::stream(Script::new().raw("data: {").stall());
    for reply in [before_the_status, held, in_the_stream] {
        let upstream = FakeUpstream::start().await;
        upstream.script(reply);
        let stream = send(&upstream, &json!({})).await;
        assert!(!upstream.wait_for_requests(1).await[0].disconnected);
        drop(stream);
        assert!(upstream.wait_for_disconnect().await[0].disconnected);
    }
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_its_own_body_is_recorded() {
    let upstream = FakeUpstream::start().await;
    let mut stream = TcpStream::connect(upstream.address()).await.unwrap();
    let part = "POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf";
    stream.write_all(part.as_bytes()).await.unwrap();
    drop(stream);
    assert_eq!(upstream.wait_for_disconnect().await[0].text(), "half");
}

#[tokio::test]
async fn errors_have_the_shapes_that_providers_send() {
    let upstream = FakeUpstream::start().await;
    upstream.script(Reply::rate_limited(7)).script(Reply::server_error()).script(Reply::html(502));
    let limited = read_all(&mut send(&upstream, &json!({})).await).await;
    assert!(limited.starts_with("HTTP/1.1 429") && limited.contains("retry-after: 7"));
    let broken = read_all(&mut send(&upstream, &json!({})).await).await;
    assert!(broken.starts_with("HTTP/1.1 500") && broken.contains(r#""type":"server_error""#));
    let page = read_all(&mut send(&upstream, &json!({})).await).await;
    assert!(page.starts_with("HTTP/1.1 502") && page.contains("content-type: text/html"));
}

#[tokio::test]
async fn a_refused_port_refuses() {
    let port = FakeUpstream::refused();
    let address = port.base_url();
    let address = address.trim_start_matches("http://").trim_end_matches("/v1");
    let error = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn echo_says_the_last_message_back() {
    let upstream = FakeUpstream::start().await;
    upstream.respond_with(respond::echo);
    let parts = json!([{"type": "text", "text": "Call "}, {"type": "text", "text": "Ida"}]);
    let messages = json!([{"role": "user", "content": "x"}, {"role": "user", "content": parts}]);
    let whole = read_all(&mut send(&upstream, &json!({"messages": messages})).await).await;
    assert!(whole.contains(r#""content":"You said: Call Ida""#), "{whole}");

    let streamed = json!({"messages": messages, "stream": true, "stream_options": {"include_usage": true}});
    let streamed = read_all(&mut send(&upstream, &streamed).await).await;
    assert!(streamed.contains(r#"{"content":"You s"}"#), "{streamed}");
    assert!(streamed.contains(r#""choices":[],"usage""#) && streamed.contains("data: [DONE]"));
}

#[tokio::test]
async fn echo_hands_the_last_message_to_the_first_tool() {
    let upstream = FakeUpstream::start().await;
    upstream.respond_with(respond::echo);
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}});
    let tools = json!([{"type": "function", "function": {"name": "note", "parameters": schema}}]);
    let asked = json!({"tools": tools, "messages": [{"role": "user", "content": "I am Ida"}]});
    let called = read_all(&mut send(&upstream, &asked).await).await;
    let arguments = json!({"name": "I am Ida"}).to_string();
    let expected = openai::tool_call_completion("call_fake0001", "note", &arguments);
    assert!(called.ends_with(&expected.to_string()), "{called}");

    let result = json!({"role": "tool", "tool_call_id": "call_fake0001", "content": "Ida is noted"});
    let answered = json!({"tools": tools, "messages": [result]});
    let answered = read_all(&mut send(&upstream, &answered).await).await;
    assert!(answered.contains("You said: Ida is noted"), "{answered}");
}
