//! Nested documents, values inserted into them, and every split of the input.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

/// Marks where a value is inserted.
const MARK: char = '§';

fn escaped(text: &str, levels: usize) -> String {
    (0..levels).fold(text.to_owned(), |text, _| {
        let string = Value::from(text).to_string();
        string[1..string.len() - 1].to_owned()
    })
}

/// The text with the value at every mark, read in chunks of `size` characters.
fn filled(root: Root, text: &str, value: &str, size: usize) -> String {
    let mut cursor = JsonCursor::new(root);
    let mut out = String::new();
    for (at, piece) in text.split(MARK).enumerate() {
        if at > 0 {
            match cursor.spot() {
                Spot::Value => out.push_str(&Value::from(value).to_string()),
                Spot::Inside => out.push_str(&escaped(value, cursor.levels())),
            }
            cursor.value();
        }
        let chars: Vec<char> = piece.chars().collect();
        for piece in chars.chunks(size.max(1)) {
            cursor.text(&piece.iter().collect::<String>());
        }
        out.push_str(piece);
    }
    out
}

#[track_caller]
fn check(root: Root, text: &str, levels: &[usize]) {
    for size in [1, 2, 3, 7, text.len()] {
        let mut cursor = JsonCursor::new(root);
        let mut seen = Vec::new();
        for (at, piece) in text.split(MARK).enumerate() {
            if at > 0 {
                seen.push(if cursor.spot() == Spot::Value { 99 } else { cursor.levels() });
                cursor.value();
            }
            let chars: Vec<char> = piece.chars().collect();
            chars.chunks(size).for_each(|piece| cursor.text(&piece.iter().collect::<String>()));
        }
        assert_eq!(seen, levels, "{text} in pieces of {size}");
    }
}

#[test]
fn a_value_is_escaped_once_for_every_string_it_is_in() {
    check(Root::Text, "Hello §, \"§\" and {§}", &[0, 0, 0]);
    check(Root::Text, r#"{"a": "§", "b": ["§ and §"]}"#, &[1, 1, 1]);
    check(Root::Text, r#"{"a": "{\"b\": \"§\"}", "c": "§"}"#, &[2, 1]);
    check(Root::Text, r#"{"a": "{\"b\": \"[\\\"§\\\"]\"} §"}"#, &[3, 1]);
    check(Root::Text, r#"{"a": "[see §] and \"§\""}"#, &[1, 1]);
    check(Root::Text, r#"{"a": "{\"b\": \"x\"} and §"}"#, &[1]);
    check(Root::Text, r#"{"a": "so {\"b\": \"§\"} \"§\"", "b": "{{\"b\": \"§\"}"}"#, &[2, 1, 2]);
    check(Root::Text, r#"{"§": 1, "{\"§": 2}"#, &[1, 1]);
    check(Root::Text, "§ {\"a\": \"§\"} \"§\"", &[0, 1, 0]);
    check(Root::Text, "<tool_call>\n{\"a\": \"§\"}\n</tool_call> [1] \"§\" [a](b) \"§\"", &[1, 0, 0]);
    check(Root::Text, "{{[{\"a\": \"§\", {b: \"§\"", &[1, 0]);
    check(Root::Text, r#"{"a": "\u007b\u0022b\u0022: \u0022§\u0022}"}"#, &[2]);
}

#[test]
fn a_document_may_stand_in_a_fence() {
    check(Root::Text, "Here:\n```json\n{\"a\": \"§\"}\n```\nfor \"§\" `x` §", &[1, 0, 0]);
    check(Root::Text, "```\n[\"§\"]```", &[1]);
    check(Root::Text, "`{\"a\": \"§\"}` \"§\"", &[1, 0]);
    check(Root::Answer, "```json\n{\"a\": \"§\", // \n\"b\": \"§\"", &[1, 1]);
    check(Root::Answer, "so {\"a\": \"§\", // \n\"b\": \"§\"", &[1, 0]);
    check(Root::Text, "```json\nlet x = \"§\";\n```\n```json\n{\"a\":\"§\"}```", &[0, 1]);
}

#[test]
fn what_was_asked_for_as_json_is_json_with_mistakes_too() {
    check(Root::Arguments, r#"{"a": "§", b: "§", "c": §}"#, &[1, 1, 1]);
    check(Root::Arguments, r#"{"a": §, "b": [§, "§"]} §"#, &[99, 99, 1, 1]);
    check(Root::Arguments, "§", &[1]);
    check(Root::Arguments, r#"{"a": 1 §"#, &[1]);
    check(Root::Answer, r#"{"a": "§", "b": §} and "§""#, &[1, 99, 0]);
    check(Root::Answer, r#"{"a": "§", /* § */ "b": "§"}"#, &[1, 1, 1]);
    check(Root::Answer, "I cannot help \"§\"", &[0]);
    check(Root::Text, r#"{"a": "§", // "§""#, &[1, 0]);
}

#[test]
fn a_string_that_opens_and_the_way_to_it_are_known() {
    let mut cursor = JsonCursor::new(Root::Arguments);
    cursor.text(r#"{"x": 1, "list": [1, {"a": "b", "caf\u00e9": ""#);
    assert_eq!(cursor.opened(), Some(1));
    let path = [Step::Key("list".into()), Step::Index(1), Step::Key("café".into())];
    assert_eq!(cursor.path(), Some(path.to_vec()));
    cursor.text("{\\\"deep\\\": ");
    assert_eq!(cursor.opened(), None);
    cursor.text("\\");
    assert_eq!(cursor.opened(), None);
    cursor.text("\"");
    assert_eq!((cursor.opened(), cursor.path(), cursor.levels()), (Some(2), None, 2));
    cursor.value();
    assert_eq!(cursor.opened(), None);
    cursor.text(r#"\"}", ""#);
    assert_eq!(cursor.opened(), None, "a key");
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut cursor = JsonCursor::new(Root::Arguments);
    for _ in 0..10_000 {
        cursor.text("[{\"a\":");
    }
    assert!(cursor.levels.len() == 1 && cursor.levels() == 1 && cursor.path().is_none());
    cursor.text("\"{");
    assert_eq!(cursor.levels(), 1);
    let mut text = "{\"a\": \"x\"}".to_owned();
    for _ in 0..12 {
        text = json!({ "a": text }).to_string();
        let mut cursor = JsonCursor::new(Root::Text);
        for c in text.chars() {
            cursor.text(c.encode_utf8(&mut [0; 4]));
            assert!(cursor.levels.len() <= MAX_LEVELS);
        }
    }
}

/// A document with marks in its strings, and documents in its strings.
fn document() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("§".to_owned()),
        Just("for § and §".to_owned()),
        Just("\"§\" \\ \n §".to_owned()),
        Just("[§".to_owned()),
        Just("{\"é".to_owned()),
        Just("[see §]".to_owned()),
        "[a-z\"\\\\{}\\[\\]:, ]{0,8}",
    ];
    let leaf = prop_oneof![
        4 => text.prop_map(Value::from),
        1 => any::<i32>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z\"\\\\§]{0,5}", inner.clone()), 0..4).prop_map(|entries| {
                entries
                    .into_iter()
                    .enumerate()
                    .map(|(at, (key, value))| (format!("{key}{at}"), value))
                    .collect::<Map<_, _>>()
                    .into()
            }),
            inner.prop_map(|value| match value {
                Value::Object(_) | Value::Array(_) => Value::from(value.to_string()),
                other => other,
            }),
        ]
    })
}

/// The document with the value instead of the marks, as far as its strings are documents.
fn with_value(document: &Value, value: &str, levels: usize) -> Value {
    match document {
        Value::String(text) => {
            let is_document =
                levels < MAX_LEVELS && text.trim_start_matches([' ', '\n', '\t', '\r']).starts_with(['{', '[']);
            match serde_json::from_str::<Value>(text) {
                Ok(inner) if is_document && text.contains(MARK) => {
                    Value::from(with_value(&inner, value, levels + 1).to_string())
                }
                _ => Value::from(text.replace(MARK, value)),
            }
        }
        Value::Array(items) => items.iter().map(|item| with_value(item, value, levels)).collect(),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, item)| (key.replace(MARK, value), with_value(item, value, levels)));
            entries.collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("12 Main Street\", \"admin\": true, \"x\": \"Chicago".to_owned()),
        Just("\\".to_owned()),
        Just("\"}]}\n{[\"".to_owned()),
        Just("\\\" \\\\\" \\u0022".to_owned()),
        Just("😀 José \u{7}".to_owned()),
        ".{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 300 } else { 20_000 }))]

    #[test]
    fn a_value_never_breaks_out_of_a_document(document in document(), value in hostile(), size in 1usize..40, pretty in any::<bool>()) {
        let document = match document {
            Value::Object(_) | Value::Array(_) => document,
            other => json!([other]),
        };
        // A string that begins like a document but is invalid is escaped once at its marks, before and after the
        // error.
        prop_assume!(!begins_and_breaks(&document, 1));
        let text = if pretty { serde_json::to_string_pretty(&document).expect("a document") } else { document.to_string() };
        for root in [Root::Text, Root::Answer, Root::Arguments] {
            let out = filled(root, &text, &value, size);
            let back: Value = serde_json::from_str(&out).map_err(|error| TestCaseError::fail(format!("{error}: {out}")))?;
            prop_assert_eq!(&back, &with_value(&document, &value, 1), "{}", out);
        }
    }

    #[test]
    fn cuts_make_no_difference(text in "([{}\\[\\]\",:\\\\nu0a §`\n]{0,4}|```json\n|\\{\"a\":|\\\\\"|true|12){0,14}", size in 1usize..9) {
        for root in [Root::Text, Root::Answer, Root::Arguments] {
            prop_assert_eq!(filled(root, &text, "\"", size), filled(root, &text, "\"", 1000));
        }
    }
}

fn begins_and_breaks(document: &Value, levels: usize) -> bool {
    match document {
        Value::String(text) => {
            let begins = text.trim_start_matches([' ', '\n', '\t', '\r']).starts_with(['{', '[']);
            match serde_json::from_str::<Value>(text) {
                Ok(inner) if begins => begins_and_breaks(&inner, levels + 1),
                _ => begins && levels < MAX_LEVELS && text.contains("\"") && text.contains(MARK),
            }
        }
        Value::Array(items) => items.iter().any(|item| begins_and_breaks(item, levels)),
        Value::Object(map) => map.values().any(|item| begins_and_breaks(item, levels)),
        _ => false,
    }
}
