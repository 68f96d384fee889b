//! Runs every line of `cases/*.txt` through the pass, at the default confidence of policies.

use masker_plugin_ner::{Ner, Settings};
use masker_plugin_sdk::testing::{mark, unmark};
use masker_plugin_sdk::{Message, Pass};

const THRESHOLD: f32 = 0.6;

/// A case such as `assistant: your name? || it's [NAME:maria]`: messages of context, then the searched one.
fn check(pass: &Ner<'static>, case: &str) -> Result<(), String> {
    let mut turns: Vec<&str> = case.split(" || ").collect();
    let marked = turns.pop().unwrap_or_default();
    let mut messages: Vec<Message> = turns
        .iter()
        .map(|turn| {
            let (role, text) = turn.split_once(": ").expect("a turn of context begins with its role");
            Message { role: role.into(), text: text.into(), search: false }
        })
        .collect();
    let text = unmark(marked);
    messages.push(Message { role: "user".into(), text: text.clone(), search: true });
    let mut found = pass.detect(&messages, &[]).expect("never fails");
    found.retain(|finding| finding.confidence >= THRESHOLD);
    let got = mark(&text, &found);
    if got == marked { Ok(()) } else { Err(format!("want {marked}\n got {got}")) }
}

fn check_all(cases: &str) {
    let pass = Ner::configure(Settings::default()).expect("the built-in weights fit");
    let lines = cases.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let failures: Vec<String> = lines.filter_map(|case| check(&pass, case).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn names() {
    check_all(include_str!("../cases/names.txt"));
}

#[test]
fn addresses() {
    check_all(include_str!("../cases/addresses.txt"));
}

#[test]
fn organizations() {
    check_all(include_str!("../cases/organizations.txt"));
}

#[test]
fn negatives() {
    check_all(include_str!("../cases/negatives.txt"));
}
