//! Configuration of a plugin: the policy's `config`, plus settings from `entities` for the built-in plugins.
//!
//! A built-in plugin rejects unknown kinds, so each gets only kinds from its manifest. Patterns are listed separately
//! with their kind, which may be any.

use serde_json::{Map, Value, json};

use super::{Entity, PassSpec, Policy};
use crate::kind::Kind;

/// RFC 8785 JSON for `configure`. `None` when it contains a number that JSON cannot express.
pub(super) fn config_json(policy: &Policy, pass: &PassSpec, kinds: &[Kind]) -> Option<String> {
    let mut config = pass.config.clone();
    match &*pass.plugin {
        "regex" => {
            config.insert("kinds".into(), wanted(policy, kinds, |entity| entity.regex));
            config.insert("patterns".into(), patterns(policy));
        }
        "ner" => {
            config.insert("kinds".into(), wanted(policy, kinds, |entity| entity.ner));
        }
        _ => {}
    }
    serde_json_canonicalizer::to_string(&Value::Object(config)).ok()
}

fn wanted(policy: &Policy, known: &[Kind], by: impl Fn(&Entity) -> bool) -> Value {
    // Sorted, because the map is.
    let kinds = policy.entities.iter().filter(|(kind, entity)| entity.enabled && by(entity) && known.contains(kind));
    kinds.map(|(kind, _)| kind.as_str()).collect()
}

fn patterns(policy: &Policy) -> Value {
    let mut all = Vec::new();
    for (kind, entity) in policy.entities.iter().filter(|(_, entity)| entity.enabled) {
        for pattern in &entity.patterns {
            let mut one = Map::new();
            one.insert("kind".into(), kind.as_str().into());
            one.insert("name".into(), pattern.name.as_str().into());
            one.insert("regex".into(), pattern.regex.as_str().into());
            one.insert("confidence".into(), decimal(pattern.confidence));
            if !pattern.context.is_empty() {
                one.insert("context".into(), json!(pattern.context));
            }
            if let Some(validator) = pattern.validator {
                one.insert("validator".into(), validator.into());
            }
            all.push(Value::Object(one));
        }
    }
    Value::Array(all)
}

/// The number as written: `0.9`, not `0.8999999761581421`.
fn decimal(value: f32) -> Value {
    value.to_string().parse::<f64>().unwrap_or_else(|_| value.into()).into()
}
