use super::*;

fn seen(choice: Value) -> Vec<(String, Sort, bool)> {
    let Value::Object(mut choice) = choice else { panic!("a choice is an object") };
    let before = choice.clone();
    let mut seen = Vec::new();
    visit_choice(&mut choice, &mut |leaf, value| {
        seen.push((value.as_str().expect("only strings are visited").to_owned(), leaf.sort, leaf.whole));
        Fate::Keep
    });
    assert_eq!(choice, before);
    seen
}

#[track_caller]
fn check(message: Value, expected: &[(&str, Sort, bool)]) {
    let expected: Vec<_> = expected.iter().map(|(text, sort, whole)| ((*text).to_owned(), *sort, *whole)).collect();
    assert_eq!(seen(json!({"index": 0, "delta": message})), expected);
}

const SPEECH: Sort = Sort::Speech;

#[test]
fn every_text_of_a_message_is_visited_and_no_word_of_the_protocol() {
    check(
        json!({"role": "assistant", "content": "a", "refusal": "b", "reasoning_content": "c", "audio": {"id": "x",
            "data": "AAAA", "transcript": "d"}, "function_call": {"name": "f", "arguments": "e"}, "n": null}),
        &[
            ("a", SPEECH, false),
            ("b", SPEECH, false),
            ("c", SPEECH, false),
            ("x", Sort::Label, true),
            ("d", SPEECH, false),
            ("f", Sort::Name, true),
            ("e", Sort::Arguments, false),
        ],
    );
    check(
        json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}, {"type": "text", "text": "b"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
            "annotations": [{"type": "url_citation", "url_citation": {"title": "c", "start_index": 1}}], "some_id": "d"}),
        &[("a", SPEECH, false), ("b", SPEECH, false), ("c", SPEECH, true), ("d", Sort::Label, true)],
    );
}

#[test]
fn state_of_a_provider_is_not_visited() {
    check(
        json!({"reasoning_details": [{"type": "reasoning.text", "text": "a", "signature": "x", "format": "y", "index": 0},
                {"type": "reasoning.encrypted", "data": "x", "id": "r1"}, {"type": "reasoning.summary", "summary": "b"}],
            "thinking_blocks": [{"type": "thinking", "thinking": "c", "signature": "x"}, {"type": "redacted_thinking", "data": "x"}],
            "encrypted_content": "x", "extra_content": {"google": {"thought_signature": "x"}}, "data": "d"}),
        &[
            ("a", SPEECH, false),
            ("r1", Sort::Label, true),
            ("b", SPEECH, false),
            ("c", SPEECH, false),
            ("d", SPEECH, false),
        ],
    );
}

#[test]
fn calls_are_visited_whatever_form_their_arguments_have() {
    let message = json!({"tool_calls": [
        {"index": 7, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "a"}},
        {"type": "custom", "custom": {"name": "g", "input": "b"}},
        {"function": {"name": "h", "arguments": {"type": "c", "list": [1, "d"]}}},
    ]});
    check(
        message.clone(),
        &[
            ("call_1", Sort::Label, true),
            ("f", Sort::Name, true),
            ("a", Sort::Arguments, false),
            ("g", Sort::Name, true),
            ("b", SPEECH, false),
            ("h", Sort::Name, true),
            ("type", Sort::ArgumentKey, true),
            ("c", Sort::Argument, true),
            ("list", Sort::ArgumentKey, true),
            ("d", Sort::Argument, true),
        ],
    );
    let mut choice = json!({"delta": message});
    let mut places = Vec::new();
    visit_choice(choice.as_object_mut().expect("an object"), &mut |leaf, _| {
        places.push((leaf.call(), leaf.tool.map(str::to_owned), leaf.steps()));
        Fate::Keep
    });
    assert_eq!(places[2].0, Some(7));
    assert_eq!(places[4].0, Some(1));
    let path = vec![Step::Key("list".into()), Step::Index(1)];
    assert_eq!(places[9], (Some(2), Some("h".into()), path));
}

#[test]
fn what_is_beside_the_message_is_visited_too() {
    let choice =
        json!({"index": 0, "text": "a", "finish_reason": "stop", "matched_stop": "b", "logprobs": {"tokens": ["x"]}});
    assert_eq!(seen(choice), [("a".to_owned(), SPEECH, false), ("b".to_owned(), SPEECH, true)]);
    let mut chunk = json!({"id": "x", "model": "x", "usage": {"a": "x"}, "choices": [{"text": "x"}], "object": "x",
        "citations": ["a"], "search_results": [{"title": "b", "id": "c"}]});
    let mut texts = Vec::new();
    visit_top(chunk.as_object_mut().expect("an object"), &mut |leaf, value| {
        texts.push((value.as_str().expect("a string").to_owned(), leaf.sort, leaf.whole));
        Fate::Keep
    });
    let expected = [("a", SPEECH, true), ("b", SPEECH, true), ("c", Sort::Label, true)];
    assert_eq!(texts, expected.map(|(text, sort, whole)| (text.to_owned(), sort, whole)));
}

/// The choice without the texts that are `gone`.
fn without(choice: Value) -> Value {
    let mut choice = choice;
    visit_choice(choice.as_object_mut().expect("an object"), &mut |_, value| match value == "gone" {
        true => Fate::Drop,
        false => Fate::Keep,
    });
    choice["delta"].take()
}

#[test]
fn what_is_held_back_leaves_nothing_empty() {
    for (delta, left) in [
        (json!({"role": "assistant", "content": "gone"}), json!({"role": "assistant"})),
        (json!({"content": [{"type": "text", "text": "gone"}]}), json!({})),
        (
            json!({"content": [{"type": "text", "text": "gone"}, {"type": "text", "text": "x"}]}),
            json!({"content": [{"type": "text", "text": "x"}]}),
        ),
        (json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "gone"}]}]}), json!({})),
        (
            json!({"reasoning_details": [{"type": "reasoning.text", "text": "gone", "signature": "s"}]}),
            json!({"reasoning_details": [{"type": "reasoning.text", "signature": "s"}]}),
        ),
        (json!({"tool_calls": [{"index": 0, "type": "function", "function": {"arguments": "gone"}}]}), json!({})),
        (
            json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "gone"}}]}),
            json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f"}}]}),
        ),
        (json!({"function_call": {"arguments": "gone"}}), json!({})),
        (json!({"audio": {"transcript": "gone"}}), json!({})),
        (
            json!({"content": null, "tool_calls": [], "x": {}, "y": []}),
            json!({"content": null, "tool_calls": [], "x": {}, "y": []}),
        ),
    ] {
        assert_eq!(without(json!({"index": 0, "delta": delta.clone()})), left, "{delta}");
    }
}

#[test]
fn a_chunk_of_our_own_holds_the_field_it_is_for_and_looks_like_its_neighbours() {
    let mut head = ChunkHead::default();
    for chunk in [json!({"id": "c1", "created": 5, "model": "m", "service_tier": "auto"}), json!({"id": "c2"})] {
        head.read(chunk.as_object().expect("an object"));
    }
    for delta in [
        json!({"content": "Jane"}),
        json!({"tool_calls": [{"index": 2, "function": {"arguments": "Jane"}}]}),
        json!({"tool_calls": [{"index": 3, "custom": {"input": "Jane"}}]}),
        json!({"function_call": {"arguments": "Jane"}}),
        json!({"audio": {"transcript": "Jane"}}),
        json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Jane"}]}]}),
        json!({"reasoning_details": [{"index": 1, "type": "reasoning.text", "text": "Jane"}]}),
        json!({"notes": ["Jane"]}),
    ] {
        let mut fields = Vec::new();
        let mut choice = json!({"index": 1, "delta": delta.clone(), "finish_reason": null});
        visit_choice(choice.as_object_mut().expect("an object"), &mut |leaf, _| {
            fields.push(leaf.field());
            Fate::Keep
        });
        let chunk = head.chunk(1, &fields[0], "Jane");
        assert_eq!((&chunk["id"], &chunk["created"], &chunk["model"]), (&json!("c1"), &json!(5), &json!("m")));
        assert_eq!((&chunk["service_tier"], chunk.get("system_fingerprint")), (&json!("auto"), None));
        assert_eq!((&chunk["object"], &chunk["choices"][0]), (&json!("chat.completion.chunk"), &choice));
    }
    assert!(Field::content().is_content());
    assert_eq!(head.finish(4)["choices"], json!([{"index": 4, "delta": {}, "finish_reason": "stop"}]));
}

#[test]
fn a_later_piece_may_leave_its_type_away() {
    let field = |item: Value| {
        let mut field = None;
        let mut choice = json!({"delta": {"reasoning_details": [item]}});
        visit_choice(choice.as_object_mut().expect("an object"), &mut |leaf, _| {
            field = Some(leaf.field());
            Fate::Keep
        });
        field.expect("a text")
    };
    let first = field(json!({"index": 0, "type": "reasoning.text", "text": "a"}));
    assert!(first.may_be(&field(json!({"index": 0, "text": "b"}))));
    assert!(!first.may_be(&field(json!({"index": 1, "text": "b"}))));
    assert!(!first.may_be(&field(json!({"index": 0, "type": "reasoning.summary", "text": "b"}))));
    assert!(!first.may_be(&field(json!({"index": 0, "summary": "b"}))));
}
