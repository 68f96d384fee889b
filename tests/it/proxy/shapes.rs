//! Answers of every shape that servers send, whole and streamed: parts, thinking, unknown fields. For every shape and
//! chunking, tokens are restored, and protocol words and a provider's own state are unchanged.

use masker_tests::TestApp;
use masker_tests::fake_upstream::{Reply, Script, openai};
use masker_tests::test_app::Answer;
use serde_json::{Value, json};

use crate::support::{ask, ask_streamed, cut_everywhere, token};

async fn app() -> TestApp {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app
}

/// A delta, or a message, that contains a text.
type Shape = (&'static str, fn(&str) -> Value);

const SHAPES: [Shape; 14] = [
    ("/content/0/text", |text| json!({"content": [{"type": "text", "text": text}]})),
    (
        "/content/0/thinking/0/text",
        |text| json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]}),
    ),
    (
        "/content/1/text",
        |text| json!({"content": [{"type": "thinking", "thinking": []}, {"type": "text", "text": text}]}),
    ),
    (
        "/reasoning_details/0/text",
        |text| json!({"reasoning_details": [{"type": "reasoning.text", "text": text, "id": "r-1", "format": "unknown", "index": 0}]}),
    ),
    (
        "/reasoning_details/0/summary",
        |text| json!({"reasoning_details": [{"type": "reasoning.summary", "summary": text}]}),
    ),
    ("/thinking_blocks/0/thinking", |text| json!({"thinking_blocks": [{"type": "thinking", "thinking": text}]})),
    ("/thinking", |text| json!({"thinking": text})),
    ("/reasoning", |text| json!({"reasoning": text})),
    ("/reasoning/text", |text| json!({"reasoning": {"text": text}})),
    ("/refusal", |text| json!({"refusal": text})),
    ("/audio/transcript", |text| json!({"audio": {"transcript": text}})),
    ("/notes/0", |text| json!({"notes": [text]})),
    ("/function_call/arguments", |text| json!({"function_call": {"arguments": text}})),
    ("/tool_calls/0/custom/input", |text| json!({"tool_calls": [{"index": 0, "custom": {"input": text}}]})),
];

fn in_pieces(text: &str, size: usize) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(size).map(|piece| piece.iter().collect()).collect()
}

/// All strings under this path in all deltas, as a client joins them.
fn joined(answer: &Answer, path: &str) -> String {
    let chunks = answer.chunks();
    let texts = chunks.iter().filter_map(|chunk| {
        let delta = &chunk["choices"][0]["delta"];
        // The index of a part in its list is not known.
        let place = path.replace("content/1", "content/0");
        delta.pointer(path).or_else(|| delta.pointer(&place))?.as_str().map(str::to_owned)
    });
    texts.collect()
}

/// Whether every field of a delta is in the other: a delta that Masker creates omits what was sent before.
fn is_part_of(delta: &Value, other: &Value) -> bool {
    match (delta, other) {
        (Value::Object(own), Value::Object(other)) => {
            own.iter().all(|(key, value)| other.get(key).is_some_and(|other| is_part_of(value, other)))
        }
        (Value::Array(own), Value::Array(other)) => {
            own.len() == other.len() && own.iter().zip(other).all(|(own, other)| is_part_of(own, other))
        }
        (own, other) => own == other,
    }
}

#[tokio::test]
async fn a_token_in_any_shape_comes_back_however_it_is_cut() {
    let app = app().await;
    for (path, shape) in SHAPES {
        for size in 1..=64 {
            app.upstream.respond_with(move |request| {
                let text = format!("mm {} M", token(&request.text()));
                let deltas: Vec<Value> =
                    in_pieces(&text, size).iter().map(|piece| openai::chunk(shape(piece))).collect();
                let script = Script::new().event(&openai::role_chunk()).events(&deltas);
                Reply::stream(script.event(&openai::finish_chunk("stop")).done().cut_every(size))
            });
            let answer = app.chat(ask_streamed("I am E-12345.")).await;
            assert_eq!(joined(&answer, path), "mm E-12345 M", "{path} in pieces of {size}: {}", answer.text());
            assert!(!answer.has_token(), "{}", answer.text());
            // Only the text changes, and no text moves elsewhere.
            for chunk in answer.chunks() {
                let delta = &chunk["choices"][0]["delta"];
                if let Some(text) = delta.pointer(path).and_then(Value::as_str) {
                    assert!(is_part_of(delta, &shape(text)), "{path} in pieces of {size}: {delta}");
                }
            }
            let said = answer.said();
            assert_eq!((said.finished[&0].as_str(), said.done), ("stop", true));
        }
        app.upstream.respond_with(move |request| {
            let mut message = shape(&format!("mm {} M", token(&request.text())));
            message["role"] = json!("assistant");
            Reply::json(&openai::completion_of(message, "stop"))
        });
        let answer = app.chat(ask("I am E-12345.")).await.json();
        let mut expected = shape("mm E-12345 M");
        expected["role"] = json!("assistant");
        assert_eq!(answer["choices"][0]["message"], expected);
    }
    app.finish().await;
}

#[tokio::test]
async fn later_pieces_may_leave_away_of_which_type_they_are() {
    let app = app().await;
    let script = |token: &str| {
        let first = json!({"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "of "}]});
        let mut script = Script::new().event(&openai::role_chunk()).event(&openai::chunk(first));
        for piece in in_pieces(token, 9) {
            script = script.event(&openai::chunk(json!({"reasoning_details": [{"index": 0, "text": piece}]})));
        }
        script.event(&openai::finish_chunk("stop")).done()
    };
    cut_everywhere(&app, script, |answer| {
        assert_eq!(joined(answer, "/reasoning_details/0/text"), "of E-12345", "{}", answer.text());
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn thinking_and_speech_stay_apart() {
    let app = app().await;
    let script = |token: &str| {
        let (a, b) = token.split_at(21);
        let thinking =
            |text: &str| json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]});
        let text = |text: &str| json!({"content": [{"type": "text", "text": text}]});
        let both = json!({"content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "? "}]}, {"type": "text", "text": "Hello "}]});
        Script::new()
            .event(&openai::role_chunk())
            .events(
                &[thinking("It is "), thinking(a), thinking(b), both, text(a), text(b), text("."), thinking("MSK")]
                    .map(openai::chunk),
            )
            .event(&openai::finish_chunk("stop"))
            .done()
    };
    cut_everywhere(&app, script, |answer| {
        let (mut thought, mut said) = (String::new(), String::new());
        for chunk in answer.chunks() {
            for part in chunk["choices"][0]["delta"]["content"].as_array().into_iter().flatten() {
                match part["type"].as_str() {
                    Some("text") => said.push_str(part["text"].as_str().expect("a text")),
                    Some("thinking") => thought.push_str(part["thinking"][0]["text"].as_str().expect("a thought")),
                    other => panic!("{other:?} in {chunk}"),
                }
            }
        }
        assert_eq!((thought.as_str(), said.as_str()), ("It is E-12345? MSK", "Hello E-12345."));
        assert!(answer.chunks().last().expect("chunks")["choices"][0]["finish_reason"] == "stop");
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn what_belongs_to_a_provider_passes_byte_for_byte() {
    let app = app().await;
    // Each would be held back or changed in speech: an M at the end, letters like a value's.
    let state = "gAAAAABM+K3F7Q2ZTABCDEFGHIJKLMNOPQA/MSKV1.NAME.K.JOHN==M";
    let deltas = [
        json!({"reasoning_details": [{"type": "reasoning.encrypted", "data": state, "id": "rs_M", "format": "M", "index": 0}]}),
        json!({"reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": state}]}),
        json!({"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": state}]}),
        json!({"thinking_blocks": [{"type": "redacted_thinking", "data": state}]}),
        json!({"encrypted_content": state, "audio": {"id": "audio_M", "data": state}}),
        json!({"tool_calls": [{"index": 0, "id": "call_M", "type": "function", "function": {"name": "confirm", "arguments": ""},
            "extra_content": {"google": {"thought_signature": state}}}]}),
        json!({"images": [{"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{state}")}}]}),
    ];
    for delta in &deltas {
        let events = [openai::role_chunk(), openai::chunk(delta.clone()), openai::finish_chunk("stop")];
        app.upstream.script(Reply::stream(Script::new().events(&events).done()));
        let answer = app.chat(ask_streamed("hello")).await;
        // Text that may still become a token is delayed, without the rest of its part.
        let state =
            |value: &Value| value.to_string().matches("K3F7Q2ZTABCDEFGHIJKLMNOPQA/MSKV1.NAME.K.JOHN==M").count();
        let sent: usize = answer.chunks().iter().map(state).sum();
        assert_eq!(sent, state(delta), "{delta}: {}", answer.text());
        let mut message = delta.clone();
        message["role"] = json!("assistant");
        let whole = openai::completion_of(message, "stop");
        app.upstream.script(Reply::json(&whole));
        assert_eq!(app.chat(ask("hello")).await.json(), whole);
    }
    app.finish().await;
}

#[tokio::test]
async fn each_field_is_held_for_itself() {
    let app = app().await;
    let deltas = [json!({"thinking": "hm", "notes": "gAAA"}), json!({"thinking": "m", "notes": "b"})];
    let events: Vec<Value> = deltas.iter().map(|delta| openai::chunk(delta.clone())).collect();
    let script = Script::new().event(&openai::role_chunk()).events(&events);
    app.upstream.script(Reply::stream(script.event(&openai::finish_chunk("stop")).done()));
    let answer = app.chat(ask_streamed("hello")).await;
    assert_eq!((joined(&answer, "/thinking").as_str(), joined(&answer, "/notes").as_str()), ("hmm", "gAAAb"));
    app.finish().await;
}

#[tokio::test]
async fn words_of_the_protocol_are_not_changed_where_nothing_is_masked() {
    let app = app().await;
    let mut events = vec![openai::role_chunk()];
    for text in ["good", " morn", "ing"] {
        for (_, shape) in SHAPES {
            events.push(openai::chunk(shape(text)));
        }
    }
    events.push(openai::finish_chunk("stop"));
    app.upstream.script(Reply::stream(Script::new().events(&events).done()));
    assert_eq!(app.chat(ask_streamed("hello")).await.chunks(), events);
    app.finish().await;
}

#[tokio::test]
async fn tokens_beside_the_message_come_back() {
    let app = app().await;
    app.upstream.respond_with(|request| {
        let token = token(&request.text());
        let mut answer = openai::completion(&format!("for {token}"));
        answer["citations"] = json!([format!("https://example.com/{token}"), "x"]);
        answer["choices"][0]["note"] = json!({"to": token});
        answer["choices"][0]["message"]["extra"] = json!({"deep": [{"id": token, "call_id": format!("call_{token}")}]});
        Reply::json(&answer)
    });
    let answer = app.chat(ask("I am E-12345.")).await.json();
    assert_eq!(answer["citations"], json!(["https://example.com/E-12345", "x"]));
    assert_eq!(answer["choices"][0]["note"], json!({"to": "E-12345"}));
    assert_eq!(
        answer["choices"][0]["message"]["extra"],
        json!({"deep": [{"id": "E-12345", "call_id": "call_E-12345"}]})
    );

    let script = |token: &str| {
        let (a, b) = token.split_at(20);
        let text = |text: &str| openai::chunk_of(json!([{"index": 0, "text": text, "finish_reason": null}]));
        let mut first = openai::role_chunk();
        first["search_results"] = json!([{"title": format!("about {token}"), "url": "https://example.com/M"}]);
        let mut last = openai::finish_chunk("stop");
        last["choices"][0]["matched_stop"] = json!(token);
        Script::new().event(&first).events(&[text("to "), text(a), text(b), text("!"), last]).done()
    };
    cut_everywhere(&app, script, |answer| {
        assert!(!answer.has_token(), "{}", answer.text());
        let chunks = answer.chunks();
        assert_eq!(chunks[0]["search_results"], json!([{"title": "about E-12345", "url": "https://example.com/M"}]));
        let said: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["text"].as_str()).collect();
        assert_eq!(said, "to E-12345!");
        assert_eq!(chunks.last().expect("chunks")["choices"][0]["matched_stop"], "E-12345");
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn what_is_beside_a_held_text_is_not_held() {
    let app = app().await;
    app.upstream.respond_with(|request| {
        let token = token(&request.text());
        let (a, b) = token.split_at(20);
        // Only held text, beside a null field; and the same with another field beside it.
        let held = openai::chunk(json!({"content": a, "reasoning_content": null}));
        let mut cited = openai::chunk(json!({"content": &b[..10]}));
        cited["citations"] = json!([token]);
        let last = openai::text_chunk(&b[10..]);
        let script = Script::new().events(&[openai::role_chunk(), held, cited, last, openai::finish_chunk("stop")]);
        Reply::stream(script.done())
    });
    let answer = app.chat(ask_streamed("I am E-12345.")).await;
    let chunks = answer.chunks();
    assert_eq!(chunks.len(), 4, "{}", answer.text());
    assert_eq!((&chunks[1]["citations"], &chunks[1]["choices"][0]["delta"]), (&json!(["E-12345"]), &json!({})));
    assert_eq!(answer.said().text(), "E-12345");
    app.finish().await;
}

#[tokio::test]
async fn an_error_in_a_stream_is_one_in_every_form() {
    let app = app().await;
    for form in 0..5 {
        let script = move |token: &str| {
            let message = format!("no {token}");
            let event = match form {
                0 => format!("data: {}\n\n", json!({"error": {"message": message, "code": 400}})),
                1 => format!("data: {}\n\n", json!({"object": "error", "message": message, "code": 400})),
                2 => format!("event: error\ndata: {}\n\n", json!({"message": message})),
                3 => format!("event: error\ndata: {message}\n\n"),
                _ => format!("event: error\ndata: {}\n\n", json!({"error": message})),
            };
            Script::new().event(&openai::text_chunk("Hello")).raw(event).event(&openai::text_chunk("more")).done()
        };
        cut_everywhere(&app, script, |answer| {
            let said = answer.said();
            assert_eq!((said.text(), said.done), ("Hello", false), "{form}: {}", answer.text());
            assert!(said.error.is_some() && !answer.has_token(), "{form}: {}", answer.text());
            assert!(answer.text().contains("no [REDACTED:STAFF_ID]"), "{form}: {}", answer.text());
        })
        .await;
    }
    let sessions = app.sessions().await;
    assert!(sessions.iter().all(|session| session.status == masker::session::Status::Partial));
    app.finish().await;
}

#[tokio::test]
async fn halves_of_a_character_pass_as_they_were_sent() {
    let app = app().await;
    let raw = |data: &str| {
        let chunk = openai::text_chunk("TEXT").to_string();
        format!("data: {}\n\n", chunk.replace("TEXT", data))
    };
    let script = move |token: &str| {
        let (a, b) = token.split_at(20);
        Script::new()
            .event(&openai::role_chunk())
            .raw(raw("Hi \\ud83d"))
            .raw(raw(&format!("\\ude00 there {a}")))
            .raw(raw(&format!("{b} \\uD83D")))
            .raw(raw("\\ud83d\\ude00 é"))
            .event(&openai::finish_chunk("stop"))
            .done()
    };
    cut_everywhere(&app, script, |answer| {
        // As a client reads them: escapes of two chunks next to each other.
        let texts =
            answer.text().split("\"content\":\"").skip(2).map(|rest| rest.split('"').next().unwrap_or_default());
        let said = texts.collect::<String>().replace("\\ud83d\\ude00", "😀").to_lowercase();
        assert_eq!(said, "hi 😀 there e-12345 \\ud83d😀 é", "{}", answer.text());
        assert!(answer.text().ends_with("data: [DONE]\n\n"));
    })
    .await;
    app.upstream.respond_with(|request| {
        let text = format!("{} cut short HALF", token(&request.text()));
        let answer = openai::completion(&text).to_string().replace("HALF", "\\ud83d");
        Reply::bytes(200, "application/json", answer)
    });
    let answer = app.chat(ask("I am E-12345.")).await;
    assert!(answer.text().contains(r#""E-12345 cut short \ud83d""#), "{}", answer.text());
    app.finish().await;
}

#[tokio::test]
async fn annotations_point_at_the_same_words() {
    let app = app().await;
    let cite = |text: &str| {
        let at = text.chars().count() - text.split_once("example.com").map_or(0, |(_, rest)| rest.chars().count() + 11);
        json!([{"type": "url_citation", "url_citation": {"start_index": at, "end_index": at + 11, "url": "https://example.com"}}])
    };
    let texts: [fn(&str) -> String; 3] = [
        |token| format!("{token} is at example.com today."),
        |token| format!("See example.com, {token}."),
        |token| format!("é {token} 😀 and {token}: example.com {token}"),
    ];
    let check = |text: &str, annotations: &Value| {
        let cited = &annotations[0]["url_citation"];
        let place = |name: &str| usize::try_from(cited[name].as_u64().expect("a position")).expect("small");
        let cut: String = text.chars().take(place("end_index")).skip(place("start_index")).collect();
        assert_eq!(cut, "example.com", "{text}: {annotations}");
    };
    for text in texts {
        app.upstream.respond_with(move |request| {
            let text = text(&token(&request.text()));
            let message = json!({"role": "assistant", "content": text, "annotations": cite(&text)});
            Reply::json(&openai::completion_of(message, "stop"))
        });
        let answer = app.chat(ask("I am E-12345.")).await.json();
        let message = &answer["choices"][0]["message"];
        check(message["content"].as_str().expect("a text"), &message["annotations"]);
        for size in [1, 3, 10, 100] {
            let script = move |token: &str| {
                let text = text(token);
                let mut events = openai::text_events(&text, size);
                events.insert(events.len() - 1, openai::chunk(json!({"annotations": cite(&text)})));
                Script::new().events(&events).done()
            };
            app.upstream.respond_with(move |request| Reply::stream(script(&token(&request.text()))));
            let answer = app.chat(ask_streamed("I am E-12345.")).await;
            let chunks = answer.chunks();
            let annotations = chunks.iter().find_map(|chunk| chunk["choices"][0]["delta"].get("annotations"));
            let annotations = annotations.expect("annotations");
            check(answer.said().text(), annotations);
            assert_eq!(annotations[0]["url_citation"]["url"], "https://example.com");
        }
    }
    app.finish().await;
}
