//! Tools, schemas and response formats: static text of the operator (docs/api.md, "Tools and schemas").

use serde_json::{Map, Value};

use super::Walk;
use crate::chat::position::{Form, Search, is_protocol_word};

impl Walk<'_> {
    /// `tools` and `functions`.
    pub(super) fn tools(&mut self, tools: &mut Value) {
        match tools {
            Value::Array(tools) => tools.iter_mut().for_each(|tool| self.declaration(tool)),
            other => self.fixed("tools", other),
        }
    }

    /// A tool declaration: its name, description and JSON Schema, at any depth.
    fn declaration(&mut self, value: &mut Value) {
        let Value::Object(map) = value else { return self.fixed("tools", value) };
        self.members("tools", map, |walk, key, value| match (key, &mut *value) {
            ("name", value) => walk.tool_name("tools.function.name", value),
            ("parameters", value) => walk.schema("tools.function.parameters", value),
            ("description", value) => walk.fixed("tools.function.description", value),
            (_, Value::Object(_)) => walk.declaration(value),
            (_, value) => walk.fixed("tools", value),
        });
    }

    pub(super) fn response_format(&mut self, format: &mut Value) {
        let Value::Object(format) = format else { return self.fixed("response_format", format) };
        self.members("response_format", format, |walk, key, value| match (key, &mut *value) {
            ("json_schema", Value::Object(schema)) => walk.json_schema(schema),
            (_, value) => walk.fixed("response_format", value),
        });
    }

    fn json_schema(&mut self, schema: &mut Map<String, Value>) {
        self.members("response_format", schema, |walk, key, value| match key {
            "name" => walk.tool_name("response_format.name", value),
            "schema" => walk.schema("response_format.schema", value),
            _ => walk.fixed("response_format", value),
        });
    }

    /// A JSON Schema. Property names are keys; keywords that count or bound keep their numbers.
    fn schema(&mut self, name: &'static str, schema: &mut Value) {
        match schema {
            Value::Object(map) => self.members(name, map, |walk, keyword, value| match (keyword, &mut *value) {
                (
                    "properties" | "$defs" | "definitions" | "patternProperties" | "dependentSchemas",
                    Value::Object(named),
                ) => {
                    walk.members(name, named, |walk, _, schema| walk.schema(name, schema));
                }
                // The model must answer with exactly these words: they are keys like those of `properties`.
                ("required" | "$ref" | "dependentRequired", value) => walk.keys(name, value),
                (keyword, Value::Number(_)) if is_bound(keyword) => {}
                ("default" | "const" | "enum" | "examples" | "example", value) => walk.fixed(name, value),
                (_, Value::Object(_) | Value::Array(_)) => walk.schema(name, value),
                (_, value) => walk.fixed(name, value),
            }),
            Value::Array(items) => items.iter_mut().for_each(|item| self.schema(name, item)),
            other => self.fixed(name, other),
        }
    }

    /// Property names in value position.
    fn keys(&mut self, name: &'static str, value: &mut Value) {
        match value {
            Value::String(text) => self.leaf(Form::Key, Search::Name, name, None, text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.keys(name, item)),
            Value::Object(map) => self.members(name, map, |walk, _, value| walk.keys(name, value)),
            other => self.fixed(name, other),
        }
    }

    fn fixed(&mut self, name: &'static str, value: &mut Value) {
        if value.as_str().is_some_and(is_protocol_word) {
            return;
        }
        self.all(Search::Static, name, None, value);
    }
}

/// JSON Schema keywords whose number is a bound.
fn is_bound(keyword: &str) -> bool {
    matches!(
        keyword,
        "maximum"
            | "minimum"
            | "exclusiveMaximum"
            | "exclusiveMinimum"
            | "multipleOf"
            | "maxLength"
            | "minLength"
            | "maxItems"
            | "minItems"
            | "maxContains"
            | "minContains"
            | "maxProperties"
            | "minProperties"
    )
}
