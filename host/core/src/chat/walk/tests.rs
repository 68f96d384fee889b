//! Which parts of a request are visited, in which form, and which are not.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::chat::Platform;
use crate::chat::position::Edit;
use crate::text::ByteSpan;

type Leaf = (String, Form, Search, &'static str, Option<String>, String);

/// Records every leaf; replaces it with `replacement` when set.
#[derive(Default)]
struct Seen {
    leaves: Vec<Leaf>,
    replacement: Option<&'static str>,
}

impl Visitor for Seen {
    fn leaf(&mut self, place: &Place<'_>, text: &str) -> Vec<Edit> {
        let field = place.field.map(str::to_owned);
        self.leaves.push((place.path(), place.form, place.search, place.role, field, text.to_owned()));
        let edit = |text: &str| Edit { span: ByteSpan::new(0, text.len()), text: text.into(), placed: None };
        self.replacement.map(|replacement| Edit { text: replacement.to_owned(), ..edit(text) }).into_iter().collect()
    }
}

fn request(body: Value) -> ChatRequest {
    let mut body = body;
    body.as_object_mut().expect("an object").entry("messages").or_insert_with(|| json!([]));
    ChatRequest::parse(body.to_string().as_bytes(), Platform::Custom).expect("a chat request")
}

fn leaves(body: Value) -> Vec<Leaf> {
    let mut request = request(body);
    let mut seen = Seen::default();
    walk(&mut request, &mut seen).expect("a sound request");
    seen.leaves
}

/// Checks that these texts are visited, in this order, each with its place, form and search.
#[track_caller]
fn check(body: Value, expected: &[(&str, Form, Search, &str)]) {
    let leaves = leaves(body);
    let seen: Vec<_> =
        leaves.iter().map(|(path, form, search, _, _, text)| (path.as_str(), *form, *search, text.as_str())).collect();
    assert_eq!(seen, expected);
}

/// Same, for a message: places are relative to it.
#[track_caller]
fn check_message(message: Value, expected: &[(&str, Form, Search, &str)]) {
    let paths: Vec<String> = expected.iter().map(|(path, ..)| format!("messages[0].{path}")).collect();
    let expected: Vec<_> = expected
        .iter()
        .zip(&paths)
        .map(|((_, form, search, text), path)| (path.as_str(), *form, *search, *text))
        .collect();
    check(json!({"messages": [message]}), &expected);
}

/// Checks that nothing in this value is visited.
#[track_caller]
fn check_closed(body: Value) {
    check(body, &[]);
}

use Form::{Identifier, Key, Number, Text, ToolName};
use Search::{Known, Name, Speech, Static, Word};

#[test]
fn the_content_of_every_role_is_speech() {
    for (role, shown) in [
        ("system", "system"),
        ("developer", "developer"),
        ("user", "user"),
        ("assistant", "assistant"),
        ("tool", "tool"),
        ("function", "tool"),
    ] {
        let leaves = leaves(json!({"messages": [{"role": role, "content": "Jane"}]}));
        assert_eq!(leaves, [("messages[0].content".into(), Text, Speech, shown, None, "Jane".into())]);
    }
}

#[test]
fn a_part_is_what_its_type_says_and_nothing_else_of_it_passes() {
    let mut withheld = json!({"role": "assistant", "content": [
        {"type": "text", "text": "a", "image_url": "https://x.org/Jane", "input_audio": {"data": "Jane"}, "note": "b"},
        {"type": "refusal", "refusal": "c"},
        {"type": "thinking", "thinking": "d", "signature": "EsaB=="},
        {"type": "thinking", "thinking": [{"type": "text", "text": "e"}]},
        {"type": "redacted_thinking", "data": "gAAA="},
    ]});
    let mut request = request(json!({"messages": [withheld.take()]}));
    assert_eq!(withhold_media(&mut request, Media::Pass), 2);
    check_message(
        request.body["messages"][0].take(),
        &[
            ("content", Text, Speech, "a"),
            ("content", Key, Name, "note"),
            ("content", Text, Speech, "b"),
            ("content", Text, Speech, "c"),
            ("content.thinking", Text, Speech, "d"),
            ("content", Text, Speech, "e"),
        ],
    );
}

#[test]
fn what_is_sealed_is_so_only_in_a_models_own_words() {
    check_message(
        json!({"role": "user", "content": [{"type": "thinking", "signature": "Halvorsen"}]}),
        &[("content", Text, Speech, "Halvorsen")],
    );
}

#[test]
fn of_media_that_may_pass_only_data_is_no_text() {
    let mut request = request(json!({"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "ask Jane"}},
        {"type": "image_url", "image_url": {"url": "https://x.org/jane"}},
        {"type": "file", "file": {"filename": "jane.pdf", "file_data": "data:application/pdf;base64,AAAA"}}]}]}));
    assert_eq!(withhold_media(&mut request, Media::Pass), 0);
    let mut seen = Seen::default();
    walk(&mut request, &mut seen).expect("a sound request");
    let texts: Vec<&str> = seen.leaves.iter().map(|(.., text)| text.as_str()).collect();
    assert_eq!(texts, ["ask Jane", "https://x.org/jane", "jane.pdf"]);
}

#[test]
fn json_is_read_wherever_a_text_may_be() {
    let json = "{\"dob\": 19800312, \"name\": \"Jane\"}";
    for (message, place) in [
        (json!({"role": "tool", "content": json}), "content"),
        (json!({"role": "tool", "content": [{"type": "text", "text": json}]}), "content"),
        (json!({"role": "user", "content": json}), "content"),
        (json!({"role": "assistant", "function_call": {"arguments": json}}), "arguments"),
    ] {
        check_message(
            message,
            &[
                (place, Key, Name, "dob"),
                (place, Number, Speech, "19800312"),
                (place, Key, Name, "name"),
                (place, Text, Speech, "Jane"),
            ],
        );
    }
}

#[test]
fn calls_of_tools_give_their_name_and_everything_in_their_arguments() {
    check_message(
        json!({"role": "assistant", "content": null, "refusal": "no", "tool_calls": [
            {"id": "call_1", "type": "function", "index": 0, "function": {"name": "book", "arguments": "{\"n\": [1, \"Jane\"]}"}},
            {"id": "call_2", "type": "custom", "index": 3125550147_u64, "custom": {"name": "note", "input": "Jane called"}},
        ]}),
        &[
            ("refusal", Text, Speech, "no"),
            ("tool_calls.id", Identifier, Name, "call_1"),
            ("function.name", ToolName, Name, "book"),
            ("arguments", Key, Name, "n"),
            ("arguments", Number, Speech, "1"),
            ("arguments", Text, Speech, "Jane"),
            ("tool_calls.id", Identifier, Name, "call_2"),
            ("tool_calls", Number, Speech, "3125550147"),
            ("function.name", ToolName, Name, "note"),
            ("arguments", Text, Speech, "Jane called"),
        ],
    );
}

#[test]
fn arguments_that_are_an_object_instead_of_a_string_are_visited_too() {
    check_message(
        json!({"role": "assistant", "tool_calls": [{"function": {"name": "book", "arguments": {"who": "Jane"}}}]}),
        &[
            ("function.name", ToolName, Name, "book"),
            ("arguments", Key, Name, "who"),
            ("arguments", Text, Speech, "Jane"),
        ],
    );
}

#[test]
fn the_key_of_an_argument_is_the_context_of_its_value() {
    let leaves = leaves(json!({"messages": [{"role": "assistant",
        "tool_calls": [{"function": {"name": "f", "arguments": "{\"dob\": \"3/12\"}"}}]}]}));
    assert_eq!(leaves[2].4.as_deref(), Some("dob"));
}

#[test]
fn a_person_has_an_identifier_and_a_tool_a_name() {
    check_message(
        json!({"role": "user", "name": "jane", "content": ""}),
        &[("name", Identifier, Speech, "jane"), ("content", Text, Speech, "")],
    );
    check_message(
        json!({"role": "tool", "name": "getWeather", "content": ""}),
        &[("name", ToolName, Name, "getWeather"), ("content", Text, Speech, "")],
    );
    check(
        json!({"user": "jane", "safety_identifier": "j", "prompt_cache_key": "k", "metadata": {"caller": "Jane"}}),
        &[
            ("user", Identifier, Speech, "jane"),
            ("safety_identifier", Identifier, Speech, "j"),
            ("prompt_cache_key", Identifier, Speech, "k"),
            ("metadata", Key, Name, "caller"),
            ("metadata", Identifier, Speech, "Jane"),
        ],
    );
}

#[test]
fn a_declared_tool_is_the_operators_own_text() {
    check(
        json!({"tools": [{"type": "function", "function": {"name": "book", "description": "for Jane", "strict": true,
            "parameters": {"type": "object", "properties": {"who": {"type": "string", "description": "a",
                "enum": ["Jane"], "default": {"k": 1}, "pattern": "^b$", "maximum": 3, "const": 4155550123_u64}},
                "required": ["who"], "additionalProperties": false, "$defs": {"z": {"title": "g"}}}}}]}),
        &[
            ("tools.function.name", ToolName, Name, "book"),
            ("tools.function.description", Text, Static, "for Jane"),
            ("tools.function.parameters", Key, Name, "who"),
            ("tools.function.parameters", Text, Static, "a"),
            ("tools.function.parameters", Text, Static, "Jane"),
            ("tools.function.parameters", Key, Name, "k"),
            ("tools.function.parameters", Number, Static, "1"),
            ("tools.function.parameters", Text, Static, "^b$"),
            ("tools.function.parameters", Number, Static, "4155550123"),
            ("tools.function.parameters", Key, Name, "who"),
            ("tools.function.parameters", Key, Name, "z"),
            ("tools.function.parameters", Text, Static, "g"),
        ],
    );
}

#[test]
fn old_functions_and_custom_tools_are_tools() {
    check(
        json!({"functions": [{"name": "f", "description": "d"}], "tools": [{"type": "custom", "custom": {"name": "c",
            "format": {"type": "custom", "grammar": {"definition": "start: Jane"}}}}]}),
        &[
            ("tools.function.name", ToolName, Name, "f"),
            ("tools.function.description", Text, Static, "d"),
            ("tools.function.name", ToolName, Name, "c"),
            ("tools", Text, Static, "start: Jane"),
        ],
    );
}

#[test]
fn numbers_that_bound_a_schema_are_none_of_a_caller() {
    check(
        json!({"response_format": {"type": "json_schema", "json_schema": {"name": "CalendarEvent", "strict": true, "schema": {
            "type": ["string", "null"], "format": "date-time", "minLength": 10000000, "maximum": 4155550123_u64,
            "multipleOf": 4155550123_u64, "exclusiveMinimum": 4155550123_u64, "required": ["Jane"]}}}}),
        &[("response_format.name", ToolName, Name, "CalendarEvent"), ("response_format.schema", Key, Name, "Jane")],
    );
}

#[test]
fn closed_words_are_no_text() {
    check_closed(json!({
        "model": "gpt-4o-mini", "stream_options": {"include_usage": true}, "stream": true, "n": 2,
        "temperature": 0.7, "store": false, "logprobs": true, "max_tokens": 1000000, "seed": 12345678901_u64,
        "max_completion_tokens": 4155550123_u64, "response_format": {"type": "json_object"},
    }));
    check_message(json!({"role": "assistant", "content": null}), &[]);
}

#[test]
fn words_and_numbers_of_settings_are_names_and_their_free_text_is_speech() {
    check(
        json!({"provider": {"order": ["DeepInfra"]}, "stop_token_ids": [151645], "stop": "User:", "moderation": "ask Jane Doe",
            "web_search_options": {"user_location": {"type": "approximate", "approximate": {"city": "Lowell", "timezone": "America/Chicago"}}}}),
        &[
            ("other", Key, Name, "provider"),
            ("other", Key, Name, "order"),
            ("other", Text, Word, "DeepInfra"),
            ("other", Key, Name, "stop_token_ids"),
            ("other", Number, Known, "151645"),
            ("stop", Text, Word, "User:"),
            ("moderation", Text, Speech, "ask Jane Doe"),
            ("web_search_options", Key, Name, "user_location"),
            ("web_search_options", Text, Word, "approximate"),
            ("web_search_options", Key, Name, "approximate"),
            ("web_search_options", Key, Name, "city"),
            ("web_search_options", Text, Speech, "Lowell"),
            ("web_search_options", Key, Name, "timezone"),
            ("web_search_options", Text, Word, "America/Chicago"),
        ],
    );
}

#[test]
fn unknown_fields_of_a_message_are_speech() {
    check_message(
        json!({"role": "user", "note": {"type": "x", "who": "Jane", "number": 4155550123_u64}}),
        &[
            ("message", Key, Name, "note"),
            ("other", Text, Name, "x"),
            ("other", Key, Name, "who"),
            ("other", Text, Speech, "Jane"),
            ("other", Key, Name, "number"),
            ("other", Number, Speech, "4155550123"),
        ],
    );
}

#[test]
fn a_choice_of_a_tool_is_a_name_and_anything_else_in_it_is_speech() {
    check(json!({"tool_choice": "auto"}), &[("tool_choice", ToolName, Name, "auto")]);
    check(
        json!({"tool_choice": {"type": "function", "function": {"name": "book", "Jane Doe": 4155550123_u64}}}),
        &[
            ("tool_choice", ToolName, Name, "function"),
            ("tool_choice", ToolName, Name, "book"),
            ("tool_choice", Key, Name, "Jane Doe"),
            ("tool_choice", Number, Speech, "4155550123"),
        ],
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
        (
            json!([{"role": "user", "content": [{"type": "text", "text": "a"}, "Jane"]}]),
            "messages[0].content[1]: a part must be an object",
        ),
    ] {
        let error = walk(&mut request(json!({"messages": messages})), &mut Seen::default()).expect_err("refused");
        assert_eq!(error.to_string(), refusal);
    }
}

#[test]
fn withheld_media_leave_a_text_that_says_so_and_nothing_of_their_own() {
    let mut request = request(json!({"messages": [{"role": "user", "content": [
        {"type": "text", "text": "a", "x": {"y": ["data:image/png;base64,jane"]}, "input_audio": "jane"},
        {"type": "image_url", "image_url": {"url": "data:jane"}}, {"type": "jane_part", "x": 1}, {"text": "no type"}]}]}));
    assert_eq!(withhold_media(&mut request, Media::Block), 5);
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
