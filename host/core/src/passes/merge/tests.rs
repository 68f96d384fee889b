use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::keys::Kid;
use crate::kind::Kind;
use crate::policy::{Environment, load};

const POLICY: &str = "
name: test
version: 1
kid: K
tokenization: vault-deterministic
passes: [regex, ner, {plugin: dates, may_replace: true}]
entities:
  NAME: {regex: false}
  PHONE: {}
  DATE: {}
  SSN: {action: redact, confidence_threshold: 0.9}
  ZIP: {action: passthrough}
  AGE: {enabled: false}
  EMAIL: {}
allow: [Lakeside Clinic]
deny: [{text: Falcon, kind: NAME}]
";

fn policy() -> &'static CompiledPolicy {
    static COMPILED: LazyLock<CompiledPolicy> = LazyLock::new(compile);
    &COMPILED
}

fn compile() -> CompiledPolicy {
    let kids = [Kid::new("K").expect("a kid")];
    let plugins = ["regex", "ner", "dates"].map(|name| (name.into(), Vec::new()));
    let environment = Environment { kids: &kids, plugins: &plugins };
    load(POLICY, 1, &environment).unwrap_or_else(|errors| panic!("{errors:?}")).1
}

fn finding(message: usize, start: usize, end: usize, kind: &str, confidence: f32, pass: &str) -> Finding {
    Finding {
        message,
        span: ByteSpan::new(start, end),
        kind: Kind::new(kind).expect("a kind"),
        confidence,
        pass: pass.into(),
        replacement: None,
    }
}

/// A finding of a part of the text.
fn on(text: &str, part: &str, kind: &str, confidence: f32, pass: &str) -> Finding {
    let start = text.find(part).expect("it is there");
    finding(0, start, start + part.len(), kind, confidence, pass)
}

/// Decisions as `kind:text`, with `!` for redacted.
fn decided(text: &str, findings: &[Finding]) -> Vec<String> {
    let decisions = merge(findings, &[text], policy());
    let show = |decision: &Decision| {
        let mark = if decision.action == Action::Redact { "!" } else { "" };
        format!("{}{mark}:{}", decision.kind, &text[decision.span.range()])
    };
    decisions[0].iter().map(show).collect()
}

#[test]
fn many_findings_that_overlap_take_linear_time() {
    work::assert_linear(500, |count| {
        let text = "a b ".repeat(count);
        let findings: Vec<Finding> =
            (0..2 * count - 2).map(|word| finding(0, 2 * word, 2 * word + 5, "NAME", 0.95, "ner")).collect();
        assert_eq!(merge(&findings, &[&text], policy())[0].len(), 1);
    });
}

#[test]
fn a_policy_decides_which_findings_count() {
    let text = "Jane 12";
    for (kind, confidence, pass, counts) in [
        ("NAME", 0.6, "ner", true),
        ("NAME", 0.59, "ner", false),
        ("NAME", f32::NAN, "ner", false),
        ("NAME", 1.0, "regex", false),
        ("NAME", 1.0, "dates", true),
        ("NAME", 0.0, "memory", true),
        ("SSN", 0.8, "ner", false),
        ("AGE", 1.0, "ner", false),
        ("AGE", 1.0, "memory", false),
        ("IBAN", 1.0, "ner", false),
        ("ZIP", 1.0, "ner", false),
    ] {
        let found = decided(text, &[on(text, "Jane", kind, confidence, pass)]);
        assert_eq!(!found.is_empty(), counts, "{kind} {confidence} {pass}");
    }
}

#[test]
fn passthrough_never_uncovers_what_another_pass_found() {
    let text = "it is 12345-6789 ok";
    let findings = [on(text, "12345-6789", "ZIP", 1.0, "regex"), on(text, "12345", "PHONE", 0.7, "regex")];
    assert_eq!(decided(text, &findings), ["PHONE:12345"]);
}

#[test]
fn overlapping_findings_are_masked_together_as_the_best_of_them() {
    let text = "call 555-123-4567 now";
    let phone = on(text, "555-123-4567", "PHONE", 0.9, "regex");
    for (other, expected) in [
        (on(text, "call 555", "NAME", 0.7, "ner"), "PHONE:call 555-123-4567"),
        (on(text, "call 555", "NAME", 0.95, "ner"), "NAME:call 555-123-4567"),
        (on(text, "123", "DATE", 0.9, "regex"), "PHONE:555-123-4567"),
        (on(text, "555-123-4567", "DATE", 0.9, "ner"), "PHONE:555-123-4567"),
        (on(text, "123", "SSN", 0.9, "ner"), "PHONE!:555-123-4567"),
    ] {
        assert_eq!(decided(text, &[phone.clone(), other.clone()]), [expected]);
        assert_eq!(decided(text, &[other, phone.clone()]), [expected]);
    }
}

#[test]
fn a_chain_of_overlaps_is_one_decision() {
    let text = "aa bb cc dd";
    let findings = [(0, 5), (3, 8), (6, 11)].map(|(start, end)| finding(0, start, end, "EMAIL", 0.7, "regex"));
    assert_eq!(decided(text, &findings), ["EMAIL:aa bb cc dd"]);
    let apart = [(0, 2), (3, 5)].map(|(start, end)| finding(0, start, end, "EMAIL", 0.7, "regex"));
    assert_eq!(decided(text, &apart), ["EMAIL:aa", "EMAIL:bb"]);
}

#[test]
fn what_is_allowed_stays_and_what_is_denied_goes() {
    let text = "Lakeside  CLINIC, falcon, Lakeside Jones";
    let findings = [on(text, "Lakeside  CLINIC,", "NAME", 1.0, "ner"), on(text, "Lakeside Jones", "NAME", 1.0, "ner")];
    assert_eq!(decided(text, &findings), ["NAME:falcon", "NAME:Lakeside Jones"]);
    let decisions = merge(&[], &["", "the Falcon"], policy());
    assert_eq!((decisions[0].len(), &*decisions[1][0].pass), (0, "deny"));
    let widened = "falconry Falcons";
    assert_eq!(decided(widened, &[]), [""; 0]);
}

#[test]
fn parts_of_one_name_are_joined() {
    let joined = |text: &str, kinds: [&str; 2], passes: [&str; 2]| {
        let parts = ["Jane", "Doe"];
        let findings = [0, 1].map(|at| on(text, parts[at], kinds[at], 0.9, passes[at]));
        decided(text, &findings).len() == 1
    };
    assert!(joined("Jane Doe", ["NAME"; 2], ["ner"; 2]));
    assert!(joined("Jane-Doe", ["NAME"; 2], ["ner"; 2]));
    assert!(!joined("Jane, Doe", ["NAME"; 2], ["ner"; 2]));
    assert!(!joined("Jane  Doe", ["NAME"; 2], ["ner"; 2]));
    assert!(!joined("Jane Doe", ["NAME"; 2], ["ner", "dates"]));
    assert!(!joined("Jane Doe", ["EMAIL"; 2], ["ner"; 2]));
    let many = "Ann Ben Cid Dan Eve";
    let findings: Vec<_> = many.split(' ').map(|part| on(many, part, "NAME", 0.9, "ner")).collect();
    assert_eq!(decided(many, &findings), ["NAME:Ann Ben Cid Dan", "NAME:Eve"]);
}

#[test]
fn a_replacement_needs_leave_and_its_exact_span() {
    let text = "born on 1 May 1970 then";
    let with = |pass: &str| Finding { replacement: Some("1970".into()), ..on(text, "1 May 1970", "DATE", 0.9, pass) };
    let replaced = |findings: &[Finding]| merge(findings, &[text], policy())[0][0].replacement.is_some();
    assert!(replaced(&[with("dates")]));
    assert!(!replaced(&[with("ner")]));
    assert!(replaced(&[with("dates"), on(text, "May", "DATE", 0.8, "ner")]));
    assert!(!replaced(&[with("dates"), on(text, "on 1", "DATE", 0.8, "ner")]));
    assert!(!replaced(&[with("dates"), on(text, "May", "SSN", 0.9, "ner")]));
}

#[test]
fn findings_that_fit_no_text_do_no_harm() {
    let outside = [finding(7, 0, 1, "NAME", 1.0, "ner"), finding(0, 90, 99, "NAME", 1.0, "ner")];
    assert_eq!(decided("aé", &outside), [""; 0]);
    assert_eq!(decided("aé", &[finding(0, 2, 3, "NAME", 1.0, "ner")]), ["NAME:aé"]);
}

/// Two texts, with findings at arbitrary byte ranges.
fn case() -> impl Strategy<Value = (Vec<String>, Vec<Finding>)> {
    let text = "[ab1É张\u{301} .,'()-]{0,24}|Falcon [a-c ]{3}|x Lakeside Clinic y";
    let kind = prop::sample::select(vec!["NAME", "PHONE", "DATE", "SSN", "ZIP", "AGE", "IBAN"]);
    let pass = prop::sample::select(vec!["regex", "ner", "dates", "memory"]);
    let confidence = prop::sample::select(vec![0.3_f32, 0.6, 0.7, 0.95]);
    let replacement = prop::option::of(prop::sample::select(vec!["p", "q"]));
    let found = (0..2_usize, 0..30_usize, 1..8_usize, kind, confidence, pass, replacement).prop_map(
        |(message, start, length, kind, confidence, pass, replacement)| Finding {
            replacement: replacement.map(Into::into),
            ..finding(message, start, start + length, kind, confidence, pass)
        },
    );
    (prop::collection::vec(text, 2), prop::collection::vec(found, 0..12))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn decisions_are_in_order_apart_and_on_characters((texts, findings) in case()) {
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let decisions = merge(&findings, &texts, policy());
        prop_assert_eq!(decisions.len(), texts.len());
        for (text, list) in texts.iter().zip(&decisions) {
            prop_assert!(list.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start));
            for decision in list {
                prop_assert!(text.get(decision.span.range()).is_some_and(|part| !part.is_empty()));
                prop_assert!(decision.action != Action::Passthrough);
            }
        }
    }

    #[test]
    fn every_letter_and_digit_that_counts_is_masked((texts, findings) in case()) {
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let policy = policy();
        let decisions = merge(&findings, &texts, policy);
        let allowed = Allowed::new(&texts, policy);
        for finding in findings.iter().filter(|finding| Candidate::new(finding, &allowed, policy).is_some()) {
            let text = texts[finding.message];
            let letters = text.char_indices().filter(|(_, c)| c.is_alphanumeric());
            for (at, _) in letters.filter(|(at, _)| finding.span.range().contains(at)) {
                let masked = decisions[finding.message].iter().any(|decision| decision.span.range().contains(&at));
                prop_assert!(masked, "{:?} at {}", text, at);
            }
        }
    }

    #[test]
    fn the_order_of_findings_makes_no_difference(
        ((texts, findings), shuffled) in case().prop_flat_map(|(texts, findings)| {
            let shuffled = Just(findings.clone()).prop_shuffle();
            (Just((texts, findings)), shuffled)
        })
    ) {
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let policy = policy();
        prop_assert_eq!(merge(&findings, &texts, policy), merge(&shuffled, &texts, policy));
    }
}
