//! The expectations of a tool's schema for one of its arguments.

use serde_json::Value as Json;

/// One step of a path into arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step<'s> {
    /// Into a property.
    Key(&'s str),
    /// Into an item of an array.
    Index(usize),
}

/// The expectation at one path. It has no `Debug`: a schema may contain text that a caller said.
#[derive(Default)]
pub struct Wanted {
    pub(super) asks: Vec<Ask>,
    /// Descriptions and titles.
    pub(super) words: String,
    /// The same in lower case.
    pub(super) lower: String,
    /// Values given as examples.
    pub(super) examples: Vec<String>,
    /// The property's name: lower case letters and digits.
    pub(super) property: String,
}

/// One of several schemas that apply to a path.
#[derive(Default)]
pub(super) struct Ask {
    /// Names of types; empty if unspecified.
    pub types: Vec<String>,
    pub format: Option<String>,
    pub pattern: Option<String>,
    /// `enum` and `const`.
    pub members: Vec<Json>,
    pub least: usize,
    pub most: Option<usize>,
}

/// Maximum nesting depth of schemas, references included.
const MAX_STEPS: usize = 64;
/// Maximum number of schemas visited per path: alternatives of alternatives multiply.
const MAX_LOOKS: usize = 512;
/// Maximum number of schemas kept per path.
const MAX_ASKS: usize = 16;
/// Maximum number of `enum` members compared, and maximum length of one in bytes.
const MAX_MEMBERS: usize = 256;
const MAX_MEMBER: usize = 256;
/// Maximum length in bytes of all descriptions of a path, and of one example.
const MAX_WORDS: usize = 4096;
/// Maximum length of a pattern.
const MAX_PATTERN: usize = 512;

impl Wanted {
    /// The expectation of a tool's parameter schema at a path. Without any, the result is `Wanted::default()`.
    pub fn at(schema: &Json, path: &[Step]) -> Self {
        let mut walk = Walk { root: schema, looks: 0, wanted: Self::default() };
        let property = path.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(*key),
            Step::Index(_) => None,
        });
        walk.wanted.property = property.map(letters_and_digits).unwrap_or_default();
        walk.look(schema, path, 0);
        walk.wanted.lower = walk.wanted.words.to_lowercase();
        walk.wanted
    }

    /// Whether a type of this name is expected.
    pub(crate) fn has_type(&self, name: &str) -> bool {
        self.asks.iter().any(|ask| ask.types.iter().any(|own| own == name))
    }

    /// Whether no type is specified.
    pub(crate) fn is_open(&self) -> bool {
        self.asks.iter().all(|ask| ask.types.is_empty() && ask.members.is_empty())
    }

    /// Whether a number is expected and a string is not allowed.
    pub(crate) fn takes_number(&self) -> bool {
        !self.takes_text() && (self.has_type("integer") || self.has_type("number"))
    }

    /// Whether a string is allowed.
    pub(crate) fn takes_text(&self) -> bool {
        let typed = self.asks.iter().filter(|ask| !ask.types.is_empty()).count();
        let of_texts = |ask: &Ask| ask.types.is_empty() && ask.members.iter().any(Json::is_string);
        typed == 0 || self.has_type("string") || self.asks.iter().any(of_texts)
    }

    /// Whether a text satisfies the length limits.
    pub(super) fn fits(&self, text: &str) -> bool {
        let length = text.chars().count();
        self.asks.iter().all(|ask| length >= ask.least && ask.most.is_none_or(|most| length <= most))
    }
}

/// Follows a path through a schema and all its alternatives.
struct Walk<'s> {
    root: &'s Json,
    looks: usize,
    wanted: Wanted,
}

impl<'s> Walk<'s> {
    fn look(&mut self, schema: &'s Json, path: &[Step], depth: usize) {
        self.looks += 1;
        if depth > MAX_STEPS || self.looks > MAX_LOOKS {
            return;
        }
        // Descriptions of a list apply to its items.
        if path.iter().all(|step| matches!(step, Step::Index(_))) {
            self.words(schema);
        }
        if let Some(target) = self.target(schema) {
            self.look(target, path, depth + 1);
        }
        for several in ["anyOf", "oneOf", "allOf"] {
            let schemas = schema.get(several).and_then(Json::as_array).into_iter().flatten();
            for schema in schemas.take(MAX_LOOKS.saturating_sub(self.looks)) {
                self.look(schema, path, depth + 1);
            }
        }
        match path.split_first() {
            None => self.ask(schema),
            Some((Step::Key(key), rest)) => {
                let property = schema.get("properties").and_then(|properties| properties.get(key));
                if let Some(next) = property.or_else(|| schema.get("additionalProperties")) {
                    self.look(next, rest, depth + 1);
                }
            }
            Some((Step::Index(index), rest)) => {
                let place = |name: &str| schema.get(name).and_then(Json::as_array).and_then(|items| items.get(*index));
                // `items` was a list before `prefixItems` was introduced.
                if let Some(next) = place("prefixItems").or_else(|| place("items")).or_else(|| schema.get("items")) {
                    self.look(next, rest, depth + 1);
                }
            }
        }
    }

    fn target(&self, schema: &Json) -> Option<&'s Json> {
        let pointer = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
        self.root.pointer(pointer)
    }

    fn words(&mut self, schema: &Json) {
        for field in ["description", "title", "$comment"] {
            let Some(text) = schema.get(field).and_then(Json::as_str) else { continue };
            let room = MAX_WORDS.saturating_sub(self.wanted.words.len());
            self.wanted.words.push_str(beginning(text, room));
            self.wanted.words.push('\n');
        }
        let examples = schema.get("examples").and_then(Json::as_array).into_iter().flatten();
        let examples = examples.chain(schema.get("example")).chain(schema.get("default")).filter_map(Json::as_str);
        let room = MAX_ASKS.saturating_sub(self.wanted.examples.len());
        self.wanted.examples.extend(examples.filter(|text| text.len() <= MAX_MEMBER).take(room).map(str::to_owned));
    }

    fn ask(&mut self, schema: &Json) {
        let text = |field: &str| schema.get(field).and_then(Json::as_str);
        let number =
            |field: &str| schema.get(field).and_then(Json::as_u64).and_then(|number| usize::try_from(number).ok());
        let types = match schema.get("type") {
            Some(Json::String(name)) => vec![name.clone()],
            Some(Json::Array(names)) => names.iter().take(8).filter_map(Json::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let members = schema.get("enum").and_then(Json::as_array).into_iter().flatten().chain(schema.get("const"));
        let short = |member: &&Json| match member {
            Json::String(text) => text.len() <= MAX_MEMBER,
            member => member.is_number(),
        };
        let ask = Ask {
            // A null type sets no expectation for a value that exists.
            types: types.into_iter().filter(|name| name != "null").collect(),
            format: text("format").map(str::to_ascii_lowercase),
            pattern: text("pattern").filter(|pattern| pattern.len() <= MAX_PATTERN).map(str::to_owned),
            members: members.take(MAX_MEMBERS).filter(short).cloned().collect(),
            least: number("minLength").unwrap_or(0),
            most: number("maxLength"),
        };
        let says = !ask.types.is_empty()
            || ask.format.is_some()
            || ask.pattern.is_some()
            || !ask.members.is_empty()
            || ask.least > 0
            || ask.most.is_some();
        if says && self.wanted.asks.len() < MAX_ASKS {
            self.wanted.asks.push(ask);
        }
    }
}

/// A text truncated to a maximum number of bytes.
fn beginning(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

fn letters_and_digits(name: &str) -> String {
    beginning(name, 128).chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_is_found_through_references_alternatives_and_lists() {
        let schema = json!({
            "$defs": {"date": {"type": "string", "format": "date"}, "loop": {"$ref": "#/$defs/loop"}},
            "properties": {
                "visits": {"description": "Dates of service", "items": {"anyOf": [{"$ref": "#/$defs/date"}, {"type": "null"}]}},
                "account": {"properties": {"number": {"type": ["integer", "null"]}}},
                "loop": {"$ref": "#/$defs/loop"},
            }
        });
        let visit = Wanted::at(&schema, &[Step::Key("visits"), Step::Index(3)]);
        assert_eq!(visit.asks.iter().filter_map(|ask| ask.format.as_deref()).collect::<Vec<_>>(), ["date"]);
        assert!(visit.words.contains("Dates of service") && visit.takes_text());
        assert_eq!(visit.property, "visits");
        let number = Wanted::at(&schema, &[Step::Key("account"), Step::Key("number")]);
        assert!(number.has_type("integer") && !number.takes_text());
        assert!(Wanted::at(&schema, &[Step::Key("loop")]).asks.is_empty());
        assert!(Wanted::at(&schema, &[Step::Key("nowhere")]).asks.is_empty());
        assert!(Wanted::at(&json!(true), &[]).takes_text());
    }

    #[test]
    fn a_large_or_recursive_schema_is_looked_at_in_bounds() {
        let deep =
            (0..12).fold(json!({"type": "string"}), |inner, _| json!({"anyOf": [inner.clone(), {"allOf": [inner]}]}));
        let wide: Vec<Json> = (0..20_000)
            .map(|at| json!({"type": "string", "enum": [at.to_string()], "description": "x".repeat(40)}))
            .collect();
        for schema in [deep, json!({"anyOf": wide}), json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]})] {
            let mut walk = Walk { root: &schema, looks: 0, wanted: Wanted::default() };
            walk.look(&schema, &[], 0);
            assert!(
                walk.looks <= 2 * MAX_LOOKS
                    && walk.wanted.asks.len() <= MAX_ASKS
                    && walk.wanted.words.len() <= MAX_WORDS + 1024
            );
        }
    }
}
