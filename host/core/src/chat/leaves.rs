//! The leaves of a text: all decoding happens here.
//!
//! A text may contain JSON (as a whole or in part), JSON in the strings of that JSON, and backslash escapes, HTML
//! entities or percent encoding. A visitor sees the decoded leaves, each with its [`Place`]; its edits are mapped
//! back to spans of the text as it was sent, and encoded for their nesting level. All other bytes are unchanged.

mod decode;
mod json;
mod words;

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use self::decode::Decoded;
use self::json::{Member, Node, Part};
use super::position::{
    Edit, Form, Place, Search, Visitor, apply, is_closed_word, is_opaque, is_opaque_field, is_protocol_key,
    is_word_field,
};
use crate::text::ByteSpan;

/// Depth limit of nested JSON; deeper JSON is treated as text.
const DEEPEST: usize = 8;

/// Minimum digits of a number in a setting to be looked up among known values.
const SHORTEST_KNOWN: usize = 6;

/// Visits a text and applies the visitor's edits to it.
pub(super) fn visit_text(text: &mut String, place: &Place<'_>, visitor: &mut dyn Visitor) {
    let edits = text_edits(text, place, visitor, 0);
    if !edits.is_empty() {
        visitor.applied(&edits, text);
        *text = apply(text, &edits);
    }
}

/// Visits every key, string and number below a value and applies the visitor's edits.
pub(super) fn visit_value(value: &mut Value, place: &Place<'_>, visitor: &mut dyn Visitor) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::String(text) => visit_text(text, place, visitor),
        Value::Number(number) => {
            let source = number.to_string();
            if let Some(edit) = number_edit(&source, ByteSpan::new(0, source.len()), place, visitor) {
                visitor.applied(std::slice::from_ref(&edit), &source);
                *value = Value::String(edit.text);
            }
        }
        Value::Array(_) | Value::Object(_) => {
            let source = value.to_string();
            let edits = text_edits(&source, place, visitor, 0);
            if !edits.is_empty() {
                visitor.applied(&edits, &source);
                // Edits keep the text valid JSON: parse it again as written.
                *value = serde_json::from_str(&apply(&source, &edits)).unwrap_or(Value::Null);
            }
        }
    }
}

/// The edits of a text, as spans of it.
fn text_edits(text: &str, place: &Place<'_>, visitor: &mut dyn Visitor, depth: usize) -> Vec<Edit> {
    let may_hold_json =
        depth < DEEPEST && place.form == Form::Text && memchr::memchr2(b'{', b'[', text.as_bytes()).is_some();
    if !may_hold_json {
        return plain_edits(text, place, visitor);
    }
    let Some(parts) = json::parts(text, visitor.room()) else {
        visitor.too_large(place);
        return plain_edits(text, place, visitor);
    };
    let mut edits = Vec::new();
    for part in parts {
        match part {
            Part::Text(span) => shift(plain_edits(&text[span.range()], place, visitor), span.start, &mut edits),
            Part::Json(node) => Document { source: text, visitor, depth }.node(&node, place, &mut edits),
        }
    }
    edits
}

/// The edits of a text without JSON.
fn plain_edits(text: &str, place: &Place<'_>, visitor: &mut dyn Visitor) -> Vec<Edit> {
    let layers = decode::usual(text);
    let seen = layers.last().map_or(text, |layer| &layer.text);
    let mut edits = visitor.leaf(&Place { search: place.search.of_text(seen), ..*place }, seen);
    for layer in layers.iter().rev() {
        edits.iter_mut().for_each(|edit| edit.span = layer.source(edit.span));
    }
    edits
}

fn shift(own: Vec<Edit>, by: usize, edits: &mut Vec<Edit>) {
    edits.extend(
        own.into_iter().map(|edit| Edit { span: ByteSpan::new(edit.span.start + by, edit.span.end + by), ..edit }),
    );
}

/// The edit of a number, which is replaced whole. The visitor sees its digits: a sign, a zero fraction or an exponent
/// would hide them.
fn number_edit(source: &str, span: ByteSpan, place: &Place<'_>, visitor: &mut dyn Visitor) -> Option<Edit> {
    let digits = digits_of(source);
    if place.search.of_number() == Search::Known && digits.len() < SHORTEST_KNOWN {
        return None;
    }
    let written = (digits != source).then_some(source);
    let place = Place { form: Form::Number, search: place.search.of_number(), written, ..*place };
    let edit = visitor.leaf(&place, &digits).into_iter().next()?;
    Some(Edit { span, ..edit })
}

/// The digits of a JSON number, when it is an integer; otherwise the number without its sign.
fn digits_of(number: &str) -> String {
    /// Limit of digits, above any identifier's.
    const MOST: usize = 40;
    let number = number.trim_start_matches('-');
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let Ok(exponent) = exponent.parse::<i32>() else { return number.to_owned() };
    let fraction = fraction.trim_end_matches('0');
    // Number of zeros after the digits.
    let zeros = i64::from(exponent) - fraction.len() as i64;
    match usize::try_from(zeros) {
        Ok(zeros) if whole.len() + fraction.len() + zeros <= MOST => {
            let digits = format!("{whole}{fraction}{}", "0".repeat(zeros));
            let significant = digits.trim_start_matches('0');
            if significant.is_empty() { "0".to_owned() } else { significant.to_owned() }
        }
        _ => number.to_owned(),
    }
}

/// JSON inside a text.
struct Document<'d> {
    source: &'d str,
    visitor: &'d mut dyn Visitor,
    depth: usize,
}

impl Document<'_> {
    fn node(&mut self, node: &Node, place: &Place<'_>, edits: &mut Vec<Edit>) {
        match node {
            Node::Object(members) => self.object(members, place, edits),
            Node::List(items) => self.list(items, place, edits),
            Node::Text(span) => self.string(*span, place, edits),
            Node::Number(span) => {
                let edit = number_edit(&self.source[span.range()], *span, place, self.visitor);
                edits.extend(edit.map(|edit| Edit { text: Value::String(edit.text).to_string(), ..edit }));
            }
            Node::Word => {}
        }
    }

    fn string(&mut self, span: ByteSpan, place: &Place<'_>, edits: &mut Vec<Edit>) {
        let decoded = decode::json(&self.source[span.range()]);
        let own = text_edits(&decoded.text, place, self.visitor, self.depth + 1);
        edits.extend(own.into_iter().map(|edit| self.written(edit, &decoded, span.start)));
    }

    /// Maps an edit of a decoded string to the source.
    fn written(&self, edit: Edit, decoded: &Decoded, start: usize) -> Edit {
        let span = decoded.source(edit.span);
        let text = Value::String(edit.text).to_string();
        let text = text[1..text.len() - 1].to_owned();
        Edit { span: ByteSpan::new(span.start + start, span.end + start), text, placed: edit.placed }
    }

    fn object(&mut self, members: &[Member], place: &Place<'_>, edits: &mut Vec<Edit>) {
        let first = edits.len();
        let type_of =
            members.iter().find(|member| &self.source[member.key.range()] == "type").map(|member| match member.value {
                Node::Text(span) => &self.source[span.range()],
                _ => "",
            });
        let place = &match place.search {
            Search::Speech | Search::Field if self.is_schema(members) => Place { search: Search::Static, ..*place },
            _ => *place,
        };
        let mut keys = Vec::with_capacity(members.len());
        let mut renamed = false;
        for member in members {
            let key = decode::json(&self.source[member.key.range()]);
            let before = edits.len();
            self.key(member.key, &key, place, edits);
            renamed |= edits.len() > before;
            keys.push((before, edits.len()));
            if let Some(place) = self.member(&member.value, &key.text, type_of, place) {
                self.node(&member.value, &place, edits);
            }
        }
        if renamed {
            self.keep_keys_apart(members, &keys, first, edits);
        }
    }

    fn key(&mut self, span: ByteSpan, key: &Decoded, place: &Place<'_>, edits: &mut Vec<Edit>) {
        // A tool's arguments and results are not protocol objects: their keys may be anything.
        if place.search != Search::Speech && is_protocol_key(&key.text) {
            return;
        }
        let place = Place { form: Form::Key, search: Search::Name, field: None, ..*place };
        let own = plain_edits(&key.text, &place, self.visitor);
        edits.extend(own.into_iter().map(|edit| self.written(edit, key, span.start)));
    }

    /// The place of a member's value; `None` for opaque provider state, which is not visited.
    fn member<'k>(&self, value: &Node, key: &'k str, type_of: Option<&str>, place: &Place<'_>) -> Option<Place<'k>> {
        let mut search = place.search;
        if let (Search::Field, Node::List(items), "assistant") = (search, value, place.role) {
            let is_state = |item: &Node| matches!(item, Node::Text(span) if is_opaque(key, &self.source[span.range()]));
            if !items.is_empty() && items.iter().all(is_state) && key != "data" {
                return None;
            }
        }
        if let (Search::Field, Node::Text(span)) = (search, value) {
            let text = &self.source[span.range()];
            let is_model = place.role == "assistant";
            if is_model && is_opaque_member(key, text, type_of) {
                return None;
            }
            let is_short_state =
                is_model && (is_opaque_field(key) || key == "data" && type_of.is_some_and(is_state_type));
            if (is_word_field(key) || is_short_state) && is_closed_word(text) {
                search = Search::Name;
            }
        }
        let Place { form, role, name, message, .. } = *place;
        Some(Place { form, search, role, field: Some(key), written: None, name, message })
    }

    /// Whether an object is a JSON Schema: libraries write the schema of the expected answer into a message, and the
    /// model must use its exact words.
    fn is_schema(&self, members: &[Member]) -> bool {
        const KEYWORDS: [&str; 7] = ["type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"];
        let key = |member: &Member| &self.source[member.key.range()];
        let says_object = members.iter().any(|member| {
            key(member) == "type" && matches!(member.value, Node::Text(span) if &self.source[span.range()] == "object")
        });
        let is_property = |property: &Member| match &property.value {
            Node::Object(members) => members.iter().any(|member| KEYWORDS.contains(&key(member))),
            _ => false,
        };
        says_object
            && members.iter().any(|member| match &member.value {
                Node::Object(properties) if key(member) == "properties" => {
                    !properties.is_empty() && properties.iter().all(is_property)
                }
                _ => false,
            })
    }

    /// Two keys may get the same replacement, and an object holds one entry per key: the later one gets a numeric
    /// suffix.
    fn keep_keys_apart(&self, members: &[Member], keys: &[(usize, usize)], first: usize, edits: &mut Vec<Edit>) {
        let (mut taken, mut last) = (HashSet::new(), HashMap::new());
        let mut added = Vec::new();
        for (member, (from, to)) in members.iter().zip(keys) {
            let span = member.key;
            let mut own = edits[*from..*to].to_vec();
            own.iter_mut()
                .for_each(|edit| edit.span = ByteSpan::new(edit.span.start - span.start, edit.span.end - span.start));
            let written = apply(&self.source[span.range()], &own);
            if !taken.insert(written.clone()) && from < to {
                let number = last.entry(written.clone()).or_insert(1_usize);
                *number += 1;
                while !taken.insert(format!("{written}_{number}")) {
                    *number += 1;
                }
                added.push(Edit { span: ByteSpan::new(span.end, span.end), text: format!("_{number}"), placed: None });
            }
        }
        edits.extend(added);
        edits[first..].sort_by_key(|edit| (edit.span.start, edit.span.end));
    }

    fn list(&mut self, items: &[Node], place: &Place<'_>, edits: &mut Vec<Edit>) {
        let texts = words::texts(self.source, items);
        if texts.is_empty() {
            items.iter().for_each(|item| self.node(item, place, edits));
            return;
        }
        let first = edits.len();
        texts.iter().for_each(|words| self.words(words, place, edits));
        // A word that is part of a combined text is not a leaf of its own.
        let is_word = |value: &Node| match value {
            Node::Text(span) => texts.iter().any(|words| {
                let at = words.partition_point(|word| word.start < span.start);
                words.get(at).is_some_and(|word| word.end <= span.end)
            }),
            _ => false,
        };
        for item in items {
            self.beside_words(item, &is_word, place, edits);
        }
        edits[first..].sort_by_key(|edit| (edit.span.start, edit.span.end));
    }

    /// Visits the other fields of a list item, besides its word.
    fn beside_words(&mut self, item: &Node, is_word: &dyn Fn(&Node) -> bool, place: &Place<'_>, edits: &mut Vec<Edit>) {
        match item {
            Node::Object(members) => {
                for member in members.iter().filter(|member| !is_word(&member.value)) {
                    let key = decode::json(&self.source[member.key.range()]);
                    self.key(member.key, &key, place, edits);
                    if let Some(place) = self.member(&member.value, &key.text, None, place) {
                        self.beside_words(&member.value, is_word, &place, edits);
                    }
                }
            }
            Node::List(items) => items.iter().for_each(|item| self.beside_words(item, is_word, place, edits)),
            other if is_word(other) => {}
            other => self.node(other, place, edits),
        }
    }

    /// Visits the words of a list as one text. When a run of words is replaced, the first word holds the replacement
    /// and the others become empty.
    fn words(&mut self, words: &[ByteSpan], place: &Place<'_>, edits: &mut Vec<Edit>) {
        let decoded: Vec<Decoded> = words.iter().map(|span| decode::json(&self.source[span.range()])).collect();
        let mut text = String::new();
        let mut starts = Vec::with_capacity(words.len());
        for word in &decoded {
            if !text.is_empty() && !word.text.is_empty() {
                text.push(' ');
            }
            starts.push(text.len());
            text.push_str(&word.text);
        }
        for edit in self.visitor.leaf(&Place { search: place.search.of_text(&text), ..*place }, &text) {
            let mut left = Some((edit.text, edit.placed));
            for ((word, start), span) in decoded.iter().zip(&starts).zip(words) {
                let from = edit.span.start.max(*start);
                let to = edit.span.end.min(start + word.text.len());
                if from < to {
                    let (text, placed) = left.take().unwrap_or_default();
                    let part = Edit { span: ByteSpan::new(from - start, to - start), text, placed };
                    edits.push(self.written(part, word, span.start));
                }
            }
        }
    }
}

fn is_opaque_member(key: &str, text: &str, type_of: Option<&str>) -> bool {
    is_opaque(key, text) && (key != "data" || type_of.is_some_and(is_state_type))
}

/// Types of objects whose `data` is opaque model state.
fn is_state_type(type_of: &str) -> bool {
    type_of.starts_with("reasoning") || type_of.ends_with("thinking")
}

#[cfg(test)]
mod tests;
