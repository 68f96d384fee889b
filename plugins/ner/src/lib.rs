//! The `ner` pass.
use masker_plugin_sdk::{Error, Finding, Manifest, Message, OffsetUnit, Pass, register_pass};

/// The pass.
pub struct Plugin;

/// Nothing to set.
#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {}

impl Pass for Plugin {
    type Settings = Settings;
    fn manifest() -> Manifest {
        Manifest { name: "ner", version: env!("CARGO_PKG_VERSION"), description: "stub", kinds: &["NAME"], config_schema: "{}", offset_unit: OffsetUnit::Utf8 }
    }
    fn configure(_: Settings) -> Result<Self, Error> { Ok(Self) }
    fn detect(&self, messages: &[Message], _: &[Finding]) -> Result<Vec<Finding>, Error> {
        Ok(messages.iter().enumerate().filter(|(_, m)| m.search).filter_map(|(i, m)| m.text.find("Alice").map(|at| Finding::new(i, at..at + 5, "NAME", 0.9))).collect())
    }
}
register_pass!(Plugin);
