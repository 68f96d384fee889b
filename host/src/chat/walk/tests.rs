//! What is visited in a request, as what; and what is not.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::chat::Platform;

/// Notes every leaf; puts `replacement` in its place when there is one.
#[derive(Default)]
struct Seen {
    leaves: Vec<(String, Form, &'static str, Option<String>, String)>,
    replacement: Option<&'static str>,
}

impl Visitor for Seen {
    fn leaf(&mut self, place: &Place<'_>, text: &str) -> Option<String> {
        self.leaves.push((place.path(), place.form, place.role, place.field.map(str::to_owned), text.to_owned()));
        self.replacement.map(str::to_owned)
    }
}

fn request(body: Value) -> ChatRequest {
    let mut body = body;
    body.as_object_mut().expect("an object").entry("messages").or_insert_with(|| json!([]));
    ChatRequest::parse(body.to_string().as_bytes(), Platform::Custom).expect("a chat request")
}

/// The texts that are visited, in order, with their place and form.
fn visited(body: Value) -> Vec<(String, Form, String)> {
    let mut request = request(body);
    let mut seen = Seen::default();
    walk(&mut request, &mut seen).expect("a sound request");
    seen.leaves.into_iter().map(|(path, form, _, _, text)| (path, form, text)).collect()
}

#[track_caller]
fn check(body: Value, expected: &[(&str, Form, &str)]) {
    let visited = visited(body);
    let visited: Vec<_> = visited.iter().map(|(path, form, text)| (path.as_str(), *form, text.as_str())).collect();
    assert_eq!(visited, expected);
}

#[track_caller]
fn check_message(message: Value, expected: &[(&str, Form, &str)]) {
    check(json!({"messages": [message]}), expected);
}

/// That nothing of this is visited.
#[track_caller]
fn check_closed(body: Value) {
    check(body, &[]);
}

use Form::{Identifier, Key, Name, Number, Text};

#[test]
fn the_content_of_every_role_is_text() {
    for (role, shown) in [
        ("system", "system"),
        ("developer", "developer"),
        ("user", "user"),
        ("assistant", "assistant"),
        ("tool", "tool"),
        ("function", "tool"),
    ] {
        let mut request = request(json!({"messages": [{"role": role, "content": "Jane"}]}));
        let mut seen = Seen::default();
        walk(&mut request, &mut seen).expect("a sound request");
        assert_eq!(seen.leaves, [("messages[0].content".into(), Text, shown, None, "Jane".into())]);
    }
}

#[test]
fn every_part_of_a_list_of_parts_is_text() {
    check_message(
        json!({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "b"},
            {"type": "new_part", "words": {"c": ["d"]}}]}),
        &[
            ("messages[0].content", Text, "a"),
            ("messages[0].content", Text, "b"),
            ("messages[0].content", Key, "c"),
            ("messages[0].content", Text, "d"),
        ],
    );
}

#[test]
fn of_media_that_may_pass_only_the_files_name_is_text() {
    check_message(
        json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}},
            {"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}},
            {"type": "file", "file": {"filename": "jane.pdf", "file_data": "x"}}]}),
        &[("messages[0].content.file", Text, "jane.pdf")],
    );
}

#[test]
fn a_tools_result_is_json_when_it_is_json() {
    check_message(
        json!({"role": "tool", "tool_call_id": "call_1", "content": "{\"dob\": 19800312, \"name\": \"Jane\"}"}),
        &[
            ("messages[0].content", Key, "dob"),
            ("messages[0].content", Number, "19800312"),
            ("messages[0].content", Key, "name"),
            ("messages[0].content", Text, "Jane"),
        ],
    );
    check_message(json!({"role": "tool", "content": "Jane is here"}), &[("messages[0].content", Text, "Jane is here")]);
}

#[test]
fn calls_of_tools_give_their_name_and_everything_in_their_arguments() {
    check_message(
        json!({"role": "assistant", "content": null, "refusal": "no", "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "book", "arguments": "{\"n\": [1, \"Jane\"]}"}},
            {"id": "call_2", "type": "custom", "custom": {"name": "note", "input": "Jane called"}},
        ]}),
        &[
            ("messages[0].refusal", Text, "no"),
            ("messages[0].function.name", Name, "book"),
            ("messages[0].arguments", Key, "n"),
            ("messages[0].arguments", Number, "1"),
            ("messages[0].arguments", Text, "Jane"),
            ("messages[0].function.name", Name, "note"),
            ("messages[0].arguments", Text, "Jane called"),
        ],
    );
    check_message(
        json!({"role": "assistant", "function_call": {"name": "book", "arguments": "Jane"}}),
        &[("messages[0].function.name", Name, "book"), ("messages[0].arguments", Text, "Jane")],
    );
}

#[test]
fn arguments_that_are_an_object_instead_of_a_string_are_visited_too() {
    check_message(
        json!({"role": "assistant", "tool_calls": [{"function": {"name": "book", "arguments": {"who": "Jane"}}}]}),
        &[
            ("messages[0].function.name", Name, "book"),
            ("messages[0].tool_calls", Key, "who"),
            ("messages[0].tool_calls", Text, "Jane"),
        ],
    );
}

#[test]
fn the_key_of_an_argument_is_the_context_of_its_value() {
    let mut request = request(json!({"messages": [{"role": "assistant",
        "tool_calls": [{"function": {"name": "f", "arguments": "{\"dob\": \"3/12\"}"}}]}]}));
    let mut seen = Seen::default();
    walk(&mut request, &mut seen).expect("a sound request");
    assert_eq!(seen.leaves[2].3.as_deref(), Some("dob"));
}

#[test]
fn a_name_of_a_speaker_and_the_ids_of_a_user_are_identifiers() {
    check_message(
        json!({"role": "user", "name": "jane", "content": ""}),
        &[("messages[0].name", Identifier, "jane"), ("messages[0].content", Text, "")],
    );
    check(
        json!({"user": "jane", "safety_identifier": "j", "prompt_cache_key": "k", "metadata": {"caller": "Jane"}}),
        &[
            ("user", Identifier, "jane"),
            ("safety_identifier", Identifier, "j"),
            ("prompt_cache_key", Identifier, "k"),
            ("metadata", Identifier, "Jane"),
        ],
    );
}

#[test]
fn a_declared_tool_gives_its_name_its_description_and_the_texts_of_its_schema() {
    check(
        json!({"tools": [{"type": "function", "function": {"name": "book", "description": "for Jane", "strict": true,
            "parameters": {"type": "object", "properties": {"who": {"type": "string", "description": "a",
                "enum": ["Jane"], "default": "b", "examples": ["c"], "title": "d", "const": {"x": "e"}}},
                "required": ["who"], "additionalProperties": false, "$defs": {"z": {"description": "g"}}}}}]}),
        &[
            ("tools.function.name", Name, "book"),
            ("tools.function.description", Text, "for Jane"),
            ("tools.function.parameters", Text, "a"),
            ("tools.function.parameters", Text, "Jane"),
            ("tools.function.parameters", Text, "b"),
            ("tools.function.parameters", Text, "c"),
            ("tools.function.parameters", Text, "d"),
            ("tools.function.parameters", Text, "e"),
            ("tools.function.parameters", Text, "g"),
        ],
    );
}

#[test]
fn old_functions_and_custom_tools_are_tools() {
    check(
        json!({"functions": [{"name": "f", "description": "d"}], "tools": [{"type": "custom", "custom": {"name": "c",
            "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: Jane"}}}}]}),
        &[
            ("tools.function.name", Name, "f"),
            ("tools.function.description", Text, "d"),
            ("tools.function.name", Name, "c"),
            ("tools", Text, "start: Jane"),
        ],
    );
}

#[test]
fn the_words_of_the_schema_language_and_property_names_are_no_text() {
    check_closed(json!({"response_format": {"type": "json_schema", "json_schema": {"strict": true, "schema": {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": "#/$defs/a", "type": ["string", "null"],
        "format": "date-time", "properties": {"Jane": {"type": "string", "minLength": 10000000}},
        "required": ["Jane"], "minimum": 4155550123_u64}}}}));
}

#[test]
fn what_stands_where_a_word_of_the_schema_language_belongs_is_text() {
    check(
        json!({"response_format": {"json_schema": {"name": "n", "schema": {"type": "Jane Doe", "format": "555-0123"}}}}),
        &[
            ("response_format.name", Name, "n"),
            ("response_format.schema", Text, "Jane Doe"),
            ("response_format.schema", Text, "555-0123"),
        ],
    );
}

#[test]
fn closed_words_are_no_text() {
    check_closed(json!({
        "model": "gpt-4o-mini", "reasoning_effort": "low", "service_tier": "auto", "verbosity": "high",
        "prompt_cache_retention": "24h", "modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"},
        "stream_options": {"include_usage": true}, "logit_bias": {"50256": -100}, "stream": true, "n": 2,
        "temperature": 0.30000000000000004, "max_tokens": 1000000, "seed": 12345678901_u64, "store": null,
    }));
    check_message(json!({"role": "tool", "tool_call_id": "call_a1B2-c.d:e", "content": null}), &[]);
}

#[test]
fn what_is_no_closed_word_is_text_wherever_it_stands() {
    check(
        json!({"reasoning_effort": "ask Jane Doe", "audio": {"voice": "415-555-0123"}, "service_tier": "jane@x.org"}),
        &[
            ("reasoning_effort", Text, "ask Jane Doe"),
            ("audio", Text, "415-555-0123"),
            ("service_tier", Text, "jane@x.org"),
        ],
    );
    check_message(
        json!({"role": "tool", "tool_call_id": "Jane Doe", "content": ""}),
        &[("messages[0].tool_call_id", Text, "Jane Doe"), ("messages[0].content", Text, "")],
    );
}

#[test]
fn fields_nobody_knows_are_visited_whole() {
    check(
        json!({"stop": ["Jane"], "prediction": {"type": "content", "content": "Jane"}, "crm": {"phone": 4155550123_u64}}),
        &[
            ("stop", Text, "Jane"),
            ("prediction", Key, "type"),
            ("prediction", Text, "content"),
            ("prediction", Key, "content"),
            ("prediction", Text, "Jane"),
            ("other", Key, "phone"),
            ("other", Number, "4155550123"),
        ],
    );
    check_message(json!({"role": "user", "note": "Jane"}), &[("messages[0].other", Text, "Jane")]);
}

#[test]
fn a_number_too_long_for_a_setting_is_visited() {
    check(json!({"callback": 4155550123_u64, "top_k": 40}), &[("other", Number, "4155550123")]);
}

#[test]
fn a_key_that_no_protocol_would_have_is_a_name() {
    check(json!({"Jane Doe": 1}), &[("other", Name, "Jane Doe")]);
    check(json!({"metadata": {"Jane Doe": "x"}}), &[("metadata", Name, "Jane Doe"), ("metadata", Identifier, "x")]);
    check(json!({"logit_bias": {"50256": -100, "415-555-0123": 1}}), &[("logit_bias", Name, "415-555-0123")]);
    check_message(
        json!({"role": "user", "content": "", "Jane Doe": true}),
        &[("messages[0].content", Text, ""), ("messages[0].other", Name, "Jane Doe")],
    );
}

#[test]
fn an_identifier_that_is_a_long_number_is_visited() {
    check(
        json!({"user": 4155550123_u64, "metadata": {"a": 4155550123_u64}}),
        &[("user", Number, "4155550123"), ("metadata", Number, "4155550123")],
    );
}

#[test]
fn a_choice_of_a_tool_is_a_name() {
    check(json!({"tool_choice": "auto"}), &[("tool_choice", Name, "auto")]);
    check(
        json!({"tool_choice": {"type": "function", "function": {"name": "book"}}}),
        &[("tool_choice", Name, "function"), ("tool_choice", Name, "book")],
    );
}

#[test]
fn a_shape_in_which_text_cannot_be_told_is_refused_with_its_place() {
    for (messages, refusal) in [
        (json!(["Jane"]), "messages[0]: must be an object"),
        (
            json!([{"content": "x"}]),
            "messages[0].role: must be one of system, developer, user, assistant, tool, function",
        ),
        (
            json!([{"role": "Jane"}]),
            "messages[0].role: must be one of system, developer, user, assistant, tool, function",
        ),
        (json!([{"role": "user", "content": 7}]), "messages[0].content: must be text, a list of parts, or null"),
        (json!([{"role": "user", "content": ["Jane"]}]), "messages[0].content: a part must be an object"),
    ] {
        let error = walk(&mut request(json!({"messages": messages})), &mut Seen::default()).expect_err("refused");
        assert_eq!(error.to_string(), refusal);
    }
}

#[test]
fn withheld_media_leave_a_text_that_says_so_and_nothing_of_their_own() {
    let mut request = request(json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "data:jane"}}, {"type": "jane_part", "x": 1}, {"text": "no type"}]}]}));
    assert_eq!(withhold_media(&mut request, Media::Block), 3);
    let notice = |text: &str| json!({"type": "text", "text": text});
    assert_eq!(
        request.body["messages"][0]["content"],
        json!([
            notice("a"),
            notice("[image_url withheld]"),
            notice("[content part withheld]"),
            notice("[content part withheld]")
        ])
    );
}

#[test]
fn media_that_may_pass_stay() {
    let mut request = request(json!({"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]}));
    let before = request.to_bytes();
    assert_eq!(withhold_media(&mut request, Media::Pass), 0);
    assert_eq!(request.to_bytes(), before);
}

fn any_json() -> impl Strategy<Value = Value> {
    let word =
        prop_oneof![Just("Jane"), Just("type"), Just("auto"), Just("{\"a\": 1}"), Just("{\"a\":\"b\",\"c\":[2]}")];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("type"),
        Just("name"),
        Just("description"),
        Just("parameters"),
        Just("properties"),
        Just("enum"),
        Just("function"),
        Just("arguments"),
        Just("schema"),
        Just("required"),
        Just("json_schema"),
        Just("x"),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Value>()),
        ]
    })
}

fn any_request() -> impl Strategy<Value = Value> {
    let field = prop_oneof![
        Just("tools"),
        Just("functions"),
        Just("tool_choice"),
        Just("response_format"),
        Just("user"),
        Just("metadata"),
        Just("stop"),
        Just("audio"),
        Just("anything"),
    ];
    let message =
        ("(system|user|assistant|tool)", any_json(), any_json(), any_json()).prop_map(|(role, text, calls, more)| {
            let content = match text {
                Value::String(_) | Value::Null => text,
                other => json!([{"type": "text", "text": other}]),
            };
            json!({"role": role, "content": content, "tool_calls": calls, "name": more})
        });
    let messages = prop::collection::vec(message, 0..3);
    (messages, prop::collection::vec((field, any_json()), 0..4)).prop_map(|(messages, fields)| {
        let mut body: Value = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        body["messages"] = messages.into();
        body
    })
}

proptest! {
    #[test]
    fn a_visitor_that_changes_nothing_leaves_the_bytes_as_they_were(body in any_request()) {
        let mut request = request(body);
        let before = request.to_bytes();
        walk(&mut request, &mut Seen::default()).expect("a sound request");
        prop_assert_eq!(String::from_utf8(request.to_bytes()), String::from_utf8(before));
    }

    #[test]
    fn what_is_collected_is_what_is_replaced(body in any_request()) {
        let mut request = request(body);
        let mut collected = Seen::default();
        walk(&mut request, &mut collected).expect("a sound request");
        let mut replaced = Seen { replacement: Some("MASKED"), ..Seen::default() };
        walk(&mut request, &mut replaced).expect("a sound request");
        prop_assert_eq!(collected.leaves, replaced.leaves);
    }
}
