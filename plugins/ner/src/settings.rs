//! The plugin's settings in a policy.

use masker_plugin_sdk::Error;

use crate::model::KINDS;

/// Settings of the pass.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Find only these kinds. Default: all.
    pub kinds: Option<Vec<String>>,
}

impl masker_plugin_sdk::Settings for Settings {
    fn schema() -> String {
        SCHEMA.into()
    }
}

/// JSON Schema of [`Settings`].
const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "kinds": {
      "description": "Find only these kinds. Everything when it is not given.",
      "type": ["array", "null"],
      "items": {"enum": ["NAME", "ADDRESS", "ORGANIZATION"]}
    }
  }
}"#;

impl Settings {
    /// Which of [`KINDS`] are wanted.
    pub fn wanted(&self) -> Result<[bool; KINDS.len()], Error> {
        let Some(kinds) = &self.kinds else { return Ok([true; KINDS.len()]) };
        let mut wanted = [false; KINDS.len()];
        for (at, kind) in kinds.iter().enumerate() {
            let Some(known) = KINDS.iter().position(|known| known == kind) else {
                let message = format!("`{kind}` is not a kind of this pass; it has {}", KINDS.join(", "));
                return Err(Error::invalid_config(message, Some(format!("/kinds/{at}"))));
            };
            wanted[known] = true;
        }
        Ok(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_kind_is_an_error_that_says_where() {
        let settings = Settings { kinds: Some(vec!["NAME".into(), "name".into()]) };
        assert_eq!(settings.wanted().expect_err("refused").path.as_deref(), Some("/kinds/1"));
    }

    #[test]
    fn kinds_restrict() {
        assert_eq!(Settings::default().wanted(), Ok([true; 3]));
        let settings = Settings { kinds: Some(vec!["ADDRESS".into()]) };
        assert_eq!(settings.wanted(), Ok([false, true, false]));
    }
}
