//! JSON documents as text: the leaves of one are visited, and it is written again only when one changed.

use serde_json::{Map, Value};

use super::walk::{Form, Place, Visitor};

/// Visits the leaves of a string that holds a JSON object or list; any other string is visited as text.
pub(super) fn visit_json_string(text: &mut String, place: &Place<'_>, visitor: &mut dyn Visitor) {
    let looks_like_json = text.trim_start().starts_with(['{', '[']);
    let parsed = if looks_like_json { serde_json::from_str::<Value>(text).ok() } else { None };
    match parsed {
        Some(mut document) => {
            if visit_json(&mut document, place, visitor) {
                // Strings, maps and numbers that were parsed can be written again.
                *text = serde_json::to_string(&document).unwrap_or_default();
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
        Value::Array(items) => {
            items.iter_mut().fold(false, |changed, item| visit_json(item, place, visitor) | changed)
        }
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
