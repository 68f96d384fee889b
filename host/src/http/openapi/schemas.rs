//! Schemas that cannot be derived from Rust types.

use serde_json::Value;
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::schema::{Object, SchemaType, Type};

/// An enum of strings.
pub fn one_of(words: &[&str]) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.iter().copied())).build()
}

/// An enum of strings, or null, which means that the field is not given.
pub fn one_of_or_null(words: &[&str]) -> Object {
    let types = SchemaType::Array(vec![Type::String, Type::Null]);
    let values = words.iter().map(|word| Value::from(*word)).chain([Value::Null]);
    ObjectBuilder::new().schema_type(types).enum_values(Some(values)).build()
}

/// A string, an integer, or null.
pub fn text_or_number() -> Object {
    let types = vec![Type::String, Type::Integer, Type::Null];
    ObjectBuilder::new().schema_type(SchemaType::Array(types)).build()
}
