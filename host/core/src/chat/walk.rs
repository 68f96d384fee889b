//! Visits every text of a request that may carry caller data: the table of protocol positions.
//!
//! The rule (docs/api.md): a position is visited unless the type of its container gives it a closed meaning; unknown
//! positions are visited. The same walk collects, replaces and checks outgoing text, so the three steps always agree
//! on the positions. [`super::position`] defines the meaning of each position.
//!
//! * [`parts`]: message content, by the type of each part.
//! * [`tools`]: tools, schemas and response formats, which are the operator's static text.

mod parts;
mod tools;

use std::collections::HashMap;

use serde_json::{Map, Value};

pub use self::parts::{Media, withhold_media};
use super::leaves::{visit_text, visit_value};
use super::position::{
    Form, Place, Search, Visitor, is_closed_word, is_opaque, is_opaque_field, is_protocol_key, is_protocol_word,
    is_sealed_id,
};
use super::request::{BadRequest, ChatRequest};

/// Visits every text of a request.
///
/// # Errors
/// The request has a shape in which text cannot be identified.
pub fn walk(request: &mut ChatRequest, visitor: &mut dyn Visitor) -> Result<(), BadRequest> {
    if let Some(Value::Array(messages)) = request.body.get_mut("messages") {
        for (index, message) in messages.iter_mut().enumerate() {
            Walk { visitor, message: Some(index), role: "user" }.message(message)?;
        }
    }
    let mut walk = Walk { visitor, message: None, role: "field" };
    walk.members("other", &mut request.body, |walk, field, value| walk.top_level(field, value));
    Ok(())
}

/// Top-level fields whose numbers may have as many digits as an identifier.
const NUMBERS: [&str; 3] = ["max_completion_tokens", "max_tokens", "seed"];

struct Walk<'v> {
    visitor: &'v mut dyn Visitor,
    message: Option<usize>,
    role: &'static str,
}

impl Walk<'_> {
    fn top_level(&mut self, field: &str, value: &mut Value) {
        match field {
            // `model` is compared with the agent's model; messages have been visited.
            "messages" | "model" => {}
            "tools" | "functions" => self.tools(value),
            "tool_choice" | "function_call" => self.choice("tool_choice", value),
            "response_format" => self.response_format(value),
            "user" | "safety_identifier" | "prompt_cache_key" | "metadata" => {
                self.identifiers(field_name(field), value)
            }
            "prediction" => self.prediction(value),
            "web_search_options" => self.web_search_options(value),
            _ if NUMBERS.contains(&field) && value.is_number() => {}
            _ => self.all(Search::Setting, field_name(field), Some(field), value),
        }
    }

    fn place<'a>(&self, form: Form, search: Search, name: &'static str, field: Option<&'a str>) -> Place<'a> {
        Place { form, search, role: self.role, field, written: None, name, message: self.message }
    }

    /// Visits one text, which is replaced according to its form.
    fn leaf(&mut self, form: Form, search: Search, name: &'static str, field: Option<&str>, text: &mut String) {
        let place = self.place(form, search, name, field);
        visit_text(text, &place, self.visitor);
    }

    /// Visits speech; a value that is not a string has an unknown structure, and everything in it is visited.
    fn speech(&mut self, name: &'static str, value: &mut Value) {
        self.all(Search::Speech, name, None, value);
    }

    /// An unknown field of a message; opaque provider state is skipped.
    fn field(&mut self, name: &'static str, key: &str, value: &mut Value) {
        let word =
            value.as_str().filter(|text| self.role == "assistant" && is_opaque_field(key) && is_closed_word(text));
        match value.as_str() {
            Some(text) if self.role == "assistant" && key != "data" && is_opaque(key, text) => {}
            Some(_) if word.is_some() => self.all(Search::Name, name, Some(key), value),
            _ => self.all(Search::Field, name, Some(key), value),
        }
    }

    /// Visits everything below a value.
    fn all(&mut self, search: Search, name: &'static str, field: Option<&str>, value: &mut Value) {
        let place = self.place(Form::Text, search, name, field);
        visit_value(value, &place, self.visitor);
    }

    /// Visits the members of a protocol object: the unknown keys, and every value.
    fn members(
        &mut self,
        name: &'static str,
        map: &mut Map<String, Value>,
        mut visit: impl FnMut(&mut Self, &str, &mut Value),
    ) {
        let mut renamed = Vec::new();
        for (index, (key, value)) in map.iter_mut().enumerate() {
            if !is_protocol_key(key) {
                let mut new = key.clone();
                self.leaf(Form::Key, Search::Name, name, None, &mut new);
                if new != *key {
                    renamed.push((index, new));
                }
            }
            visit(self, key, value);
        }
        if !renamed.is_empty() {
            rename(map, renamed);
        }
    }

    /// A constant or an id: searched like a name, replaced like an identifier. Other values are data.
    fn word(&mut self, name: &'static str, value: &mut Value) {
        match value {
            Value::String(text) if is_protocol_word(text) => {}
            Value::String(text) if is_closed_word(text) => {
                self.leaf(Form::Identifier, Search::Name, name, None, text);
            }
            Value::String(text) if is_sealed_id(text) => self.leaf(Form::Identifier, Search::Known, name, None, text),
            Value::String(text) => self.leaf(Form::Identifier, Search::Speech, name, None, text),
            other => self.speech(name, other),
        }
    }

    fn message(&mut self, message: &mut Value) -> Result<(), BadRequest> {
        let index = self.message.unwrap_or_default();
        let Value::Object(message) = message else {
            return Err(BadRequest::shape(format!("messages[{index}]"), "must be an object"));
        };
        self.role = role(message).ok_or_else(|| {
            BadRequest::shape(
                format!("messages[{index}].role"),
                "must be one of system, developer, user, assistant, tool, function",
            )
        })?;
        let mut content = Ok(());
        self.members("message", message, |walk, key, value| match key {
            "role" => {}
            "tool_call_id" | "id" => walk.word("tool_call_id", value),
            "content" => content = walk.content(value),
            "refusal" | "reasoning_content" => walk.speech(message_name(key), value),
            "name" if walk.role == "tool" => walk.tool_name("name", value),
            "name" => walk.identifiers("name", value),
            "tool_calls" => walk.tool_calls(value),
            "function_call" => walk.function("function_call", value),
            _ => walk.field("other", key, value),
        });
        content
    }

    fn tool_name(&mut self, name: &'static str, value: &mut Value) {
        match value {
            Value::String(text) => self.leaf(Form::ToolName, Search::Name, name, None, text),
            other => self.speech(name, other),
        }
    }

    fn tool_calls(&mut self, calls: &mut Value) {
        let Value::Array(calls) = calls else { return self.speech("tool_calls", calls) };
        for call in calls {
            let Value::Object(call) = call else {
                self.speech("tool_calls", call);
                continue;
            };
            self.members("tool_calls", call, |walk, key, value| match key {
                "id" | "type" => walk.word("tool_calls.id", value),
                "index" if value.as_u64().is_some_and(|index| index < 1000) => {}
                "function" | "custom" => walk.function("tool_calls", value),
                _ => walk.field("tool_calls", key, value),
            });
        }
    }

    /// A function call: `name`, `arguments` (or a custom tool's `input`).
    fn function(&mut self, name: &'static str, function: &mut Value) {
        let Value::Object(function) = function else { return self.speech(name, function) };
        self.members(name, function, |walk, key, value| match key {
            "name" => walk.tool_name("function.name", value),
            "arguments" | "input" => walk.speech("arguments", value),
            _ => walk.field(name, key, value),
        });
    }

    /// `auto`, or an object that contains the name of a tool at some depth.
    fn choice(&mut self, name: &'static str, choice: &mut Value) {
        match choice {
            Value::Object(map) => self.members(name, map, |walk, _, value| walk.choice(name, value)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.choice(name, item)),
            other => self.tool_name(name, other),
        }
    }

    fn identifiers(&mut self, name: &'static str, value: &mut Value) {
        match value {
            Value::String(text) => self.leaf(Form::Identifier, Search::Speech, name, None, text),
            Value::Object(map) => self.members(name, map, |walk, key, value| match value {
                Value::String(text) => walk.leaf(Form::Identifier, Search::Speech, name, Some(key), text),
                other => walk.identifiers(name, other),
            }),
            Value::Array(items) => items.iter_mut().for_each(|item| self.identifiers(name, item)),
            other => self.speech(name, other),
        }
    }

    /// The predicted output: speech, apart from the constants of its format.
    fn prediction(&mut self, value: &mut Value) {
        let Value::Object(map) = value else { return self.speech("prediction", value) };
        self.members("prediction", map, |walk, key, value| match key {
            "type" => walk.word("prediction", value),
            _ => walk.all(Search::Field, "prediction", None, value),
        });
    }

    /// The caller's location: speech, apart from time zone and country codes.
    fn web_search_options(&mut self, value: &mut Value) {
        const NAME: &str = "web_search_options";
        match value {
            Value::Object(map) => self.members(NAME, map, |walk, key, value| match (key, &mut *value) {
                (_, Value::Object(_)) => walk.web_search_options(value),
                ("city" | "region", _) => walk.all(Search::Speech, NAME, Some(key), value),
                _ => walk.all(Search::Setting, NAME, Some(key), value),
            }),
            other => self.all(Search::Setting, NAME, None, other),
        }
    }
}

/// Renames keys in place; a key that already exists gets a numeric suffix.
fn rename(map: &mut Map<String, Value>, renamed: Vec<(usize, String)>) {
    let mut new_keys = renamed.into_iter().peekable();
    let mut last = HashMap::new();
    for (index, (key, value)) in std::mem::take(map).into_iter().enumerate() {
        let mut key = new_keys.next_if(|(at, _)| *at == index).map_or(key, |(_, new)| new);
        if map.contains_key(&key) {
            let number = last.entry(key.clone()).or_insert(1_usize);
            *number += 1;
            while map.contains_key(&format!("{key}_{number}")) {
                *number += 1;
            }
            key = format!("{key}_{number}");
        }
        map.insert(key, value);
    }
}

/// A fixed name for a top-level field: the name of an unknown field is caller text.
fn field_name(field: &str) -> &'static str {
    const KNOWN: [&str; 14] = [
        "reasoning_effort",
        "service_tier",
        "verbosity",
        "prompt_cache_retention",
        "modalities",
        "audio",
        "stream_options",
        "logit_bias",
        "user",
        "safety_identifier",
        "prompt_cache_key",
        "metadata",
        "stop",
        "moderation",
    ];
    KNOWN.into_iter().find(|known| *known == field).unwrap_or("other")
}

fn message_name(key: &str) -> &'static str {
    if key == "refusal" { "refusal" } else { "reasoning_content" }
}

fn role(message: &Map<String, Value>) -> Option<&'static str> {
    match message.get("role")?.as_str()? {
        "system" => Some("system"),
        "developer" => Some("developer"),
        "user" => Some("user"),
        "assistant" => Some("assistant"),
        "tool" | "function" => Some("tool"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
