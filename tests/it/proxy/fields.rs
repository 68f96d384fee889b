//! Every string of a request that can carry protected data (docs/api.md, "What is masked").

use masker::action::Action;
use masker::audit::event::{Detail, EventKind};
use masker_tests::TestApp;
use masker_tests::fake_upstream::{Reply, Script, openai};
use serde_json::{Value, json};

use crate::support::tokens;

/// A request with the value `E-12345` in one position, and a pointer to its replacement.
struct Case {
    body: Value,
    place: &'static str,
}

/// A position in the conversation.
fn message(message: Value, place: &'static str) -> Case {
    Case { body: json!({"messages": [message]}), place }
}

/// A top-level field.
fn field(name: &str, value: Value, place: &'static str) -> Case {
    let mut body = json!({"messages": [{"role": "user", "content": "hi"}]});
    body[name] = value;
    Case { body, place }
}

const V: &str = "it is E-12345.";

fn masked_places() -> Vec<Case> {
    let function = |key: &str| {
        let mut function = json!({"name": "f", "parameters": {"type": "object"}});
        function[key] = json!(V);
        json!([{"type": "function", "function": function}])
    };
    let call = |call: Value| json!({"role": "assistant", "content": null, "tool_calls": [call]});
    vec![
        message(json!({"role": "system", "content": V}), "/messages/0/content"),
        message(json!({"role": "developer", "content": V}), "/messages/0/content"),
        message(json!({"role": "user", "content": V}), "/messages/0/content"),
        message(json!({"role": "assistant", "content": V}), "/messages/0/content"),
        message(json!({"role": "tool", "tool_call_id": "c", "content": V}), "/messages/0/content"),
        message(json!({"role": "function", "name": "f", "content": V}), "/messages/0/content"),
        message(json!({"role": "user", "content": [{"type": "text", "text": V}]}), "/messages/0/content/0/text"),
        message(
            json!({"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": V}]}),
            "/messages/0/content/0/text",
        ),
        message(
            json!({"role": "assistant", "content": [{"type": "refusal", "refusal": V}]}),
            "/messages/0/content/0/refusal",
        ),
        message(json!({"role": "assistant", "content": null, "refusal": V}), "/messages/0/refusal"),
        message(json!({"role": "assistant", "content": null, "reasoning_content": V}), "/messages/0/reasoning_content"),
        message(
            json!({"role": "user", "content": "x", "extra_content": {"a": [{"b": V}]}}),
            "/messages/0/extra_content/a/0/b",
        ),
        message(
            call(
                json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": format!("{{\"a\":\"{V}\"}}")}}),
            ),
            "/messages/0/tool_calls/0/function/arguments",
        ),
        message(
            call(
                json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": format!("not json {V}")}}),
            ),
            "/messages/0/tool_calls/0/function/arguments",
        ),
        message(
            call(json!({"id": "c", "type": "custom", "custom": {"name": "f", "input": V}})),
            "/messages/0/tool_calls/0/custom/input",
        ),
        message(
            json!({"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": format!("{{\"a\":\"{V}\"}}")}}),
            "/messages/0/function_call/arguments",
        ),
        field("tools", function("description"), "/tools/0/function/description"),
        field(
            "tools",
            json!([{"type": "function", "function": {"name": "f", "parameters": {"properties": {"p": {"description": V}}}}}]),
            "/tools/0/function/parameters/properties/p/description",
        ),
        field(
            "tools",
            json!([{"type": "custom", "custom": {"name": "f", "description": V}}]),
            "/tools/0/custom/description",
        ),
        field(
            "tools",
            json!([{"type": "custom", "custom": {"name": "f", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": V}}}}]),
            "/tools/0/custom/format/grammar/definition",
        ),
        field("functions", json!([{"name": "f", "description": V}]), "/functions/0/description"),
        field(
            "functions",
            json!([{"name": "f", "parameters": {"properties": {"p": {"enum": [V]}}}}]),
            "/functions/0/parameters/properties/p/enum/0",
        ),
        field(
            "response_format",
            json!({"type": "json_schema", "json_schema": {"name": "n", "description": V, "schema": {}}}),
            "/response_format/json_schema/description",
        ),
        field(
            "response_format",
            json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"properties": {"p": {"default": V}}}}}),
            "/response_format/json_schema/schema/properties/p/default",
        ),
        field("prediction", json!({"type": "content", "content": V}), "/prediction/content"),
        field(
            "prediction",
            json!({"type": "content", "content": [{"type": "text", "text": V}]}),
            "/prediction/content/0/text",
        ),
        field("stop", json!([V]), "/stop/0"),
        field("stop", json!(V), "/stop"),
        field(
            "web_search_options",
            json!({"user_location": {"type": "approximate", "approximate": {"city": V, "country": "US"}}}),
            "/web_search_options/user_location/approximate/city",
        ),
        field("anything_else", json!({"deep": [V]}), "/anything_else/deep/0"),
        field("moderation", json!({"note": V}), "/moderation/note"),
        // A closed word is exempt only while it looks like one.
        field("service_tier", json!(V), "/service_tier"),
        field("reasoning_effort", json!({"x": V}), "/reasoning_effort/x"),
    ]
}

#[tokio::test]
async fn every_text_of_a_request_is_masked() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app.upstream.respond_with(|_| Reply::text("ok"));
    for Case { body, place } in masked_places() {
        let answer = app.chat(body.clone()).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.text());
        let forwarded = app.forwarded();
        let text = forwarded.pointer(place).and_then(Value::as_str);
        let text = text.unwrap_or_else(|| panic!("nothing at {place} in {forwarded}"));
        assert_eq!(tokens(text).len(), 1, "{place}: {text}");
    }
    app.finish().await;
}

#[tokio::test]
async fn identifiers_become_short_digests() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app.upstream.respond_with(|_| Reply::text("ok"));
    let cases = [
        message(json!({"role": "user", "name": "E-12345", "content": "x"}), "/messages/0/name"),
        field("user", json!("nurse E-12345"), "/user"),
        field("safety_identifier", json!("E-12345"), "/safety_identifier"),
        field("prompt_cache_key", json!("E-12345"), "/prompt_cache_key"),
        field("metadata", json!({"caller": "E-12345"}), "/metadata/caller"),
    ];
    for Case { body, place } in cases {
        assert_eq!(app.chat(body.clone()).await.status, 200);
        let forwarded = app.forwarded();
        let digest = forwarded.pointer(place).and_then(Value::as_str).unwrap_or_else(|| panic!("{place}: {forwarded}"));
        assert!((1..=32).contains(&digest.len()), "{place}: {digest}");
        assert!(digest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')), "{place}: {digest}");
        // The digest must be stable, or a provider's cache and abuse limits would not work.
        app.chat(body).await;
        assert_eq!(app.forwarded().pointer(place).and_then(Value::as_str), Some(digest));
    }
    app.finish().await;
}

#[tokio::test]
async fn an_identifier_without_protected_data_stays() {
    let app = TestApp::start().await;
    app.upstream.respond_with(|_| Reply::text("ok"));
    let body = json!({"messages": [{"role": "user", "name": "bob", "content": "x"}], "model": "gpt-4o-mini",
        "user": "u-1", "safety_identifier": "s", "prompt_cache_key": "k", "metadata": {"a": "b"}});
    app.chat(body.clone()).await;
    assert_eq!(app.forwarded(), body);
    app.finish().await;
}

#[tokio::test]
async fn what_a_platform_adds_for_itself_is_never_forwarded() {
    let mut app = TestApp::start().await;
    for value in ["+14155550123", "twilio-secret", "E-12345", "sess-77", "AC999"] {
        app.plant(value);
    }
    app.upstream.respond_with(|_| Reply::text("ok"));
    let body = json!({
        "messages": [{"role": "user", "content": "hi"}], "model": "gpt-4o-mini",
        "call": {"id": "call-1", "customer": {"number": "+14155550123"}},
        "phoneNumber": {"twilioAccountSid": "AC999", "twilioAuthToken": "twilio-secret"},
        "customer": {"number": "+14155550123"}, "elevenlabs_extra_body": {"session_id": "sess-77"}, "user_id": "E-12345",
        "temperature": 0, "tools": [],
    });
    for platform in ["vapi", "retell", "bolna", "elevenlabs", "twilio", "custom"] {
        let agent = app
            .create_agent(json!({"name": platform, "upstream": "openai:gpt-4o-mini", "platform": platform,
                "policy_yaml": masker_tests::test_app::STAFF_POLICY}))
            .await;
        let answer = app.post(&agent.path(), &[], body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let forwarded = app.forwarded();
        let keys: Vec<&String> = forwarded.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["messages", "model", "temperature", "tools"], "{platform}");
    }
    app.finish().await;
}

#[tokio::test]
async fn vapis_metadata_is_consumed_and_its_spread_keys_are_dropped() {
    let mut app = TestApp::builder().agent("platform", "vapi").start().await;
    app.plant("blue");
    app.upstream.script(Reply::text("ok"));
    app.chat(json!({"messages": [{"role": "user", "content": "hi"}], "metadata": {"color": "blue"}, "color": "blue"}))
        .await;
    let forwarded = app.forwarded();
    assert_eq!(forwarded.as_object().expect("an object").keys().collect::<Vec<_>>(), ["messages", "model"]);
    app.finish().await;
}

#[tokio::test]
async fn media_are_withheld_and_the_call_goes_on() {
    let mut app = TestApp::start().await;
    for value in ["iVBORw0KGgo", "UklGRg", "chart.pdf", "JVBERi0"] {
        app.plant(value);
    }
    app.upstream.respond_with(|_| Reply::text("ok"));
    let parts = [
        (json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo"}}), "image_url"),
        (json!({"type": "input_audio", "input_audio": {"data": "UklGRg", "format": "wav"}}), "input_audio"),
        (json!({"type": "file", "file": {"filename": "chart.pdf", "file_data": "JVBERi0"}}), "file"),
        (json!({"type": "hologram", "hologram": "JVBERi0"}), "content part"),
        (json!({"type": 7, "x": "JVBERi0"}), "content part"),
        (json!({"y": "JVBERi0"}), "content part"),
    ];
    for (part, name) in parts {
        let body = json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "look"}, part]}]});
        assert_eq!(app.chat(body).await.content(), "ok");
        let content = app.forwarded()["messages"][0]["content"].clone();
        assert_eq!(content[0], json!({"type": "text", "text": "look"}));
        assert_eq!(content[1], json!({"type": "text", "text": format!("[{name} withheld]")}));
    }
    app.finish().await;
}

#[tokio::test]
async fn withheld_media_are_in_the_journal() {
    let app = TestApp::start().await;
    app.upstream.respond_with(|_| Reply::text("ok"));
    let part = json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}});
    app.chat(json!({"messages": [{"role": "user", "content": [part]}]})).await;
    let withheld = app.events().into_iter().find(|event| event.kind == EventKind::Redaction);
    let withheld = withheld.expect("an event about the part");
    assert_eq!(withheld.action, Some(Action::Redact));
    assert_eq!(withheld.detail, Some(Detail::Count(1)));
    app.finish().await;
}

#[tokio::test]
async fn media_pass_where_the_policy_says_so_and_their_name_is_masked() {
    let mut app = TestApp::builder().staff_policy_with("media: pass").start().await;
    app.plant("E-12345");
    app.upstream.script(Reply::text("ok"));
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo"}});
    let file = json!({"type": "file", "file": {"filename": "E-12345.pdf", "file_data": "JVBERi0"}});
    app.chat(json!({"messages": [{"role": "user", "content": [image.clone(), file]}]})).await;
    let content = app.forwarded()["messages"][0]["content"].clone();
    assert_eq!(content[0], image);
    assert_eq!(content[1]["file"]["file_data"], "JVBERi0");
    app.finish().await;
}

#[tokio::test]
async fn the_callers_credentials_are_not_forwarded_when_masker_has_its_own() {
    let mut app = TestApp::start().await;
    app.plant("sk-of-the-caller");
    app.upstream.respond_with(|_| Reply::text("ok"));
    let body = json!({"messages": [{"role": "user", "content": "hi"}]}).to_string();
    let headers = [
        ("authorization", "Bearer sk-of-the-caller"),
        ("x-caller", "sk-of-the-caller"),
        ("cookie", "sk-of-the-caller"),
    ];
    app.post(&app.agent.path(), &headers, body).await;
    assert_eq!(app.upstream.requests()[0].header("authorization"), Some("Bearer sk-of-the-tests"));
    app.finish().await;
}

#[tokio::test]
async fn the_callers_credential_is_used_when_masker_has_none_but_never_one_of_maskers() {
    let app = TestApp::builder().env("MASKER_OPENAI_API_KEY", "").start().await;
    app.upstream.respond_with(|_| Reply::text("ok"));
    let body = json!({"messages": [{"role": "user", "content": "hi"}]}).to_string();
    app.post(&app.agent.path(), &[("authorization", "Bearer sk-own")], body.clone()).await;
    app.post(&app.agent.path(), &[("authorization", "Bearer mskp_abc")], body).await;
    let requests = app.upstream.requests();
    assert_eq!(requests[0].header("authorization"), Some("Bearer sk-own"));
    assert_eq!(requests[1].header("authorization"), None);
    app.finish().await;
}

#[tokio::test]
async fn a_key_that_holds_protected_data_is_masked() {
    let mut app = TestApp::start().await;
    app.plant("nurse E-12345");
    app.upstream.respond_with(|_| Reply::text("ok"));
    let user = json!({"role": "user", "content": "hi"});
    for (body, place) in [
        (json!({"messages": [user], "nurse E-12345": 1}), ""),
        (json!({"messages": [user], "metadata": {"nurse E-12345": "x"}}), "/metadata"),
        (json!({"messages": [user], "logit_bias": {"nurse E-12345": 1}}), "/logit_bias"),
        (
            json!({"messages": [user], "tools": [{"type": "function", "function": {"name": "f", "nurse E-12345": true}}]}),
            "/tools/0/function",
        ),
        (json!({"messages": [{"role": "user", "content": "hi", "nurse E-12345": null}]}), "/messages/0"),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "hi", "nurse E-12345": 1}]}]}),
            "/messages/0/content/0",
        ),
    ] {
        let answer = app.chat(body.clone()).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.text());
        let forwarded = app.forwarded();
        let object = forwarded.pointer(place).and_then(Value::as_object).expect("an object");
        assert!(object.keys().any(|key| key.starts_with("nurse MSKV1.STAFF_ID.")), "{forwarded}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_tool_whose_name_holds_protected_data_has_another_name_everywhere() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app.upstream.respond_with(|_| Reply::text("ok"));
    let name = "page_E-12345";
    app.chat(json!({
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function",
                "function": {"name": name, "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c", "name": name, "content": "ok"},
        ],
        "tools": [{"type": "function", "function": {"name": name}}, {"type": "function", "function": {"name": "transferCall"}}],
        "tool_choice": {"type": "function", "function": {"name": name}},
    }))
    .await;
    let forwarded = app.forwarded();
    let sent = forwarded["tools"][0]["function"]["name"].as_str().expect("a name").to_owned();
    assert!(sent.starts_with("page_") && sent.len() <= 64, "{sent}");
    assert!(sent.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'), "{sent}");
    assert_eq!(forwarded["tool_choice"]["function"]["name"], sent);
    assert_eq!(forwarded["messages"][1]["tool_calls"][0]["function"]["name"], sent);
    assert_eq!(forwarded["messages"][2]["name"], sent);
    assert_eq!(forwarded["tools"][1]["function"]["name"], "transferCall");

    // The model uses the masked name, and the caller's program gets the original one.
    for stream in [false, true] {
        let sent = sent.clone();
        app.upstream.respond_with(move |_| match stream {
            false => Reply::json(&openai::tool_call_completion("call_1", &sent, "{}")),
            true => Reply::stream(Script::new().events(&openai::tool_call_events("call_1", &sent, "{}", 1)).done()),
        });
        let body = json!({"messages": [{"role": "user", "content": "hi"}], "stream": stream,
            "tools": [{"type": "function", "function": {"name": name}}]});
        let answer = app.chat(body).await;
        let called = match stream {
            false => answer.json()["choices"][0]["message"]["tool_calls"][0]["function"]["name"].clone(),
            true => answer
                .chunks()
                .iter()
                .map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["function"]["name"].clone())
                .find(|name| !name.is_null())
                .expect("a name"),
        };
        assert_eq!(called, name);
    }
    app.finish().await;
}

#[tokio::test]
async fn equal_keys_in_a_tools_arguments_hide_nothing() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app.upstream.respond_with(|_| Reply::text("ok"));
    for arguments in [r#"{"a":"E-12345","a":"x"}"#, r#"{"a":{"b":"E-12345","b":1}}"#, r#"[{"E-12345":1,"E-12345":2}]"#]
    {
        let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}});
        let answer = app
            .chat(json!({"messages": [{"role": "assistant", "content": null, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "c", "content": arguments}]}))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    app.finish().await;
}
