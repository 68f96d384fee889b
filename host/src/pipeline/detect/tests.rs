//! What the passes are shown, what is remembered, and look-alikes.

use super::*;
use crate::chat::position::Form;
use crate::pipeline::fixtures::{agent, decision, piece};

const VAULT: &str = "tokenization: vault-deterministic";

fn conversation_of(texts: &[&str]) -> Vec<Piece> {
    let pieces = texts.iter().enumerate();
    pieces.map(|(index, text)| Piece { message: Some(index), ..piece(Form::Text, text) }).collect()
}

/// Text and whether it is searched, of every message that the passes are shown.
fn shown(pieces: &[Piece], new: &[usize]) -> Vec<(String, bool)> {
    let (messages, places) = conversation(pieces, &new.iter().copied().collect());
    assert_eq!(places.iter().flatten().copied().collect::<Vec<_>>(), new);
    messages.iter().map(|message| (message.text.expose().clone(), message.search)).collect()
}

#[test]
fn what_is_new_is_searched_and_the_four_before_it_are_context() {
    let pieces = conversation_of(&["a", "b", "c", "d", "e", "f"]);
    let pairs: Vec<_> = ["b", "c", "d", "e"].map(|text| (text.to_owned(), false)).into_iter().collect();
    assert_eq!(shown(&pieces, &[5]), [pairs, vec![("f".to_owned(), true)]].concat());
    assert_eq!(shown(&pieces, &[0]), [("a".to_owned(), true)]);
}

#[test]
fn the_name_of_a_field_comes_before_its_value_and_is_not_searched() {
    let mut pieces = conversation_of(&["1980-03-12"]);
    pieces[0].field = Some(Arc::new(SensitiveText::from("dob")));
    assert_eq!(shown(&pieces, &[0]), [("dob".to_owned(), false), ("1980-03-12".to_owned(), true)]);
}

#[test]
fn fields_outside_of_the_conversation_have_no_context_and_are_none() {
    let mut pieces = conversation_of(&["a", "b"]);
    pieces.push(Piece { message: None, role: "field", ..piece(Form::Text, "tool") });
    pieces.push(Piece { message: None, role: "field", ..piece(Form::Text, "user") });
    assert_eq!(shown(&pieces, &[3]), [("user".to_owned(), true)]);
}

fn keys(memo: &Memo, agent: &ReadyAgent, scope: u8, texts: &[&str]) -> Vec<[u8; 16]> {
    memo_keys(memo, agent, [scope; 16], &conversation_of(texts))
}

#[test]
fn a_message_is_known_again_only_with_the_same_four_before_it() {
    let (memo, agent) = (Memo::new().expect("randomness"), agent(VAULT));
    let last = |texts: &[&str]| *keys(&memo, &agent, 1, texts).last().expect("a key");
    let known = last(&["a", "b", "c", "d", "e", "f"]);
    assert_eq!(known, last(&["x", "b", "c", "d", "e", "f"]), "the fifth before it makes no difference");
    for other in [["a", "x", "c", "d", "e", "f"], ["a", "b", "c", "d", "x", "f"], ["a", "b", "c", "d", "e", "x"]] {
        assert_ne!(known, last(&other), "{other:?}");
    }
    assert_ne!(last(&["ab", "c"]), last(&["a", "bc"]), "texts do not run together");
}

#[test]
fn nothing_is_known_across_calls_agents_policies_or_roles() {
    let (memo, agent) = (Memo::new().expect("randomness"), agent(VAULT));
    let known = keys(&memo, &agent, 1, &["a"]);
    assert_ne!(known, keys(&memo, &agent, 2, &["a"]));
    let later = ReadyAgent { generation: ReadyAgent::next_generation(), ..super::super::fixtures::agent(VAULT) };
    assert_ne!(known, keys(&memo, &later, 1, &["a"]));
    let mut pieces = conversation_of(&["a"]);
    pieces[0].role = "assistant";
    assert_ne!(known, memo_keys(&memo, &agent, [1; 16], &pieces));
    assert_ne!(known, keys(&Memo::new().expect("randomness"), &agent, 1, &["a"]), "each process has a key of its own");
}

fn escaped(text: &str, mut decisions: Vec<Decision>) -> Vec<(String, String, Action)> {
    escape_lookalikes(&SensitiveText::from(text), false, &mut decisions);
    let shown = decisions
        .iter()
        .map(|decision| (text[decision.span.range()].to_owned(), decision.kind.as_str().to_owned(), decision.action));
    shown.collect()
}

const LOOKALIKE: &str = "MSKV1.NAME.K_TEST.AAAAAAAAAAAAAAAAAAAAAAAAAA";

#[test]
fn what_looks_like_a_token_is_data_with_a_token_of_its_own() {
    let other = |action| vec![(LOOKALIKE.to_owned(), "OTHER_ID".to_owned(), action)];
    let text = format!("I am {LOOKALIKE}");
    assert_eq!(escaped(&text, vec![]), other(Action::Tokenize));
    let inside = decision(&text, "AAAAAAA", "NAME", Action::Tokenize);
    assert_eq!(escaped(&text, vec![inside]), other(Action::Tokenize));
}

#[test]
fn a_redacted_value_inside_a_lookalike_does_not_come_back() {
    let text = format!("I am {LOOKALIKE}");
    let inside = decision(&text, "AAAAAAA", "NAME", Action::Redact);
    assert_eq!(escaped(&text, vec![inside]), [(LOOKALIKE.to_owned(), "OTHER_ID".to_owned(), Action::Redact)]);
}

#[test]
fn other_decisions_stay_and_are_in_order() {
    let text = format!("{LOOKALIKE} Ann");
    let ann = decision(&text, "Ann", "NAME", Action::Tokenize);
    let kinds: Vec<String> = escaped(&text, vec![ann]).into_iter().map(|(_, kind, _)| kind).collect();
    assert_eq!(kinds, ["OTHER_ID", "NAME"]);
}
