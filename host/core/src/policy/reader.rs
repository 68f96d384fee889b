//! Reads typed settings from a document and continues after an error, so that all errors are reported.
//!
//! Every method takes a location and returns `None` after it has reported an error there.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use super::document::{Node, Value, join};
use super::error::{ErrorCode, Problems, hint};
use crate::kind::Kind;

/// A node of the document and its path.
#[derive(Clone, Debug)]
pub struct At<'n> {
    /// Node.
    pub node: &'n Node,
    /// Path, such as `passes[0].plugin`.
    pub path: String,
}

/// A map with a fixed set of keys.
pub struct Fields<'n> {
    at: At<'n>,
}

impl<'n> Fields<'n> {
    /// The setting of this name, if present. For a duplicate key (reported elsewhere), the first one.
    pub fn get(&self, key: &str) -> Option<At<'n>> {
        let Value::Map(entries) = &self.at.node.value else { return None };
        let entry = entries.iter().find(|entry| entry.key == key)?;
        Some(At { node: &entry.value, path: self.path(key) })
    }

    /// All entries of the map, by key.
    pub fn all(&self) -> Vec<(&'n str, At<'n>)> {
        let Value::Map(entries) = &self.at.node.value else { return Vec::new() };
        let mut seen = HashSet::new();
        let first = entries.iter().filter(|entry| seen.insert(&entry.key));
        first.map(|entry| (entry.key.as_str(), At { node: &entry.value, path: self.path(&entry.key) })).collect()
    }

    /// The path of a key, present or not.
    pub fn path(&self, key: &str) -> String {
        join(&self.at.path, key)
    }
}

/// Reads settings and collects errors.
pub struct FieldReader<'p> {
    /// Collected errors.
    pub problems: Problems<'p>,
}

impl FieldReader<'_> {
    /// A map that may have only these keys.
    pub fn fields<'n>(&mut self, at: &At<'n>, known: &[&str]) -> Option<Fields<'n>> {
        let fields = self.map(at)?;
        for (key, place) in fields.all() {
            if !known.contains(&key) {
                let hint = hint(key, known.iter().copied(), "keys");
                self.problems.invalid(place.path, format!("unknown key{hint}"));
            }
        }
        Some(fields)
    }

    /// A map with any keys.
    pub fn map<'n>(&mut self, at: &At<'n>) -> Option<Fields<'n>> {
        if let Value::Map(_) = at.node.value {
            return Some(Fields { at: at.clone() });
        }
        self.mismatch(at, "a map (lines of `key: value`; `{}` when there is nothing to set)");
        None
    }

    /// A list.
    pub fn list<'n>(&mut self, at: &At<'n>, example: &str) -> Option<Vec<At<'n>>> {
        if let Value::List(items) = &at.node.value {
            let below = |(index, node)| At { node, path: format!("{}[{index}]", at.path) };
            return Some(items.iter().enumerate().map(below).collect());
        }
        self.mismatch(at, &format!("a list, such as {example}"));
        None
    }

    /// Non-blank text of at most `longest` bytes. Error messages do not quote it.
    pub fn text<'n>(&mut self, at: &At<'n>, longest: usize) -> Option<&'n str> {
        let Value::Text(text) = &at.node.value else {
            self.mismatch(at, "text");
            return None;
        };
        let wrong = if text.trim().is_empty() {
            "is blank: omit it or write some text".to_owned()
        } else if text.len() > longest {
            format!("is longer than {longest} bytes")
        } else {
            return Some(text);
        };
        self.problems.invalid(&at.path, wrong);
        None
    }

    /// `true` or `false`.
    pub fn flag(&mut self, at: &At<'_>) -> Option<bool> {
        match &at.node.value {
            Value::Bool(value) => return Some(*value),
            Value::Text(text) => {
                let meant = match text.to_ascii_lowercase().as_str() {
                    "yes" | "y" | "on" | "true" | "1" => Some("true"),
                    "no" | "n" | "off" | "false" | "0" => Some("false"),
                    _ => None,
                };
                match meant {
                    Some(meant) => {
                        let text = short(text);
                        let message = format!("`{text}` is text, not a boolean: write {meant}, without quotes");
                        self.problems.invalid(&at.path, message);
                    }
                    None => self.mismatch(at, "true or false"),
                }
            }
            _ => self.mismatch(at, "true or false"),
        }
        None
    }

    /// A number in a range.
    pub fn number(&mut self, at: &At<'_>, range: RangeInclusive<f64>) -> Option<f64> {
        let value = match at.node.value {
            Value::Int(value) => value as f64,
            Value::Float(value) => value,
            _ => {
                self.mismatch(at, "a number");
                return None;
            }
        };
        if range.contains(&value) {
            return Some(value);
        }
        let percent = *range.end() == 1.0 && (1.0..=100.0).contains(&value);
        let hint = if percent { format!("; did you mean {}?", value / 100.0) } else { String::new() };
        let message = format!("must be from {} to {}{hint}", range.start(), range.end());
        self.problems.invalid(&at.path, message);
        None
    }

    /// A number from 0 to 1.
    pub fn share(&mut self, at: &At<'_>) -> Option<f32> {
        self.number(at, 0.0..=1.0).map(|value| value as f32)
    }

    /// A whole number in a range.
    pub fn whole(&mut self, at: &At<'_>, range: RangeInclusive<u32>) -> Option<u32> {
        let Value::Int(value) = at.node.value else {
            self.mismatch(at, "a whole number");
            return None;
        };
        let value = u32::try_from(value).ok().filter(|value| range.contains(value));
        if value.is_none() {
            let message = format!("must be a whole number from {} to {}", range.start(), range.end());
            self.problems.invalid(&at.path, message);
        }
        value
    }

    /// One of these words.
    pub fn choice<T: Copy>(&mut self, at: &At<'_>, choices: &[(&str, T)]) -> Option<T> {
        let words = || choices.iter().map(|(word, _)| *word);
        let Value::Text(text) = &at.node.value else {
            self.mismatch(at, &format!("one of {}", words().collect::<Vec<_>>().join(", ")));
            return None;
        };
        let chosen = choices.iter().find(|(word, _)| word == text).map(|(_, chosen)| *chosen);
        if chosen.is_none() {
            let hint = hint(text, words(), "values");
            self.problems.invalid(&at.path, format!("unknown value `{}`{hint}", short(text)));
        }
        chosen
    }

    /// The name of a kind.
    pub fn kind(&mut self, name: &str, path: &str) -> Option<Kind> {
        let kind = Kind::new(name);
        if kind.is_none() {
            let upper = name.to_uppercase().replace(['-', ' ', '.'], "_");
            let message = match Kind::new(&upper) {
                Some(upper) => format!("kinds are written in upper case: write {upper}"),
                None => "a kind is written in capital letters, digits and `_`, such as PHONE".to_owned(),
            };
            self.problems.invalid(path, message);
        }
        kind
    }

    /// Reports a missing required key.
    pub fn missing(&mut self, code: ErrorCode, path: &str, example: &str) {
        self.problems.add(code, path, format!("is required: add `{example}`"));
    }

    fn mismatch(&mut self, at: &At<'_>, wanted: &str) {
        let message = match &at.node.value {
            Value::Null => format!("is empty: expected {wanted}; omit the key to use the default"),
            Value::Text(_) if wanted.ends_with("number") => {
                format!("expected {wanted}, found text; write it without quotes")
            }
            Value::Int(_) | Value::Float(_) | Value::Bool(_) if wanted == "text" => {
                format!("expected text, found {}; put it in quotes", sort(at.node))
            }
            _ => format!("expected {wanted}, found {}", sort(at.node)),
        };
        self.problems.invalid(&at.path, message);
    }
}

fn sort(node: &Node) -> &'static str {
    match node.value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Int(_) | Value::Float(_) => "a number",
        Value::Text(_) => "text",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
    }
}

/// The beginning of a setting, for quoting in an error.
pub fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}
