//! Tool declarations of a request, as needed for the answer: the expected type of a call's argument, and the caller's
//! name for a renamed tool.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::json_cursor::Step;

/// Limit of nested schemas to follow, references included.
const MAX_STEPS: usize = 64;

/// Limit of schemas to examine for one value: nested alternatives multiply.
const MAX_LOOKS: usize = 512;

/// Type that a schema requires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// A string.
    Text,
    /// A number.
    Number,
    /// A number without a fraction.
    Integer,
    /// Something else.
    Other,
}

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

    /// The type that the parameters of the tool `sent` (or, for `None`, the `response_format`) require at a path;
    /// `None` when they leave it open or the tool does not exist.
    pub fn wanted(&self, sent: Option<&str>, path: &[Step]) -> Option<Wanted> {
        let parameters = self.parameters.get_or_init(|| read_parameters(&self.declared, self.answer.as_deref()));
        let sent = sent.unwrap_or(ANSWER);
        let root = parameters.get(sent).or_else(|| parameters.get(self.original_name(sent)?))?;
        let mut search = Search { root, looks: 0, found: Vec::new() };
        search.look(root, path, 0);
        let first = *search.found.first()?;
        let integer = [Wanted::Integer, Wanted::Number];
        match search.found.iter().all(|other| *other == first) {
            true => Some(first),
            // Several alternatives that are all numbers.
            false => search.found.iter().all(|other| integer.contains(other)).then_some(Wanted::Number),
        }
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

/// Follows a path through a schema and all its alternatives.
struct Search<'s> {
    root: &'s Value,
    looks: usize,
    found: Vec<Wanted>,
}

impl<'s> Search<'s> {
    fn look(&mut self, schema: &'s Value, path: &[Step], depth: usize) {
        self.looks += 1;
        if depth > MAX_STEPS || self.looks > MAX_LOOKS {
            return;
        }
        if let Some(pointer) = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'))
            && let Some(target) = self.root.pointer(pointer)
        {
            self.look(target, path, depth + 1);
        }
        for several in ["anyOf", "oneOf", "allOf"] {
            for schema in schema.get(several).and_then(Value::as_array).into_iter().flatten() {
                self.look(schema, path, depth + 1);
            }
        }
        match path.split_first() {
            None => self.types(schema),
            Some((Step::Key(key), rest)) => {
                let property = schema.get("properties").and_then(|properties| properties.get(key));
                if let Some(next) = property.or_else(|| schema.get("additionalProperties")) {
                    self.look(next, rest, depth + 1);
                }
            }
            Some((Step::Index(index), rest)) => {
                let place = |name: &str| schema.get(name).and_then(Value::as_array).and_then(|items| items.get(*index));
                // `items` could be a list before `prefixItems` was introduced.
                if let Some(next) = place("prefixItems").or_else(|| place("items")).or_else(|| schema.get("items")) {
                    self.look(next, rest, depth + 1);
                }
            }
        }
    }

    fn types(&mut self, schema: &Value) {
        let mut add = |name: &str| {
            let wanted = match name {
                "string" => Wanted::Text,
                "number" => Wanted::Number,
                "integer" => Wanted::Integer,
                // The schema requires nothing here.
                "null" => return,
                _ => Wanted::Other,
            };
            self.found.push(wanted);
        };
        match schema.get("type") {
            Some(Value::String(name)) => add(name),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).for_each(add),
            _ => {
                let values =
                    schema.get("enum").and_then(Value::as_array).into_iter().flatten().chain(schema.get("const"));
                for value in values {
                    match value {
                        Value::String(_) => add("string"),
                        Value::Number(_) => add("number"),
                        _ => {}
                    }
                }
            }
        }
    }
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
        let tools = tools(
            json!({"type": "object", "$defs": {"id": {"type": "integer"}, "loop": {"$ref": "#/$defs/loop"}},
            "properties": {
                "text": {"type": "string"}, "number": {"type": "number"}, "id": {"$ref": "#/$defs/id"},
                "maybe": {"type": ["integer", "null"]}, "either": {"type": ["integer", "string"]},
                "any": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/id"}]}, "numbers": {"oneOf": [{"type": "integer"}, {"type": "number"}]},
                "all": {"allOf": [{"description": "x"}, {"type": "string"}]},
                "list": {"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "integer"}},
                "map": {"type": "object", "additionalProperties": {"properties": {"n": {"type": "number"}}}},
                "enum": {"enum": ["1", "2"]}, "const": {"const": 3}, "open": {}, "loop": {"$ref": "#/$defs/loop"}, "flag": {"type": "boolean"}}}),
        );
        for (path, wanted) in [
            (vec![key("text")], Some(Wanted::Text)),
            (vec![key("number")], Some(Wanted::Number)),
            (vec![key("id")], Some(Wanted::Integer)),
            (vec![key("maybe")], Some(Wanted::Integer)),
            (vec![key("either")], None),
            (vec![key("any")], Some(Wanted::Integer)),
            (vec![key("numbers")], Some(Wanted::Number)),
            (vec![key("all")], Some(Wanted::Text)),
            (vec![key("list"), Step::Index(0)], Some(Wanted::Text)),
            (vec![key("list"), Step::Index(1)], Some(Wanted::Integer)),
            (vec![key("map"), key("x"), key("n")], Some(Wanted::Number)),
            (vec![key("enum")], Some(Wanted::Text)),
            (vec![key("const")], Some(Wanted::Number)),
            (vec![key("open")], None),
            (vec![key("loop")], None),
            (vec![key("flag")], Some(Wanted::Other)),
            (vec![key("none")], None),
        ] {
            assert_eq!(tools.wanted(Some("book"), &path), wanted, "{path:?}");
        }
        assert_eq!(tools.wanted(Some("other"), &[key("text")]), None);
    }

    #[test]
    fn the_schema_of_the_answer_is_that_of_no_tool() {
        let schema = json!({"properties": {"mrn": {"type": "integer"}}});
        let body =
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "Chart", "schema": schema}}});
        let tools = Tools::read(body.as_object().expect("an object"));
        assert_eq!(tools.wanted(None, &[key("mrn")]), Some(Wanted::Integer));
        assert_eq!(tools.wanted(Some("book"), &[key("mrn")]), None);
        assert_eq!(Tools::default().wanted(None, &[key("mrn")]), None);
    }

    #[test]
    fn a_schema_of_many_alternatives_is_given_up() {
        let mut schema = json!({"type": "string"});
        for _ in 0..20 {
            schema = json!({"anyOf": [schema.clone(), schema]});
            if schema.to_string().len() > 100_000 {
                break;
            }
        }
        let tools = tools(json!({"properties": {"x": schema}}));
        assert_eq!(tools.wanted(Some("book"), &[key("x"), key("y")]), None);
    }

    #[test]
    fn names_and_the_format_of_the_answer_are_known() {
        let body = json!({"functions": [{"name": "old", "parameters": {"properties": {"a": {"type": "string"}}}}],
            "response_format": {"type": "json_schema"}});
        let mut tools = Tools::read(body.as_object().expect("an object"));
        assert!(tools.answers_json());
        assert_eq!(tools.wanted(Some("old"), &[key("a")]), Some(Wanted::Text));
        tools.rename("ask_jane", "tool_7");
        assert_eq!((tools.original_name("tool_7"), tools.original_name("old")), (Some("ask_jane"), None));
        assert!(tools.may_become_renamed("tool") && !tools.may_become_renamed("tool_7"));
        let none = Tools::read(&Map::new());
        assert!(!none.answers_json() && none.wanted(Some("x"), &[]).is_none());
    }
}
