//! Streamed answers, split in every way: what a parser may rely on holds for any chunking.

use masker_tests::TestApp;
use masker_tests::fake_upstream::{Reply, Script, Signal, openai};
use serde_json::{Value, json};

use crate::support::{ask_streamed, cut_everywhere, token};

async fn app() -> TestApp {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    app
}

#[tokio::test]
async fn a_token_cut_anywhere_comes_back_whole() {
    let app = app().await;
    let script = |token: &str| {
        Script::new().events(&openai::text_events(&format!("Hello {token}, how are you, {token}?"), 5)).done()
    };
    cut_everywhere(&app, script, |answer| {
        let said = answer.said();
        assert_eq!(said.text(), "Hello E-12345, how are you, E-12345?");
        assert_eq!(said.finished[&0], "stop");
        assert!(said.done && said.error.is_none());
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn a_token_cut_into_chunks_of_every_size_comes_back_whole() {
    let app = app().await;
    for piece in 1..80 {
        app.upstream.respond_with(move |request| {
            let text = format!("Hello {}, bye.", token(&request.text()));
            Reply::stream(Script::new().events(&openai::text_events(&text, piece)).done())
        });
        let answer = app.chat(ask_streamed("I am E-12345.")).await;
        assert_eq!(answer.said().text(), "Hello E-12345, bye.", "{piece} characters a chunk");
        assert!(!answer.has_token(), "{}", answer.text());
    }
    app.finish().await;
}

#[tokio::test]
async fn half_characters_are_put_together() {
    let app = app().await;
    let script =
        |token: &str| Script::new().events(&openai::text_events(&format!("Señor {token}, 你好 👩‍⚕️ é."), 2)).done();
    cut_everywhere(&app, script, |answer| assert_eq!(answer.said().text(), "Señor E-12345, 你好 👩‍⚕️ é.")).await;
    app.finish().await;
}

#[tokio::test]
async fn choices_that_come_interleaved_stay_apart() {
    let app = app().await;
    let script = |token: &str| {
        let (a, b) = token.split_at(token.len() / 2);
        let (c, d) = token.split_at(9);
        let piece = |index: u64, text: &str| {
            openai::chunk_of(json!([{"index": index, "delta": {"content": text}, "finish_reason": null}]))
        };
        let finish = |index: u64| openai::chunk_of(json!([{"index": index, "delta": {}, "finish_reason": "stop"}]));
        Script::new()
            .events(&[piece(0, &format!("A {a}")), piece(1, &format!("B {c}")), piece(0, b), piece(1, d)])
            .events(&[piece(1, "!"), finish(0), piece(1, "?"), finish(1)])
            .done()
    };
    cut_everywhere(&app, script, |answer| {
        let said = answer.said();
        assert_eq!(said.content[&0], "A E-12345");
        assert_eq!(said.content[&1], "B E-12345!?");
        assert_eq!(said.finished.len(), 2);
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn choices_in_one_chunk_stay_apart() {
    let app = app().await;
    let script = |token: &str| {
        let (a, b) = token.split_at(12);
        let both = |first: &str, second: &str, finish: Value| {
            openai::chunk_of(json!([
                {"index": 0, "delta": {"content": first}, "finish_reason": finish},
                {"index": 1, "delta": {"content": second}, "finish_reason": finish},
            ]))
        };
        Script::new().events(&[both("x ", a, Value::Null), both(a, b, Value::Null), both(b, "", json!("stop"))]).done()
    };
    cut_everywhere(&app, script, |answer| {
        let said = answer.said();
        assert_eq!((said.content[&0].as_str(), said.content[&1].as_str()), ("x E-12345", "E-12345"));
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn parallel_tool_calls_that_come_interleaved_stay_apart() {
    let app = app().await;
    let script = |token: &str| {
        let (a, b) = token.split_at(20);
        Script::new()
            .event(&openai::role_chunk())
            .event(&openai::tool_start_chunk(0, "call_a", "find"))
            .event(&openai::tool_start_chunk(1, "call_b", "note"))
            .event(&openai::tool_arguments_chunk(0, &format!("{{\"who\":\"{a}")))
            .event(&openai::tool_arguments_chunk(1, &format!("{{\"text\":\"for {a}")))
            .event(&openai::tool_arguments_chunk(0, &format!("{b}\"}}")))
            .event(&openai::tool_arguments_chunk(1, &format!("{b}.\"}}")))
            .event(&openai::finish_chunk("tool_calls"))
            .done()
    };
    cut_everywhere(&app, script, |answer| {
        let said = answer.said();
        assert_eq!(said.tools[&(0, 0)], ("find".into(), r#"{"who":"E-12345"}"#.into()));
        assert_eq!(said.tools[&(0, 1)], ("note".into(), r#"{"text":"for E-12345."}"#.into()));
        assert_eq!(said.finished[&0], "tool_calls");
        let ids: Vec<Value> = answer
            .chunks()
            .iter()
            .map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["id"].clone())
            .filter(|id| !id.is_null())
            .collect();
        assert_eq!(ids, [json!("call_a"), json!("call_b")]);
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn the_usage_chunk_stays_last_and_done_ends_the_stream() {
    let app = app().await;
    let script = |token: &str| {
        Script::new().events(&openai::text_events(&format!("You are {token}"), 5)).event(&openai::usage_chunk()).done()
    };
    cut_everywhere(&app, script, |answer| {
        // `said` fails when something follows the usage chunk.
        let said = answer.said();
        assert!(said.usage && said.done);
        assert_eq!(said.text(), "You are E-12345");
        let last = answer.chunks().last().expect("chunks").clone();
        assert_eq!((&last["choices"], &last["usage"]["total_tokens"]), (&json!([]), &json!(120)));
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn held_text_comes_before_the_chunk_that_finishes() {
    let app = app().await;
    for (reason, text) in [("stop", "That is MSK"), ("length", "That is ")] {
        app.upstream.script(Reply::stream(
            Script::new().event(&openai::text_chunk("That is MSK")).event(&openai::finish_chunk(reason)).done(),
        ));
        // `said` fails when text follows the end.
        let said = app.chat(ask_streamed("hello")).await.said();
        assert_eq!((said.text(), said.finished[&0].as_str()), (text, reason));
    }
    app.finish().await;
}

#[tokio::test]
async fn text_in_the_chunk_that_finishes_is_not_lost() {
    let app = app().await;
    let script = |token: &str| {
        let (a, b) = token.split_at(30);
        let last = openai::chunk_of(json!([{"index": 0, "delta": {"content": b}, "finish_reason": "stop"}]));
        Script::new().event(&openai::text_chunk(a)).event(&last).done()
    };
    cut_everywhere(&app, script, |answer| assert_eq!(answer.said().text(), "E-12345")).await;
    app.finish().await;
}

#[tokio::test]
async fn a_token_that_is_cut_short_is_never_heard() {
    let app = app().await;
    for length in 6..60 {
        for reason in ["length", "stop"] {
            app.upstream.respond_with(move |request| {
                let token = token(&request.text());
                let part = &token[..length.min(token.len() - 1)];
                let script = Script::new().event(&openai::text_chunk(&format!("It is {part}")));
                Reply::stream(script.event(&openai::finish_chunk(reason)).done())
            });
            let answer = app.chat(ask_streamed("I am E-12345.")).await;
            let said = answer.said();
            let heard = said.text().strip_prefix("It is ").expect("the plain text before it").to_owned();
            assert!(
                ["", "[REDACTED]", "[REDACTED:STAFF_ID]", "E-12345"].contains(&heard.trim_end()),
                "{length} {reason}: {heard}"
            );
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn every_text_of_a_delta_is_restored() {
    let app = app().await;
    for field in ["refusal", "reasoning_content"] {
        let script = move |token: &str| {
            let (a, b) = token.split_at(17);
            let delta = |text: &str| openai::chunk(json!({ field: text }));
            Script::new().events(&[openai::role_chunk(), delta(a), delta(b), openai::finish_chunk("stop")]).done()
        };
        cut_everywhere(&app, script, |answer| {
            let text: String = answer
                .chunks()
                .iter()
                .filter_map(|chunk| chunk["choices"][0]["delta"][field].as_str().map(str::to_owned))
                .collect();
            assert_eq!(text, "E-12345", "{field}");
        })
        .await;
    }
    app.finish().await;
}

#[tokio::test]
async fn log_probabilities_are_dropped_from_the_token_on_and_kept_before() {
    let app = app().await;
    let script = |token: &str| {
        let (a, b) = token.split_at(17);
        let piece = |text: &str| {
            let logprobs = json!({"content": [{"token": text, "logprob": -0.1, "bytes": [77], "top_logprobs": []}]});
            openai::chunk_of(
                json!([{"index": 0, "delta": {"content": text}, "logprobs": logprobs, "finish_reason": null}]),
            )
        };
        Script::new()
            .events(&[piece("You"), piece(" are "), piece(a), piece(b), piece("!"), openai::finish_chunk("stop")])
            .done()
    };
    cut_everywhere(&app, script, |answer| {
        assert!(!answer.has_token(), "{}", answer.text());
        let kept: Vec<bool> = answer.chunks().iter().map(|chunk| chunk["choices"][0]["logprobs"].is_object()).collect();
        assert_eq!(kept[..2], [true, true], "before the token: {}", answer.text());
        assert!(kept[2..].iter().all(|kept| !kept), "from the token on: {}", answer.text());
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn length_padding_is_dropped_and_what_a_chunk_says_of_itself_is_kept() {
    let app = app().await;
    let script = |token: &str| {
        let events = openai::text_events(&format!("{token} is you."), 7);
        let padded = events.into_iter().map(|mut event| {
            event["obfuscation"] = json!("aB3");
            event
        });
        Script::new().events(&padded.collect::<Vec<_>>()).done()
    };
    cut_everywhere(&app, script, |answer| {
        for chunk in answer.chunks() {
            assert!(chunk.get("obfuscation").is_none());
            assert_eq!(chunk["id"], "chatcmpl-fake0001");
            assert_eq!(chunk["object"], "chat.completion.chunk");
            assert_eq!(chunk["model"], "gpt-4o-mini-2024-07-18");
            assert_eq!(chunk["system_fingerprint"], "fp_fake");
            assert_eq!(chunk["service_tier"], "default");
            assert_eq!(chunk["created"], 1_777_000_000_u64);
        }
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn nothing_empty_is_sent_where_text_was_held_back() {
    let app = app().await;
    app.upstream.respond_with(|request| {
        Reply::stream(Script::new().events(&openai::text_events(&token(&request.text()), 3)).done())
    });
    let answer = app.chat(ask_streamed("I am E-12345.")).await;
    let chunks = answer.chunks();
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let texts: Vec<&str> =
        chunks[1..].iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(texts, ["E-12345"]);
    app.finish().await;
}

#[tokio::test]
async fn lines_that_are_no_data_and_other_line_ends_are_understood() {
    let app = app().await;
    let script = |token: &str| {
        let chunk = openai::text_chunk(&format!("I see {token}."));
        Script::new()
            .raw(": keep-alive\n\n")
            .raw(format!("event: message\r\ndata: {chunk}\r\n\r\n"))
            .raw("id: 7\nretry: 100\n\n")
            .event(&openai::finish_chunk("stop"))
            .raw("data:[DONE]\n\n")
    };
    cut_everywhere(&app, script, |answer| {
        let said = answer.said();
        assert_eq!(said.text(), "I see E-12345.");
        assert!(said.done);
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn a_delta_that_is_null_or_missing_does_no_harm() {
    let app = app().await;
    let chunks = [
        openai::role_chunk(),
        openai::chunk_of(json!([{"index": 0, "delta": null, "finish_reason": null}])),
        openai::chunk_of(json!([{"index": 0, "finish_reason": null}])),
        openai::text_chunk("fine"),
        openai::finish_chunk("stop"),
    ];
    app.upstream.script(Reply::stream(Script::new().events(&chunks).done()));
    let answer = app.chat(ask_streamed("hello")).await;
    assert_eq!(answer.said().text(), "fine");
    assert_eq!(answer.chunks().len(), chunks.len());
    app.finish().await;
}

#[tokio::test]
async fn a_stream_without_tokens_passes_event_for_event() {
    let app = app().await;
    let mut events = openai::text_events("Good morning, how can I help you today?", 4);
    events.push(openai::usage_chunk());
    app.upstream.script(Reply::stream(Script::new().events(&events).done()));
    let answer = app.chat(ask_streamed("hello")).await;
    assert_eq!(answer.chunks(), events);
    assert!(answer.header("content-type").expect("a content type").starts_with("text/event-stream"));
    app.finish().await;
}

#[tokio::test]
async fn plain_text_and_the_role_do_not_wait_for_what_follows() {
    let app = app().await;
    let server = app.serve().await;
    let (first, second) = (Signal::new(), Signal::new());
    let (one, two) = (first.clone(), second.clone());
    app.upstream.respond_with(move |request| {
        let token = token(&request.text());
        let (a, b) = token.split_at(21);
        Reply::stream(
            Script::new()
                .event(&openai::role_chunk())
                .wait(&one)
                .event(&openai::text_chunk(&format!("Hello there {a}")))
                .wait(&two)
                .event(&openai::text_chunk(b))
                .event(&openai::finish_chunk("stop"))
                .done(),
        )
    });
    let mut answer = server.post(&app.agent.path(), &ask_streamed("I am E-12345.")).await;
    answer.read_until("\"assistant\"").await;
    first.fire();
    let read = answer.read_until("Hello there").await.to_owned();
    assert!(!read.contains("MSKV1"), "part of a token was let go: {read}");
    second.fire();
    let whole = answer.rest().await;
    assert!(whole.contains("E-12345") && !whole.contains("MSKV1"), "{whole}");
    server.stop().await;
    app.finish().await;
}

#[tokio::test]
async fn a_stream_that_was_read_to_its_end_does_not_break_the_upstream_connection() {
    let app = app().await;
    app.upstream.respond_with(|_| Reply::stream(Script::new().events(&openai::text_events("Hello.", 2)).done()));
    for _ in 0..3 {
        assert_eq!(app.chat(ask_streamed("hello")).await.said().text(), "Hello.");
    }
    let requests = app.upstream.requests();
    assert!(requests.iter().all(|request| !request.disconnected));
    app.finish().await;
}

#[tokio::test]
async fn what_is_said_before_a_tool_is_called_is_heard_before_it() {
    let mut app = TestApp::start().await;
    app.plant("E-12345");
    for size in 1..40 {
        app.upstream.respond_with(move |request| {
            let mut events = openai::text_events(&format!("One moment, {}", token(&request.text())), size);
            events.retain(|event| event["choices"][0]["finish_reason"].is_null());
            events.extend(openai::tool_call_events("call_1", "find", "{}", 1));
            Reply::stream(Script::new().events(&events).done())
        });
        let answer = app.chat(ask_streamed("I am E-12345.")).await;
        let chunks = answer.chunks();
        let delta = |chunk: &Value| chunk["choices"][0]["delta"].clone();
        let call = chunks.iter().position(|chunk| delta(chunk).get("tool_calls").is_some()).expect("a call");
        let said: String =
            chunks[..call].iter().filter_map(|chunk| delta(chunk)["content"].as_str().map(str::to_owned)).collect();
        assert_eq!(said, "One moment, E-12345", "{size}");
    }
    app.finish().await;
}
