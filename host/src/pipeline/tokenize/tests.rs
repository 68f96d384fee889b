//! The replacement of a value, in every form and by every scheme.

use super::*;
use crate::ids::AccountId;
use crate::pipeline::fixtures::{agent, decision, kid, kind, minter, piece, reading};
use crate::tokens::format::{Scheme, Token};

const VAULT: &str = "tokenization: vault-deterministic";
const AEAD: &str = "tokenization: reversible-aead";
const COMPACT: &str = "tokenization: vault-deterministic\ntoken_style: compact";

/// Replaces these values of one piece.
fn tokenize(policy: &str, form: Place, text: &str, decisions: Vec<Decision>) -> Result<Tokenized, PipelineError> {
    tokenize_in(&Call::new(AccountId::generate()), policy, form, text, decisions)
}

fn tokenize_in(
    call: &Call,
    policy: &str,
    form: Place,
    text: &str,
    decisions: Vec<Decision>,
) -> Result<Tokenized, PipelineError> {
    let (agent, minter) = (agent(policy), minter());
    let scope = Scope::new(agent.id, Some("call-1"));
    let tokenizer = Tokenizer {
        agent: &agent,
        minter: &minter,
        scope,
        call: Some(call),
        is_stored: &|row| row.kind == kind("PHONE"),
        reading: reading(),
        shows_replacements: false,
    };
    tokenizer.run(&[piece(form, text)], &[decisions.into()])
}

/// The text of a piece with its edits applied.
fn masked(done: &Tokenized, text: &str) -> String {
    assert!(!done.edits[0].is_empty(), "the text changed");
    crate::chat::position::apply(text, &done.edits[0])
}

#[test]
fn a_text_without_decisions_stays() {
    let done = tokenize(VAULT, Place::Text, "hello", vec![]).expect("tokenized");
    assert_eq!(done.edits, [vec![]]);
    assert!(done.placed.is_empty() && done.rows.is_empty() && done.values.is_empty());
}

#[test]
fn every_span_gets_its_token_and_what_is_between_stays() {
    let text = "José Núñez, or Ann: 415-555-0123.";
    let decisions = [("José Núñez", "NAME"), ("Ann", "NAME"), ("415-555-0123", "PHONE")];
    let decisions = decisions.map(|(part, name)| decision(text, part, name, Action::Tokenize));
    let mut done = tokenize(VAULT, Place::Text, text, decisions.to_vec()).expect("tokenized");
    let masked = masked(&done, text);
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
    assert_eq!(masked(&done, text), "I am [REDACTED:NAME]");
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
    assert_eq!(masked(&done, text), "born 1980");
    assert!(done.rows.is_empty());
}

#[test]
fn self_contained_tokens_need_no_row_and_open_to_what_stood_there() {
    let text = "I am Ann";
    let done =
        tokenize(AEAD, Place::Text, text, vec![decision(text, "Ann", "NAME", Action::Tokenize)]).expect("tokenized");
    let token = Token::parse(&masked(&done, text)["I am ".len()..]).expect("a token");
    assert_eq!(token.scheme, Scheme::Aead);
    assert!(done.rows.is_empty());
    assert_eq!(done.placed[0].token_kind, TokenKind::Aead);
}

#[test]
fn a_value_too_long_for_a_self_contained_token_has_one_of_the_vault() {
    let text = "x".repeat(100_000);
    let decisions = vec![decision(&text, &text, "NAME", Action::Tokenize)];
    let mut done = tokenize(AEAD, Place::Text, &text, decisions).expect("tokenized");
    let token = masked(&done, &text);
    assert_eq!(Token::parse(&token).expect("a token").scheme, Scheme::Vault);
    assert_eq!((done.rows.len(), done.placed[0].token_kind), (1, TokenKind::Vault));
    assert_eq!(done.table.resolve(&token).expect("it resolves").text.expose(), &text);
}

#[test]
fn compact_tokens_count_values_of_the_call() {
    let call = Call::new(AccountId::generate());
    let tokens = |text: &str, part: &str| {
        let decisions = vec![decision(text, part, "NAME", Action::Tokenize)];
        masked(&tokenize_in(&call, COMPACT, Place::Text, text, decisions).expect("tokenized"), text)
    };
    assert_eq!(tokens("I am Ann", "Ann"), "I am [NAME_1]");
    assert_eq!(tokens("I am Bob", "Bob"), "I am [NAME_2]");
    assert_eq!(tokens("Ann again", "Ann"), "[NAME_1] again");
}

#[test]
fn a_value_keeps_its_label_in_every_kind_and_form() {
    for call in [Some(Call::new(AccountId::generate())), None] {
        let text = "march fourteenth nineteen eighty two, Ann, 1982-03-14";
        let decisions = vec![
            decision(text, "march fourteenth nineteen eighty two", "DOB", Action::Tokenize),
            decision(text, "Ann", "NAME", Action::Tokenize),
            decision(text, "1982-03-14", "DATE", Action::Tokenize),
        ];
        let (agent, minter) = (agent(COMPACT), minter());
        let tokenizer = Tokenizer {
            agent: &agent,
            minter: &minter,
            scope: Scope::new(agent.id, None),
            call: call.as_ref(),
            is_stored: &|_| false,
            reading: reading(),
            shows_replacements: false,
        };
        let done = tokenizer.run(&[piece(Place::Text, text)], &[decisions.into()]).expect("tokenized");
        let masked = masked(&done, text);
        let [born, ann, again] = masked.split(", ").collect::<Vec<_>>()[..] else { panic!("{masked}") };
        assert_eq!((born, done.rows.len()), (again, 2));
        if call.is_some() {
            assert_eq!((born, ann), ("[DOB_1]", "[NAME_2]"));
        }
    }
}

#[test]
fn a_name_has_a_token_for_each_word_where_tokens_are_compact() {
    let call = Call::new(AccountId::generate());
    let table = |text: &str| {
        let decisions = vec![decision(text, text, "NAME", Action::Tokenize)];
        tokenize_in(&call, COMPACT, Place::Text, text, decisions).expect("tokenized")
    };
    let mut done = table("maria gonzalez");
    assert_eq!(masked(&done, "maria gonzalez"), "[NAME_1] [NAME_2]");
    assert_eq!((done.placed.len(), done.rows.len()), (1, 3), "two words, and the whole name for an erasure");
    assert_eq!(done.table.resolve("[NAME_2]").expect("it resolves").text.expose(), "gonzalez");
    assert_eq!(done.table.returned(), [0]);
    let record = "GONZALEZ^MARIA";
    assert_eq!(masked(&table(record), record), "[NAME_2]^[NAME_1]");
    let other = "Maria Ray";
    assert_eq!(masked(&table(other), other), "[NAME_1] [NAME_3]");
    let long = tokenize(VAULT, Place::Text, other, vec![decision(other, other, "NAME", Action::Tokenize)]);
    assert!(Token::parse(&masked(&long.expect("tokenized"), other)).is_some(), "a long token is the whole name's");
}

#[test]
fn what_the_caller_said_last_comes_back() {
    let texts = [
        ("tool", "1982-03-14"),
        ("user", "march fourteenth 1982"),
        ("user", "3/14/82"),
        ("assistant", "March 14, 1982"),
    ];
    let (agent, minter) = (agent(COMPACT), minter());
    let tokenizer = Tokenizer {
        agent: &agent,
        minter: &minter,
        scope: Scope::new(agent.id, None),
        call: Some(&Call::new(AccountId::generate())),
        is_stored: &|_| false,
        reading: reading(),
        shows_replacements: false,
    };
    let pieces = texts.map(|(role, text)| Piece { role, ..piece(Place::Text, text) });
    let decisions = texts.map(|(_, text)| Arc::from(vec![decision(text, text, "DOB", Action::Tokenize)]));
    let mut done = tokenizer.run(&pieces, &decisions).expect("tokenized");
    let value = done.table.resolve("[DOB_1]").expect("it resolves");
    assert_eq!(value.text.expose(), "3/14/82");
    assert_eq!(value.record.expect("a tool had it").expose(), "1982-03-14");
}

#[test]
fn a_slip_and_its_correction_are_two_values() {
    let text = "415 555 0147, no sorry, it's 415 555 0134";
    let decisions = vec![decision(text, text, "PHONE", Action::Tokenize)];
    let mut done = tokenize(COMPACT, Place::Text, text, decisions).expect("tokenized");
    assert_eq!(masked(&done, text), "[PHONE_1], no sorry, it's [PHONE_2]");
    assert_eq!(done.table.resolve("[PHONE_2]").expect("it resolves").text.expose(), "415 555 0134");
}

#[test]
fn a_number_is_replaced_whole_and_comes_back_as_a_number() {
    let text = "4155550123";
    let part = vec![decision(text, "5550123", "PHONE", Action::Tokenize)];
    let mut done = tokenize(VAULT, Place::Number, text, part).expect("tokenized");
    let token = masked(&done, text);
    assert!(Token::parse(&token).is_some(), "{token}");
    let original = done.table.resolve(&token).expect("it resolves");
    assert_eq!((original.text.expose().as_str(), original.form), (text, ValueType::JsonNumber));
}

#[test]
fn an_identifier_becomes_a_short_digest_that_is_the_same_every_time() {
    let text = "ann-4155550123";
    let digest = |part: &str| {
        let decisions = vec![decision(text, part, "PHONE", Action::Tokenize)];
        masked(&tokenize(VAULT, Place::Identifier, text, decisions).expect("tokenized"), text)
    };
    let first = digest("4155550123");
    assert!((1..=32).contains(&first.len()));
    assert!(first.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'), "{first}");
    assert_eq!(first, digest("4155550123"));
    assert!(!first.contains("4155550123"));
}

#[test]
fn a_number_has_the_token_of_its_digits_and_one_with_more_a_token_of_its_own() {
    let masked_as = |form, written: Option<&str>| {
        let digits = "4155550123";
        let (agent, minter) = (agent(VAULT), minter());
        let scope = Scope::new(agent.id, None);
        let tokenizer = Tokenizer {
            agent: &agent,
            minter: &minter,
            scope,
            call: None,
            is_stored: &|_| true,
            reading: reading(),
            shows_replacements: false,
        };
        let piece = Piece { written: written.map(Into::into), ..piece(form, digits) };
        let decisions = vec![decision(digits, digits, "PHONE", Action::Tokenize)];
        let mut done = tokenizer.run(&[piece], &[decisions.into()]).expect("tokenized");
        let token = masked(&done, digits);
        let original = done.table.resolve(&token).expect("it resolves").text.expose().clone();
        (token, original)
    };
    let (as_text, _) = masked_as(Place::Text, None);
    assert_eq!(masked_as(Place::Number, None), (as_text.clone(), "4155550123".into()));
    for written in ["-4155550123", "4155550123.0", "4.155550123e9"] {
        let (token, original) = masked_as(Place::Number, Some(written));
        assert_ne!(token, as_text);
        assert_eq!(original, written);
    }
}

#[test]
fn a_tools_name_leaves_as_another_name_that_a_provider_takes() {
    let sent = |text: &str, part: &str| {
        let decisions = vec![decision(text, part, "NAME", Action::Tokenize)];
        let done = tokenize(VAULT, Place::ToolName, text, decisions).expect("tokenized");
        let sent = masked(&done, text);
        assert_eq!(done.renamed, [(text.to_owned(), sent.clone())]);
        assert!(!sent.contains(part) && (1..=64).contains(&sent.len()), "{sent}");
        assert!(sent.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'), "{sent}");
        sent
    };
    let name = "book_for_ann_lee";
    assert!(sent(name, "ann_lee").starts_with("book_for_"));
    assert_eq!(sent(name, "ann_lee"), sent(name, "ann_lee"), "the same in every position");
    assert_ne!(sent(name, "ann_lee"), sent("book_for_bob_lee", "bob_lee"));
    sent(&format!("{}_ann_lee", "x".repeat(90)), "ann_lee");
    sent("call Ann.Lee now", "Ann.Lee");
}

#[test]
fn what_came_back_is_known_by_its_place_in_the_request() {
    let text = "Ann and Bob";
    let decisions = ["Ann", "Bob"].map(|part| decision(text, part, "NAME", Action::Tokenize));
    let mut done = tokenize(VAULT, Place::Text, text, decisions.to_vec()).expect("tokenized");
    let bob = masked(&done, text).split_once(" and ").expect("two tokens").1.to_owned();
    assert!(done.table.returned().is_empty());
    done.table.resolve(&bob).expect("it resolves");
    assert_eq!(done.table.returned(), [1]);
}
