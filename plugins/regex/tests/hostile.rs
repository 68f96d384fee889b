//! No input makes the pass panic or return a span outside the text.

use masker_plugin_regex::Plugin;
use masker_plugin_sdk::{Message, Pass, testing::configure};
use proptest::prelude::*;

fn plugin() -> Plugin {
    let settings = r#"{"patterns": [{"kind": "BADGE", "name": "badge", "regex": "(?-u:B-[0-9]+)", "confidence": 0.5,
        "context": ["badge"], "validator": "luhn"}]}"#;
    configure(settings).expect("valid settings")
}

fn check(plugin: &Plugin, texts: &[&str]) {
    let message = |text: &&str| Message { role: "user".into(), text: (*text).into(), search: true };
    let messages: Vec<_> = texts.iter().map(message).collect();
    for finding in plugin.detect(&messages, &[]).expect("detects") {
        let text = &messages[finding.message].text;
        assert!(finding.span.start < finding.span.end);
        assert!(text.get(finding.span.clone()).is_some(), "{:?} in {text:?}", finding.span);
        assert!((0.0..=1.0).contains(&finding.confidence));
    }
}

#[test]
fn a_megabyte_of_digits_is_masked_to_its_end() {
    let text = "7".repeat(1 << 20);
    let message = Message { role: "user".into(), text: text.clone(), search: true };
    let findings = plugin().detect(&[message], &[]).expect("detects");
    let mut covered = 0;
    for finding in &findings {
        assert!(finding.span.start <= covered, "a hole at {covered}");
        covered = covered.max(finding.span.end);
    }
    assert_eq!(covered, text.len());
}

#[test]
fn a_long_row_of_single_digits_is_masked_to_its_end() {
    let text = "four ".repeat(500);
    let message = Message { role: "user".into(), text: text.clone(), search: true };
    let findings = plugin().detect(&[message], &[]).expect("detects");
    let masked: usize = findings.iter().map(|finding| finding.span.len()).sum();
    // The remainder is shorter than the shortest number that a rule accepts.
    assert!(text.len() - masked < 100, "{} of {} bytes", masked, text.len());
}

#[test]
fn a_value_at_the_border_of_two_windows_is_found_whole() {
    let plugin = plugin();
    for before in (16 << 10) - 40..(16 << 10) + 10 {
        let text = format!("{}write to jane.doe@example.org today {}", "x ".repeat(before / 2), "y ".repeat(2000));
        let start = text.find("jane").expect("planted");
        let message = Message { role: "user".into(), text, search: true };
        let findings = plugin.detect(&[message], &[]).expect("detects");
        assert!(findings.iter().any(|f| f.kind == "EMAIL" && f.span == (start..start + 20)), "{before}: {findings:?}");
    }
}

/// Known words in any order, to reach the grammars' branches.
fn speech() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "my",
        "member",
        "id",
        "is",
        "one",
        "oh",
        "five",
        "double",
        "twenty",
        "hundred",
        "thousand",
        "and",
        "march",
        "may",
        "first",
        "of",
        "the",
        "nineteen",
        "dot",
        "at",
        "com",
        "gmail",
        "dash",
        "slash",
        "a",
        "b",
        "x",
        "as",
        "in",
        "hotel",
        "uh",
        "no",
        "sorry",
        "street",
        "dr",
        "apartment",
        "415",
        "555",
        "0100",
        "2021",
        "12",
        "3",
        "th",
        "st",
        "-",
        "/",
        ".",
        ",",
        "(",
        ")",
        "@",
        ":",
        "$",
        "%",
        "'",
        "#",
        "é",
        "\u{200b}",
        "٤",
        "mg",
        "pm",
        "years",
        "old",
        "92",
        "date",
        "birth",
        "born",
        "phone",
        "number",
        "ending",
        "last",
        "four",
        "zip",
        "tx",
        "username",
        "www",
        "http",
        "//",
        "GB82",
        "XKJ",
        "\n",
        "rue",
        "mayor",
        "po",
        "box",
        "po box",
        "age",
        "96",
        "ten",
        "thirty",
        "password",
        "that's",
        "fax",
    ]);
    prop::collection::vec((words, prop::bool::ANY), 0..40).prop_map(|words| {
        words.into_iter().map(|(word, blank)| format!("{word}{}", if blank { " " } else { "" })).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 400 } else { 4000 }))]

    #[test]
    fn any_text_is_searched(text in "\\PC{0,200}", other in any::<String>()) {
        let plugin = plugin();
        check(&plugin, &[&other, &text]);
    }

    #[test]
    fn any_speech_is_searched(first in speech(), second in speech()) {
        check(&plugin(), &[&first, &second]);
    }

    #[test]
    fn what_is_found_depends_on_four_messages_before_only(texts in prop::collection::vec(speech(), 6..8)) {
        let plugin = plugin();
        let found = |texts: &[String], all: bool| {
            let last = texts.len() - 1;
            let messages: Vec<_> = texts.iter().enumerate()
                .map(|(at, text)| Message { role: "user".into(), text: text.clone(), search: all || at == last })
                .collect();
            let mut found = plugin.detect(&messages, &[]).expect("detects");
            found.retain(|finding| finding.message == last);
            found.into_iter().map(|finding| (finding.span, finding.kind)).collect::<Vec<_>>()
        };
        let whole = found(&texts, true);
        prop_assert_eq!(&whole, &found(&texts, false));
        prop_assert_eq!(&whole, &found(&texts[texts.len() - 5..], false));
    }
}
