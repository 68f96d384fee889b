//! Properties of the pass that hold for any input.

use masker_plugin_ner::model::KINDS;
use masker_plugin_ner::{Ner, Settings};
use masker_plugin_sdk::{Finding, Message, Pass, testing};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

fn pass() -> Ner<'static> {
    Ner::configure(Settings::default()).expect("the built-in weights fit")
}

fn user(text: &str) -> Message {
    Message { role: "user".into(), text: text.into(), search: true }
}

fn check_sound(messages: &[Message], findings: &[Finding]) -> Result<(), TestCaseError> {
    let mut last = (0, 0);
    for finding in findings {
        let message = &messages[finding.message];
        prop_assert!(message.search);
        prop_assert!(message.text.get(finding.span.clone()).is_some_and(|text| !text.is_empty()));
        prop_assert!((0.0..=1.0).contains(&finding.confidence));
        prop_assert!(KINDS.contains(&finding.kind.as_ref()));
        prop_assert!((finding.message, finding.span.start) >= last, "findings overlap");
        last = (finding.message, finding.span.end);
    }
    Ok(())
}

/// Typical words and odd characters, so that there are findings at all.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "my name is ",
            "maria ",
            "O'Brien-Smith",
            "dr. ",
            "live at 42 ",
            "maple street ",
            "springfield",
            ", ",
            ". ",
            "\n",
            "'s ",
            "new york ",
            "\u{0}",
            "é\u{301}",
            "שלום ",
            "محمد ",
            "李明",
            "👩‍⚕️",
            "\u{200d}",
            "’s",
            "J. ",
            "m a r i a ",
            "\u{fffd}",
            "@x ",
        ])
        .prop_map(String::from),
        any::<String>(),
        "[a-zA-Z' ]{0,12}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn message() -> impl Strategy<Value = Message> {
    let role = prop::sample::select(vec!["user", "assistant", "system", "tool", "field", "developer", "", "Ünbekannt"]);
    (role, text(), any::<bool>()).prop_map(|(role, text, search)| Message { role: role.into(), text, search })
}

#[test]
fn findings_are_sound_whatever_the_text() {
    let pass = pass();
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner =
        TestRunner::new_with_rng(Config { cases: 3000, failure_persistence: None, ..Config::default() }, rng);
    let conversations = prop::collection::vec(message(), 0..8);
    let outcome = runner.run(&conversations, |messages| {
        let findings = pass.detect(&messages, &[]).expect("never fails");
        check_sound(&messages, &findings)
    });
    outcome.expect("sound findings");
}

#[test]
fn a_finding_depends_on_its_message_and_four_before_it() {
    let pass = pass();
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner =
        TestRunner::new_with_rng(Config { cases: 1000, failure_persistence: None, ..Config::default() }, rng);
    let conversations = prop::collection::vec(message(), 6..9);
    let outcome = runner.run(&conversations, |mut messages| {
        let last = messages.len() - 1;
        messages[last].search = true;
        let of_last = |messages: &[Message]| {
            let last = messages.len() - 1;
            let mut findings = pass.detect(messages, &[]).expect("never fails");
            findings.retain(|finding| finding.message == last);
            for finding in &mut findings {
                finding.message = 0;
            }
            findings
        };
        let whole = of_last(&messages);
        for message in &mut messages {
            message.search = false;
        }
        messages[last].search = true;
        prop_assert_eq!(whole, of_last(&messages[last - 4..]));
        Ok(())
    });
    outcome.expect("no farther reach");
}

#[test]
fn odd_messages_are_no_trouble() {
    let pass = pass();
    let megabyte = "a".repeat(1 << 20);
    for text in ["", " ", "\u{0}", "'", "''''", "…", "\u{202e}abc", "a\u{300}\u{301}\u{302}", "ﷺ", "1'1'1", &megabyte]
    {
        pass.detect(&[user(text)], &[]).expect("never fails");
    }
    assert!(pass.detect(&[], &[]).expect("never fails").is_empty());
}

#[test]
fn a_long_message_is_searched_to_its_end() {
    let pass = pass();
    let text = "my name is maria lopez and i live at forty two maple street in springfield. ".repeat(2700);
    assert!(text.len() > 200_000);
    let findings = pass.detect(&[user(&text)], &[]).expect("never fails");
    assert!(findings.len() >= 5000, "{}", findings.len());
}

#[test]
fn kinds_that_the_policy_does_not_want_are_left_out() {
    let pass: Ner = testing::configure(r#"{"kinds": ["ADDRESS"]}"#).expect("valid");
    let marked = testing::marked(&pass, &[], "my name is maria lopez and i live in chicago").expect("never fails");
    assert_eq!(marked, "my name is maria lopez and i live in [ADDRESS:chicago]");
}

#[test]
fn settings_that_are_wrong_say_where() {
    let error = testing::configure::<Ner>(r#"{"kinds": ["PHONE"]}"#).err().expect("refused");
    assert_eq!((error.code.as_str(), error.path.as_deref()), ("invalid-config", Some("/kinds/0")));
    assert!(testing::configure::<Ner>(r#"{"kind": []}"#).is_err());
}

#[test]
fn the_schema_is_json() {
    let schema: serde_json::Value =
        serde_json::from_str(&<Settings as masker_plugin_sdk::Settings>::schema()).expect("JSON");
    assert_eq!(schema["additionalProperties"], false);
}
