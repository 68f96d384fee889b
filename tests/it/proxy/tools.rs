//! Tools: their declarations, calls in the history, results, and calls in the answer.

use masker_tests::TestApp;
use masker_tests::fake_upstream::{Reply, Script, openai, respond};
use serde_json::{Value, json};

use crate::support::{ask, ask_streamed, token};

/// Masks staff ids, numbers of one city, and one name with quotation marks. Uses patterns, so that the values
/// themselves are not in the policy and therefore not in the database.
const POLICY: &str = r#"
name: tools
version: 1
kid: K_HEALTHCARE
tokenization: vault-deterministic
passes: [staff-id, regex]
entities:
  STAFF_ID: {}
  PHONE: {patterns: [{name: city, regex: '415555[0-9]{4}', confidence: 0.99}]}
  NAME: {patterns: [{name: quoted, regex: 'Bo .The [A-Z][a-z]+. O.Neil', confidence: 0.99}]}
"#;

async fn app() -> TestApp {
    TestApp::builder().plugin("regex").policy(POLICY).start().await
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "description": "finds somebody", "parameters":
        {"type": "object", "properties": {"who": {"type": "string"}, "phone": {"type": "number"}}, "required": ["who"]}}})
}

#[tokio::test]
async fn arguments_in_the_history_are_masked_and_stay_json() {
    let mut app = app().await;
    app.plant("E-12345");
    app.plant("4155550123");
    app.upstream.script(Reply::text("ok"));
    let arguments = json!({"who": "E-12345", "quote": "she said \"E-12345\"\n", "phone": 4155550123_u64, "n": 3, "yes": true, "none": null, "E-12345": [["E-12345"]]});
    let body = json!({"messages": [
        {"role": "user", "content": "find her"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function",
            "function": {"name": "find", "arguments": arguments.to_string()}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": json!({"found": ["E-12345"], "phone": 4155550123_u64}).to_string()},
    ], "tools": [tool("find")]});
    assert_eq!(app.chat(body).await.status, 200);
    let forwarded = app.forwarded();
    let sent: Value = serde_json::from_str(
        forwarded["messages"][1]["tool_calls"][0]["function"]["arguments"].as_str().expect("arguments are a string"),
    )
    .expect("arguments are still JSON");
    let token = sent["who"].as_str().expect("a token").to_owned();
    assert!(token.starts_with("MSKV1.STAFF_ID."));
    assert_eq!(sent["quote"], format!("she said \"{token}\"\n"));
    assert!(sent["phone"].as_str().expect("a string in the number's place").starts_with("MSKV1.PHONE."));
    assert_eq!((&sent["n"], &sent["yes"], &sent["none"]), (&json!(3), &json!(true), &Value::Null));
    assert_eq!(sent[&token], json!([[token]]), "keys are masked too: {sent}");
    let result: Value =
        serde_json::from_str(forwarded["messages"][2]["content"].as_str().expect("text")).expect("JSON");
    assert_eq!(result["found"][0], token);
    assert_eq!(forwarded["messages"][1]["tool_calls"][0]["id"], "call_1");
    assert_eq!(forwarded["messages"][2]["tool_call_id"], "call_1");
    app.finish().await;
}

#[tokio::test]
async fn arguments_in_an_answer_come_back_as_they_were_numbers_as_numbers() {
    let mut app = app().await;
    app.plant("E-12345");
    app.plant("4155550123");
    app.upstream.respond_with(|request| {
        let sent = request.json();
        let arguments =
            sent["messages"][1]["tool_calls"][0]["function"]["arguments"].as_str().unwrap_or_default().to_owned();
        Reply::json(&openai::tool_call_completion("call_2", "find", &arguments))
    });
    let arguments =
        json!({"who": "E-12345", "phone": 4155550123_u64, "quote": "a \"E-12345\" \\ \u{e9}\n", "E-12345": 1})
            .to_string();
    let body = json!({"messages": [
        {"role": "user", "content": "again"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function",
            "function": {"name": "find", "arguments": arguments}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "done"},
    ]});
    let answer = app.chat(body).await.json();
    let call = &answer["choices"][0]["message"]["tool_calls"][0];
    assert_eq!((&call["id"], &call["function"]["name"]), (&json!("call_2"), &json!("find")));
    let back = call["function"]["arguments"].as_str().expect("arguments are a string");
    let back: Value = serde_json::from_str(back).unwrap_or_else(|error| panic!("{error}: {back}"));
    assert_eq!(back, serde_json::from_str::<Value>(&arguments).expect("JSON"));
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    app.finish().await;
}

#[tokio::test]
async fn an_original_with_quotes_is_escaped_in_arguments() {
    let mut app = app().await;
    let value = app.plant("Bo \"The Bear\" O\\Neil").to_owned();
    app.upstream.respond_with(|request| {
        let arguments = json!({"who": token(&request.text())}).to_string();
        Reply::json(&openai::tool_call_completion("call_1", "find", &arguments))
    });
    let answer = app.chat(ask(&format!("find {value}"))).await.json();
    let back = answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"].as_str().expect("text");
    let back: Value = serde_json::from_str(back).unwrap_or_else(|error| panic!("{error}: {back}"));
    assert_eq!(back["who"], value);
    app.finish().await;
}

#[tokio::test]
async fn a_declaration_is_masked_but_its_names_stay() {
    let mut app = TestApp::start().await;
    app.plant("E-11111");
    app.upstream.script(Reply::text("ok"));
    let declaration = json!({"type": "function", "function": {
        "name": "find", "description": "ask E-11111", "strict": true,
        "parameters": {"type": "object", "title": "E-11111", "required": ["who"], "additionalProperties": false,
            "properties": {"who": {"type": "string", "description": "not E-11111", "enum": ["E-11111", "x"],
                "default": "E-11111", "const": "E-11111", "examples": ["E-11111"]},
                "list": {"type": "array", "items": {"anyOf": [{"description": "E-11111"}, {"type": "null"}]}}},
            "$defs": {"d": {"type": "string", "description": "E-11111"}}}}});
    let body = json!({"messages": [{"role": "user", "content": "hi"}], "tools": [declaration],
        "tool_choice": {"type": "function", "function": {"name": "find"}}});
    assert_eq!(app.chat(body).await.status, 200);
    let function = app.forwarded()["tools"][0]["function"].clone();
    let parameters = &function["parameters"];
    assert_eq!(function["name"], "find");
    assert_eq!(function["strict"], true);
    assert_eq!(parameters["required"], json!(["who"]));
    assert_eq!(parameters["properties"].as_object().expect("an object").keys().collect::<Vec<_>>(), ["who", "list"]);
    assert_eq!(parameters["properties"]["who"]["type"], "string");
    assert_eq!(parameters["properties"]["who"]["enum"][1], "x");
    let token = token(function["description"].as_str().expect("text"));
    assert_eq!(parameters["properties"]["who"]["default"], token);
    assert_eq!(app.forwarded()["tool_choice"], json!({"type": "function", "function": {"name": "find"}}));
    app.finish().await;
}

#[tokio::test]
async fn a_property_has_one_name_in_all_of_its_schema() {
    let mut app = TestApp::start().await;
    app.plant("E-22222");
    app.upstream.script(Reply::text("ok"));
    let mut declaration = tool("find");
    declaration["function"]["parameters"]["properties"] = json!({"E-22222": {"type": "string"}, "getWeather": {}});
    declaration["function"]["parameters"]["required"] = json!(["E-22222", "getWeather"]);
    let body = json!({"messages": [{"role": "user", "content": "hi"}], "tools": [declaration]});
    assert_eq!(app.chat(body).await.status, 200);
    let parameters = app.forwarded()["tools"][0]["function"]["parameters"].clone();
    let names: Vec<&String> = parameters["properties"].as_object().expect("an object").keys().collect();
    assert!(names[0].starts_with("MSKV1.STAFF_ID."), "{parameters}");
    assert_eq!(names[1], "getWeather");
    assert_eq!(parameters["required"], json!(names));
    app.finish().await;
}

#[tokio::test]
async fn a_tool_call_is_driven_through_in_a_stream_and_whole() {
    let mut app = TestApp::start().await;
    app.plant("E-44444");
    app.upstream.respond_with(respond::echo);
    let mut body = json!({"messages": [{"role": "user", "content": "find E-44444"}], "tools": [tool("find")]});
    let whole = app.chat(body.clone()).await.json();
    let arguments = whole["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"].as_str().expect("text");
    assert_eq!(serde_json::from_str::<Value>(arguments).expect("JSON")["who"], "find E-44444");
    body["stream"] = json!(true);
    let said = app.chat(body).await.said();
    assert_eq!(said.tools[&(0, 0)].0, "find");
    assert_eq!(serde_json::from_str::<Value>(&said.tools[&(0, 0)].1).expect("JSON")["who"], "find E-44444");
    app.finish().await;
}

#[tokio::test]
async fn the_old_function_call_and_custom_tools_work_too() {
    let mut app = TestApp::start().await;
    app.plant("E-55555");
    app.upstream.respond_with(|request| {
        let token = token(&request.text());
        Reply::json(&openai::completion_of(
            json!({"role": "assistant", "content": null,
                "function_call": {"name": "find", "arguments": format!("{{\"who\":\"{token}\"}}")},
                "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "free", "input": format!("say \"{token}\"")}}]}),
            "tool_calls",
        ))
    });
    let body = json!({"messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": null, "function_call": {"name": "find", "arguments": "{\"who\": \"E-55555\"}"}},
        {"role": "function", "name": "find", "content": "E-55555 it is"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "free", "input": "E-55555"}}]},
    ]});
    let answer = app.chat(body).await.json();
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["function_call"]["arguments"], "{\"who\":\"E-55555\"}");
    assert_eq!(message["tool_calls"][0]["custom"]["input"], "say \"E-55555\"");
    assert_eq!(app.forwarded()["messages"][2]["name"], "find");
    app.finish().await;
}

#[tokio::test]
async fn a_token_in_the_name_and_the_id_of_a_call_comes_back() {
    let mut app = TestApp::start().await;
    app.plant("E-66666");
    app.upstream.respond_with(|request| {
        let token = token(&request.text());
        Reply::json(&openai::tool_call_completion(&format!("call_{token}"), &format!("ask_{token}"), "{}"))
    });
    let call = app.chat(ask("ask E-66666")).await.json()["choices"][0]["message"]["tool_calls"][0].clone();
    assert_eq!((&call["id"], &call["function"]["name"]), (&json!("call_E-66666"), &json!("ask_E-66666")));
    for size in [4, 5, 8, 20, 100] {
        app.upstream.respond_with(move |request| {
            let token = token(&request.text());
            let name: Vec<char> = format!("ask_{token}").chars().collect();
            let mut script = Script::new().event(&openai::role_chunk());
            for (at, piece) in name.chunks(size).enumerate() {
                let piece: String = piece.iter().collect();
                let first = openai::tool_start_chunk(0, &format!("call_{token}"), &piece);
                let next = openai::chunk(json!({"tool_calls": [{"index": 0, "function": {"name": piece}}]}));
                script = script.event(if at == 0 { &first } else { &next });
            }
            let script = script.event(&openai::tool_arguments_chunk(0, "{}"));
            Reply::stream(script.event(&openai::finish_chunk("tool_calls")).done())
        });
        let answer = app.chat(ask_streamed("ask E-66666")).await;
        // If the scheme is split, its first letters are released: a name that ends with an M is complete.
        if size > 6 {
            assert_eq!(answer.said().tools[&(0, 0)], ("ask_E-66666".into(), "{}".into()), "{size}: {}", answer.text());
            let chunks = answer.chunks();
            let calls = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].get(0));
            let named: Vec<&Value> = calls.filter(|call| call["function"].get("name").is_some()).collect();
            assert_eq!((named.len(), &named[0]["id"]), (1, &json!("call_E-66666")), "{size}");
        }
    }
    app.finish().await;
}
