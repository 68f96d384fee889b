//! Parses the top level of a document.

use std::collections::BTreeMap;

use super::document::{self, Node};
use super::error::{ErrorCode, PolicyError, Problems};
use super::reader::{At, FieldReader, Fields};
use super::{AuditRules, Deny, Media, Policy, Texts, TokenStyle, Tokenization, entities, passes};
use crate::keys::Kid;

const KEYS: [&str; 15] = [
    "name",
    "description",
    "version",
    "kid",
    "tokenization",
    "epsilon",
    "passes",
    "entities",
    "audit",
    "allow",
    "deny",
    "media",
    "token_style",
    "fallback_text",
    "failure_text",
];

/// Length limit of an `allow` or `deny` text: a name, not a page.
const MAX_PHRASE: usize = 200;

/// Each phrase costs time in every request.
const MAX_PHRASES: usize = 1000;

/// Length limit of a spoken text: one or two sentences.
const MAX_SPOKEN: usize = 500;

/// Reads a document. With errors, the policy is a draft in which defaults replace what could not be read; there is no
/// draft when the document could not be parsed at all.
pub(super) fn read(text: &str) -> (Option<Policy>, Vec<PolicyError>) {
    let root = match document::load(text) {
        Ok(root) => root,
        Err(error) => return (None, vec![error]),
    };
    let lines = root.lines();
    let mut reader = FieldReader { problems: Problems::new(&lines) };
    root.check_keys("", &mut reader.problems);
    let policy = read_root(&root, &mut reader);
    let mut errors = reader.problems.into_errors();
    match policy {
        Some(mut policy) => {
            match serde_json_canonicalizer::to_string(&root.to_json()) {
                Ok(canonical) => policy.canonical = canonical,
                Err(_) => errors.push(PolicyError {
                    code: ErrorCode::PolicyYamlInvalid,
                    path: String::new(),
                    line: None,
                    message: "the document holds a number that JSON cannot express".to_owned(),
                }),
            }
            policy.lines = lines;
            (Some(policy), errors)
        }
        None => (None, errors),
    }
}

fn read_root(root: &Node, reader: &mut FieldReader<'_>) -> Option<Policy> {
    let at = At { node: root, path: String::new() };
    let fields = reader.fields(&at, &KEYS)?;
    version(&fields, reader);
    let passes = passes::read(&fields, reader);
    let entities = entities::read(&fields, reader);
    entities::check_patterns(&entities, &passes, reader);
    let deny = deny(&fields, reader);
    entities::check_deny(&deny, &entities, reader);
    Some(Policy {
        name: name(&fields, reader),
        description: spoken(&fields, "description", reader),
        kid: kid(&fields, reader),
        tokenization: tokenization(&fields, reader),
        epsilon: epsilon(&fields, reader),
        passes,
        entities,
        audit: audit(&fields, reader),
        allow: Texts(allow(&fields, reader)),
        deny: deny.into_iter().map(|(_, deny)| deny).collect(),
        media: optional(&fields, "media", reader, &[("block", Media::Block), ("pass", Media::Pass)]),
        token_style: optional(
            &fields,
            "token_style",
            reader,
            &[("full", TokenStyle::Full), ("compact", TokenStyle::Compact)],
        ),
        fallback_text: spoken(&fields, "fallback_text", reader),
        failure_text: spoken(&fields, "failure_text", reader),
        canonical: String::new(),
        lines: BTreeMap::new(),
    })
}

fn version(fields: &Fields<'_>, reader: &mut FieldReader<'_>) {
    let Some(at) = fields.get("version") else {
        return reader.missing(ErrorCode::PolicyYamlInvalid, "version", "version: 1");
    };
    if !matches!(at.node.value, document::Value::Int(1)) {
        let message = "must be the number 1, the only version of this format: write `version: 1`";
        reader.problems.invalid(at.path, message);
    }
}

fn name(fields: &Fields<'_>, reader: &mut FieldReader<'_>) -> String {
    let Some(at) = fields.get("name") else {
        reader.missing(ErrorCode::PolicyYamlInvalid, "name", "name: my-policy");
        return String::new();
    };
    let Some(name) = reader.text(&at, 64) else { return String::new() };
    // The name is part of URLs and file names.
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let starts = name.bytes().next().is_some_and(fits);
    if !(starts && name.bytes().all(|b| fits(b) || b"-_.".contains(&b))) {
        let message = "is written in lower-case letters, digits, `-`, `_` and `.`, and begins with a letter or digit";
        reader.problems.invalid(at.path, message);
    }
    name.to_owned()
}

fn kid(fields: &Fields<'_>, reader: &mut FieldReader<'_>) -> Kid {
    let read = match fields.get("kid") {
        None => {
            reader.missing(ErrorCode::PolicyYamlInvalid, "kid", "kid: K_HEALTHCARE");
            None
        }
        Some(at) => reader.text(&at, 64).and_then(|text| {
            let kid = Kid::new(text);
            if kid.is_none() {
                let message = "a kid is written in capital letters, digits and `_`, such as K_HEALTHCARE";
                reader.problems.add(ErrorCode::UnknownKid, at.path, message);
            }
            kid
        }),
    };
    // Used in a draft only: every path to this line has reported an error.
    read.unwrap_or_else(|| Kid::new("K").expect("one capital letter is a kid"))
}

fn tokenization(fields: &Fields<'_>, reader: &mut FieldReader<'_>) -> Tokenization {
    const CHOICES: [(&str, Tokenization); 3] = [
        ("vault-deterministic", Tokenization::VaultDeterministic),
        ("reversible-aead", Tokenization::ReversibleAead),
        ("synthetic", Tokenization::Synthetic),
    ];
    match fields.get("tokenization") {
        None => {
            reader.missing(ErrorCode::PolicyYamlInvalid, "tokenization", "tokenization: vault-deterministic");
        }
        Some(at) => {
            if let Some(chosen) = reader.choice(&at, &CHOICES) {
                return chosen;
            }
        }
    }
    Tokenization::VaultDeterministic
}

fn epsilon(fields: &Fields<'_>, reader: &mut FieldReader<'_>) -> f64 {
    const DEFAULT: f64 = 0.5;
    let given = fields.get("epsilon").and_then(|at| reader.number(&at, 0.001..=100.0));
    given.unwrap_or(DEFAULT)
}

fn audit(fields: &Fields<'_>, reader: &mut FieldReader<'_>) -> AuditRules {
    let mut rules = AuditRules::default();
    let Some(at) = fields.get("audit") else { return rules };
    let known = ["log_events", "log_payloads", "retention_days"];
    let Some(audit) = reader.fields(&at, &known) else { return rules };
    for (key, rule) in [("log_events", &mut rules.log_events), ("log_payloads", &mut rules.log_payloads)] {
        if let Some(flag) = audit.get(key).and_then(|at| reader.flag(&at)) {
            *rule = flag;
        }
    }
    if let Some(days) = audit.get("retention_days").and_then(|at| reader.whole(&at, 0..=36_500)) {
        rules.retention_days = days;
    }
    rules
}

fn allow(fields: &Fields<'_>, reader: &mut FieldReader<'_>) -> Vec<String> {
    let Some(at) = fields.get("allow") else { return Vec::new() };
    let items = reader.list(&at, "[\"Lakeside Clinic\"]").unwrap_or_default();
    check_length(&at, items.len(), reader);
    items.iter().filter_map(|item| reader.text(item, MAX_PHRASE)).map(str::to_owned).collect()
}

/// Reads `deny`; returns each entry with its path.
fn deny(fields: &Fields<'_>, reader: &mut FieldReader<'_>) -> Vec<(String, Deny)> {
    let Some(at) = fields.get("deny") else { return Vec::new() };
    let items = reader.list(&at, "[{text: \"Project Falcon\", kind: OTHER_ID}]").unwrap_or_default();
    check_length(&at, items.len(), reader);
    items.iter().filter_map(|item| Some((item.path.clone(), deny_entry(item, reader)?))).collect()
}

fn deny_entry(item: &At<'_>, reader: &mut FieldReader<'_>) -> Option<Deny> {
    let fields = reader.fields(item, &["text", "kind"])?;
    let mut required = |key: &str, example: &str| {
        let at = fields.get(key);
        if at.is_none() {
            reader.missing(ErrorCode::PolicyYamlInvalid, &fields.path(key), example);
        }
        at
    };
    let (text, kind) = (required("text", "text: ..."), required("kind", "kind: NAME"));
    let text = text.and_then(|at| reader.text(&at, MAX_PHRASE));
    let kind = kind.and_then(|at| reader.text(&at, 64).and_then(|name| reader.kind(name, &at.path)));
    Some(Deny { text: text?.to_owned(), kind: kind? })
}

fn check_length(at: &At<'_>, length: usize, reader: &mut FieldReader<'_>) {
    if length > MAX_PHRASES {
        reader.problems.invalid(&at.path, format!("has more than {MAX_PHRASES} texts"));
    }
}

fn spoken(fields: &Fields<'_>, key: &str, reader: &mut FieldReader<'_>) -> Option<String> {
    let at = fields.get(key)?;
    reader.text(&at, MAX_SPOKEN).map(str::to_owned)
}

fn optional<T: Copy + Default>(
    fields: &Fields<'_>,
    key: &str,
    reader: &mut FieldReader<'_>,
    choices: &[(&str, T)],
) -> T {
    fields.get(key).and_then(|at| reader.choice(&at, choices)).unwrap_or_default()
}
