//! A plugin for Masker: finds the numbers on the badges of a hospital's staff, such as `WX-40417`.
//!
//! After a question about a badge, the digits alone are enough.

use masker_plugin_sdk::dfa::Pattern;
use masker_plugin_sdk::{Error, Finding, Manifest, Message, OffsetUnit, Pass};
use serde::Deserialize;

/// What it finds. Not one of Masker's own kinds, so a policy that uses this plugin must list it under `entities`.
const KIND: &str = "STAFF_BADGE";

/// How many messages before one may have asked for the badge. The contract allows four.
const REACH: usize = 2;

/// What a policy may write under `config`. `deny_unknown_fields` makes a misspelt key an error when the policy is
/// loaded.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The letters before the digits.
    prefix: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { prefix: "WX".into() }
    }
}

/// The pass: what `configure` built, and what every request starts from.
pub struct StaffBadge {
    badge: Pattern,
    digits: Pattern,
}

impl Pass for StaffBadge {
    type Settings = Settings;

    fn manifest() -> Manifest {
        Manifest {
            name: "staff-badge",
            version: env!("CARGO_PKG_VERSION"),
            description: "Finds the numbers on staff badges.",
            kinds: &[KIND],
            config_schema: r#"{
                "type": "object",
                "properties": {"prefix": {"type": "string", "pattern": "^[A-Z]{1,4}$", "default": "WX"}},
                "additionalProperties": false
            }"#,
            offset_unit: OffsetUnit::Utf8,
        }
    }

    fn configure(settings: Settings) -> Result<Self, Error> {
        let prefix = settings.prefix;
        if !(1..=4).contains(&prefix.len()) || !prefix.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(Error::invalid_config("prefix must be one to four capital letters", Some("/prefix".into())));
        }
        let pattern = |text: String| Pattern::new(&text).map_err(Error::internal);
        Ok(Self { badge: pattern(format!(r"\b{prefix}-?[0-9]{{5}}\b"))?, digits: pattern(r"\b[0-9]{5}\b".into())? })
    }

    fn detect(&self, messages: &[Message], _earlier: &[Finding]) -> Result<Vec<Finding>, Error> {
        let mut findings = Vec::new();
        for (at, message) in messages.iter().enumerate().filter(|(_, message)| message.search) {
            findings.extend(self.badge.find_iter(&message.text).map(|span| Finding::new(at, span, KIND, 0.95)));
            if was_asked(&messages[at.saturating_sub(REACH)..at]) {
                findings.extend(self.digits.find_iter(&message.text).map(|span| Finding::new(at, span, KIND, 0.9)));
            }
        }
        Ok(findings)
    }
}

fn was_asked(before: &[Message]) -> bool {
    before.iter().any(|message| message.text.to_ascii_lowercase().contains("badge"))
}

// Only in the component: a native linker does not take its export names.
#[cfg(target_family = "wasm")]
masker_plugin_sdk::register_pass!(StaffBadge);
