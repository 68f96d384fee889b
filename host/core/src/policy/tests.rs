//! The meaning of a policy, and the errors of an invalid one.

use std::sync::Arc;

use super::*;
use crate::kind::STANDARD;

mod mistakes;
mod patterns;

pub(super) struct Install {
    kids: Vec<Kid>,
    plugins: Vec<(Arc<str>, Vec<Kind>)>,
}

impl Install {
    pub fn new(own: &[(&str, &[&str])]) -> Self {
        let regex: Vec<_> = STANDARD.into_iter().filter(|kind| !["NAME", "ORGANIZATION"].contains(kind)).collect();
        let mut plugins: Vec<(&str, &[&str])> = vec![("regex", &regex), ("ner", &["NAME", "ADDRESS", "ORGANIZATION"])];
        plugins.extend(own);
        let kinds = |kinds: &[&str]| kinds.iter().map(|kind| Kind::new(kind).expect("a kind")).collect();
        Self {
            kids: vec![Kid::new("K_HEALTHCARE").expect("a kid")],
            plugins: plugins.into_iter().map(|(name, list)| (name.into(), kinds(list))).collect(),
        }
    }

    pub fn environment(&self) -> Environment<'_> {
        Environment { kids: &self.kids, plugins: &self.plugins }
    }
}

/// A policy with these lines instead of the defaults, or after them.
pub(super) fn document(lines: &str) -> String {
    let usual = [
        "name: test",
        "version: 1",
        "kid: K_HEALTHCARE",
        "tokenization: vault-deterministic",
        "passes: [regex, ner]",
        "entities: {NAME: {}, PHONE: {}}",
    ];
    let key = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
    let given: Vec<_> = lines.lines().map(key).collect();
    let kept = usual.into_iter().filter(|line| !given.contains(&key(line)));
    kept.chain(lines.lines()).collect::<Vec<_>>().join("\n")
}

fn compiled(text: &str) -> CompiledPolicy {
    let install = Install::new(&[("acme", &["PHONE", "BADGE"])]);
    load(text, 1, &install.environment()).unwrap_or_else(|errors| panic!("{errors:?}")).1
}

fn kind(name: &str) -> Kind {
    Kind::new(name).expect("a kind")
}

#[test]
fn the_default_policy_protects_every_standard_kind_but_organizations() {
    let install = Install::new(&[]);
    let (policy, compiled) = load(HEALTHCARE_DEFAULT, 3, &install.environment()).expect("it compiles");
    assert_eq!(policy.name, "healthcare-default");
    assert_eq!((compiled.version_number, compiled.kid.as_str()), (3, "K_HEALTHCARE"));
    assert_eq!(compiled.tokenization, Tokenization::VaultDeterministic);
    assert_eq!((compiled.media, compiled.token_style), (Media::Block, TokenStyle::Full));
    assert_eq!(compiled.audit, AuditRules::default());
    for name in STANDARD {
        assert!(policy.entities.contains_key(&kind(name)), "{name}");
        let rule = compiled.rule(&kind(name)).copied();
        let tokenized = EntityRule { action: Action::Tokenize, threshold: 0.6, regex: true, ner: true };
        assert_eq!(rule, (name != "ORGANIZATION").then_some(tokenized), "{name}");
    }
    assert_eq!(compiled.passes[1].config_json, r#"{"kinds":["ADDRESS","NAME"]}"#);
    assert!(compiled.passes[0].config_json.ends_with(r#""VEHICLE","ZIP"],"patterns":[]}"#));
}

#[test]
fn a_plugin_is_told_of_the_kinds_it_knows_and_of_nothing_that_is_off() {
    let text = document(
        "passes: [{plugin: regex, config: {b: 0.50, a: [1, x]}}, gemma, {plugin: acme, config: {}}]
entities: {NAME: {}, ADDRESS: {regex: false}, PHONE: {ner: false}, ZIP: {enabled: false}, BADGE: {enabled: false}}",
    );
    let passes = compiled(&text).passes;
    let configs: Vec<_> = passes.iter().map(|pass| pass.config_json.as_str()).collect();
    assert_eq!(
        configs,
        [r#"{"a":[1,"x"],"b":0.5,"kinds":["PHONE"],"patterns":[]}"#, r#"{"kinds":["ADDRESS","NAME"]}"#, "{}"]
    );
    assert_eq!(&*passes[1].plugin, "ner");
}

#[test]
fn patterns_reach_the_regex_plugin_as_they_were_written() {
    let text = document(
        "passes: [regex]
entities:
  BADGE: {patterns: [{name: badge, regex: 'B-\\d{6}', confidence: 0.9}]}
  ACCOUNT: {patterns: [{name: ward, regex: '[0-9]{9}', confidence: 0.1, context: [ward], validator: luhn}]}
  MRN: {enabled: false, patterns: [{name: old, regex: 'x', confidence: 1}]}",
    );
    let pass = &compiled(&text).passes[0];
    assert_eq!(pass.pattern_kinds, [kind("ACCOUNT"), kind("BADGE")]);
    assert_eq!(
        pass.config_json,
        concat!(
            r#"{"kinds":["ACCOUNT"],"patterns":["#,
            r#"{"confidence":0.1,"context":["ward"],"kind":"ACCOUNT","name":"ward","regex":"[0-9]{9}","validator":"luhn"},"#,
            r#"{"confidence":0.9,"kind":"BADGE","name":"badge","regex":"B-\\d{6}"}]}"#
        )
    );
}

#[test]
fn every_setting_is_kept() {
    let text = document(
        "description: what for
epsilon: 1.5
tokenization: reversible-aead
passes: [{plugin: acme, on_error: skip, timeout_ms: 250, may_replace: true}]
entities: {BADGE: {action: redact, confidence_threshold: 0.25}, NAME: {action: passthrough}, DATE: {}}
audit: {log_events: false, log_payloads: true, retention_days: 30}
allow: [Lakeside Clinic]
deny: [{text: Falcon, kind: BADGE}]
media: pass
token_style: compact
fallback_text: that
failure_text: sorry",
    );
    let policy = compiled(&text);
    let pass = &policy.passes[0];
    assert_eq!((pass.on_error, pass.may_replace), (OnError::Skip, true));
    assert_eq!(pass.timeout, Some(Duration::from_millis(250)));
    let rule = policy.rule(&kind("BADGE")).expect("listed");
    assert_eq!((rule.action, rule.threshold), (Action::Redact, 0.25));
    let audit = AuditRules { log_events: false, log_payloads: true, retention_days: 30 };
    assert_eq!(policy.audit, audit);
    assert_eq!(policy.tokenization, Tokenization::ReversibleAead);
    assert_eq!((policy.media, policy.token_style), (Media::Pass, TokenStyle::Compact));
    assert_eq!((policy.fallback_text.as_deref(), policy.failure_text.as_deref()), (Some("that"), Some("sorry")));
    assert_eq!(policy.epsilon, 1.5);
    assert_eq!(policy.allow.0, ["Lakeside Clinic"]);
}

#[test]
fn json_and_yaml_of_one_policy_have_one_digest() {
    let yaml = document("# a comment\nepsilon: 0.50");
    let json = "{\n\t\"epsilon\": 0.5, \"name\": \"test\",\n\t\"version\": 1, \"kid\": \"K_HEALTHCARE\",\n\t\"passes\": \
                [\"regex\",\t\"ner\"], \"tokenization\": \"vault-deterministic\",\n\t\"entities\": {\"NAME\": {}, \
                \"PHONE\": {}}\n}";
    assert_eq!(compiled(&yaml).digest_hex(), compiled(json).digest_hex());
    assert_ne!(compiled(&yaml).digest_hex(), compiled(&document("epsilon: 0.6")).digest_hex());
    let canonical = Policy::parse(&yaml).expect("it is good").canonical_json().to_owned();
    assert!(canonical.starts_with(r#"{"entities":{"NAME":{},"PHONE":{}},"epsilon":0.5,"kid""#), "{canonical}");
}

#[test]
fn texts_of_a_policy_are_never_printed() {
    let text = document("allow: [Jane Doe]\ndeny: [{text: Jane Doe, kind: NAME}]");
    let policy = Policy::parse(&text).expect("it is good");
    assert!(!format!("{:?}", policy.allow).contains("Jane"));
    assert!(!format!("{:?}", policy.deny).contains("Jane"));
    assert!(!format!("{:?}", compiled(&text)).contains("Jane"));
}
