//! What arrives unchanged and what is masked, with the shipped plugins and policy.

use masker_tests::TestApp;
use masker_tests::fake_upstream::Reply;
use serde_json::{Value, json};

use crate::support::tokens;

async fn app() -> TestApp {
    let app = TestApp::healthcare().await;
    app.upstream.respond_with(|_| Reply::text("ok"));
    app
}

/// The body that the upstream received.
async fn sent(app: &TestApp, body: Value) -> Value {
    let answer = app.chat(body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    app.forwarded()
}

fn said(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

#[tokio::test]
async fn tools_arrive_as_they_were_declared() {
    let app = app().await;
    const NAMES: [&str; 24] = [
        "transferCall",
        "endCall",
        "sendSMS",
        "getWeather",
        "bookAppointment",
        "lookup_record",
        "find_patient",
        "cancelVisit",
        "transfer_to_agent",
        "language_detection",
        "skip_turn",
        "voicemail_detection",
        "final_result",
        "CalendarEvent",
        "PartialX",
        "DSPyProgramOutputs",
        "checkAvailability",
        "dtmf",
        "query",
        "hangUp",
        "create_lead",
        "GetOrderStatus",
        "search_knowledge_base",
        "Extract",
    ];
    let tools: Vec<Value> = NAMES
        .into_iter()
        .map(|name| {
            json!({"type": "function", "function": {"name": name, "description": "Books a visit. Ask for the date of birth first.",
                "parameters": {"type": "object", "required": ["dob", "page", "eventId"], "properties": {
                    "dob": {"type": "string", "description": "YYYY-MM-DD", "pattern": "^\\d{4}-\\d{2}-\\d{2}$", "format": "date"},
                    "phone": {"type": "string", "description": "E.164", "pattern": "^\\+?[0-9]{10,15}$"},
                    "city": {"type": "string", "description": "City and country, e.g. Bogotá, Colombia", "enum": ["Paris", "Boston"]},
                    "page": {"type": "integer", "maximum": 10_000_000, "default": 1}, "eventId": {"type": "string"}}}}})
        })
        .collect();
    let body = json!({"messages": [said("hello there")], "tools": tools, "tool_choice": "auto",
        "response_format": {"type": "json_schema", "json_schema": {"name": "CalendarEvent", "schema": {"type": "object"}}}});
    let forwarded = sent(&app, body.clone()).await;
    for field in ["tools", "tool_choice", "response_format"] {
        assert_eq!(forwarded[field], body[field]);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_word_that_a_caller_is_called_by_is_still_a_word_in_names() {
    let app = app().await;
    let tools = json!([{"type": "function", "function": {"name": "book", "parameters": {"type": "object",
        "properties": {"book": {"type": "string"}}, "required": ["book"]}}}]);
    let body = json!({"messages": [said("my last name is Book, Ingrid Book")], "tools": tools});
    let forwarded = sent(&app, body).await;
    assert_eq!(forwarded["tools"], tools);
    assert!(!tokens(&forwarded["messages"].to_string()).is_empty());
    app.finish().await;
}

#[tokio::test]
async fn a_known_value_is_masked_in_the_operators_own_text() {
    let mut app = app().await;
    let name = app.plant("Ingrid Halvorsen").to_owned();
    let tools = json!([{"type": "function", "function": {"name": "greet", "description": format!("Greets {name}.")}}]);
    let forwarded = sent(&app, json!({"messages": [said(&format!("My name is {name}"))], "tools": tools})).await;
    assert_eq!(tokens(&forwarded["tools"].to_string()).len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn settings_of_other_servers_arrive_as_sent_and_known_values_in_them_are_masked() {
    let mut app = app().await;
    let name = app.plant("Ingrid Halvorsen").to_owned();
    let settings = json!({
        "provider": {"order": ["OpenAI", "DeepInfra"], "quantizations": ["fp8"], "allow_fallbacks": false},
        "models": ["anthropic/claude-3.5-sonnet", "gryphe/mythomax-l2-13b"], "route": "fallback", "transforms": ["middle-out"],
        "options": {"num_ctx": 8192, "num_predict": 1_795_532_400, "stop": ["User:"]}, "keep_alive": "10m", "format": "json",
        "stop_token_ids": [151_645, 151_643], "guided_choice": ["yes", "no"], "min_p": 0.05, "repetition_penalty": 1.1,
        "chat_template_kwargs": {"enable_thinking": false}, "max_completion_tokens": 4_155_550_134_u64, "seed": 3_125_550_147_u64,
        "web_search_options": {"user_location": {"type": "approximate", "approximate": {"country": "US", "timezone": "America/Chicago"}}},
    });
    let mut body = settings.clone();
    body["messages"] = json!([said(&format!("My name is {name}")), null]);
    body["trace_note"] = json!(format!("asked for by {name}"));
    body["trace"] = json!({"tags": ["Halvorsen"]});
    body["messages"][1] = said("Halvorsen is my last name");
    let forwarded = sent(&app, body).await;
    assert_eq!(tokens(&forwarded["trace"].to_string()).len(), 1, "{}", forwarded["trace"]);
    for (field, value) in settings.as_object().expect("an object") {
        assert_eq!(&forwarded[field], value, "{field}");
    }
    assert_eq!(tokens(forwarded["trace_note"].as_str().expect("a text")).len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn state_that_a_provider_sealed_goes_back_byte_for_byte() {
    let mut app = app().await;
    let name = app.plant("Ingrid Halvorsen").to_owned();
    let sealed = "CsYBAVSoXO4rJ4155550134mPq9dZ+Kb/3GZr0x7TnV5u8w2Yc1Aa6Ee4Ff8Hh0Jj2Ll4Nn6Pp8Rr0Tt2Vv4Xx6Zz8==";
    // Some libraries carry a signature in the id.
    let id = format!("call_1__thought__{sealed}");
    let message = json!({
        "role": "assistant", "content": [{"type": "thinking", "thinking": format!("{name} called"), "signature": sealed}],
        "thought_signature": sealed, "encrypted_content": sealed,
        "reasoning_details": [
            {"type": "reasoning.text", "text": format!("{name} called"), "signature": sealed, "format": "anthropic-claude-v1", "index": 0},
            {"type": "reasoning.encrypted", "data": sealed, "id": "rs_1", "format": "openai-responses-v1", "index": 1},
        ],
        "thinking_blocks": [{"type": "redacted_thinking", "data": sealed}],
        "provider_specific_fields": {"thought_signatures": [sealed]},
        "tool_calls": [{"id": id, "type": "function", "function": {"name": "find", "arguments": "{}"},
            "extra_content": {"google": {"thought_signature": sealed}}}],
    });
    let body = json!({"messages": [said(&format!("My name is {name}")), message,
        {"role": "tool", "tool_call_id": id, "content": "ok"}]});
    let messages = sent(&app, body).await["messages"].clone();
    assert_eq!(messages[2]["tool_call_id"], id);
    let forwarded = messages[1].clone();
    assert_eq!(forwarded.to_string().matches(sealed).count(), 9, "{forwarded}");
    for place in ["/content/0/thinking", "/reasoning_details/0/text"] {
        assert_eq!(tokens(forwarded.pointer(place).and_then(Value::as_str).expect("a text")).len(), 1);
    }
    assert_eq!(forwarded["reasoning_details"][1]["format"], "openai-responses-v1");
    app.finish().await;
}

#[tokio::test]
async fn a_number_that_a_schema_has_too_blocks_nobody() {
    let app = app().await;
    let tools = json!([{"type": "function", "function": {"name": "pay", "parameters": {"type": "object",
        "properties": {"cents": {"type": "integer", "maximum": 10_000_000, "multipleOf": 10_000_000}}}}}]);
    let forwarded =
        sent(&app, json!({"messages": [said("my account number is 10000000 please")], "tools": tools})).await;
    assert_eq!(forwarded["tools"], tools);
    assert_eq!(tokens(&forwarded["messages"].to_string()).len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn of_a_document_only_what_is_masked_changes() {
    let app = app().await;
    let number = "312-555-0147";
    let document = format!(
        "{{\"found\" : true,\t\"mrn\":  52817346, \"note\": \"caf\\u00e9\\/bar\", \"n\": [1, 2.50, -3e2, null],\n \"phone\": \"{number}\"}}"
    );
    let result = json!({"role": "tool", "tool_call_id": "c", "content": document});
    let forwarded = sent(&app, json!({"messages": [said("look it up"), result]})).await;
    let content = forwarded["messages"][1]["content"].as_str().expect("a text");
    let found = tokens(content);
    assert_eq!(found.len(), 2, "{content}");
    let expected = document.replace("52817346", &format!("\"{}\"", found[0])).replace(number, &found[1]);
    assert_eq!(content, expected);
    app.finish().await;
}

#[tokio::test]
async fn a_list_of_words_is_masked_as_the_text_that_it_is() {
    let app = app().await;
    let spoken = ["my", "number", "is", "three", "one", "two", "five", "five", "five", "oh", "one", "four", "seven"];
    let words: Vec<Value> = spoken.iter().enumerate().map(|(at, word)| json!({"word": word, "start": at})).collect();
    for message in [
        json!({"role": "user", "content": spoken.join(" "), "words": words}),
        json!({"role": "tool", "tool_call_id": "c", "content": json!({"words": words}).to_string()}),
        json!({"role": "tool", "tool_call_id": "c", "content": json!(spoken).to_string()}),
    ] {
        let forwarded = sent(&app, json!({"messages": [message]})).await.to_string();
        assert!(!tokens(&forwarded).is_empty(), "{forwarded}");
        for word in ["three", "five", "seven"] {
            assert!(!forwarded.contains(word), "{word}: {forwarded}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn two_keys_of_one_value_keep_both_entries() {
    let app = app().await;
    let result = json!({"Ingrid Halvorsen": 1, "ingrid halvorsen": 2}).to_string();
    let body =
        json!({"messages": [said("I am Ingrid Halvorsen"), {"role": "tool", "tool_call_id": "c", "content": result}]});
    let forwarded = sent(&app, body).await;
    let sent: Value =
        serde_json::from_str(forwarded["messages"][1]["content"].as_str().expect("a text")).expect("JSON");
    let entries: Vec<i64> = sent.as_object().expect("an object").values().filter_map(Value::as_i64).collect();
    assert_eq!(entries, [1, 2], "{sent}");
    app.finish().await;
}
