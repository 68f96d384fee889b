//! Upstream formats in practice: errors, streams and bodies, and what a caller gets from them.

use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::HeaderName;
use masker_tests::TestApp;
use masker_tests::fake_upstream::{FakeUpstream, Reply, Script, Signal, openai};
use masker_tests::test_app::{Answer, STAFF_POLICY};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::{TlsAcceptor, rustls};

use crate::support::{answer_with, ask, ask_streamed, token};

const ASK: &str = "I am E-12345.";

async fn app() -> TestApp {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).expect("memory")
}

/// The error of a response in OpenAI's format.
#[track_caller]
fn error_of(answer: &Answer) -> Value {
    let error = answer.json()["error"].clone();
    assert!(error["message"].is_string() && error.get("param").is_some(), "{}", answer.text());
    assert_eq!(error["request_id"].as_str(), answer.header("x-request-id"));
    assert!(!answer.has_token(), "{}", answer.text());
    error
}

#[tokio::test]
async fn every_form_of_a_json_error_keeps_its_status_and_its_words() {
    let app = app().await;
    type Form = fn(&str) -> Value;
    let forms: [Form; 9] = [
        |words| json!({"error": {"message": words, "type": "t", "param": null, "code": null}}),
        |words| json!({"object": "error", "message": words, "type": "BadRequestError", "code": 400}),
        |words| json!([{"error": {"code": 400, "message": words, "status": "INVALID_ARGUMENT"}}]),
        |words| json!({"detail": words}),
        |words| json!({"detail": [{"loc": ["body", "n"], "msg": words, "type": "value_error"}]}),
        |words| json!({"message": words}),
        |words| json!({"error": words}),
        |words| json!({"error": {"message": {"detail": words}}}),
        |words| json!({"errors": [{"message": words}]}),
    ];
    for status in [400, 404, 422, 429, 500, 503] {
        for form in forms {
            app.upstream.respond_with(move |request| {
                let words = format!("cannot take {}, sorry", token(&request.text()));
                Reply::bytes(status, "application/json", form(&words).to_string()).header("retry-after", "3")
            });
            for body in [ask(ASK), ask_streamed(ASK)] {
                let answer = app.chat(body).await;
                assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
                assert_eq!(answer.header("retry-after"), Some("3"));
                let message = error_of(&answer)["message"].as_str().expect("words").to_owned();
                assert!(message.contains("cannot take [REDACTED:STAFF_ID], sorry"), "{message}");
            }
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn an_error_in_the_place_of_an_answer_has_the_status_that_it_names() {
    let app = app().await;
    let table = [
        (json!({"error": {"code": 429, "message": "busy"}, "user_id": "u"}), 429),
        (json!({"error": {"code": "503", "message": "busy"}, "choices": []}), 503),
        (json!({"error": {"code": "busy", "message": "busy"}}), 502),
        (json!({"error": "busy"}), 502),
        (json!({"object": "error", "message": "busy", "code": 400}), 400),
        (json!({"detail": "busy"}), 502),
        (json!([{"error": {"code": 404, "message": "busy"}}]), 404),
    ];
    for (body, status) in table {
        for request in [ask(ASK), ask_streamed(ASK)] {
            app.upstream.script(Reply::json(&body).header("retry-after-ms", "250"));
            let answer = app.chat(request).await;
            assert_eq!(answer.status.as_u16(), status, "{body}");
            assert_eq!((&error_of(&answer)["message"], answer.header("retry-after-ms")), (&json!("busy"), Some("250")));
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn what_clients_read_before_they_send_again_passes() {
    let app = app().await;
    let headers = [("retry-after", "7"), ("retry-after-ms", "250"), ("x-should-retry", "false")];
    for reply in [Reply::error(429, "insufficient_quota", "over"), Reply::server_error(), Reply::html(429)] {
        let reply = headers.iter().fold(reply, |reply, (name, value)| reply.header(name, value));
        app.upstream.script(reply.header("x-request-id", "theirs").header("set-cookie", "a=b"));
        let answer = app.say(ASK).await;
        for (name, value) in headers {
            assert_eq!(answer.header(name), Some(value), "{}", answer.text());
        }
        assert!(answer.header("set-cookie").is_none() && answer.header("x-request-id") != Some("theirs"));
    }
    app.finish().await;
}

#[tokio::test]
async fn a_redirect_is_an_error_and_is_not_followed() {
    let app = app().await;
    let elsewhere = FakeUpstream::start().await;
    for status in [300, 301, 302, 303, 304, 307, 308] {
        let body = if status == 304 { String::new() } else { json!({"error": "moved"}).to_string() };
        app.upstream.script(Reply::bytes(status, "application/json", body).header("location", &elsewhere.base_url()));
        let answer = app.say(ASK).await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (502, "upstream_error"), "{status}");
        assert!(answer.header("location").is_none());
    }
    assert!(elsewhere.requests().is_empty(), "the text went elsewhere");
    assert!(app.logs().contains("the LLM provider redirects"));
    app.finish().await;
}

#[tokio::test]
async fn compressed_answers_and_errors_are_read_although_none_are_asked_for() {
    let app = app().await;
    app.upstream.respond_with(|request| {
        assert_eq!(request.headers["accept-encoding"], "identity");
        let answer = openai::completion(&format!("You are {}.", token(&request.text())));
        Reply::bytes(200, "application/json", gzip(&answer.to_string())).header("content-encoding", "gzip")
    });
    let answer = app.say(ASK).await;
    assert_eq!((answer.content().as_str(), answer.header("content-encoding")), ("You are E-12345.", None));
    let error = gzip(&json!({"detail": "too long"}).to_string());
    app.upstream.script(Reply::bytes(400, "application/json", error).header("content-encoding", "gzip"));
    let answer = app.say(ASK).await;
    assert_eq!((answer.status.as_u16(), &error_of(&answer)["message"]), (400, &json!("too long")));
    for (encoding, body) in [("br", gzip("{}")), ("gzip", b"{}".to_vec())] {
        app.upstream.script(Reply::bytes(200, "application/json", body).header("content-encoding", encoding));
        assert_eq!(app.say(ASK).await.status.as_u16(), 502, "{encoding}");
    }
    app.finish().await;
}

#[tokio::test]
async fn an_answer_is_bounded_by_what_it_is_when_decoded() {
    let app = app().await;
    let bomb = gzip(&format!("{}{}", " ".repeat(40 << 20), openai::completion("hi")));
    assert!(bomb.len() < 1 << 20);
    app.upstream.script(Reply::bytes(200, "application/json", bomb).header("content-encoding", "gzip"));
    assert_eq!(app.say(ASK).await.status.as_u16(), 502);
    app.finish().await;
}

#[tokio::test]
async fn a_compressed_stream_is_not_held_until_its_end() {
    let app = app().await;
    let server = app.serve().await;
    let go_on = Signal::new();
    let signal = go_on.clone();
    app.upstream.respond_with(move |request| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let mut events = openai::text_events(&format!("You are {}.", token(&request.text())), 9).into_iter();
        let mut flushed = |event: Value| {
            write!(encoder, "data: {event}\n\n").and_then(|()| encoder.flush()).expect("memory");
            std::mem::take(encoder.get_mut())
        };
        let mut script = Script::new().raw(flushed(openai::text_chunk("First. "))).wait(&signal);
        for event in &mut events {
            script = script.raw(flushed(event));
        }
        let mut rest = Vec::new();
        write!(encoder, "data: [DONE]\n\n").expect("memory");
        rest.extend(encoder.finish().expect("memory"));
        Reply::stream(script.raw(rest)).header("content-encoding", "gzip")
    });
    let mut answer = server.post(&app.agent.path(), &ask_streamed(ASK)).await;
    answer.read_until("First. ").await;
    go_on.fire();
    let text = answer.rest().await;
    assert!(text.contains("E-12345") && text.ends_with("data: [DONE]\n\n"), "{text}");
    app.finish().await;
}

#[tokio::test]
async fn a_stream_is_one_whatever_its_content_type() {
    let app = app().await;
    for content_type in ["", "text/plain; charset=utf-8", "application/json", "application/octet-stream"] {
        app.upstream.respond_with(move |request| {
            let text = format!("You are {}.", token(&request.text()));
            let reply = Reply::stream(Script::new().events(&openai::text_events(&text, 5)).done());
            if content_type.is_empty() { reply.without_content_type() } else { reply.content_type(content_type) }
        });
        let answer = app.chat(ask_streamed(ASK)).await;
        assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"), "{content_type}");
        let said = answer.said();
        assert_eq!((said.text(), said.done), ("You are E-12345.", true), "{content_type}");
    }
    // A server that does not stream.
    answer_with(&app, |token| format!("You are {token}."));
    let answer = app.chat(ask_streamed(ASK)).await;
    assert_eq!(
        (answer.header("content-type"), answer.content().as_str()),
        (Some("application/json"), "You are E-12345.")
    );
    app.finish().await;
}

#[tokio::test]
async fn comments_of_a_stream_arrive_at_once_and_in_words_of_ours() {
    let app = app().await;
    let server = app.serve().await;
    let (thinking, go_on) = (Signal::new(), Signal::new());
    let (first, second) = (thinking.clone(), go_on.clone());
    app.upstream.respond_with(move |request| {
        let script = Script::new().raw(": OPENROUTER PROC").raw("ESSING\n\n").wait(&first);
        let script = script.event(&openai::text_chunk("Hello")).raw(format!(": {}\n\n", token(&request.text())));
        Reply::stream(script.wait(&second).events(&openai::text_events(" there", 3)).done())
    });
    let mut answer = server.post(&app.agent.path(), &ask_streamed(ASK)).await;
    assert_eq!(answer.read_until("\n\n").await, ": keep-alive\n\n");
    thinking.fire();
    answer.read_until("Hello").await;
    go_on.fire();
    let text = answer.rest().await;
    assert!(!text.contains("MSK") && !text.contains("OPENROUTER"), "{text}");
    assert_eq!(text.matches(": keep-alive\n\n").count(), 2);
    app.finish().await;
}

#[tokio::test]
async fn proxies_on_the_way_are_told_not_to_collect_a_stream() {
    let app = app().await;
    app.upstream.script(Reply::stream(Script::new().events(&openai::text_events("Hello", 2)).done()));
    assert_eq!(app.chat(ask_streamed(ASK)).await.header("x-accel-buffering"), Some("no"));
    app.upstream.script(Reply::text("Hello"));
    assert_eq!(app.say(ASK).await.header("x-accel-buffering"), None);
    app.finish().await;
}

#[tokio::test]
async fn a_base_url_may_name_the_endpoint_and_a_query() {
    let upstream = FakeUpstream::start().await;
    upstream.respond_with(|_| Reply::text("ok"));
    for (end, path) in [
        ("/chat/completions", "/v1/chat/completions"),
        ("/chat/completions/", "/v1/chat/completions"),
        ("/deployments/d?api-version=1", "/v1/deployments/d/chat/completions?api-version=1"),
    ] {
        let url = format!("{}{end}", upstream.base_url());
        let app = TestApp::builder().env("MASKER_OPENAI_BASE_URL", &url).start().await;
        assert_eq!(app.say(ASK).await.content(), "ok");
        assert_eq!(upstream.requests().pop().expect("a request").path, path);
        app.finish().await;
    }
}

/// A server with TLS and an untrusted certificate.
async fn unsigned_server() -> String {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = include_bytes!("../../fixtures/tls/certificate.der").as_slice().into();
    let key = include_bytes!("../../fixtures/tls/key.der").as_slice().try_into().expect("a key");
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], key));
    let acceptor = TlsAcceptor::from(Arc::new(config.expect("a key that fits")));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a loopback port");
    let address = listener.local_addr().expect("a bound port");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = acceptor.accept(stream).await;
        }
    });
    format!("https://{address}/v1")
}

#[tokio::test]
async fn the_log_tells_why_a_provider_cannot_be_reached_and_no_secret_of_its_url() {
    let refused = FakeUpstream::refused().base_url().replace("http://", "http://user:pass-5551@");
    let server = FakeUpstream::start().await;
    let plain = server.base_url().replace("http://", "https://");
    // Too long for DNS, so that no name server is asked.
    let unknown = format!("http://{}/v1", "a".repeat(64));
    let unsigned = unsigned_server().await;
    let reasons = [
        (unsigned, "the certificate is not signed by a trusted authority"),
        (refused, "connection refused"),
        (plain, "the TLS handshake failed"),
        (unknown, "the host name does not resolve"),
    ];
    for (url, reason) in reasons {
        let url = format!("{url}/path-5552?key=query-5553");
        let mut app = TestApp::builder().env("MASKER_OPENAI_BASE_URL", &url).start().await;
        for secret in ["pass-5551", "path-5552", "query-5553"] {
            app.plant(secret);
        }
        let answer = app.say("Hello.").await;
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (502, "upstream_error"));
        assert_eq!(error_of(&answer)["message"], "the LLM provider cannot be reached");
        let logs = app.logs();
        let told: Vec<_> = logs.lines().filter(|line| line.contains("cannot be reached")).collect();
        assert!(told.iter().any(|line| line.contains(reason)), "{reason} is not in the log: {told:#?}");
        app.finish().await;
    }
}

#[tokio::test]
async fn a_callers_own_key_goes_with_its_organisation_and_its_project() {
    let app = TestApp::builder().env("MASKER_OPENAI_API_KEY", "").start().await;
    let own =
        json!({"name": "own", "upstream": "openai:gpt-4o-mini", "policy_yaml": STAFF_POLICY, "platform": "custom"});
    let own = app.create_agent(own).await;
    let names = [HeaderName::from_static("openai-organization"), HeaderName::from_static("openai-project")];
    let sent = async |app: &TestApp, path: &str, headers: &[(&str, &str)]| {
        app.upstream.script(Reply::text("ok"));
        assert_eq!(app.post(path, headers, ask("hi").to_string()).await.content(), "ok");
        let request = app.upstream.requests().pop().expect("a request");
        names.clone().map(|name| request.headers.get(name).map(|value| value.to_str().expect("text").to_owned()))
    };
    let key = ("authorization", "Bearer sk-own");
    let (organization, project) = (("OpenAI-Organization", "org-abc"), ("openai-project", "proj_1"));
    let both = [Some("org-abc".to_owned()), Some("proj_1".to_owned())];
    assert_eq!(sent(&app, &own.path(), &[key, organization, project]).await, both);
    // Not without their key, and only as identifiers.
    assert_eq!(sent(&app, &own.path(), &[organization, project]).await, [None, None]);
    let sentence = ("openai-organization", "I am E-12345");
    assert_eq!(sent(&app, &own.path(), &[key, sentence, ("openai-project", "")]).await, [None, None]);
    app.finish().await;
    let ours = TestApp::start().await;
    assert_eq!(sent(&ours, &ours.agent.path(), &[key, organization, project]).await, [None, None]);
    ours.finish().await;
}
