//! What stands in a value's place, in every form and by every scheme.

use super::*;
use crate::pipeline::fixtures::{agent, decision, kid, kind, minter, piece};
use crate::tokens::format::{Scheme, Token};

const VAULT: &str = "tokenization: vault-deterministic";
const AEAD: &str = "tokenization: reversible-aead";
const COMPACT: &str = "tokenization: vault-deterministic\ntoken_style: compact";

/// Replaces these values of one piece.
fn tokenize(policy: &str, form: Place, text: &str, decisions: Vec<Decision>) -> Result<Tokenized, PipelineError> {
    tokenize_in(&Call::default(), policy, form, text, decisions)
}

fn tokenize_in(
    call: &Call,
    policy: &str,
    form: Place,
    text: &str,
    decisions: Vec<Decision>,
) -> Result<Tokenized, PipelineError> {
    let (agent, minter) = (agent(policy), minter());
    let scope = Scope { agent: agent.id, call: Some("call-1") };
    let tokenizer = Tokenizer {
        agent: &agent,
        minter: &minter,
        scope,
        call: Some(call),
        is_stored: &|row| row.kind == kind("PHONE"),
        shows_replacements: false,
    };
    tokenizer.run(&[piece(form, text)], &[decisions.into()])
}

fn text_of(done: &Tokenized) -> &str {
    done.texts[0].as_deref().expect("the text changed")
}

#[test]
fn a_text_without_decisions_stays() {
    let done = tokenize(VAULT, Place::Text, "hello", vec![]).expect("tokenized");
    assert_eq!(done.texts, [None]);
    assert!(done.placed.is_empty() && done.rows.is_empty() && done.values.is_empty());
}

#[test]
fn every_span_gets_its_token_and_what_is_between_stays() {
    let text = "José Núñez, or Ann: 415-555-0123.";
    let decisions = [("José Núñez", "NAME"), ("Ann", "NAME"), ("415-555-0123", "PHONE")];
    let decisions = decisions.map(|(part, name)| decision(text, part, name, Action::Tokenize));
    let mut done = tokenize(VAULT, Place::Text, text, decisions.to_vec()).expect("tokenized");
    let masked = text_of(&done).to_owned();
    let (jose, rest) = masked.split_once(", or ").expect("the text between");
    let (ann, phone) = rest.split_once(": ").expect("the text between");
    for (token, name, original) in [
        (jose, "NAME", "José Núñez"),
        (ann, "NAME", "Ann"),
        (phone.strip_suffix('.').expect("the end"), "PHONE", "415-555-0123"),
    ] {
        let parsed = Token::parse(token).expect("a token");
        assert_eq!((parsed.scheme, &parsed.kind, &parsed.kid), (Scheme::Vault, &kind(name), &kid()));
        assert_eq!(done.table.resolve(token).expect("it resolves").text.expose(), original);
    }
}

#[test]
fn only_rows_that_the_vault_does_not_have_are_written_and_each_once() {
    let text = "Ann and Ann: 415-555-0123";
    let mut again = decision(text, "Ann", "NAME", Action::Tokenize);
    again.span = crate::text::ByteSpan::new(8, 11);
    let decisions = vec![
        decision(text, "Ann", "NAME", Action::Tokenize),
        again,
        decision(text, "415-555-0123", "PHONE", Action::Tokenize),
    ];
    let done = tokenize(VAULT, Place::Text, text, decisions).expect("tokenized");
    assert_eq!(done.rows.iter().map(|row| row.kind.as_str()).collect::<Vec<_>>(), ["NAME"]);
    assert_eq!(done.placed.len(), 3);
}

#[test]
fn a_redacted_value_has_no_token_and_no_row() {
    let text = "I am Ann";
    let done =
        tokenize(VAULT, Place::Text, text, vec![decision(text, "Ann", "NAME", Action::Redact)]).expect("tokenized");
    assert_eq!(text_of(&done), "I am [REDACTED:NAME]");
    assert!(done.rows.is_empty());
    assert!(!done.table.contains("[REDACTED:NAME]"));
    assert_eq!(done.placed[0].token_kind, TokenKind::Redacted);
}

#[test]
fn a_replacement_of_the_pass_stands_as_it_is() {
    let text = "born 1980-03-12";
    let decision =
        Decision { replacement: Some("1980".into()), ..decision(text, "1980-03-12", "NAME", Action::Tokenize) };
    let done = tokenize(VAULT, Place::Text, text, vec![decision]).expect("tokenized");
    assert_eq!(text_of(&done), "born 1980");
    assert!(done.rows.is_empty());
}

#[test]
fn self_contained_tokens_need_no_row_and_open_to_what_stood_there() {
    let text = "I am Ann";
    let done =
        tokenize(AEAD, Place::Text, text, vec![decision(text, "Ann", "NAME", Action::Tokenize)]).expect("tokenized");
    let token = Token::parse(&text_of(&done)["I am ".len()..]).expect("a token");
    assert_eq!(token.scheme, Scheme::Aead);
    assert!(done.rows.is_empty());
    assert_eq!(done.placed[0].token_kind, TokenKind::Aead);
}

#[test]
fn a_value_too_long_for_a_self_contained_token_stops_the_request() {
    let text = "x".repeat(100_000);
    let decisions = vec![decision(&text, &text, "NAME", Action::Tokenize)];
    let error = tokenize(AEAD, Place::Text, &text, decisions).err().expect("refused");
    assert!(matches!(error, PipelineError::MaskingUnavailable(_)));
}

#[test]
fn compact_tokens_count_values_of_the_call() {
    let call = Call::default();
    let tokens = |text: &str, part: &str| {
        let decisions = vec![decision(text, part, "NAME", Action::Tokenize)];
        text_of(&tokenize_in(&call, COMPACT, Place::Text, text, decisions).expect("tokenized")).to_owned()
    };
    assert_eq!(tokens("I am Ann", "Ann"), "I am [NAME_1]");
    assert_eq!(tokens("I am Bob", "Bob"), "I am [NAME_2]");
    assert_eq!(tokens("Ann again", "Ann"), "[NAME_1] again");
}

#[test]
fn a_number_is_replaced_whole_and_comes_back_as_a_number() {
    let text = "4155550123";
    let part = vec![decision(text, "5550123", "PHONE", Action::Tokenize)];
    let mut done = tokenize(VAULT, Place::Number, text, part).expect("tokenized");
    let token = text_of(&done).to_owned();
    assert!(Token::parse(&token).is_some(), "{token}");
    let original = done.table.resolve(&token).expect("it resolves");
    assert_eq!((original.text.expose().as_str(), original.form), (text, Form::JsonNumber));
}

#[test]
fn an_identifier_becomes_a_short_digest_that_is_the_same_every_time() {
    let text = "ann-4155550123";
    let digest = |part: &str| {
        let decisions = vec![decision(text, part, "PHONE", Action::Tokenize)];
        text_of(&tokenize(VAULT, Place::Identifier, text, decisions).expect("tokenized")).to_owned()
    };
    let first = digest("4155550123");
    assert!((1..=32).contains(&first.len()));
    assert!(first.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'), "{first}");
    assert_eq!(first, digest("4155550123"));
    assert!(!first.contains("4155550123"));
}

#[test]
fn a_name_that_holds_protected_data_stops_the_request_and_is_not_repeated() {
    let text = "book_for_ann_lee";
    let decisions = vec![decision(text, "ann_lee", "NAME", Action::Tokenize)];
    let error = tokenize(VAULT, Place::Name, text, decisions).err().expect("refused");
    assert!(matches!(error, PipelineError::BadRequest(BadRequest::ProtectedName { .. })));
    assert!(!error.to_string().contains("ann_lee"), "{error}");
}

#[test]
fn what_came_back_is_known_by_its_place_in_the_request() {
    let text = "Ann and Bob";
    let decisions = ["Ann", "Bob"].map(|part| decision(text, part, "NAME", Action::Tokenize));
    let mut done = tokenize(VAULT, Place::Text, text, decisions.to_vec()).expect("tokenized");
    let bob = text_of(&done).split_once(" and ").expect("two tokens").1.to_owned();
    assert!(done.table.returned().is_empty());
    done.table.resolve(&bob).expect("it resolves");
    assert_eq!(done.table.returned(), [1]);
}
