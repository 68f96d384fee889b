//! Responses to provider failures: its own errors without tokens, ours in OpenAI's format, and never a partial token.

use masker::session::Status;
use masker_tests::TestApp;
use masker_tests::fake_upstream::{FakeUpstream, Reply, Script, openai};
use masker_tests::test_app::Answer;
use serde_json::{Value, json};

use crate::support::{ask, ask_streamed, token};

const ASK: &str = "I am E-12345.";

async fn app() -> TestApp {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app
}

fn error(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (status, code), "{}", answer.text());
    assert_eq!(answer.json()["error"]["request_id"].as_str(), answer.header("x-request-id"));
}

#[tokio::test]
async fn an_answer_that_is_no_completion_is_502() {
    let app = app().await;
    let junk = |body: &'static str| Reply::bytes(200, "application/json", body);
    for reply in [
        Reply::html(200),
        Reply::html(502),
        Reply::html(503),
        junk(""),
        junk("7"),
        junk("[]"),
        junk("{}"),
        junk("{\"choices\":7}"),
        junk("\u{0}"),
    ] {
        app.upstream.script(reply);
        error(&app.say(ASK).await, 502, "upstream_error");
    }
    app.upstream.script(Reply::bytes(
        200,
        "application/json",
        &b"{\"choices\":[{\"message\":{\"content\":\"\xff\"}}]}"[..],
    ));
    error(&app.say(ASK).await, 502, "upstream_error");
    app.upstream.script(Reply::html(200));
    error(&app.chat(ask_streamed(ASK)).await, 502, "upstream_error");
    app.finish().await;
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_is_502() {
    let app = app().await;
    for reply in [Reply::close(), Reply::reset()] {
        app.upstream.script(reply);
        error(&app.say(ASK).await, 502, "upstream_error");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_provider_that_refuses_the_connection_is_502() {
    let refused = FakeUpstream::refused();
    let app = TestApp::builder().env("MASKER_OPENAI_BASE_URL", &refused.base_url()).start().await;
    // Repeat until health reports it.
    for _ in 0..5 {
        error(&app.say(ASK).await, 502, "upstream_error");
    }
    let health = app.request(hyper::Request::get("/health").body(axum::body::Body::empty()).expect("a request")).await;
    assert_eq!(health.json()["components"]["upstream"], "degraded");
    app.finish().await;
}

#[tokio::test]
async fn a_provider_that_says_nothing_is_504() {
    let app = TestApp::builder().env("MASKER_UPSTREAM_TIMEOUT_MS", "50").start().await;
    app.upstream.script(Reply::stall());
    error(&app.say(ASK).await, 504, "upstream_timeout");
    // It stalls in the middle of a whole answer.
    app.upstream
        .respond_with(|_| Reply::stream(Script::new().raw("{\"choices\":").stall()).content_type("application/json"));
    error(&app.say(ASK).await, 504, "upstream_timeout");
    app.finish().await;
}

#[tokio::test]
async fn a_stalled_stream_ends_in_an_error_event_without_what_was_held() {
    let mut app = TestApp::builder().env("MASKER_UPSTREAM_TIMEOUT_MS", "3000").start().await;
    app.plant("E-12345");
    app.upstream.respond_with(|request| {
        let token = token(&request.text());
        Reply::stream(Script::new().event(&openai::text_chunk(&format!("Hello {}", &token[..30]))).stall())
    });
    let answer = app.chat(ask_streamed(ASK)).await;
    let said = answer.said();
    assert_eq!((said.text(), said.error.as_deref(), said.done), ("Hello ", Some("upstream_timeout"), false));
    assert_eq!(app.sessions().await[0].status, Status::Partial);
    app.finish().await;
}

#[tokio::test]
async fn a_stream_that_breaks_ends_in_an_error_event_wherever_it_breaks() {
    let app = app().await;
    let whole = Script::new()
        .events(&openai::text_events(
            &format!("You are {}.", "MSKV1.STAFF_ID.K_HEALTHCARE.AAAQEAYEAUDAOCAJBIFQYDIOB4"),
            9,
        ))
        .done();
    let length = whole.byte_len();
    for at in (0..length - 20).step_by(7) {
        for reset in [false, true] {
            app.upstream.respond_with(move |request| {
                let script =
                    Script::new().events(&openai::text_events(&format!("You are {}.", token(&request.text())), 9));
                let script = script.truncated(at);
                Reply::stream(if reset { script.reset() } else { script.close() })
            });
            let answer = app.chat(ask_streamed(ASK)).await;
            if answer.status == 502 {
                // No part of the answer had arrived yet.
                continue;
            }
            let said = answer.said();
            assert!(!answer.has_token(), "{at}: {}", answer.text());
            assert_eq!(said.error.as_deref(), Some("upstream_error"), "{at}: {}", answer.text());
            assert!(!said.done && "You are E-12345.".starts_with(said.text()), "{at}: {}", answer.text());
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn a_stream_without_its_end_is_an_error_and_a_finished_one_is_not() {
    let app = app().await;
    app.upstream.script(Reply::stream(Script::new().event(&openai::text_chunk("Hello"))));
    let said = app.chat(ask_streamed(ASK)).await.said();
    assert_eq!((said.text(), said.error.as_deref(), said.done), ("Hello", Some("upstream_error"), false));
    app.upstream.script(Reply::stream(Script::new()));
    assert_eq!(app.chat(ask_streamed(ASK)).await.said().error.as_deref(), Some("upstream_error"));
    app.upstream.script(Reply::stream(Script::new().events(&openai::text_events("Hello", 2))));
    let said = app.chat(ask_streamed(ASK)).await.said();
    assert_eq!((said.text(), &said.error), ("Hello", &None));
    assert_eq!(said.finished[&0], "stop");
    let statuses: Vec<Status> = app.sessions().await.iter().rev().map(|session| session.status).collect();
    assert_eq!(statuses, [Status::Partial, Status::Partial, Status::Ok]);
    app.finish().await;
}

#[tokio::test]
async fn garbage_in_a_stream_ends_it() {
    let app = app().await;
    for garbage in ["data: <html>\n\n", "data: 7\n\n", "data: {\"choices\"\n\n", "data: \u{fffd}\n\n"] {
        app.upstream.script(Reply::stream(
            Script::new().event(&openai::text_chunk("Hello")).raw(garbage).event(&openai::text_chunk("more")).done(),
        ));
        let said = app.chat(ask_streamed(ASK)).await.said();
        assert_eq!((said.text(), said.error.as_deref()), ("Hello", Some("upstream_error")), "{garbage}");
    }
    app.finish().await;
}

#[tokio::test]
async fn an_error_in_a_stream_is_passed_on_without_tokens() {
    let app = app().await;
    for shape in ["object", "text"] {
        app.upstream.respond_with(move |request| {
            let message = format!("cannot say {}", token(&request.text()));
            let error =
                if shape == "object" { openai::error("server_error", &message) } else { json!({"error": message}) };
            Reply::stream(Script::new().event(&openai::text_chunk("Hello")).event(&error))
        });
        let answer = app.chat(ask_streamed(ASK)).await;
        let error = answer.chunks().last().expect("chunks")["error"].clone();
        assert_eq!(error["message"], "cannot say [REDACTED:STAFF_ID]", "{shape}");
        assert!(!answer.has_token());
    }
    app.finish().await;
}

#[tokio::test]
async fn an_error_that_is_null_is_none() {
    let app = app().await;
    let chunks: Vec<Value> = openai::text_events("Hello", 2)
        .into_iter()
        .map(|mut chunk| {
            chunk["error"] = Value::Null;
            chunk
        })
        .collect();
    app.upstream.script(Reply::stream(Script::new().events(&chunks).done()));
    let answer = app.chat(ask_streamed(ASK)).await;
    assert!(answer.text().contains("[DONE]"), "{}", answer.text());
    app.finish().await;
}

#[tokio::test]
async fn a_rate_limit_keeps_its_status_and_retry_after() {
    let app = app().await;
    app.upstream.script(Reply::rate_limited(17));
    let answer = app.say(ASK).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, Some("17")));
    assert_eq!(answer.json()["error"]["type"], "rate_limit_error");
    for reply in [Reply::html(429), Reply::bytes(429, "text/plain", ""), Reply::bytes(429, "application/json", "{}")] {
        app.upstream.script(reply.header("retry-after", "9"));
        let answer = app.say(ASK).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, Some("9")), "{}", answer.text());
        assert!(answer.json()["error"]["message"].is_string());
    }
    app.finish().await;
}

#[tokio::test]
async fn a_providers_own_error_keeps_its_shape_and_loses_tokens() {
    let app = app().await;
    for status in [400, 401, 403, 404, 409, 422, 500, 503] {
        app.upstream.respond_with(move |request| {
            let token = token(&request.text());
            let body = json!({"error": {"message": format!("bad: {token}, '{}'", token.to_lowercase()), "type": "invalid_request_error",
                "param": "messages", "code": token, "extra": token}, "other": token});
            Reply::bytes(status, "application/json", body.to_string())
        });
        for body in [ask(ASK), ask_streamed(ASK)] {
            let answer = app.chat(body).await;
            assert_eq!(answer.status.as_u16(), status);
            let error = answer.json()["error"].clone();
            assert_eq!(error["message"], "bad: [REDACTED:STAFF_ID], '[REDACTED:STAFF_ID]'");
            assert_eq!(
                (&error["type"], &error["param"], &error["code"]),
                (&json!("invalid_request_error"), &json!("messages"), &Value::Null)
            );
            assert!(!answer.has_token(), "{}", answer.text());
        }
    }
    assert!(app.sessions().await.iter().all(|session| session.status == Status::Error));
    app.finish().await;
}

#[tokio::test]
async fn a_caller_hears_the_failure_text_instead_of_an_error() {
    let sorry = "Sorry, could you say that again?";
    let app = TestApp::builder()
        .staff_policy_with(&format!("failure_text: {sorry}"))
        .env("MASKER_UPSTREAM_TIMEOUT_MS", "3000")
        .start()
        .await;
    let hello = || Script::new().event(&openai::role_chunk()).event(&openai::text_chunk("Hello. MSKV1.STA"));
    let ends = [
        hello(),
        hello().stall(),
        hello().raw("data: <html>\n\n"),
        hello().event(&openai::error("server_error", "broken")),
        hello().close(),
        hello().reset(),
    ];
    for script in ends {
        app.upstream.script(Reply::stream(script.clone()));
        let answer = app.chat(ask_streamed(ASK)).await;
        let said = answer.said();
        assert_eq!(said.error, None, "{script:?}: {}", answer.text());
        assert!(said.text() == format!("Hello. {sorry}") || said.text() == sorry, "{script:?}: {}", answer.text());
        assert_eq!((said.finished[&0].as_str(), said.done), ("stop", true));
    }
    assert!(app.sessions().await.iter().all(|session| session.status == Status::Partial));
    app.finish().await;
}

#[tokio::test]
async fn an_open_tool_call_of_a_broken_stream_is_not_finished_for_the_model() {
    let app = TestApp::builder().staff_policy_with("failure_text: Sorry.").start().await;
    let script = Script::new()
        .event(&openai::tool_start_chunk(0, "call_1", "transfer"))
        .event(&openai::tool_arguments_chunk(0, "{\"to\":\"MSKV1.STA"));
    app.upstream.script(Reply::stream(script));
    let said = app.chat(ask_streamed(ASK)).await.said();
    assert_eq!((said.text(), said.finished[&0].as_str()), ("Sorry.", "stop"));
    assert!(serde_json::from_str::<Value>(&said.tools[&(0, 0)].1).is_err(), "half a call must not look whole");
    app.finish().await;
}

#[tokio::test]
async fn the_choices_of_a_broken_stream_all_end_in_words() {
    let app = TestApp::builder().staff_policy_with("failure_text: Sorry.").start().await;
    let piece =
        |index: u64| openai::chunk_of(json!([{"index": index, "delta": {"content": "Hi. "}, "finish_reason": null}]));
    app.upstream.script(Reply::stream(Script::new().events(&[piece(0), piece(1), piece(2)])));
    let said = app.chat(ask_streamed(ASK)).await.said();
    assert_eq!(said.finished.len(), 3);
    assert!(said.content.values().all(|text| text == "Hi. Sorry."), "{said:?}");
    app.finish().await;
}
