//! Invalid, odd or hostile bodies: refused with the position and without quoting them, or masked like any other.

use hyper::Request;
use masker_tests::TestApp;
use masker_tests::fake_upstream::{Reply, respond};
use serde_json::{Value, json};

use crate::support::{ask, tokens};

async fn app() -> TestApp {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app.upstream.respond_with(respond::echo);
    app
}

/// Sends it and expects an error in OpenAI's format that quotes nothing, with nothing forwarded.
async fn refused(app: &TestApp, body: impl Into<axum::body::Body>, status: u16, code: &str) {
    let answer = app.send(body).await;
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (status, code), "{}", answer.text());
    let error = answer.json()["error"].clone();
    let keys: Vec<&String> = error.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["message", "type", "param", "code", "request_id"]);
    assert_eq!(error["request_id"].as_str(), answer.header("x-request-id"));
    assert!(!answer.text().contains("12345"), "{}", answer.text());
    assert!(app.upstream.requests().is_empty(), "it was forwarded");
}

#[tokio::test]
async fn more_json_values_than_a_request_may_have_are_refused() {
    let app = app().await;
    let list = format!("[{}1]", "1,".repeat(200_000));
    let said = |content: Value| json!({"messages": [{"role": "user", "content": content}]}).to_string();
    for (body, field) in [
        (format!(r#"{{"messages": [], "x": {list}}}"#), "body"),
        (said(json!(list)), "messages[0].content"),
        (said(json!(json!({"deep": json!({"deeper": list}).to_string()}).to_string())), "messages[0].content"),
        (
            said(json!(format!("E-12345 said {}", json!({"x": serde_json::from_str::<Value>(&list).expect("JSON")})))),
            "messages[0].content",
        ),
    ] {
        let answer = app.send(body.clone()).await;
        let error = answer.json()["error"].clone();
        assert_eq!(error["param"], field);
        assert!(error["message"].as_str().is_some_and(|message| message.contains("100000 JSON values")), "{error}");
        refused(&app, body, 422, "validation_failed").await;
    }
    // A long text with commas and brackets is not JSON.
    let long = format!("E-12345 [said] {}", "one, two, [3], ".repeat(100_000));
    assert_eq!(app.send(said(json!(long))).await.status, 200);
    let answer = app
        .api("POST", "/api/v1/mask", &json!({"messages": serde_json::from_str::<Value>(&list).expect("JSON")}))
        .await;
    assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (422, "validation_failed"));
    app.finish().await;
}

#[tokio::test]
async fn a_body_that_is_not_a_chat_request_is_refused() {
    let app = app().await;
    for body in [
        "",
        "E-12345",
        "{",
        "{\"messages\": [",
        "null",
        "7",
        "[]",
        "\"E-12345\"",
        "{}",
        r#"{"messages": {"role": "user", "content": "E-12345"}}"#,
        r#"{"messages": "E-12345"}"#,
        r#"{"messages": null}"#,
        r#"{"messages": ["E-12345"]}"#,
        r#"{"messages": [[]]}"#,
        r#"{"messages": [{"content": "E-12345"}]}"#,
        r#"{"messages": [{"role": "E-12345", "content": "x"}]}"#,
        r#"{"messages": [{"role": 7, "content": "x"}]}"#,
        r#"{"messages": [{"role": "user", "content": 12345}]}"#,
        r#"{"messages": [{"role": "user", "content": {"a": "E-12345"}}]}"#,
        r#"{"messages": [{"role": "user", "content": ["E-12345"]}]}"#,
        r#"{"messages": [], "stream": "E-12345"}"#,
        r#"{"messages": [], "model": 12345}"#,
        r#"{"messages": []} E-12345"#,
        r#"{"messages": [{"role": "user", "content": "E-12345"}],}"#,
    ] {
        refused(&app, body, 422, "validation_failed").await;
    }
    app.finish().await;
}

#[tokio::test]
async fn bytes_that_are_not_utf_8_are_refused() {
    let app = app().await;
    for bytes in [&b"\xff"[..], b"\xc3\x28", b"\xed\xa0\x80", b"\xf0\x9f"] {
        let body = [b"{\"messages\":[{\"role\":\"user\",\"content\":\"", bytes, b"\"}]}"].concat();
        refused(&app, body, 422, "validation_failed").await;
    }
    refused(&app, b"\xff\xfe{\0}\0".to_vec(), 422, "validation_failed").await;
    app.finish().await;
}

#[tokio::test]
async fn ten_thousand_levels_are_refused() {
    let app = app().await;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        refused(&app, deep.clone(), 422, "validation_failed").await;
        refused(&app, format!("{{\"messages\":[],\"x\":{deep}}}"), 422, "validation_failed").await;
    }
    app.finish().await;
}

#[tokio::test]
async fn ten_thousand_levels_in_a_tools_arguments_are_masked_as_text() {
    let app = app().await;
    let arguments = format!("{}\"E-12345\"{}", "[".repeat(10_000), "]".repeat(10_000));
    let body = json!({"messages": [{"role": "assistant", "content": null, "tool_calls": [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}]}]});
    let answer = app.chat(body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    app.finish().await;
}

#[tokio::test]
async fn twenty_megabytes_are_too_much() {
    let app = app().await;
    let body = json!({"messages": [{"role": "user", "content": "E-12345 ".repeat(20 << 17)}]}).to_string();
    assert!(body.len() > 20 << 20);
    refused(&app, body, 413, "payload_too_large").await;
    app.finish().await;
}

#[tokio::test]
async fn of_two_equal_keys_one_is_masked_and_sent() {
    let app = app().await;
    let body = r#"{"messages": [{"role": "user", "content": "E-12345", "content": "again E-12345"}], "messages":
        [{"role": "user", "content": "E-12345", "content": "last E-12345"}]}"#;
    let answer = app.send(body).await;
    assert_eq!(answer.content(), "You said: last E-12345");
    assert_eq!(tokens(&app.upstream.requests()[0].text()).len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn halves_of_a_character_are_sent_as_they_came_and_pairs_are_characters() {
    let app = app().await;
    for text in [r"\ud800", r"\udc00", r"\ud800x", r"\ud800\ud800", r"\udc00\ud800"] {
        let body = format!(r#"{{"messages":[{{"role":"user","content":"{text} E-12345"}}]}}"#);
        app.upstream.script(Reply::text("ok"));
        assert_eq!(app.send(body).await.status, 200, "{text}");
        let sent = app.upstream.requests().last().expect("a request").text();
        assert!(sent.contains(&format!(r#""content":"{text} MSKV1.STAFF_ID."#)), "{sent}");
    }
    let answer = app.send(r#"{"messages":[{"role":"user","content":"\ud83d\ude00 E-12345"}]}"#).await;
    assert_eq!(answer.content(), "You said: 😀 E-12345");
    app.finish().await;
}

#[tokio::test]
async fn odd_characters_around_a_value_are_kept_and_the_value_is_masked() {
    let app = app().await;
    for text in [
        "\0E-12345\0",
        "\u{202e}E-12345\u{202c}",
        "שלום E-12345 עולם",
        "é E-12345 e\u{301}",
        "e\u{301}E-12345",
        "\u{feff}E-12345",
        "👩\u{200d}⚕\u{fe0f}E-12345",
        "\r\n\tE-12345\u{2028}\u{2029}",
        "E-12345\u{7f}\u{1b}[0m",
        "\u{10ffff} E-12345 \u{e000}",
        "\"E-12345\"",
        "<b>E-12345</b> &amp;",
    ] {
        let answer = app.say(text).await;
        assert_eq!(answer.content(), format!("You said: {text}"));
        assert_eq!(tokens(&app.forwarded_text()).len(), 1, "{text:?}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_value_written_with_escapes_is_masked() {
    let app = app().await;
    let answer = app.send(r#"{"messages":[{"role":"user","content":"\u0045\u002d\u00312345"}]}"#).await;
    assert_eq!(answer.content(), "You said: E-12345");
    app.finish().await;
}

#[tokio::test]
async fn nothing_to_mask_is_forwarded_as_it_is() {
    let app = TestApp::start().await;
    app.upstream.respond_with(|_| Reply::text("ok"));
    for messages in [
        json!([]),
        json!([{"role": "user", "content": ""}]),
        json!([{"role": "user", "content": []}]),
        json!([{"role": "user", "content": null}]),
        json!([{"role": "assistant"}]),
        json!([{"role": "user", "content": [{"type": "text", "text": ""}]}]),
        json!([{"role": "assistant", "content": null, "tool_calls": []}]),
        json!([{"role": "assistant", "content": null, "tool_calls": null, "function_call": null, "audio": null}]),
    ] {
        let answer = app.chat(json!({"messages": messages})).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(app.forwarded()["messages"], messages);
    }
    app.finish().await;
}

#[tokio::test]
async fn another_model_is_refused_and_a_snapshot_is_not() {
    let app = app().await;
    for model in ["gpt-4o", "gpt-4o-mini-realtime", "gpt-4o-mini-2024", "", "E-12345"] {
        let mut body = ask("E-12345");
        body["model"] = json!(model);
        if model == "gpt-4o-mini-2024" {
            continue;
        }
        refused(&app, body.to_string(), 422, "model_not_allowed").await;
    }
    for model in [json!(null), json!("gpt-4o-mini"), json!("gpt-4o-mini-2024-07-18")] {
        let mut body = ask("hi");
        body["model"] = model.clone();
        assert_eq!(app.chat(body).await.status, 200, "{model}");
        let sent = app.forwarded()["model"].clone();
        assert_eq!(sent, if model.is_null() { json!("gpt-4o-mini") } else { model });
    }
    app.finish().await;
}

#[tokio::test]
async fn an_unknown_agent_is_404_in_openais_shape() {
    let app = app().await;
    let unknown = "agt_01ARZ3NDEKTSV4RRFFQ69G5FAV";
    for path in [
        format!("/proxy/{unknown}/v1/chat/completions"),
        "/proxy/x/v1/chat/completions".into(),
        format!("/proxy/{unknown}/v1/models"),
    ] {
        let request = if path.ends_with("models") { Request::get(&path) } else { Request::post(&path) };
        let answer = app.request(request.body(ask("E-12345").to_string().into()).expect("a request")).await;
        assert_eq!((answer.status.as_u16(), answer.error_code()), (404, "agent_not_found".into()), "{path}");
        assert!(answer.header("x-request-id").is_some_and(|id| id.starts_with("req_")));
    }
    assert!(app.upstream.requests().is_empty());
    app.finish().await;
}

#[tokio::test]
async fn a_deleted_agent_is_unknown_at_once() {
    let app = app().await;
    let deleted = app.api("DELETE", &format!("/api/v1/agents/{}", app.agent.id), &Value::Null).await;
    assert_eq!(deleted.status, 204);
    refused(&app, ask("E-12345").to_string(), 404, "agent_not_found").await;
    app.finish().await;
}

#[tokio::test]
async fn a_wrong_method_is_405_in_openais_shape_without_the_agents_id() {
    let app = app().await;
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let request = Request::builder().method(method).uri(app.agent.path()).body(axum::body::Body::empty());
        let answer = app.request(request.expect("a request")).await;
        assert_eq!((answer.status.as_u16(), answer.error_code()), (405, "method_not_allowed".into()), "{method}");
        assert!(!answer.text().contains(&app.agent.id), "{}", answer.text());
    }
    app.finish().await;
}

#[tokio::test]
async fn every_form_of_the_path_is_served_and_other_endpoints_are_refused() {
    let app = app().await;
    let id = &app.agent.id;
    for path in [
        "v1/chat/completions",
        "chat/completions",
        "v1/chat/completions/chat/completions",
        "chat/completions/chat/completions",
    ] {
        let answer = app.post(&format!("/proxy/{id}/{path}"), &[], ask("I am E-12345").to_string()).await;
        assert_eq!(answer.content(), "You said: I am E-12345", "{path}");
    }
    let forwarded = app.upstream.requests().len();
    for path in ["v1/completions", "v1/embeddings", "v1/responses", "v1/audio/speech", "", "v1/files/x"] {
        let answer = app.post(&format!("/proxy/{id}/{path}"), &[], ask("I am E-12345").to_string()).await;
        assert_eq!((answer.status.as_u16(), answer.error_code()), (404, "not_found".into()), "{path}");
    }
    assert_eq!(app.upstream.requests().len(), forwarded);
    let models = app
        .request(Request::get(format!("/proxy/{id}/v1/models")).body(axum::body::Body::empty()).expect("a request"))
        .await;
    assert_eq!(models.json()["data"][0]["id"], "gpt-4o-mini");
    app.finish().await;
}

#[tokio::test]
async fn any_content_type_whose_body_is_json_is_taken() {
    let app = app().await;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8"] {
        let request = Request::post(app.agent.path()).header("content-type", content_type);
        let answer = app.request(request.body(ask("I am E-12345").to_string().into()).expect("a request")).await;
        assert_eq!(answer.content(), "You said: I am E-12345", "{content_type}");
    }
    app.finish().await;
}
