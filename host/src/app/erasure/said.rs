//! Searches stored texts for a value. Texts are stored as received: JSON with any escapes, or a stream of events that
//! splits a value into pieces. So both the raw text and its decoded strings are searched.

use std::sync::Arc;

use serde_json::Value;

use crate::action::Action;
use crate::chat::position::Search;
use crate::kind::Kind;
use crate::passes::memory::{Known, Remembered, Searched, recall};
use crate::sensitive::SensitiveText;
use crate::session::payloads::Payloads;

/// Minimum number of digits for which the grouping of a number is ignored.
const NUMBER: usize = 7;

/// Maximum nesting of JSON documents in strings that is parsed: arguments of tool calls and their contents.
const DEEPEST: usize = 4;

/// Whether one of the texts contains the value: in any case, with any grouping of digits, written, spoken or spelled.
pub(super) fn says(texts: &Payloads, value: &str) -> bool {
    let forms = [&texts.request, &texts.response].into_iter().flatten().flat_map(|text| {
        let text = text.expose();
        [SensitiveText::from(text.as_str()), SensitiveText::from(strings(text))]
    });
    forms.into_iter().any(|text| stands_in(text.expose(), value) || is_recalled(text.expose(), value))
}

/// Which of these texts equal the value, written, spoken or spelled.
pub(super) fn are<'t>(texts: impl Iterator<Item = &'t str>, value: &str) -> Vec<bool> {
    let texts: Vec<Searched<'_>> = texts.map(|text| Searched { text, search: Search::Speech }).collect();
    let mut decisions = vec![Arc::from([]); texts.len()];
    recall(&texts, &mut decisions, &[&Known::new([remembered(value)])]);
    let is_whole = |(searched, decisions): (&Searched<'_>, &Arc<[crate::passes::finding::Decision]>)| {
        let rest = |range: std::ops::Range<usize>| searched.text[range].chars().any(char::is_alphanumeric);
        decisions.iter().any(|it| !rest(0..it.span.start) && !rest(it.span.end..searched.text.len()))
    };
    texts.iter().zip(&decisions).map(is_whole).collect()
}

fn is_recalled(text: &str, value: &str) -> bool {
    let mut decisions = [Arc::from([])];
    recall(&[Searched { text, search: Search::Speech }], &mut decisions, &[&Known::new([remembered(value)])]);
    !decisions[0].is_empty()
}

fn remembered(value: &str) -> Remembered {
    let kind = Kind::new("OTHER_ID").expect("the name of a kind");
    Remembered { text: value.into(), kind, action: Action::Tokenize }
}

/// Whole words only: `Ann` is not in `Annabel`.
fn stands_in(text: &str, value: &str) -> bool {
    let (text, value) = (SensitiveText::from(text.to_lowercase()), SensitiveText::from(value.to_lowercase()));
    let (text, number) = (text.expose(), digits(value.expose()));
    let is_word = text.match_indices(value.expose().as_str()).any(|(at, found)| {
        let before = text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        let after = text[at + found.len()..].chars().next().is_some_and(char::is_alphanumeric);
        !before && !after
    });
    is_word || (number.len() >= NUMBER && SensitiveText::from(squeezed(text)).expose().contains(&number))
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// A text without the separators in numbers.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '+')).collect()
}

/// The strings of a document, one per line; in a stream of events, the pieces of each field joined.
fn strings(text: &str) -> String {
    let mut out = String::new();
    if let Ok(document) = serde_json::from_str::<Value>(text) {
        each_string(&document, DEEPEST, &mut |_, string| {
            out.push_str(string);
            out.push('\n');
        });
        return out;
    }
    // In order of appearance, so that pieces of the same field are adjacent.
    let mut fields: Vec<(String, String)> = Vec::new();
    for event in text.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data:")?).ok()) {
        each_string(&event, DEEPEST, &mut |field, string| {
            match fields.iter_mut().find(|(known, _)| known == field) {
                Some((_, said)) => said.push_str(string),
                None => fields.push((field.to_owned(), string.to_owned())),
            };
        });
    }
    for (_, said) in fields {
        out.push_str(&said);
        out.push('\n');
    }
    out
}

/// Visits strings and numbers, each with the name of its field.
fn each_string(value: &Value, depth: usize, visit: &mut impl FnMut(&str, &str)) {
    fn walk(field: &str, value: &Value, depth: usize, visit: &mut dyn FnMut(&str, &str)) {
        match value {
            Value::String(text) => {
                let is_document = depth > 0 && text.trim_start().starts_with(['{', '[']);
                match is_document.then(|| serde_json::from_str::<Value>(text)) {
                    Some(Ok(document)) => walk(field, &document, depth - 1, visit),
                    _ => visit(field, text),
                }
            }
            Value::Number(number) => visit(field, &number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| walk(field, item, depth, visit)),
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                visit("", name);
                walk(name, value, depth, visit);
            }),
            Value::Null | Value::Bool(_) => {}
        }
    }
    walk("", value, depth, visit);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, value: &str) -> bool {
        let mut texts = Payloads::default();
        texts.set_request(text.as_bytes());
        says(&texts, value)
    }

    #[test]
    fn a_value_is_found_as_a_whole_word_in_any_case_and_a_number_in_any_grouping() {
        assert!(said("I am JANE doe, hello", "Jane Doe"));
        assert!(!said("I am Annabel", "Ann"));
        assert!(said("call (312) 555-0147 now", "312 555 0147"));
        assert!(said("E-12345", "e-12345"));
        assert!(!said("in room 12345", "E-12345"));
        assert!(!said("", "Jane"));
    }

    #[test]
    fn a_value_is_found_in_a_document_however_it_is_escaped_cut_or_said() {
        assert!(said(r#"{"messages": [{"content": "I am Zo\u00eb O\u0027Hara."}]}"#, "Zoë O'Hara"));
        assert!(said(r#"{"arguments": "{\"name\": \"Zo\\u00eb\"}"}"#, "Zoë"));
        assert!(said(r#"{"account": 123456789}"#, "123456789"));
        let stream = |pieces: &[&str]| {
            let event = |piece| {
                format!("data: {{\"id\": \"c1\", \"choices\": [{{\"delta\": {{\"content\": \"{piece}\"}}}}]}}\n\n")
            };
            pieces.iter().map(event).collect::<String>() + "data: [DONE]\n\n"
        };
        assert!(said(&stream(&["Hello Ja", "ne D", "oe, hello."]), "Jane Doe"));
        assert!(!said(&stream(&["Hello Jan", "et Doe"]), "Jane Doe"));
        assert!(said("so three one two five five five oh one four seven it is", "312-555-0147"));
    }

    #[test]
    fn a_text_is_the_value_as_a_whole_or_not_at_all() {
        let texts =
            ["(312) 555 0147.", "three one two five five five zero one four seven", "312-555-0147 or so", "Jane"];
        assert_eq!(are(texts.into_iter(), "312-555-0147"), [true, true, false, false]);
    }
}
