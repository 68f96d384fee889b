//! The plugin's settings in a policy.

use masker_plugin_sdk::Error;
use serde::Deserialize;

use crate::kinds::{KindSet, NAMES};
use crate::patterns::Pattern;

/// The most patterns of one policy: each is searched in every message.
const MOST_PATTERNS: usize = 64;

/// The settings as written in the policy.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Look for these kinds only. Default: all.
    pub kinds: Option<Vec<String>>,
    /// The tenant's own patterns.
    pub patterns: Vec<PatternSettings>,
}

/// One pattern as written in the policy.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatternSettings {
    /// The kind of its matches: any `[A-Z][A-Z0-9_]*`.
    pub kind: String,
    /// A display name.
    pub name: String,
    /// The expression, in the syntax of [`masker_plugin_sdk::dfa::Pattern`].
    pub regex: String,
    /// From 0 to 1.
    pub confidence: f32,
    /// Words near a match that raise its confidence.
    #[serde(default)]
    pub context: Vec<String>,
    /// The check digit that a match must have.
    #[serde(default)]
    pub validator: Option<String>,
}

impl masker_plugin_sdk::Settings for Settings {
    fn schema() -> String {
        SCHEMA.into()
    }
}

/// JSON Schema of [`Settings`].
const SCHEMA: &str = r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "kinds": {
      "description": "Look for these kinds only; every kind when left out.",
      "type": ["array", "null"],
      "items": {"enum": ["PHONE", "FAX", "EMAIL", "SSN", "MRN", "DOB", "DATE", "AGE", "ADDRESS", "ZIP", "HEALTH_PLAN",
        "ACCOUNT", "CREDIT_CARD", "IBAN", "LICENSE", "PASSPORT", "NATIONAL_ID", "VEHICLE", "DEVICE", "URL",
        "IP_ADDRESS", "BIOMETRIC", "USERNAME", "OTHER_ID"]}
    },
    "patterns": {
      "description": "The tenant's own patterns.",
      "type": "array",
      "maxItems": 64,
      "items": {
        "type": "object",
        "additionalProperties": false,
        "required": ["kind", "name", "regex", "confidence"],
        "properties": {
          "kind": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]{0,63}$"},
          "name": {"type": "string", "description": "For people."},
          "regex": {"type": "string", "description": "Without look-around; may not match the empty string."},
          "confidence": {"type": "number", "minimum": 0, "maximum": 1},
          "context": {
            "description": "Words that raise the confidence by 0.3, to 0.99 at most, when within 8 words of a match.",
            "type": "array", "items": {"type": "string"}
          },
          "validator": {
            "description": "A check digit that a match must have; separators in it are ignored.",
            "enum": ["luhn", "mod97", "npi", "dea", "vin", "aba", "imei", null]
          }
        }
      }
    }
  }
}"##;

impl Settings {
    /// The kinds to look for.
    pub fn kind_set(&self) -> Result<KindSet, Error> {
        let Some(names) = &self.kinds else { return Ok(KindSet::ALL) };
        let mut set = KindSet::NONE;
        for (at, name) in names.iter().enumerate() {
            if !set.add(name) {
                let message = format!("no such kind; this pass finds {}", NAMES.join(", "));
                return Err(Error::invalid_config(message, Some(format!("/kinds/{at}"))));
            }
        }
        Ok(set)
    }

    /// Compiles the patterns.
    pub fn compile(&self) -> Result<Vec<Pattern>, Error> {
        if self.patterns.len() > MOST_PATTERNS {
            let message = format!("at most {MOST_PATTERNS} patterns");
            return Err(Error::invalid_config(message, Some("/patterns".into())));
        }
        self.patterns
            .iter()
            .enumerate()
            .map(|(at, settings)| {
                Pattern::new(settings)
                    .map_err(|(field, message)| Error::invalid_config(message, Some(format!("/patterns/{at}/{field}"))))
            })
            .collect()
    }
}
