//! Tool declarations of a request, as needed for the answer: the expected type of a call's argument, and the caller's
//! name for a renamed tool.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::json_cursor::Step;
use crate::values::{self, Wanted};

/// The tools of a request. No `Debug`: declarations may hold caller text.
#[derive(Default)]
pub struct Tools {
    /// `tools` and `functions`, serialised: most answers do not need them, so they are parsed on demand.
    declared: Vec<String>,
    /// The schema of `response_format`, likewise.
    answer: Option<String>,
    parameters: OnceLock<HashMap<String, Value>>,
    /// The caller's names, by the names that were sent.
    renamed: HashMap<String, String>,
    answers_json: bool,
}

impl Tools {
    /// Reads `tools`, `functions` and `response_format` from a request before it is masked.
    pub fn read(body: &Map<String, Value>) -> Self {
        let declared = ["tools", "functions"].into_iter().filter_map(|field| match body.get(field)? {
            Value::Array(tools) if !tools.is_empty() => serde_json::to_string(tools).ok(),
            _ => None,
        });
        let format = body.get("response_format");
        let kind = format.and_then(|format| format.get("type")).and_then(Value::as_str);
        let schema = format.and_then(|format| format.pointer("/json_schema/schema"));
        Self {
            declared: declared.collect(),
            answer: schema.and_then(|schema| serde_json::to_string(schema).ok()),
            answers_json: matches!(kind, Some("json_object" | "json_schema")),
            ..Self::default()
        }
    }

    /// Records that the tool `name` is sent under another name.
    pub fn rename(&mut self, name: &str, sent: &str) {
        self.renamed.insert(sent.to_owned(), name.to_owned());
    }

    /// The caller's name of a tool that was renamed to `sent`; `None` when it was not renamed.
    pub fn original_name(&self, sent: &str) -> Option<&str> {
        self.renamed.get(sent).map(String::as_str)
    }

    /// Whether `beginning` may be the start of a renamed tool's name, or of a longer name.
    pub fn may_become_renamed(&self, beginning: &str) -> bool {
        self.renamed.keys().any(|sent| sent.len() > beginning.len() && sent.starts_with(beginning))
    }

    /// Whether the request asks for a JSON answer.
    pub fn answers_json(&self) -> bool {
        self.answers_json
    }

    /// What the parameters of the tool `sent` (or, for `None`, the `response_format`) require at a path. The default when
    /// they leave it open or the tool does not exist.
    pub fn wanted(&self, sent: Option<&str>, path: &[Step]) -> Wanted {
        let parameters = self.parameters.get_or_init(|| read_parameters(&self.declared, self.answer.as_deref()));
        let sent = sent.unwrap_or(ANSWER);
        let schema = parameters.get(sent).or_else(|| parameters.get(self.original_name(sent)?));
        let steps: Vec<values::Step<'_>> = path.iter().map(Step::as_value).collect();
        schema.map_or_else(Wanted::default, |schema| Wanted::at(schema, &steps))
    }
}

/// Key of the answer's own schema among those of the tools; no tool has an empty name.
const ANSWER: &str = "";

fn read_parameters(declared: &[String], answer: Option<&str>) -> HashMap<String, Value> {
    let mut parameters = HashMap::new();
    let answer = answer.and_then(|schema| serde_json::from_str(schema).ok());
    parameters.extend(answer.map(|schema: Value| (ANSWER.to_owned(), schema)));
    for tools in declared {
        let Ok(Value::Array(tools)) = serde_json::from_str(tools) else { continue };
        for mut tool in tools {
            let mut function = match tool.get_mut("function") {
                Some(function) => function.take(),
                None => tool,
            };
            let Some(name) = function.get("name").and_then(Value::as_str).map(str::to_owned) else { continue };
            if let Some(schema) = function.get_mut("parameters") {
                parameters.entry(name).or_insert_with(|| schema.take());
            }
        }
    }
    parameters
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tools(parameters: Value) -> Tools {
        let body = json!({"tools": [{"type": "function", "function": {"name": "book", "parameters": parameters}}]});
        Tools::read(body.as_object().expect("an object"))
    }

    fn key(key: &str) -> Step {
        Step::Key(key.into())
    }

    #[test]
    fn a_schema_says_what_is_wanted_at_a_path() {
        let tools = tools(json!({"type": "object", "properties": {
            "text": {"type": "string"}, "list": {"type": "array", "items": {"type": "integer"}}, "open": {}}}));
        let wants = |tool, path: &[Step], name| tools.wanted(Some(tool), path).has_type(name);
        assert!(wants("book", &[key("text")], "string") && !wants("book", &[key("text")], "integer"));
        assert!(wants("book", &[key("list"), Step::Index(1)], "integer"));
        for path in [key("open"), key("none")] {
            assert!(!wants("book", std::slice::from_ref(&path), "string"));
        }
        assert!(!wants("other", &[key("text")], "string"));
    }

    #[test]
    fn the_schema_of_the_answer_is_that_of_no_tool() {
        let schema = json!({"properties": {"mrn": {"type": "integer"}}});
        let body =
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "Chart", "schema": schema}}});
        let tools = Tools::read(body.as_object().expect("an object"));
        assert!(tools.wanted(None, &[key("mrn")]).has_type("integer"));
        assert!(!tools.wanted(Some("book"), &[key("mrn")]).has_type("integer"));
        assert!(!Tools::default().wanted(None, &[key("mrn")]).has_type("integer"));
    }

    #[test]
    fn names_and_the_format_of_the_answer_are_known() {
        let body = json!({"functions": [{"name": "old", "parameters": {"properties": {"a": {"type": "string"}}}}],
            "response_format": {"type": "json_schema"}});
        let mut tools = Tools::read(body.as_object().expect("an object"));
        assert!(tools.answers_json());
        assert!(tools.wanted(Some("old"), &[key("a")]).has_type("string"));
        tools.rename("ask_jane", "tool_7");
        assert_eq!((tools.original_name("tool_7"), tools.original_name("old")), (Some("ask_jane"), None));
        assert!(tools.may_become_renamed("tool") && !tools.may_become_renamed("tool_7"));
        let none = Tools::read(&Map::new());
        assert!(!none.answers_json() && none.wanted(Some("x"), &[]).takes_text());
    }
}
