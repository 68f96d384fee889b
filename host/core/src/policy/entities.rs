//! Reads `entities`: the protected kinds and their settings.

use std::collections::BTreeMap;

use super::error::ErrorCode;
use super::reader::{At, FieldReader, Fields};
use super::{Deny, Entity, PassSpec, Pattern};
use crate::action::Action;
use crate::kind::Kind;

const KEYS: [&str; 6] = ["enabled", "regex", "ner", "confidence_threshold", "action", "patterns"];
const PATTERN_KEYS: [&str; 5] = ["name", "regex", "confidence", "context", "validator"];
const ACTIONS: [(&str, Action); 3] =
    [("tokenize", Action::Tokenize), ("redact", Action::Redact), ("passthrough", Action::Passthrough)];

/// Validators for a pattern's match.
const VALIDATORS: [&str; 7] = ["luhn", "mod97", "npi", "dea", "vin", "aba", "imei"];

/// Length limit: a pattern describes one identifier. Its cost is checked separately ([`super::patterns`]).
const MAX_REGEX: usize = 1000;
/// The limit of the pass `regex`.
const MAX_PATTERNS: usize = 64;
const MAX_CONTEXT: usize = 50;

/// Reads the map.
pub(super) fn read(fields: &Fields<'_>, reader: &mut FieldReader<'_>) -> BTreeMap<Kind, Entity> {
    let Some(at) = fields.get("entities") else {
        reader.missing(ErrorCode::MissingEntity, "entities", "entities: {NAME: {}}");
        return BTreeMap::new();
    };
    let Some(kinds) = reader.map(&at) else { return BTreeMap::new() };
    let all = kinds.all();
    if all.is_empty() {
        let message = "is empty, so nothing would be masked: list the kinds to protect, such as `NAME: {}`";
        reader.problems.add(ErrorCode::MissingEntity, at.path, message);
    }
    let mut entities = BTreeMap::new();
    for (name, at) in all {
        let kind = reader.kind(name, &at.path);
        let entity = read_entity(&at, reader);
        if let Some((kind, entity)) = kind.zip(entity) {
            entities.insert(kind, entity);
        }
    }
    entities
}

fn read_entity(at: &At<'_>, reader: &mut FieldReader<'_>) -> Option<Entity> {
    let fields = reader.fields(at, &KEYS)?;
    let mut flag = |key: &str| fields.get(key).and_then(|at| reader.flag(&at)).unwrap_or(true);
    let (enabled, regex, ner) = (flag("enabled"), flag("regex"), flag("ner"));
    let threshold = fields.get("confidence_threshold").and_then(|at| reader.share(&at));
    let action = fields.get("action").and_then(|at| reader.choice(&at, &ACTIONS));
    let mut entity = Entity {
        enabled,
        regex,
        ner,
        confidence_threshold: threshold.unwrap_or(0.6),
        action: action.unwrap_or(Action::Tokenize),
        patterns: Vec::new(),
    };
    let Some(at) = fields.get("patterns") else { return Some(entity) };
    let items = reader.list(&at, "[{name: badge, regex: 'B-[0-9]{6}', confidence: 0.9}]")?;
    for item in &items {
        if let Some(pattern) = read_pattern(item, &entity, reader) {
            if entity.patterns.iter().any(|other| other.name == pattern.name) {
                reader.problems.invalid(format!("{}.name", item.path), "another pattern of this kind has this name");
            }
            entity.patterns.push(pattern);
        }
    }
    if entity.enabled && !entity.regex && !entity.patterns.is_empty() {
        reader.problems.invalid(at.path, "patterns are run by the pass regex, which `regex: false` switches off here");
    }
    Some(entity)
}

fn read_pattern(item: &At<'_>, entity: &Entity, reader: &mut FieldReader<'_>) -> Option<Pattern> {
    let fields = reader.fields(item, &PATTERN_KEYS)?;
    let mut required = |key: &str, example: &str| {
        let at = fields.get(key);
        if at.is_none() {
            reader.missing(ErrorCode::PolicyYamlInvalid, &fields.path(key), example);
        }
        at
    };
    let name = required("name", "name: badge");
    let regex = required("regex", "regex: 'B-[0-9]{6}'");
    let confidence = required("confidence", "confidence: 0.9");
    let name = name.and_then(|at| reader.text(&at, 64));
    let regex = regex.and_then(|at| reader.text(&at, MAX_REGEX));
    let context = fields.get("context").map(|at| read_context(&at, reader)).unwrap_or_default();
    let choices = VALIDATORS.map(|name| (name, name));
    let validator = fields.get("validator").and_then(|at| reader.choice(&at, &choices));
    let place = confidence?;
    let confidence = reader.share(&place)?;
    if confidence < entity.confidence_threshold && context.is_empty() {
        let threshold = entity.confidence_threshold;
        let message = format!(
            "is below the kind's confidence_threshold of {threshold}, and no context words can raise it: \
             the pattern would never mask anything"
        );
        reader.problems.invalid(place.path, message);
    }
    Some(Pattern { name: name?.to_owned(), regex: regex?.to_owned(), confidence, context, validator })
}

fn read_context(at: &At<'_>, reader: &mut FieldReader<'_>) -> Vec<String> {
    let items = reader.list(at, "[badge, pass]").unwrap_or_default();
    if items.len() > MAX_CONTEXT {
        reader.problems.invalid(&at.path, format!("has more than {MAX_CONTEXT} words"));
    }
    items.iter().filter_map(|item| reader.text(item, 64)).map(str::to_owned).collect()
}

/// Patterns require the pass that runs them.
pub(super) fn check_patterns(entities: &BTreeMap<Kind, Entity>, passes: &[PassSpec], reader: &mut FieldReader<'_>) {
    let count: usize = entities.values().map(|entity| entity.patterns.len()).sum();
    if count > MAX_PATTERNS {
        reader.problems.invalid("entities", format!("has more than {MAX_PATTERNS} patterns"));
    }
    if passes.iter().any(|pass| &*pass.plugin == "regex") {
        return;
    }
    for (kind, entity) in entities {
        if entity.enabled && !entity.patterns.is_empty() {
            let message = "patterns are run by the pass regex: add regex to passes";
            reader.problems.add(ErrorCode::InvalidPass, format!("entities.{kind}.patterns"), message);
        }
    }
}

/// The kind of a `deny` entry must be masked.
pub(super) fn check_deny(deny: &[(String, Deny)], entities: &BTreeMap<Kind, Entity>, reader: &mut FieldReader<'_>) {
    for (path, Deny { kind, .. }) in deny {
        let path = format!("{path}.kind");
        match entities.get(kind) {
            None => {
                let message = format!("{kind} is not listed under entities: add `{kind}: {{}}` there");
                reader.problems.add(ErrorCode::MissingEntity, path, message);
            }
            Some(entity) if !entity.enabled || entity.action == Action::Passthrough => {
                let message = format!("is always masked, but entities.{kind} says that {kind} is not");
                reader.problems.invalid(path, message);
            }
            Some(_) => {}
        }
    }
}
