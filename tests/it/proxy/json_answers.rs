//! Values that would break out of the surrounding JSON without escaping for every level.

use masker_tests::TestApp;
use masker_tests::fake_upstream::{Reply, Script, openai};
use serde_json::{Value, json};

use crate::support::{ask, ask_streamed, token};

/// Masks hostile values, numbers of one city and staff ids. Uses patterns, so that the policy does not contain the
/// values themselves.
const POLICY: &str = r#"
name: answers
version: 1
kid: K_HEALTHCARE
tokenization: vault-deterministic
passes: [staff-id, regex]
entities:
  STAFF_ID: {}
  PHONE: {patterns: [{name: city, regex: '415555[0-9]{4}', confidence: 0.99}]}
  ADDRESS: {patterns: [{name: hostile, regex: '12 Main Street[", ]+admin[": ]+true[", ]+x[": ]+Chicago', confidence: 0.99}]}
"#;

const HOSTILE: &str = "12 Main Street\", \"admin\": true, \"x\": \"Chicago";

async fn app() -> TestApp {
    let mut app = TestApp::builder().plugin("regex").policy(POLICY).start().await;
    app.plant(HOSTILE);
    app
}

/// A document inside a JSON string, nested to this depth.
fn nested(inner: Value, levels: usize) -> Value {
    (0..levels).fold(inner, |inner, _| json!({"payload": inner.to_string()}))
}

/// Parses `payload` this many times.
fn opened(document: &str, levels: usize) -> Value {
    let document: Value = serde_json::from_str(document).unwrap_or_else(|error| panic!("{error}: {document}"));
    match levels {
        0 => document,
        _ => opened(document["payload"].as_str().expect("a document in a string"), levels - 1),
    }
}

#[tokio::test]
async fn a_long_answer_is_restored_like_a_short_one() {
    let app = app().await;
    for times in [1, 20, 5_000] {
        app.upstream.respond_with(move |request| {
            Reply::json(&openai::completion(&format!("{}. ", token(&request.text())).repeat(times)))
        });
        let answer = app.chat(ask(&format!("I live at {HOSTILE}"))).await.json();
        assert_eq!(answer["choices"][0]["message"]["content"], format!("{HOSTILE}. ").repeat(times), "{times}");
    }
}

#[tokio::test]
async fn a_value_adds_nothing_to_the_arguments_of_a_call_at_any_depth() {
    let app = app().await;
    for levels in 0..4 {
        app.upstream.respond_with(move |request| {
            let arguments = nested(json!({"address": token(&request.text()), "note": "\n"}), levels).to_string();
            Reply::json(&openai::tool_call_completion("call_1", "save", &arguments))
        });
        let answer = app.chat(ask(&format!("I live at {HOSTILE}"))).await.json();
        let back = answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"].as_str().expect("text");
        assert_eq!(opened(back, levels), json!({"address": HOSTILE, "note": "\n"}), "{levels}");
        for size in 1..=40 {
            app.upstream.respond_with(move |request| {
                let arguments = nested(json!({"address": token(&request.text()), "note": "\n"}), levels).to_string();
                Reply::stream(Script::new().events(&openai::tool_call_events("c", "save", &arguments, size)).done())
            });
            let said = app.chat(ask_streamed(&format!("I live at {HOSTILE}"))).await.said();
            let back = opened(&said.tools[&(0, 0)].1, levels);
            assert_eq!(back, json!({"address": HOSTILE, "note": "\n"}), "{levels} {size}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn a_value_adds_nothing_to_an_answer_in_json() {
    let app = app().await;
    let formats = [
        json!(null),
        json!({"type": "json_object"}),
        json!({"type": "json_schema", "json_schema": {"name": "answer", "strict": true, "schema": {"type": "object"}}}),
    ];
    for (format, levels) in formats.iter().flat_map(|format| [(format, 0), (format, 2)]) {
        for (before, after) in [("", ""), ("Here it is:\n```json\n", "\n```\nDone."), ("Result: ", " - \"ok\"")] {
            let mut body = ask(&format!("I live at {HOSTILE}"));
            if !format.is_null() {
                body["response_format"] = format.clone();
            }
            let document = move |token: &str| {
                let document = nested(json!({"address": token, "all": [format!("at {token}")]}), levels);
                format!("{before}{}{after}", serde_json::to_string_pretty(&document).expect("a document"))
            };
            let check = |text: &str| {
                let text =
                    text.strip_prefix(before).and_then(|text| text.strip_suffix(after)).expect("what is around it");
                assert_eq!(opened(text, levels), json!({"address": HOSTILE, "all": [format!("at {HOSTILE}")]}));
            };
            app.upstream.respond_with(move |request| Reply::text(&document(&token(&request.text()))));
            check(&app.chat(body.clone()).await.content());
            body["stream"] = json!(true);
            for size in [1, 2, 3, 7, 30, 500] {
                app.upstream.respond_with(move |request| {
                    let text = document(&token(&request.text()));
                    Reply::stream(Script::new().events(&openai::text_events(&text, size)).done())
                });
                check(app.chat(body.clone()).await.said().text());
            }
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn words_are_not_escaped() {
    let app = app().await;
    for (before, after) in [("You live at ", "."), ("\"", "\" it is"), ("[", "]"), ("{", "}"), ("[see ", "]")] {
        let text = move |token: &str| format!("{before}{token}{after}");
        app.upstream.respond_with(move |request| Reply::text(&text(&token(&request.text()))));
        assert_eq!(app.chat(ask(&format!("I live at {HOSTILE}"))).await.content(), text(HOSTILE));
    }
    app.finish().await;
}

#[tokio::test]
async fn arguments_that_are_no_text_are_restored_leaf_by_leaf() {
    let app = app().await;
    let arguments = |token: &str| {
        json!({"address": token, "type": "home", token: 1, "list": [1, {"index": 2, "note": format!("for {token}"),
            "inner": format!("{{\"a\": \"{token}\"}}")}]})
    };
    let check = |back: &Value| {
        assert_eq!(back["address"], HOSTILE);
        assert_eq!((&back["type"], &back[HOSTILE], &back["list"][0]), (&json!("home"), &json!(1), &json!(1)));
        assert_eq!(back["list"][1]["note"], format!("for {HOSTILE}"));
        let inner = back["list"][1]["inner"].as_str().expect("text");
        assert_eq!(serde_json::from_str::<Value>(inner).expect("JSON"), json!({"a": HOSTILE}));
    };
    app.upstream.respond_with(move |request| {
        let call = json!({"id": "c", "type": "function", "function": {"name": "save", "arguments": arguments(&token(&request.text()))}});
        let message = json!({"role": "assistant", "content": null, "tool_calls": [call]});
        Reply::json(&openai::completion_of(message, "tool_calls"))
    });
    let answer = app.chat(ask(&format!("I live at {HOSTILE}"))).await.json();
    check(&answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]);
    for size in [1, 7, 1000] {
        app.upstream.respond_with(move |request| {
            let function = json!({"name": "save", "arguments": arguments(&token(&request.text()))});
            let call = openai::chunk(
                json!({"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": function}]}),
            );
            let script = Script::new().event(&openai::role_chunk()).event(&call);
            Reply::stream(script.event(&openai::finish_chunk("tool_calls")).done().cut_every(size))
        });
        let chunks = app.chat(ask_streamed(&format!("I live at {HOSTILE}"))).await.chunks();
        check(&chunks[1]["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"]);
    }
    app.finish().await;
}

/// A request whose history has a number from a tool, and tools that accept it in every form.
fn with_number() -> Value {
    let properties = json!({"text": {"type": "string"}, "number": {"type": "integer"}, "open": {}});
    json!({"messages": [
        {"role": "user", "content": "again"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function",
            "function": {"name": "find", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "{\"phone\": 4155550123}"},
    ], "tools": [{"type": "function", "function": {"name": "dial", "parameters": {"type": "object", "properties": properties}}}]})
}

#[tokio::test]
async fn a_number_comes_back_as_what_the_tool_takes() {
    let mut app = app().await;
    app.plant("4155550123");
    let arguments = |token: &str| {
        json!({"text": token, "number": token, "open": token, "other": token, "said": format!("call {token}"),
            "payload": json!({"number": token}).to_string()})
    };
    let expected = json!({"text": "4155550123", "number": 4155550123_u64, "open": 4155550123_u64, "other": 4155550123_u64,
        "said": "call 4155550123", "payload": "{\"number\":4155550123}"});
    app.upstream.respond_with(move |request| {
        let arguments = arguments(&token(&request.text())).to_string();
        Reply::json(&openai::tool_call_completion("call_2", "dial", &arguments))
    });
    let answer = app.chat(with_number()).await.json();
    let back = answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"].as_str().expect("text");
    assert_eq!(serde_json::from_str::<Value>(back).expect("JSON"), expected);
    for size in 1..=40 {
        app.upstream.respond_with(move |request| {
            let arguments = arguments(&token(&request.text())).to_string();
            Reply::stream(Script::new().events(&openai::tool_call_events("c", "dial", &arguments, size)).done())
        });
        let mut body = with_number();
        body["stream"] = json!(true);
        let said = app.chat(body).await.said();
        let back: Value = serde_json::from_str(&said.tools[&(0, 0)].1).expect("JSON");
        assert_eq!(back, expected, "{size}");
    }
    // Arguments that are not text are treated the same.
    app.upstream.respond_with(move |request| {
        let call = json!({"id": "c", "type": "function", "function": {"name": "dial", "arguments": arguments(&token(&request.text()))}});
        Reply::json(&openai::completion_of(json!({"role": "assistant", "content": null, "tool_calls": [call]}), "tool_calls"))
    });
    let answer = app.chat(with_number()).await.json();
    let back = &answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"];
    assert_eq!(
        (&back["text"], &back["number"], &back["open"]),
        (&json!("4155550123"), &json!(4155550123_u64), &json!(4155550123_u64))
    );
    app.finish().await;
}

/// Deterministic pseudo-random numbers.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }
}

/// A text made of pieces that matter to a parser.
fn drawn(draw: &mut Draw, token: &str) -> String {
    let lower = token.to_lowercase();
    let parts = [
        token,
        token,
        &lower,
        &token[..14],
        "\"",
        "\\\"",
        "\\",
        "{",
        "{\"a\": \"",
        "\"}",
        "[",
        "]",
        ", ",
        ": ",
        "\n",
        "MSK",
        "Omsk ",
        "```json\n",
        "```\n",
        "é😀 ",
        "Hello ",
        "12",
        "true",
        "\"{\\\"b\\\": \\\"",
        "&#46;",
        " ",
    ];
    (0..1 + draw.below(12)).map(|_| parts[draw.below(parts.len())]).collect()
}

/// The answered message, with one text in every position.
fn message(text: &str) -> Value {
    json!({"role": "assistant", "content": text, "reasoning_content": text,
        "thinking_blocks": [{"type": "thinking", "thinking": text}], "tool_calls": [
            {"index": 0, "id": "c", "type": "function", "function": {"name": "save", "arguments": text}},
            {"index": 1, "id": "d", "type": "custom", "custom": {"name": "note", "input": text}}]})
}

/// The same as a stream, with `size` characters per chunk.
fn streamed(text: &str, size: usize, reason: &str) -> Script {
    let chars: Vec<char> = text.chars().collect();
    let pieces: Vec<String> = chars.chunks(size).map(|piece| piece.iter().collect()).collect();
    let places: [fn(&str) -> Value; 3] = [
        |piece| json!({"reasoning_content": piece}),
        |piece| json!({"thinking_blocks": [{"type": "thinking", "thinking": piece}]}),
        |piece| json!({"content": piece}),
    ];
    let mut script = Script::new().event(&openai::role_chunk());
    for place in places {
        script = pieces.iter().fold(script, |script, piece| script.event(&openai::chunk(place(piece))));
    }
    script = script.event(&openai::tool_start_chunk(0, "c", "save"));
    script = pieces.iter().fold(script, |script, piece| script.event(&openai::tool_arguments_chunk(0, piece)));
    for piece in &pieces {
        let call = json!({"index": 1, "custom": {"input": piece}});
        script = script.event(&openai::chunk(json!({ "tool_calls": [call] })));
    }
    script.event(&openai::finish_chunk(reason)).done()
}

#[tokio::test]
async fn a_whole_answer_and_the_same_as_a_stream_are_equal() {
    let app = app().await;
    let mut draw = Draw(16);
    for round in 0..if cfg!(debug_assertions) { 150 } else { 1500 } {
        let seed = draw.below(1 << 30) as u64;
        let size = [1, 2, 3, 5, 11, 1000][draw.below(6)];
        let reason = ["stop", "length"][draw.below(2)];
        let mut body = ask(&format!("I live at {HOSTILE}"));
        if draw.below(2) == 0 {
            body["response_format"] = json!({"type": "json_object"});
        }
        app.upstream.respond_with(move |request| {
            let text = drawn(&mut Draw(seed), &token(&request.text()));
            Reply::json(&openai::completion_of(message(&text), reason))
        });
        let whole = app.chat(body.clone()).await.json();
        let whole = &whole["choices"][0]["message"];
        app.upstream.respond_with(move |request| {
            Reply::stream(streamed(&drawn(&mut Draw(seed), &token(&request.text())), size, reason))
        });
        body["stream"] = json!(true);
        let answer = app.chat(body).await;
        let (said, chunks) = (answer.said(), answer.chunks());
        let joined = |path: &str| -> String {
            let texts = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"].pointer(path)?.as_str());
            texts.collect()
        };
        let shown = format!("round {round}, pieces of {size}, {reason}");
        assert_eq!(said.text(), whole["content"], "{shown}");
        assert_eq!(joined("/reasoning_content"), whole["reasoning_content"].as_str().expect("text"), "{shown}");
        assert_eq!(
            joined("/thinking_blocks/0/thinking"),
            whole["thinking_blocks"][0]["thinking"].as_str().expect("text"),
            "{shown}"
        );
        assert_eq!(said.tools[&(0, 0)].1, whole["tool_calls"][0]["function"]["arguments"], "{shown}");
        assert_eq!(
            joined("/tool_calls/0/custom/input"),
            whole["tool_calls"][1]["custom"]["input"].as_str().expect("text"),
            "{shown}"
        );
    }
    app.finish().await;
}
