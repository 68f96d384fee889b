//! Visits every string of a request that may carry a caller's data.
//!
//! The rule (API.md section 6): a string is visited unless the protocol gives it a closed meaning. The walk is written
//! once and used twice, to collect and to replace, so the two cannot disagree about what there is.

use serde_json::{Map, Value};

use super::json_text::{visit_json, visit_json_string};
use super::request::{BadRequest, ChatRequest};

/// What a visited text is, which decides how it can be masked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Form {
    /// Text: spans of it are replaced.
    Text,
    /// A number inside JSON: replaced whole, by a string, and comes back as a number.
    Number,
    /// A key inside JSON.
    Key,
    /// An identifier with the provider's own limits: replaced whole, by a short digest.
    Identifier,
    /// A name the provider matches exactly: cannot be masked.
    Name,
}

/// Where a text stands.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// What it is.
    pub form: Form,
    /// Whose words: `system`, `developer`, `user`, `assistant`, `tool`, or `field` outside the conversation.
    pub role: &'static str,
    /// The key whose value this is, as context for detection. Caller's text where it is a key of a tool's arguments.
    pub field: Option<&'a str>,
    /// The protocol's name of the place, for errors and the journal.
    pub name: &'static str,
    /// The message it stands in.
    pub message: Option<usize>,
}

impl Place<'_> {
    /// As an error names it: `messages[3].content`.
    pub fn path(&self) -> String {
        match self.message {
            Some(index) => format!("messages[{index}].{}", self.name),
            None => self.name.to_owned(),
        }
    }
}

/// Sees every text, in a fixed order.
pub trait Visitor {
    /// A text; a replacement for it, or `None` to leave it as it is.
    fn leaf(&mut self, place: &Place<'_>, text: &str) -> Option<String>;
}

/// What happens to images, audio and files.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Media {
    /// Replaced by a text that says so.
    #[default]
    Block,
    /// Sent as they are.
    Pass,
}

/// Takes media out where the policy blocks them. Call it before any walk. Returns how many parts were withheld.
pub fn withhold_media(request: &mut ChatRequest, media: Media) -> usize {
    if media == Media::Pass {
        return 0;
    }
    let mut withheld = 0;
    let Some(Value::Array(messages)) = request.body.get_mut("messages") else { return 0 };
    for message in messages {
        let Some(Value::Array(parts)) = message.get_mut("content") else { continue };
        // What is no part at all is refused by the walk.
        for part in parts.iter_mut().filter(|part| part.is_object()) {
            let kind = part.get("type").and_then(Value::as_str).unwrap_or("part");
            if !matches!(kind, "text" | "refusal") {
                // An unknown type is the caller's word: it is not repeated.
                let known = ["image_url", "input_audio", "file"].into_iter().find(|known| *known == kind);
                let notice = format!("[{} withheld]", known.unwrap_or("content part"));
                *part = serde_json::json!({"type": "text", "text": notice});
                withheld += 1;
            }
        }
    }
    withheld
}

/// Visits every text of a request.
///
/// # Errors
/// When something has a shape in which we could not tell what is text.
pub fn walk(request: &mut ChatRequest, visitor: &mut dyn Visitor) -> Result<(), BadRequest> {
    if let Some(Value::Array(messages)) = request.body.get_mut("messages") {
        for (index, message) in messages.iter_mut().enumerate() {
            Walk { visitor, message: Some(index), role: "user" }.message(message)?;
        }
    }
    let mut walk = Walk { visitor, message: None, role: "field" };
    for (field, value) in &mut request.body {
        match field.as_str() {
            "messages" => {}
            // Closed: numbers, flags, and words from a fixed list. `model` is compared with the agent's.
            "model" => {}
            "seed" if value.is_number() => {}
            "reasoning_effort"
            | "service_tier"
            | "verbosity"
            | "prompt_cache_retention"
            | "modalities"
            | "audio"
            | "stream_options"
            | "logit_bias" => walk.closed(field_name(field), value),
            "tools" | "functions" => walk.tools(value),
            "tool_choice" | "function_call" => walk.choice(value),
            "response_format" => walk.response_format(value),
            "user" | "safety_identifier" | "prompt_cache_key" | "metadata" => {
                walk.identifiers(field_name(field), value)
            }
            _ => walk.anything(field_name(field), Some(field), value),
        }
    }
    Ok(())
}

/// A fixed name for a top-level field: a field that we do not know is the caller's word.
fn field_name(field: &str) -> &'static str {
    const KNOWN: [&str; 15] = [
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
        "prediction",
        "web_search_options",
    ];
    KNOWN.into_iter().find(|known| *known == field).unwrap_or("other")
}

struct Walk<'v> {
    visitor: &'v mut dyn Visitor,
    message: Option<usize>,
    role: &'static str,
}

impl Walk<'_> {
    fn place<'a>(&self, form: Form, name: &'static str, field: Option<&'a str>) -> Place<'a> {
        Place { form, role: self.role, field, name, message: self.message }
    }

    fn text(&mut self, form: Form, name: &'static str, field: Option<&str>, text: &mut String) {
        if let Some(new) = self.visitor.leaf(&self.place(form, name, field), text) {
            *text = new;
        }
    }

    fn text_at(&mut self, form: Form, name: &'static str, value: Option<&mut Value>) {
        match value {
            Some(Value::String(text)) => self.text(form, name, None, text),
            // Not what the protocol says: then nothing about it is known, and all of it is visited.
            Some(other) => self.anything(name, None, other),
            None => {}
        }
    }

    /// Visits every string, number and key, whatever they are. A bare number is mostly a setting, and in its place a
    /// string would be an error; but no setting has as many digits as a phone number (`seed` may, and is not visited).
    fn anything(&mut self, name: &'static str, field: Option<&str>, value: &mut Value) {
        if let Some(field) = field {
            self.unknown_key(name, field);
        }
        let place = self.place(Form::Text, name, field);
        match value {
            Value::Number(number) if !is_long(&number.to_string()) => {}
            _ => {
                visit_json(value, &place, self.visitor);
            }
        }
    }

    /// Visits a key that the protocol does not know, unless it looks like one of a protocol's. It is the caller's word, and
    /// the provider may match it exactly.
    fn unknown_key(&mut self, name: &'static str, key: &str) {
        let is_token_id = key.len() <= 7 && key.bytes().all(|b| b.is_ascii_digit());
        if !is_closed_word(key) && !is_token_id {
            // A name is never replaced: what holds protected data is refused.
            let _ = self.visitor.leaf(&self.place(Form::Name, name, None), key);
        }
    }

    /// Visits words of a closed list only when they are none: longer than any such word, or with spaces in them.
    fn closed(&mut self, name: &'static str, value: &mut Value) {
        match value {
            Value::String(text) if is_closed_word(text) => {}
            Value::Array(items) => items.iter_mut().for_each(|item| self.closed(name, item)),
            Value::Object(map) => {
                for (key, item) in map.iter_mut() {
                    self.unknown_key(name, key);
                    self.closed(name, item);
                }
            }
            other => self.anything(name, None, other),
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
        for (key, value) in message.iter_mut() {
            match key.as_str() {
                "role" => {}
                "tool_call_id" => self.closed("tool_call_id", value),
                "content" => self.content(value)?,
                "refusal" => self.text_at(Form::Text, "refusal", Some(value)),
                "name" => self.text_at(Form::Identifier, "name", Some(value)),
                "tool_calls" => self.tool_calls(value),
                "function_call" => self.function("function_call", value),
                "audio" => self.closed("audio", value),
                _ => self.anything("other", Some(key), value),
            }
        }
        Ok(())
    }

    fn content(&mut self, content: &mut Value) -> Result<(), BadRequest> {
        let index = self.message.unwrap_or_default();
        match content {
            Value::Null => Ok(()),
            Value::String(text) if self.role == "tool" => {
                visit_json_string(text, &self.place(Form::Text, "content", None), self.visitor);
                Ok(())
            }
            Value::String(text) => {
                self.text(Form::Text, "content", None, text);
                Ok(())
            }
            Value::Array(parts) => parts.iter_mut().try_for_each(|part| self.part(part)),
            _ => Err(BadRequest::shape(format!("messages[{index}].content"), "must be text, a list of parts, or null")),
        }
    }

    fn part(&mut self, part: &mut Value) -> Result<(), BadRequest> {
        let Value::Object(part) = part else {
            let index = self.message.unwrap_or_default();
            return Err(BadRequest::shape(format!("messages[{index}].content"), "a part must be an object"));
        };
        for (key, value) in part.iter_mut() {
            match key.as_str() {
                "type" => self.closed("content.type", value),
                "text" | "refusal" => self.text_at(Form::Text, "content", Some(value)),
                // Only reached where the policy lets media pass: their data is not text, their file's name is.
                "image_url" | "input_audio" => {}
                "file" => self.text_at(Form::Text, "content.file", value.get_mut("filename")),
                _ => self.anything("content", Some(key), value),
            }
        }
        Ok(())
    }

    fn tool_calls(&mut self, calls: &mut Value) {
        let Value::Array(calls) = calls else { return self.anything("tool_calls", None, calls) };
        for call in calls {
            let Value::Object(call) = call else {
                self.anything("tool_calls", None, call);
                continue;
            };
            for (key, value) in call.iter_mut() {
                match key.as_str() {
                    "id" | "type" => self.closed("tool_calls.id", value),
                    "index" => {}
                    "function" | "custom" => self.function("tool_calls", value),
                    _ => self.anything("tool_calls", Some(key), value),
                }
            }
        }
    }

    /// A call of a function: `name`, `arguments` (or a custom tool's `input`).
    fn function(&mut self, name: &'static str, function: &mut Value) {
        let Value::Object(function) = function else { return self.anything(name, None, function) };
        for (key, value) in function.iter_mut() {
            match (key.as_str(), value) {
                ("name", Value::String(text)) => self.text(Form::Name, "function.name", None, text),
                ("arguments" | "input", Value::String(text)) => {
                    visit_json_string(text, &self.place(Form::Text, "arguments", None), self.visitor);
                }
                (_, value) => self.anything(name, Some(key), value),
            }
        }
    }

    fn tools(&mut self, tools: &mut Value) {
        let Value::Array(tools) = tools else { return self.anything("tools", None, tools) };
        for tool in tools {
            self.declaration(tool);
        }
    }

    /// A tool as it is declared: its name, its description, its JSON Schema, at whatever depth.
    fn declaration(&mut self, value: &mut Value) {
        let Value::Object(map) = value else { return self.anything("tools", None, value) };
        for (key, value) in map.iter_mut() {
            match (key.as_str(), value) {
                ("name", Value::String(text)) => self.text(Form::Name, "tools.function.name", None, text),
                ("type" | "syntax" | "strict", value) => self.closed("tools.type", value),
                ("function" | "custom" | "format" | "grammar", value @ Value::Object(_)) => self.declaration(value),
                ("parameters", value) => self.schema("tools.function.parameters", value),
                ("description", value) => self.text_at(Form::Text, "tools.function.description", Some(value)),
                (key, value) => self.anything("tools", Some(key), value),
            }
        }
    }

    fn response_format(&mut self, format: &mut Value) {
        let Value::Object(format) = format else { return self.anything("response_format", None, format) };
        for (key, value) in format.iter_mut() {
            match (key.as_str(), value) {
                ("type", value) => self.closed("response_format.type", value),
                ("json_schema", Value::Object(schema)) => {
                    for (key, value) in schema.iter_mut() {
                        match (key.as_str(), value) {
                            ("name", Value::String(text)) => self.text(Form::Name, "response_format.name", None, text),
                            ("schema", value) => self.schema("response_format.schema", value),
                            (key, value) => self.anything("response_format", Some(key), value),
                        }
                    }
                }
                (key, value) => self.anything("response_format", Some(key), value),
            }
        }
    }

    /// A JSON Schema: every string value, but neither property names nor the words of the schema language.
    fn schema(&mut self, name: &'static str, schema: &mut Value) {
        match schema {
            Value::Object(map) => {
                for (key, value) in map.iter_mut() {
                    match (key.as_str(), &mut *value) {
                        ("type" | "format" | "$ref" | "$schema" | "$id" | "$anchor", _) => self.closed(name, value),
                        // Property names: the model must answer with these very words.
                        ("required", Value::Array(_)) => {}
                        ("properties" | "$defs" | "definitions" | "patternProperties", Value::Object(named)) => {
                            named.values_mut().for_each(|schema| self.schema(name, schema));
                        }
                        ("default" | "const" | "enum" | "examples" | "example", value) => {
                            let place = self.place(Form::Text, name, None);
                            visit_values(value, &place, self.visitor);
                        }
                        (_, value) => self.schema(name, value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.schema(name, item)),
            Value::String(text) => self.text(Form::Text, name, None, text),
            _ => {}
        }
    }

    fn choice(&mut self, choice: &mut Value) {
        match choice {
            Value::Object(map) => map.values_mut().for_each(|value| self.choice(value)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.choice(item)),
            Value::String(text) => self.text(Form::Name, "tool_choice", None, text),
            _ => {}
        }
    }

    fn identifiers(&mut self, name: &'static str, value: &mut Value) {
        match value {
            Value::String(text) => self.text(Form::Identifier, name, None, text),
            Value::Object(map) => {
                for (key, value) in map.iter_mut() {
                    self.unknown_key(name, key);
                    match value {
                        Value::String(text) => self.text(Form::Identifier, name, Some(key), text),
                        other => self.identifiers(name, other),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.identifiers(name, item)),
            other => self.anything(name, None, other),
        }
    }
}

/// String values only: a schema's number stays a number, or the schema would no longer fit.
fn visit_values(value: &mut Value, place: &Place<'_>, visitor: &mut dyn Visitor) {
    match value {
        Value::String(text) => {
            if let Some(new) = visitor.leaf(place, text) {
                *text = new;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| visit_values(item, place, visitor)),
        Value::Object(map) => map.values_mut().for_each(|item| visit_values(item, place, visitor)),
        _ => {}
    }
}

/// A whole number of eight digits or more.
fn is_long(number: &str) -> bool {
    number.len() >= 8 && number.bytes().all(|b| b.is_ascii_digit())
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

/// Ids and words such as `auto`, `call_a1B2`, `gpt-4o`: one word, at most 64 characters, not only digits and dashes.
fn is_closed_word(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':' | b'/' | b'#' | b'$');
    text.len() <= 64 && text.bytes().all(word) && (text.is_empty() || text.bytes().any(|b| b.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests;
