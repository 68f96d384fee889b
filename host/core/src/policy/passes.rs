//! `passes`: which plugins run, in which order, and with which settings.

use std::sync::Arc;
use std::time::Duration;

use super::document::Value;
use super::error::ErrorCode;
use super::reader::{At, FieldReader, Fields};
use super::{HOST_PASSES, OnError, PassSpec};

/// Settings that the policy derives from `entities` and passes to these plugins itself.
const OWN_SETTINGS: [(&str, &[&str]); 2] = [("regex", &["kinds", "patterns"]), ("ner", &["kinds"])];

/// Each pass costs time in every request.
const MAX_PASSES: usize = 32;

/// Reads the list.
pub(super) fn read(fields: &Fields<'_>, reader: &mut FieldReader<'_>) -> Vec<PassSpec> {
    let Some(at) = fields.get("passes") else {
        reader.missing(ErrorCode::InvalidPass, "passes", "passes: [regex, ner]");
        return Vec::new();
    };
    let Some(items) = reader.list(&at, "[regex, ner]") else { return Vec::new() };
    if items.is_empty() {
        let message = "is empty, so nothing would be found: name at least one plugin, such as regex";
        reader.problems.add(ErrorCode::InvalidPass, at.path.as_str(), message);
    }
    if items.len() > MAX_PASSES {
        let message = format!("has more than {MAX_PASSES} entries");
        reader.problems.add(ErrorCode::InvalidPass, at.path.as_str(), message);
    }
    let mut passes: Vec<PassSpec> = Vec::new();
    for item in items.iter().take(MAX_PASSES) {
        let Some(pass) = read_pass(item, reader) else { continue };
        if passes.iter().any(|other| other.plugin == pass.plugin) {
            let message = format!("the plugin {} is already in the list (gemma is an alias of ner)", pass.plugin);
            reader.problems.add(ErrorCode::InvalidPass, item.path.as_str(), message);
        }
        // A duplicate is kept too, so that the index of a pass matches its path.
        passes.push(pass);
    }
    passes
}

fn read_pass(item: &At<'_>, reader: &mut FieldReader<'_>) -> Option<PassSpec> {
    if let Value::Text(_) = item.node.value {
        return Some(spec(plugin(item, reader)?));
    }
    let known = ["plugin", "config", "on_error", "timeout_ms", "may_replace"];
    let fields = reader.fields(item, &known)?;
    let Some(at) = fields.get("plugin") else {
        reader.missing(ErrorCode::InvalidPass, &fields.path("plugin"), "plugin: regex");
        return None;
    };
    let mut pass = spec(plugin(&at, reader)?);
    if let Some(at) = fields.get("config") {
        pass.config = config(&at, &pass.plugin, reader);
    }
    let choices = [("block", OnError::Block), ("skip", OnError::Skip)];
    if let Some(at) = fields.get("on_error") {
        pass.on_error = reader.choice(&at, &choices).unwrap_or_default();
    }
    if let Some(at) = fields.get("timeout_ms") {
        pass.timeout = reader.whole(&at, 1..=10_000).map(|ms| Duration::from_millis(ms.into()));
    }
    if let Some(at) = fields.get("may_replace") {
        pass.may_replace = reader.flag(&at).unwrap_or_default();
    }
    Some(pass)
}

fn spec(plugin: Arc<str>) -> PassSpec {
    let config = serde_json::Map::new();
    PassSpec { plugin, config, on_error: OnError::Block, timeout: None, may_replace: false }
}

/// The plugin's name. `compile` checks whether the plugin exists.
fn plugin(at: &At<'_>, reader: &mut FieldReader<'_>) -> Option<Arc<str>> {
    let name = reader.text(at, 64)?;
    if HOST_PASSES.contains(&name) {
        let message = format!("{name} is built into Masker and is not a plugin: remove it");
        reader.problems.add(ErrorCode::InvalidPass, at.path.as_str(), message);
        return None;
    }
    Some(if name == "gemma" { "ner".into() } else { name.into() })
}

fn config(at: &At<'_>, plugin: &str, reader: &mut FieldReader<'_>) -> serde_json::Map<String, serde_json::Value> {
    let Some(fields) = reader.map(at) else { return serde_json::Map::new() };
    let own = OWN_SETTINGS.iter().find(|(name, _)| *name == plugin).map_or(&[][..], |(_, keys)| keys);
    for key in own {
        if let Some(at) = fields.get(key) {
            let message = format!("the policy sets {key} itself: use entities.<KIND> instead");
            reader.problems.add(ErrorCode::InvalidPass, at.path, message);
        }
    }
    match at.node.to_json() {
        serde_json::Value::Object(config) => config,
        _ => serde_json::Map::new(),
    }
}
