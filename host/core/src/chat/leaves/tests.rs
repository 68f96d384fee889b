//! What is visited in a text, and that only replaced spans change.

use proptest::prelude::*;

use super::*;

/// Records every leaf and replaces every occurrence of `wanted`.
#[derive(Default)]
struct Seen {
    leaves: Vec<(Form, Option<String>, String)>,
    wanted: Option<&'static str>,
    applied: Vec<String>,
}

const TOKEN: &str = "T\"1\"";

impl Visitor for Seen {
    fn leaf(&mut self, place: &Place<'_>, text: &str) -> Vec<Edit> {
        self.leaves.push((place.form, place.field.map(str::to_owned), text.to_owned()));
        let Some(wanted) = self.wanted else { return Vec::new() };
        let found = text.match_indices(wanted);
        found
            .map(|(at, found)| Edit { span: ByteSpan::new(at, at + found.len()), text: TOKEN.into(), placed: Some(0) })
            .collect()
    }

    fn applied(&mut self, edits: &[Edit], text: &str) {
        self.applied.extend(edits.iter().map(|edit| text[edit.span.range()].to_owned()));
    }
}

const PLACE: Place<'_> = Place {
    form: Form::Text,
    search: Search::Speech,
    role: "tool",
    field: None,
    written: None,
    name: "content",
    message: Some(0),
};

fn visited(text: &str, wanted: Option<&'static str>) -> (Seen, String) {
    let mut seen = Seen { wanted, ..Seen::default() };
    let mut text = text.to_owned();
    visit_text(&mut text, &PLACE, &mut seen);
    (seen, text)
}

#[track_caller]
fn check_seen(text: &str, expected: &[(Form, &str, &str)]) {
    let (seen, after) = visited(text, None);
    let seen: Vec<_> =
        seen.leaves.iter().map(|(form, field, text)| (*form, field.as_deref().unwrap_or(""), text.as_str())).collect();
    assert_eq!(seen, expected, "{text}");
    assert_eq!(after, text);
}

#[track_caller]
fn check_replaced(text: &str, wanted: &'static str, expected: &str) {
    assert_eq!(visited(text, Some(wanted)).1, expected);
}

#[test]
fn keys_strings_and_numbers_are_leaves_and_flags_are_not() {
    check_seen(
        r#"{"name": "Jane", "age": [41, {"x": -1.50}], "ok": true, "no": null}"#,
        &[
            (Form::Key, "", "name"),
            (Form::Text, "name", "Jane"),
            (Form::Key, "", "age"),
            (Form::Number, "age", "41"),
            (Form::Key, "", "x"),
            (Form::Number, "x", "1.50"),
            (Form::Key, "", "ok"),
            (Form::Key, "", "no"),
        ],
    );
}

#[test]
fn text_around_json_is_text() {
    check_seen(
        r#"Result: {"a": "Jane"} ok"#,
        &[(Form::Text, "", "Result: "), (Form::Key, "", "a"), (Form::Text, "a", "Jane"), (Form::Text, "", " ok")],
    );
    check_seen("[1] Jane {x}", &[(Form::Text, "", "[1] Jane {x}")]);
}

#[test]
fn a_number_is_seen_as_its_digits() {
    for (number, seen) in [
        ("3125550147", "3125550147"),
        ("-3125550147", "3125550147"),
        ("3125550147.0", "3125550147"),
        ("3.125550147e9", "3125550147"),
        ("312555014.7E+1", "3125550147"),
        ("31255501470e-1", "31255501470e-1"),
        ("0.5", "0.5"),
        ("-0", "0"),
        ("1e999999999999", "1e999999999999"),
        ("1e300", "1e300"),
    ] {
        assert_eq!(digits_of(number), seen, "{number}");
    }
}

#[test]
fn a_replacement_is_written_as_deep_as_it_is() {
    check_replaced(r#"{"a":"I am Jane","n":{"b":[ 1 ]}}"#, "Jane", r#"{"a":"I am T\"1\"","n":{"b":[ 1 ]}}"#);
    check_replaced(r#"{"a": 415}"#, "415", r#"{"a": "T\"1\""}"#);
    check_replaced(
        r#"{"a": "{\"b\": \"Ann \\u00e9\", \"c\": 3}"}"#,
        "Ann é",
        r#"{"a": "{\"b\": \"T\\\"1\\\"\", \"c\": 3}"}"#,
    );
    check_replaced(r#"{"a": "{\"b\": 415}"}"#, "415", r#"{"a": "{\"b\": \"T\\\"1\\\"\"}"}"#);
    check_replaced(r#"Mar&iacute;a & M%C3%ADa"#, "í", "MarT\"1\"a & MT\"1\"a");
    check_replaced(r#""{\"a\": 415}""#, "415", r#""{\"a\": \"T\\\"1\\\"\"}""#);
    check_replaced(r#"{"Jane": 1}"#, "Jane", r#"{"T\"1\"": 1}"#);
}

#[test]
fn what_is_searched_is_decoded_whatever_hides_it() {
    for text in [
        r#"{"patient": "Mar\u00eda"}"#,
        r#"Result: {"patient": "Mar\u00eda"}"#,
        r#"{"answer": "{\"patient\": \"Mar\\u00eda\"}"}"#,
        r#"{"answer": "Result: {\"patient\": \"Mar\\u00eda\"}"}"#,
        r"{'patient': 'Mar\u00eda', broken",
        "Mar&iacute;a",
        r"Mar\u{ed}a",
        "Mar&#237;a",
        "q=Mar%C3%ADa",
        r#"{"html": "<b>Mar&iacute;a</b>"}"#,
    ] {
        let (seen, after) = visited(text, Some("María"));
        assert!(seen.leaves.iter().any(|(_, _, leaf)| leaf.contains("María")), "{text}");
        assert!(!after.contains("Mar"), "{after}");
        assert_eq!(seen.applied.len(), 1);
    }
}

#[test]
fn an_escaped_line_end_is_a_line_end() {
    let (seen, _) = visited(r#"said:\nIngrid, {"a": "b\nIngrid"}"#, None);
    assert!(seen.leaves.iter().all(|(_, _, leaf)| !leaf.contains("nIngrid")));
}

#[test]
fn a_path_of_windows_holds_no_escapes() {
    let path = r"see C:\temp\new\report and \n";
    assert_eq!(visited(path, None).0.leaves[0].2, "see C:\\temp\\new\\report and \n");
}

#[test]
fn both_values_of_a_key_given_twice_are_seen() {
    let (seen, _) = visited(r#"{"name": "Jane Doe", "name": "x"}"#, None);
    assert!(seen.leaves.iter().any(|(_, _, leaf)| leaf == "Jane Doe"));
}

#[test]
fn keys_that_become_equal_stay_apart() {
    let (_, after) = visited(r#"{"Jane": 1, "Jan\u0065": 2, "Jane": 3, "x": {"Jane": 4}}"#, Some("Jane"));
    let keys: Vec<&str> = after.split("\": ").filter_map(|part| part.rsplit(", \"").next()).collect();
    assert_eq!(after, r#"{"T\"1\"": 1, "T\"1\"_2": 2, "T\"1\"_3": 3, "x": {"T\"1\"": 4}}"#, "{keys:?}");
}

#[test]
fn many_keys_that_become_equal_are_counted_on() {
    let text = format!("{{{}}}", vec![r#""Jane": 1"#; 20_000].join(", "));
    let (_, after) = visited(&text, Some("Jane"));
    assert!(after.contains("_20000\": 1}"), "the last of them has the last number");
}

#[test]
fn a_list_of_words_is_one_text() {
    let (seen, after) = visited(
        r#"[{"w": "is", "t": 0.1}, {"w": "three", "t": 0.2}, {"w": "o\u006ee", "t": 0.3}, {"w": "0147", "t": 1}]"#,
        Some("three one 0147"),
    );
    assert!(seen.leaves.contains(&(Form::Text, None, "is three one 0147".into())));
    assert_eq!(after, r#"[{"w": "is", "t": 0.1}, {"w": "T\"1\"", "t": 0.2}, {"w": "", "t": 0.3}, {"w": "", "t": 1}]"#);
    let (_, after) = visited(r#"["my", "number", "is", "312", "0147"]"#, Some("312 0147"));
    assert_eq!(after, r#"["my", "number", "is", "T\"1\"", ""]"#);
    for (list, expected) in [
        (
            r#"[{"word": "is", "punctuated_word": "Is"}, {"word": "two", "punctuated_word": "Two"}, {"word": "one", "punctuated_word": "one."}]"#,
            &["is two one", "Is Two one."][..],
        ),
        (r#"[{"text": "is"}, {"text": " "}, {"text": "two"}, {"type": "pause"}, {"text": " one"}]"#, &["is two one"]),
        (r#"[{"Word": "Is"}, {"Word": "Two"}, {"Word": "One"}]"#, &["Is Two One"]),
        (
            r#"[{"alternatives": [{"content": "is"}]}, {"alternatives": [{"content": "two"}]}, {"alternatives": [{"content": "one"}]}]"#,
            &["is two one"],
        ),
        (r#"[["is", 0, 0.1], ["two", 0.1, 0.2], ["one", 0.2, 1]]"#, &["is two one"]),
        (r#"["4", "1", "5", "5", "two", "5", "5"]"#, &["4 1 5 5 two 5 5"]),
        (r#"["Four", "One", "Five", "Five", "Five", "Five", "Two"]"#, &["Four One Five Five Five Five Two"]),
    ] {
        let (seen, _) = visited(list, None);
        let texts: Vec<&str> =
            seen.leaves.iter().filter(|leaf| leaf.0 == Form::Text).map(|leaf| leaf.2.as_str()).collect();
        assert!(expected.iter().all(|text| texts.contains(text)), "{texts:?}");
        assert!(!texts.contains(&"two"), "{texts:?}");
    }
    for names in [
        r#"["Ann", "Bo", "Cy"]"#,
        r#"[{"text": "Ann"}, {"text": "Bo"}, {"text": "Cy"}]"#,
        r#"["2024", "2025", "2026"]"#,
    ] {
        let (seen, _) = visited(names, None);
        let texts = seen.leaves.iter().filter(|leaf| leaf.0 == Form::Text).count();
        assert_eq!(texts, 3, "a list of names is no speech");
    }
}

#[test]
fn sealed_state_of_a_provider_is_not_seen_and_words_of_the_protocol_are_names() {
    let place = Place { search: Search::Field, role: "assistant", ..PLACE };
    let mut value = serde_json::json!([
        {"type": "reasoning.text", "text": "Jane called", "signature": "Esa4=", "format": "x-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "gAAA=="},
        {"type": "note", "data": "Jane"},
    ]);
    let mut seen = Names::default();
    visit_value(&mut value, &place, &mut seen);
    let speech: Vec<&str> =
        seen.0.iter().filter(|(search, _)| search.is_speech()).map(|(_, text)| text.as_str()).collect();
    assert_eq!(speech, ["Jane called", "0", "Jane"]);
    assert!(!seen.0.iter().any(|(_, text)| text.contains("Esa4") || text.contains("gAAA")));
}

#[test]
fn a_schema_in_a_message_is_the_operators_own_text() {
    let schema = r##"Answer by {"title": "CalendarEvent", "type": "object", "properties": {"who": {"$ref": "#/$defs/Patient"}}}"##;
    let mut seen = Names::default();
    visit_text(&mut schema.to_owned(), &PLACE, &mut seen);
    let is_static = |text: &str| seen.0.contains(&(Search::Static, text.to_owned()));
    assert!(is_static("CalendarEvent") && is_static("#/$defs/Patient"));
    let feature = r#"{"type": "object", "properties": {"name": "Jane"}, "title": "Halvorsen"}"#;
    let mut seen = Names::default();
    visit_text(&mut feature.to_owned(), &PLACE, &mut seen);
    assert!(seen.0.contains(&(Search::Speech, "Halvorsen".to_owned())), "data may look like one");
}

#[derive(Default)]
struct Names(Vec<(Search, String)>);

impl Visitor for Names {
    fn leaf(&mut self, place: &Place<'_>, text: &str) -> Vec<Edit> {
        self.0.push((place.search, text.to_owned()));
        Vec::new()
    }
}

proptest! {
    #[test]
    fn json_stays_json_at_every_depth(names in proptest::collection::vec("[a-zé\"\\\\\n]{0,6}", 1..5), depth in 0_usize..4) {
        let mut text = serde_json::to_string(&names.iter().map(|name| format!("{name}Jane{name}")).collect::<Vec<_>>()).expect("JSON");
        for _ in 0..depth {
            text = serde_json::json!({"inner": text, "n": 1}).to_string();
        }
        let (_, after) = visited(&text, Some("Jane"));
        let mut inner = after;
        for _ in 0..depth {
            let value: Value = serde_json::from_str(&inner).expect("JSON");
            prop_assert_eq!(&value["n"], 1);
            inner = value["inner"].as_str().expect("a text").to_owned();
        }
        let found: Vec<String> = serde_json::from_str(&inner).expect("JSON");
        let expected: Vec<String> = names.iter().map(|name| format!("{name}{TOKEN}{name}")).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn what_is_collected_is_what_can_be_replaced(text in "[\\[{]?(\"[a-c]{0,2}\"|[0-9]{1,3}|[\\[\\]{}:, ]){0,12}") {
        let (collected, same) = visited(&text, None);
        prop_assert_eq!(&same, &text);
        let (replaced, _) = visited(&same, Some("a"));
        prop_assert_eq!(collected.leaves, replaced.leaves);
    }
}
