//! Every mistake is refused with its location and the fix.

use super::*;

/// All errors of a document, as `code path: message`.
fn errors(text: &str) -> Vec<String> {
    let install = Install::new(&[("acme", &["BADGE"])]);
    let errors = load(text, 1, &install.environment()).map(|_| ()).expect_err("it is refused");
    errors.iter().map(|error| format!("{} {}: {}", error.code.as_str(), error.path, error.message)).collect()
}

/// Checks that a document with these lines has exactly one error, with this prefix.
fn check(lines: &str, expected: &str) {
    let errors = errors(&document(lines));
    assert!(errors.len() == 1 && errors[0].starts_with(expected), "{lines}\n  {errors:#?}\n  {expected}");
}

#[test]
fn an_unknown_key_names_the_nearest_known_one() {
    check(
        "entities: {PHONE: {confidence_treshold: 0.5}}",
        "policy_yaml_invalid entities.PHONE.confidence_treshold: unknown key; did you mean confidence_threshold?",
    );
    check("entites: {}", "policy_yaml_invalid entites: unknown key; did you mean entities?");
    check("colour: red", "policy_yaml_invalid colour: unknown key; expected one of name, description");
    check("audit: {log-events: true}", "policy_yaml_invalid audit.log-events: unknown key; did you mean log_events?");
    check(
        "passes: [{plugin: regex, timeout: 5}]",
        "policy_yaml_invalid passes[0].timeout: unknown key; did you mean timeout_ms?",
    );
    check("deny: [{text: a, kind: NAME, x: 1}]", "policy_yaml_invalid deny[0].x: unknown key");
}

#[test]
fn kids_and_passes_must_exist() {
    check("kid: K_HEALTHCAR", "unknown_kid kid: there is no key K_HEALTHCAR: set MASKER_KEY_K_HEALTHCAR; did you");
    check("kid: k_x", "unknown_kid kid: a kid is written in capital letters");
    check("passes: []", "invalid_pass passes: is empty");
    check("passes: [regx]", "invalid_pass passes[0]: there is no plugin regx; did you mean regex?");
    check(
        "passes: [{plugin: zzz}]",
        "invalid_pass passes[0].plugin: there is no plugin zzz; expected one of regex, ner",
    );
    check("passes: [regex, ner, gemma]", "invalid_pass passes[2]: the plugin ner is already in the list");
    check("passes: [regex, memory]", "invalid_pass passes[1]: memory is built into Masker");
    check("passes: [{on_error: skip}]", "invalid_pass passes[0].plugin: is required");
    for key in ["kinds", "patterns"] {
        let line = format!("passes: [{{plugin: regex, config: {{{key}: []}}}}]");
        check(&line, &format!("invalid_pass passes[0].config.{key}: the policy sets {key} itself"));
    }
    for ms in ["0", "10001", "-1", "1.5", "fast"] {
        check(&format!("passes: [{{plugin: ner, timeout_ms: {ms}}}]"), "policy_yaml_invalid passes[0].timeout_ms: ");
    }
}

#[test]
fn a_document_has_bounds() {
    let passes = (0..33).map(|at| format!("p{at}")).collect::<Vec<_>>().join(", ");
    assert!(
        errors(&document(&format!("passes: [{passes}]")))
            .contains(&"invalid_pass passes: has more than 32 entries".into())
    );
    let key = "k".repeat(129);
    let found = errors(&document(&format!("passes: [{{plugin: regex, config: {{{key}: 1}}}}]")));
    assert!(found.len() == 1 && found[0].contains("a key is longer than 128 bytes"), "{found:?}");
    let parts = "1, ".repeat(20_000);
    let found = errors(&document(&format!("passes: [{{plugin: regex, config: {{a: [{parts}]}}}}]")));
    assert!(found.len() == 1 && found[0].contains("the document has too many parts"), "{found:?}");
}

#[test]
fn kinds_that_are_used_must_be_listed() {
    check("entities: {}", "missing_entity entities: is empty");
    check("deny: [{text: a, kind: SSN}]", "missing_entity deny[0].kind: SSN is not listed under entities");
    check("passes: [acme]", "missing_entity entities.BADGE: the plugin acme finds BADGE, which is not listed");
    check(
        "entities: {PHNE: {}}",
        "policy_yaml_invalid entities.PHNE: nothing in this policy finds PHNE; did you mean PHONE?",
    );
    check(
        "entities: {SSN: {enabled: false}}\ndeny: [{text: a, kind: SSN}]",
        "policy_yaml_invalid deny[0].kind: is always masked, but",
    );
    let badge = "entities: {BADGE: {patterns: [{name: a, regex: b, confidence: 1}]}}";
    check(
        &format!("passes: [ner]\n{badge}"),
        "invalid_pass entities.BADGE.patterns: patterns are run by the pass regex",
    );
}

#[test]
fn patterns_are_checked() {
    let pattern = |rest: &str| format!("entities: {{MRN: {{patterns: [{rest}]}}}}");
    let at = "policy_yaml_invalid entities.MRN.patterns[0]";
    check(&pattern("{name: a, regex: b}"), &format!("{at}.confidence: is required"));
    check(&pattern("{name: a, regex: b, confidence: 0.3}"), &format!("{at}.confidence: is below the kind's"));
    check(
        &pattern("{name: a, regex: b, confidence: 1, validator: lun}"),
        &format!("{at}.validator: unknown value `lun`; did you mean luhn?"),
    );
    check(&pattern("{name: a, regex: b, confidence: 1, context: ward}"), &format!("{at}.context: expected a list"));
    let two = "{name: a, regex: b, confidence: 1}, {name: a, regex: c, confidence: 1}";
    check(&pattern(two), "policy_yaml_invalid entities.MRN.patterns[1].name: another pattern");
    let off = "entities: {MRN: {regex: false, patterns: [{name: a, regex: b, confidence: 1}]}}";
    check(off, "policy_yaml_invalid entities.MRN.patterns: patterns are run by the pass regex, which");
}

#[test]
fn yaml_traps_are_explained() {
    check(
        "entities: {NAME: {enabled: yes}}",
        "policy_yaml_invalid entities.NAME.enabled: `yes` is text, not a boolean: write true",
    );
    check(
        "entities: {NAME: {ner: off}}",
        "policy_yaml_invalid entities.NAME.ner: `off` is text, not a boolean: write false",
    );
    check(
        "audit: {log_events: 'true'}",
        "policy_yaml_invalid audit.log_events: `true` is text, not a boolean: write true, without",
    );
    check("entities: {phone: {}}", "policy_yaml_invalid entities.phone: kinds are written in upper case: write PHONE");
    check(
        "entities: {Health-Plan: {}}",
        "policy_yaml_invalid entities.Health-Plan: kinds are written in upper case: write HEALTH_PLAN",
    );
    check("entities: {NAME: , PHONE: {}}", "policy_yaml_invalid entities.NAME: is empty: expected a map");
    check(
        "entities: [NAME]",
        "policy_yaml_invalid entities: expected a map (lines of `key: value`; `{}` when there is nothing to set), found a list",
    );
    check("passes: regex", "policy_yaml_invalid passes: expected a list, such as [regex, ner], found text");
    check("audit: {log_events: true, log_events: true}", "policy_yaml_invalid audit.log_events: given twice, on lines");
    check("name: 123", "policy_yaml_invalid name: expected text, found a number; put it in quotes");
    check("name: My Policy", "policy_yaml_invalid name: is written in lower-case");
    check("allow: [911]", "policy_yaml_invalid allow[0]: expected text, found a number; put it in quotes");
    check("version: '1'", "policy_yaml_invalid version: must be the number 1");
    check("version: 2", "policy_yaml_invalid version: must be the number 1");
    check("description:", "policy_yaml_invalid description: is empty");
    check("epsilon: .nan", "policy_yaml_invalid epsilon: expected a number");
    check("epsilon: 1e999", "policy_yaml_invalid epsilon: ");
    check("epsilon: '0.5'", "policy_yaml_invalid epsilon: expected a number, found text; write it without quotes");
    check("tokenization: vault", "policy_yaml_invalid tokenization: unknown value `vault`; did you mean vault-det");
    check("media: blok", "policy_yaml_invalid media: unknown value `blok`; did you mean block?");
    let threshold = "entities: {NAME: {confidence_threshold: 70}}";
    check(threshold, "policy_yaml_invalid entities.NAME.confidence_threshold: must be from 0 to 1; did you mean 0.7?");
}

#[test]
fn a_document_that_is_not_one_says_why() {
    for (text, expected) in [
        ("", "the document is empty"),
        ("# nothing\n---\n\n", "the document is empty"),
        ("name: a\n---\nname: b\n", "there is more than one document"),
        ("name: &x a\nkid: *x\n", "anchors and aliases"),
        ("name: *\n", "anchors and aliases"),
        ("name: a\n\tkid: b\n", "the document has a tab where"),
        ("name: *x\n", "anchors and aliases"),
        ("a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", "anchors and aliases"),
        ("audit:\n  <<: {log_events: true}\n", "merge keys (`<<`) are not supported"),
        ("name: !secret a\n", "tags (`!name`) are not supported"),
        ("audit:\n\tlog_events: true\n", "the line is indented with a tab"),
        ("name: \"\\d+\"\n", "a backslash in double quotes begins an escape"),
        ("name: [a\n", "this is not valid YAML: "),
        ("{\"name\": ", "this is not valid YAML: "),
        ("? [a]\n: b\n", "a key must be text"),
        ("just text", "expected a map"),
        ("- name: a", "expected a map"),
    ] {
        let errors = errors(text);
        let expected = format!("policy_yaml_invalid : {expected}");
        assert!(errors.len() == 1 && errors[0].starts_with(&expected), "{text:?}\n  {errors:?}");
    }
    let deep = format!("name: {}{}", "[".repeat(40), "]".repeat(40));
    assert!(errors(&deep)[0].contains("nested too deeply"), "{:?}", errors(&deep));
    let large = format!("name: {}", "a".repeat(MAX_DOCUMENT_BYTES));
    assert_eq!(errors(&large), ["policy_yaml_invalid : the document is larger than 256 KiB"]);
}

#[test]
fn all_errors_are_reported_in_order_with_their_lines() {
    let text = "name: test
version: 1
kid: K_OTHER
passes: [regex, nur]
entities:
  NAME: {}
  PHONE:
    enabled: on
    actoin: redact
  NAME: {ner: false}
deny: [{text: Jane Doe, kind: SSN}]
";
    let install = Install::new(&[]);
    let errors = load(text, 1, &install.environment()).map(|_| ()).expect_err("it is refused");
    let places: Vec<_> = errors.iter().map(|error| (error.line, error.path.as_str())).collect();
    let expected = [
        (None, "tokenization"),
        (Some(3), "kid"),
        (Some(4), "passes[1]"),
        (Some(6), "entities.NAME"),
        (Some(8), "entities.PHONE.enabled"),
        (Some(9), "entities.PHONE.actoin"),
        (Some(11), "deny[0].kind"),
    ];
    assert_eq!(places, expected);
    assert!(!format!("{errors:?}").contains("Jane"));
    assert_eq!(errors[0].to_string().lines().count(), 1);
}

#[test]
fn every_required_key_is_asked_for() {
    let mut missing: Vec<_> =
        errors("description: x").iter().map(|error| error.split(": ").next().map(str::to_owned)).collect();
    missing.sort();
    let expected = [
        "invalid_pass passes",
        "missing_entity entities",
        "policy_yaml_invalid kid",
        "policy_yaml_invalid name",
        "policy_yaml_invalid tokenization",
        "policy_yaml_invalid version",
    ];
    assert_eq!(missing.into_iter().flatten().collect::<Vec<_>>(), expected);
}

#[test]
fn a_key_with_a_dot_is_not_another_key() {
    let text = document("passes: [{plugin: acme, config: {a.b: 1, a: {b: 2}}}]\nentities: {BADGE: {}}");
    assert_eq!(compiled(&text).passes[0].config_json, r#"{"a":{"b":2},"a.b":1}"#);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        failure_persistence: None, cases: 300, ..proptest::prelude::ProptestConfig::default()
    })]

    #[test]
    fn no_document_makes_the_reader_panic(
        at in 0..HEALTHCARE_DEFAULT.len(), cut in 0..40_usize, put in "[-a-zA-Z0-9:{}\\[\\] \n\t\"'&*!|>?#é.,]{0,6}"
    ) {
        let end = (at + cut).min(HEALTHCARE_DEFAULT.len());
        let text = format!("{}{put}{}", &HEALTHCARE_DEFAULT[..at], &HEALTHCARE_DEFAULT[end..]);
        let _ = load(&text, 1, &Install::new(&[]).environment());
    }
}
