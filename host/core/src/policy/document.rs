//! A YAML or JSON document as a tree in which every node has its line.
//!
//! The parser accepts only what a policy needs: no anchors and aliases (so no alias bomb), no merge keys, no tags, no
//! YAML 1.1 booleans such as `yes`, no second document. Duplicate keys pass the parser and are reported by
//! [`Node::check_keys`], all of them with both lines.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::MAX_DOCUMENT_BYTES;
use super::error::{ErrorCode, PolicyError, Problems};

mod failure;

/// The line of every node, by path.
pub(in crate::policy) type Lines = BTreeMap<String, u32>;

/// Nesting of maps and lists; a policy needs five levels, a plugin's `config` may need more.
const MAX_DEPTH: usize = 32;
/// Nodes per document. The path of every node is kept, so that an error can give its line.
const MAX_NODES: usize = 16_000;
/// Bytes of a key, which is part of the path of every node below it.
const MAX_KEY: usize = 128;

/// A node of a document.
#[derive(Debug)]
pub struct Node {
    /// First line, from 1.
    pub line: u32,
    /// Value.
    pub value: Value,
}

/// Value of a node.
#[derive(Debug)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// Text, in quotes or not.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order written.
    Map(Vec<KeyEntry>),
}

/// An entry of a map.
#[derive(Debug)]
pub struct KeyEntry {
    /// The key.
    pub key: String,
    /// The key's line.
    pub line: u32,
    /// Value of the key.
    pub value: Node,
}

/// Reads a document.
pub fn load(text: &str) -> Result<Node, PolicyError> {
    let whole =
        |message: String| PolicyError { code: ErrorCode::PolicyYamlInvalid, path: String::new(), line: None, message };
    if text.len() > MAX_DOCUMENT_BYTES {
        let limit = MAX_DOCUMENT_BYTES / 1024;
        return Err(whole(format!("the document is larger than {limit} KiB")));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let empty = |line: &str| {
        let line = line.split('#').next().unwrap_or_default().trim();
        line.is_empty() || line == "---" || line == "..."
    };
    if text.lines().all(empty) {
        return Err(whole("the document is empty".to_owned()));
    }
    // JSON may be indented with tabs, YAML not. In valid JSON a raw tab occurs only between tokens.
    let tabbed_json = text.contains('\t')
        && text.trim_start().starts_with('{')
        && serde_json::from_str::<de::IgnoredAny>(text).is_ok();
    let spaced = tabbed_json.then(|| text.replace('\t', " "));
    let text = spaced.as_deref().unwrap_or(text);
    serde_saphyr::from_str_with_options::<Node>(text, options()).map_err(|error| failure::explain(&error, text))
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_documents: 1,
            max_anchors: 0,
            max_aliases: 0,
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
        },
        emit_comments: false,
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
        merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::AsString,
        reject_unsupported_tags: true,
        // A snippet would quote the document.
        with_snippet: false,
    }
}

/// `parent.key`, or `key` at the top.
pub fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

impl Node {
    /// The line of every node. For a duplicate key, the first line.
    pub fn lines(&self) -> Lines {
        let mut lines = Lines::new();
        self.visit("", self.line, &mut |path, line| {
            lines.entry(path.to_owned()).or_insert(line);
        });
        lines
    }

    /// Reports every duplicate key.
    pub fn check_keys(&self, path: &str, problems: &mut Problems<'_>) {
        match &self.value {
            Value::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    item.check_keys(&format!("{path}[{at}]"), problems);
                }
            }
            Value::Map(entries) => {
                let mut seen = BTreeMap::new();
                for KeyEntry { key, line, value } in entries {
                    let path = join(path, key);
                    if let Some(first) = seen.insert(key, line) {
                        problems.invalid(path.as_str(), format!("given twice, on lines {first} and {line}"));
                    }
                    value.check_keys(&path, problems);
                }
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => {}
        }
    }

    fn visit(&self, path: &str, line: u32, see: &mut dyn FnMut(&str, u32)) {
        see(path, line);
        match &self.value {
            Value::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    item.visit(&format!("{path}[{at}]"), item.line, see);
                }
            }
            Value::Map(entries) => {
                for entry in entries {
                    entry.value.visit(&join(path, &entry.key), entry.line, see);
                }
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => {}
        }
    }

    /// Converts the node to JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Text(value) => value.as_str().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => serde_json::Value::Object(
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect(),
            ),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        let line = u32::try_from(spanned.referenced.line()).unwrap_or(u32::MAX);
        Ok(Self { line, value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    // A number outside the range of any setting: as a float it is refused by every reader of whole numbers.
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Float(value as f64))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Value::Float(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Node>()? {
            let text = match key.value {
                Value::Text(text) => text,
                Value::Null => "null".to_owned(),
                Value::Bool(value) => value.to_string(),
                Value::Int(value) => value.to_string(),
                Value::Float(value) => value.to_string(),
                Value::List(_) | Value::Map(_) => {
                    return Err(de::Error::custom("a key must be text, not a list or a map"));
                }
            };
            if text.len() > MAX_KEY {
                return Err(de::Error::custom(format_args!("a key is longer than {MAX_KEY} bytes")));
            }
            entries.push(KeyEntry { key: text, line: key.line, value: map.next_value()? });
        }
        Ok(Value::Map(entries))
    }
}
