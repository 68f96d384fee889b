//! JSON documents as text: the leaves of one are visited, and it is written again only when one changed.

use std::collections::HashSet;
use std::{fmt, io};

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor as Reader};
use serde_json::ser::Formatter;
use serde_json::{Map, Value};

use super::walk::{Form, Place, Visitor};

/// Visits the leaves of a string that holds a JSON object or list; any other string is visited as text.
pub(super) fn visit_json_string(text: &mut String, place: &Place<'_>, visitor: &mut dyn Visitor) {
    let looks_like_json = text.trim_start().starts_with(['{', '[']);
    let parsed = if looks_like_json { serde_json::from_str::<Value>(text).ok() } else { None };
    match parsed {
        Some(mut document) => {
            // Of two equal keys only the last is visited, so the first must not be sent: it is written again then too.
            if visit_json(&mut document, place, visitor) | has_equal_keys(text) {
                *text = Style::of(text).write(&document);
            }
        }
        None => {
            if let Some(changed) = visitor.leaf(place, text) {
                *text = changed;
            }
        }
    }
}

/// Visits every string, number and key below `value`. True when one changed.
pub(super) fn visit_json(value: &mut Value, place: &Place<'_>, visitor: &mut dyn Visitor) -> bool {
    match value {
        Value::String(text) => replace(visitor.leaf(place, text), |new| *text = new),
        Value::Number(number) => {
            let digits = number.to_string();
            replace(visitor.leaf(&Place { form: Form::Number, ..*place }, &digits), |new| *value = Value::String(new))
        }
        Value::Array(items) => items.iter_mut().fold(false, |changed, item| visit_json(item, place, visitor) | changed),
        Value::Object(map) => visit_object(map, place, visitor),
        Value::Null | Value::Bool(_) => false,
    }
}

fn visit_object(map: &mut Map<String, Value>, place: &Place<'_>, visitor: &mut dyn Visitor) -> bool {
    let mut changed = false;
    let mut renamed = Vec::new();
    for (index, (key, value)) in map.iter_mut().enumerate() {
        if let Some(new) = visitor.leaf(&Place { form: Form::Key, field: None, ..*place }, key) {
            renamed.push((index, new));
        }
        changed |= visit_json(value, &Place { field: Some(key), ..*place }, visitor);
    }
    if !renamed.is_empty() {
        let mut new_names = renamed.into_iter().peekable();
        *map = std::mem::take(map)
            .into_iter()
            .enumerate()
            .map(|(index, (key, value))| match new_names.next_if(|(at, _)| *at == index) {
                Some((_, new)) => (new, value),
                None => (key, value),
            })
            .collect();
        changed = true;
    }
    changed
}

fn replace(new: Option<String>, put: impl FnOnce(String)) -> bool {
    new.map(put).is_some()
}

/// The white space of a JSON text, so that what comes back to the caller is the text that was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Style {
    /// None, as JavaScript's `JSON.stringify` writes.
    Compact,
    /// After each comma and colon, as Python's `json.dumps` writes.
    Spaced,
    /// Lines with an indent of two.
    Pretty,
}

impl Style {
    /// The style in which a document would be this very text; compact where it is none of these.
    fn of(text: &str) -> Self {
        let Ok(document) = serde_json::from_str::<Value>(text) else { return Style::Compact };
        let same = |style: &Style| style.write(&document) == text;
        [Style::Spaced, Style::Pretty].into_iter().find(same).unwrap_or(Style::Compact)
    }

    fn write(self, document: &Value) -> String {
        let mut bytes = Vec::new();
        let written = match self {
            Style::Compact => serde_json::to_writer(&mut bytes, document),
            Style::Pretty => serde_json::to_writer_pretty(&mut bytes, document),
            Style::Spaced => document.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Spaces)),
        };
        // Strings, maps and numbers that were parsed can be written again.
        debug_assert!(written.is_ok());
        String::from_utf8(bytes).unwrap_or_default()
    }
}

/// `", "` and `": "`.
struct Spaces;

impl Formatter for Spaces {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// Whether an object of this JSON text names a key twice.
fn has_equal_keys(text: &str) -> bool {
    serde_json::from_str::<EqualKeys>(text).is_ok_and(|found| found.0)
}

struct EqualKeys(bool);

impl<'de> Deserialize<'de> for EqualKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FindEqualKeys).map(Self)
    }
}

struct FindEqualKeys;

impl<'de> Reader<'de> for FindEqualKeys {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut keys = HashSet::new();
        let mut found = false;
        while let Some(key) = map.next_key::<String>()? {
            found |= !keys.insert(key) | map.next_value::<EqualKeys>()?.0;
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(item) = items.next_element::<EqualKeys>()? {
            found |= item.0;
        }
        Ok(found)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts `<leaf>` around every leaf, and notes what it saw.
    #[derive(Default)]
    struct Mark {
        seen: Vec<(Form, Option<String>, String)>,
        change: bool,
    }

    impl Visitor for Mark {
        fn leaf(&mut self, place: &Place<'_>, text: &str) -> Option<String> {
            self.seen.push((place.form, place.field.map(str::to_owned), text.to_owned()));
            self.change.then(|| format!("<{text}>"))
        }
    }

    const PLACE: Place<'_> = Place { form: Form::Text, role: "tool", field: None, name: "arguments", message: Some(0) };

    fn visited(text: &str, change: bool) -> (Mark, String) {
        let mut mark = Mark { change, ..Mark::default() };
        let mut text = text.to_owned();
        visit_json_string(&mut text, &PLACE, &mut mark);
        (mark, text)
    }

    fn check_unchanged(text: &str) {
        assert_eq!(visited(text, false).1, text);
    }

    fn check_changed(text: &str, expected: &str) {
        assert_eq!(visited(text, true).1, expected);
    }

    #[test]
    fn a_text_keeps_its_white_space_where_it_is_a_common_one() {
        for text in [
            r#"{"a":"x","b":[1,2]}"#,
            r#"{"a": "x", "b": [1, 2], "c": {}}"#,
            "{\n  \"a\": \"x\",\n  \"b\": [\n    1\n  ]\n}",
        ] {
            let document: Value = serde_json::from_str(text).unwrap();
            assert_eq!(Style::of(text).write(&document), text);
        }
        let odd = r#"{ "a":"x" }"#;
        assert_eq!(Style::of(odd), Style::Compact);
    }

    #[test]
    fn keys_strings_and_numbers_are_leaves_and_flags_are_not() {
        let (mark, _) = visited(r#"{"name": "Jane", "age": [41, {"x": -1.50}], "ok": true, "no": null}"#, false);
        let key = |name: &str| (Form::Key, None, name.to_owned());
        let value = |form, field: &str, text: &str| (form, Some(field.to_owned()), text.to_owned());
        assert_eq!(
            mark.seen,
            [
                key("name"),
                value(Form::Text, "name", "Jane"),
                key("age"),
                value(Form::Number, "age", "41"),
                key("x"),
                value(Form::Number, "x", "-1.50"),
                key("ok"),
                key("no"),
            ]
        );
    }

    #[test]
    fn text_that_is_no_json_object_or_list_is_one_leaf() {
        for text in ["Jane", "41", "\"Jane\"", "{Jane}", "{\"a\": 1} and more", "", "[1, 2"] {
            let (mark, after) = visited(text, false);
            assert_eq!(mark.seen, [(Form::Text, None, text.to_owned())]);
            assert_eq!(after, text);
        }
    }

    #[test]
    fn a_document_in_which_nothing_changes_keeps_its_bytes() {
        check_unchanged("{ \"a\" :\t1.0 ,\n \"b\": [\"\\u00e9\", 1e2, 12345678901234567890123]}");
        check_unchanged("  []  ");
        check_unchanged("{}");
    }

    #[test]
    fn every_leaf_can_be_replaced() {
        check_changed(r#"{"a":"b","c":[1,true]}"#, r#"{"<a>":"<b>","<c>":["<1>",true]}"#);
        check_changed(r#"["Jane \"J\" Doe"]"#, r#"["<Jane \"J\" Doe>"]"#);
        check_changed("Jane", "<Jane>");
    }

    #[test]
    fn an_earlier_value_of_a_key_given_twice_is_not_sent() {
        for text in [
            r#"{"name": "Jane Doe", "name": "x"}"#,
            r#"[1, {"a": {"name": "Jane Doe", "n\u0061me": "x"}}]"#,
            r#"{"a": [{"name": 4155550123, "name": null}]}"#,
        ] {
            let (mark, after) = visited(text, false);
            assert!(mark.seen.iter().all(|(_, _, seen)| !seen.contains("Jane") && !seen.contains("4155550123")));
            assert!(!after.contains("Jane") && !after.contains("4155550123"), "{after}");
        }
    }

    #[test]
    fn equal_keys_of_different_objects_are_not_equal_keys() {
        assert!(!has_equal_keys(r#"[{"a": 1}, {"a": {"a": 2.5}}, {"b": "a"}]"#));
        assert!(has_equal_keys(r#"[{"a": 1}, {"b": {"a": 2, "a": 3}}]"#));
    }

    #[test]
    fn a_document_too_deep_to_parse_is_looked_at_as_text() {
        let deep = format!("{}\"Jane Doe\"{}", "[".repeat(200), "]".repeat(200));
        assert_eq!(visited(&deep, false).0.seen, [(Form::Text, None, deep)]);
    }

    proptest::proptest! {
        #[test]
        fn what_is_collected_is_what_can_be_replaced(text in "[\\[{]?(\"[a-c]{0,2}\"|[0-9]{1,3}|[\\[\\]{}:, ]){0,12}") {
            let (collected, same) = visited(&text, false);
            let (replaced, _) = visited(&same, true);
            proptest::prop_assert_eq!(collected.seen, replaced.seen);
        }
    }
}
