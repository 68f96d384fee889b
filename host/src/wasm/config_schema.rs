//! Validates a policy's `config` against the plugin's JSON Schema before `configure` runs.

use jsonschema::Validator;
use serde_json::Value;

/// A violation of the schema.
#[derive(Debug)]
pub struct Violation {
    /// One sentence for the operator; may quote the operator's own input.
    pub message: String,
    /// Location in the configuration, as a JSON Pointer.
    pub path: String,
}

/// Compiles a schema. Nothing is fetched: an external reference is an error.
///
/// # Errors
/// It is not JSON, not an object, or not a JSON Schema.
pub fn compile(schema: &str) -> Result<Validator, String> {
    let schema: Value = serde_json::from_str(schema)
        .map_err(|error| format!("config-schema is not JSON: line {}, column {}", error.line(), error.column()))?;
    if !schema.is_object() {
        return Err("config-schema is not a JSON object".into());
    }
    jsonschema::validator_for(&schema).map_err(|error| format!("config-schema is not a JSON Schema: {error}"))
}

/// The first violation, if there is one.
pub fn check(schema: &Validator, config: &Value) -> Result<(), Violation> {
    let first = schema.iter_errors(config).next();
    match first {
        None => Ok(()),
        Some(error) => Err(Violation { message: error.to_string(), path: error.instance_path().to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wrong_setting_is_named_by_its_place() {
        let schema = compile(r#"{"properties": {"a": {"items": {"maximum": 3}}}, "additionalProperties": false}"#);
        let schema = schema.expect("a schema");
        assert!(check(&schema, &json!({"a": [1, 2]})).is_ok());
        let refused = check(&schema, &json!({"a": [1, 7]})).expect_err("refused");
        assert_eq!(refused.path, "/a/1");
        let refused = check(&schema, &json!({"prefx": 1})).expect_err("refused");
        assert!(refused.message.contains("prefx"), "{}", refused.message);
    }

    #[test]
    fn what_is_no_schema_is_refused_and_nothing_is_fetched() {
        for wrong in ["{", "[]", r#"{"type": "strin"}"#, r#"{"$ref": "http://127.0.0.1:9/schema.json"}"#] {
            assert!(compile(wrong).is_err(), "{wrong}");
        }
    }
}
