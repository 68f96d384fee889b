//! The effect of settings, and the errors for invalid ones.

use masker_plugin_regex::Plugin;
use masker_plugin_sdk::testing::{configure, marked};
use masker_plugin_sdk::{Error, Pass};

fn refused(config: &str) -> Error {
    configure::<Plugin>(config).expect_err("refused")
}

fn found(config: &str, text: &str) -> String {
    let plugin: Plugin = configure(config).expect("valid settings");
    marked(&plugin, &[], text).expect("detects")
}

#[test]
fn only_the_wanted_kinds_are_found() {
    let text = "call 415-555-0100 or write to a@example.org";
    assert_eq!(found(r#"{"kinds": ["EMAIL"]}"#, text), "call 415-555-0100 or write to [EMAIL:a@example.org]");
}

#[test]
fn an_unknown_kind_is_refused_with_its_place() {
    let error = refused(r#"{"kinds": ["EMAIL", "E_MAIL"]}"#);
    assert_eq!(error.path.as_deref(), Some("/kinds/1"));
    assert!(error.message.contains("EMAIL"), "{}", error.message);
}

#[test]
fn an_unknown_setting_is_refused_by_name() {
    assert!(refused(r#"{"kind": []}"#).message.contains("kind"));
}

#[test]
fn a_pattern_finds_its_own_kind() {
    let config = r#"{"kinds": [], "patterns": [{"kind": "BADGE", "name": "badge", "regex": "(?-u:\\bB-[0-9]{4}\\b)", "confidence": 0.8}]}"#;
    assert_eq!(found(config, "badge B-4471 ok"), "badge [BADGE:B-4471] ok");
}

#[test]
fn a_context_word_raises_the_confidence_to_at_most_99() {
    let config = |confidence: f32| {
        format!(
            r#"{{"kinds": [], "patterns": [{{"kind": "BADGE", "name": "b", "regex": "Q[0-9]", "confidence": {confidence}, "context": ["Badge"]}}]}}"#
        )
    };
    let confidence = |config: &str, text: &str| {
        let plugin: Plugin = configure(config).expect("valid settings");
        let message = masker_plugin_sdk::Message { role: "user".into(), text: text.into(), search: true };
        plugin.detect(&[message], &[]).expect("detects")[0].confidence
    };
    assert!((confidence(&config(0.5), "the badge is Q7") - 0.8).abs() < 1e-6);
    assert!((confidence(&config(0.5), "it is Q7 here") - 0.5).abs() < 1e-6);
    assert!((confidence(&config(0.9), "Q7 is my badge") - 0.99).abs() < 1e-6);
    let far = "badge one two three four five six seven eight nine Q7";
    assert!((confidence(&config(0.5), far) - 0.5).abs() < 1e-6);
}

#[test]
fn a_validator_drops_what_fails_its_check() {
    let config = r#"{"kinds": [], "patterns": [{"kind": "CARD", "name": "c", "regex": "[0-9 ]{19}", "confidence": 0.9, "validator": "luhn"}]}"#;
    assert_eq!(found(config, "4111 1111 1111 1111"), "[CARD:4111 1111 1111 1111]");
    assert_eq!(found(config, "4111 1111 1111 1112"), "4111 1111 1111 1112");
}

#[test]
fn a_bad_pattern_is_refused_with_its_place_and_its_fault() {
    let pattern = |field: &str, value: &str| {
        let mut fields = vec![("kind", "\"A\""), ("name", "\"a\""), ("regex", "\"a\""), ("confidence", "0.5")];
        fields.retain(|(name, _)| *name != field);
        fields.push((field, value));
        let good = r#"{"kind": "A", "name": "a", "regex": "a", "confidence": 0.5}"#;
        let fields: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
        refused(&format!(r#"{{"patterns": [{good}, {{{}}}]}}"#, fields.join(", ")))
    };
    for (field, value, says) in [
        ("regex", "\"(\"", "unclosed"),
        ("regex", "\"a*\"", "empty"),
        ("regex", "\"(?=a)\"", "look-around"),
        ("kind", "\"badge\"", "A-Z"),
        ("confidence", "1.5", "from 0 to 1"),
        ("validator", "\"crc\"", "luhn"),
    ] {
        let error = pattern(field, value);
        assert_eq!(error.code, "invalid-config");
        assert_eq!(error.path, Some(format!("/patterns/1/{field}")));
        assert!(error.message.contains(says), "{}", error.message);
    }
}

#[test]
fn the_manifest_lists_its_kinds_and_schema() {
    let manifest = Plugin::manifest();
    assert_eq!(manifest.name, "regex");
    let schema = <masker_plugin_regex::Settings as masker_plugin_sdk::Settings>::schema();
    assert!(manifest.kinds.iter().all(|kind| schema.contains(&format!("\"{kind}\""))));
}
