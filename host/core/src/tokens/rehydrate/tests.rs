//! End-to-end tests: values are masked in a text, tokens pass through a stream with arbitrary chunks, and the text is
//! restored.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::ids::{AccountId, AgentId};
use crate::keys::{KeyPair, Kid, SecretKey};
use crate::tokens::format::CompactToken;
use crate::tokens::mint::{Minter, Scope};
use crate::tokens::scan::{AnyToken, FinishReason, ScanMode, Scanner, find_lookalikes};
use crate::values::{Day, Reading, Wanted};

fn kind(text: &str) -> Kind {
    Kind::new(text).expect("a kind")
}

fn original(text: &str, form: ValueType) -> Option<Original> {
    Some(Original { text: text.into(), form })
}

const TEXT: Slot<'_> = Slot::TEXT;
const STRING: Slot<'_> = Slot::Inside { levels: 1 };

fn value(wanted: &Wanted) -> Slot<'_> {
    Slot::Value { levels: 0, wanted }
}

/// The expectation of a schema with this type.
fn wanted(name: &str) -> Wanted {
    Wanted::at(&serde_json::json!({"type": name}), &[])
}

fn reading() -> Reading {
    Reading::new(Day::of_millis(1_796_083_200_000))
}

fn printed(piece: Scanned, original: Option<Original>, place: Slot<'_>, fallback: &Fallback) -> (String, usize) {
    let mut out = String::new();
    let failures = render(&piece, &mut |_| original.clone().map(Restored::from), place, fallback, &reading(), &mut out);
    (out, failures)
}

fn token(tail: &str) -> Scanned {
    let found = AnyToken::Compact(CompactToken::parse("[NAME_1]").expect("a token"));
    Scanned::Token(TokenRef { found, view: None, tail: tail.to_owned(), len: 8 + tail.len() })
}

#[test]
fn an_original_is_printed_for_its_place() {
    let check = |tail, text, form, place, expected: &str| {
        let (out, failures) = printed(token(tail), original(text, form), place, &Fallback::Redacted);
        assert_eq!((out.as_str(), failures), (expected, 0));
    };
    check("", "J\"o\n", ValueType::Text, TEXT, "J\"o\n");
    check("s", "Jo", ValueType::Text, TEXT, "Jos");
    check("", "J\"o\n", ValueType::Text, STRING, "J\\\"o\\n");
    check("", "\"\n", ValueType::Text, Slot::Inside { levels: 2 }, r#"\\\"\\n"#);
    let open = Wanted::default();
    check("", "\"\\", ValueType::Text, value(&open), r#""\"\\""#);
    check("", "\"", ValueType::Text, Slot::Value { levels: 1, wanted: &open }, r#"\"\\\"\""#);
    check("s", "Jo", ValueType::Text, value(&open), "\"Jos\"");
}

#[test]
fn a_number_comes_back_as_what_is_wanted() {
    let [open, text, other, integer, decimal] = ["", "string", "boolean", "integer", "number"]
        .map(|name| if name.is_empty() { Wanted::default() } else { wanted(name) });
    let (said, number) = (ValueType::Text, ValueType::JsonNumber);
    for (original_text, form, place, expected) in [
        ("-1.50e3", number, value(&open), "-1.50e3"),
        ("42", number, STRING, "42"),
        ("42", said, value(&open), "\"42\""),
        ("4 2", number, value(&open), "\"4 2\""),
        ("1,2", number, value(&open), "\"1,2\""),
        ("42", number, value(&text), "\"42\""),
        ("42", number, value(&other), "\"42\""),
        ("42", number, value(&integer), "42"),
        ("-1.5", number, value(&decimal), "-1.5"),
        ("42", said, value(&integer), "42"),
        ("42", said, value(&decimal), "42"),
        ("042", said, value(&integer), "\"042\""),
        ("555-0142", said, value(&integer), "\"555-0142\""),
        ("-4", said, value(&integer), "\"-4\""),
    ] {
        let (out, _) = printed(token(""), original(original_text, form), place, &Fallback::Redacted);
        assert_eq!(out, expected, "{original_text} {form:?}");
    }
}

#[test]
fn a_view_prints_a_part_and_an_argument_is_what_the_schema_asks_for() {
    let said = Restored { text: "march fourteenth nineteen eighty two".into(), form: ValueType::Text, record: None };
    let print = |view, value: &Restored, place| {
        let found = AnyToken::Compact(CompactToken::parse("[DOB_1]").expect("a token"));
        let piece = Scanned::Token(TokenRef { found, view, tail: String::new(), len: 7 });
        let mut out = String::new();
        render(&piece, &mut |_| Some(value.clone()), place, &Fallback::Redacted, &reading(), &mut out);
        out
    };
    assert_eq!(print(Some("weekday"), &said, TEXT), "Sunday");
    assert_eq!(print(Some("area"), &said, TEXT), said.text.expose().as_str(), "a date has none");
    let dated = Wanted::at(&serde_json::json!({"type": "string", "format": "date"}), &[]);
    let (open, integer) = (Wanted::default(), wanted("integer"));
    assert_eq!(print(None, &said, value(&dated)), "\"1982-03-14\"");
    assert_eq!(print(None, &said, value(&open)), "\"1982-03-14\"", "never words for digits");
    assert_eq!(print(Some("year"), &said, value(&integer)), "1982");
    let recorded = Restored { record: Some("03/14/1982".into()), ..said };
    assert_eq!(print(None, &recorded, value(&open)), "\"03/14/1982\"");
    assert_eq!(print(None, &recorded, TEXT), "march fourteenth nineteen eighty two");
}

#[test]
fn what_does_not_resolve_is_replaced() {
    let open = Wanted::default();
    let spoken = Fallback::Text("\"your\" name".to_owned());
    let check = |piece: Scanned, place, fallback: &Fallback, expected: &str| {
        assert_eq!(printed(piece, None, place, fallback), (expected.to_owned(), 1));
    };
    check(token("s"), TEXT, &Fallback::Redacted, "[REDACTED:NAME]");
    check(token(""), value(&open), &Fallback::Redacted, "\"[REDACTED:NAME]\"");
    check(token(""), TEXT, &spoken, "\"your\" name");
    check(token(""), value(&open), &spoken, "\"\\\"your\\\" name\"");
    check(Scanned::Fragment { kind: Some(kind("SSN")), len: 1 }, TEXT, &Fallback::Redacted, "[REDACTED:SSN]");
    check(Scanned::Fragment { kind: None, len: 1 }, TEXT, &Fallback::Redacted, "[REDACTED]");
    check(Scanned::Fragment { kind: None, len: 1 }, STRING, &spoken, "\\\"your\\\" name");
    assert_eq!(printed(Scanned::Dropped { len: 1 }, None, TEXT, &spoken), (String::new(), 0));
}

/// Masks one text with values in it and scans it in chunks of `size` characters.
struct Journey {
    minter: Minter,
    agent: AgentId,
    vault: HashMap<String, Original>,
}

impl Journey {
    fn new() -> Self {
        let pair = KeyPair { current: SecretKey::new([1; 32]), old: None };
        let minter = Minter::new(Kid::new("K_HEALTHCARE").expect("a kid"), &pair);
        Self { minter, agent: AgentId::generate(), vault: HashMap::new() }
    }

    fn scope(&self) -> Scope {
        Scope::new(self.agent, Some("call"))
    }

    fn mask(&mut self, value: &str, form: ValueType, style: usize) -> String {
        let kind = kind("OTHER_ID");
        match style % 3 {
            // Normalising folds case, but this test expects every spelling back.
            0 => {
                let minted = self.minter.mint_vault(
                    AccountId::from_bytes([7; 16]),
                    &self.scope(),
                    &kind,
                    value,
                    form,
                    &reading(),
                );
                let text = minted.token.text();
                let first = self.minter.open_row(&minted.row).expect("just minted");
                self.vault.entry(text.clone()).or_insert(first);
                if self.vault[&text].text.expose() == value { text } else { self.mask(value, form, 1) }
            }
            1 => self.minter.mint_aead(&self.scope(), &kind, value, form).expect("short").text(),
            _ => {
                let text = format!("[OTHER_ID_{}]", self.vault.len() + 1);
                self.vault.insert(text.clone(), Original { text: value.into(), form });
                text
            }
        }
    }

    fn back(&self, masked: &str, size: usize, json: bool) -> String {
        let mut scanner = Scanner::new(ScanMode { json, compact: true });
        let (mut pieces, mut out) = (Vec::new(), String::new());
        let mut rest = masked;
        while !rest.is_empty() {
            let end = rest.char_indices().nth(size).map_or(rest.len(), |(at, _)| at);
            scanner.push_into(&rest[..end], &mut pieces);
            rest = &rest[end..];
        }
        pieces.extend(scanner.finish(FinishReason::Stop));
        let mut resolve = |token: &TokenRef| match &token.found {
            AnyToken::Long(token) => self
                .vault
                .get(&token.text())
                .cloned()
                .or_else(|| self.minter.open_aead(token, &self.scope()).ok())
                .map(Restored::from),
            AnyToken::Compact(token) => self.vault.get(&token.to_string()).cloned().map(Restored::from),
        };
        let place = if json { STRING } else { TEXT };
        let failures: usize = pieces
            .iter()
            .map(|piece| render(piece, &mut resolve, place, &Fallback::Redacted, &reading(), &mut out))
            .sum();
        assert_eq!(failures, 0);
        out
    }
}

/// Values that are difficult to print or search.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Z][a-z]{1,9} [A-Z][a-z]{1,9}",
        "[0-9]{3}-[0-9]{2}-[0-9]{4}",
        ".{1,20}",
        Just("\"\\\n\r\t/".to_owned()),
        Just("😀 José \u{200B}".to_owned()),
        Just("MSKV1.".to_owned()),
        Just("MSKV1.NAME.K_HEALTHCARE.AAAQEAYEAUDAOCAJBIFQYDIOB4".to_owned()),
        Just("[NAME_1]".to_owned()),
        Just("M".to_owned()),
    ]
}

/// Text without look-alikes; those are masked themselves.
fn plain() -> impl Strategy<Value = String> {
    ".{0,20}".prop_filter("looks like a token", |text| find_lookalikes(text, true).is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 200 } else { 5_000 }))]

    #[test]
    fn text_comes_back_however_it_is_cut(parts in prop::collection::vec((plain(), hostile(), 0usize..3), 0..4), end in plain(), size in 1usize..60) {
        let mut journey = Journey::new();
        let (mut text, mut masked) = (String::new(), String::new());
        for (before, value, style) in &parts {
            text.push_str(before);
            text.push(' ');
            text.push_str(value);
            // A letter before a token does not hide it; a letter after it is its tail.
            masked.push_str(before);
            masked.push(' ');
            masked.push_str(&journey.mask(value, ValueType::Text, *style));
        }
        text.push_str(&end);
        masked.push_str(&end);
        // Text next to a token can form another token with what follows; that one is found too.
        prop_assume!(parts.is_empty() || find_lookalikes(&masked, true).len() == parts.len());
        prop_assert_eq!(journey.back(&masked, size, false), text);
    }

    #[test]
    fn a_json_document_comes_back_however_it_is_cut(fields in prop::collection::vec((hostile(), hostile(), 0usize..3), 0..4), number in any::<i64>(), size in 1usize..60) {
        let mut journey = Journey::new();
        let mut document = serde_json::Map::new();
        let mut masked = serde_json::Map::new();
        for (index, (key, value, style)) in fields.iter().enumerate() {
            document.insert(format!("{index}{key}"), value.clone().into());
            let key = journey.mask(key, ValueType::Text, *style);
            masked.insert(format!("{index}{key}"), journey.mask(value, ValueType::Text, *style).into());
        }
        // The reader turns numbers back into numbers: it knows a token's position in the document.
        document.insert("n".to_owned(), number.to_string().into());
        let number = journey.mask(&number.to_string(), ValueType::JsonNumber, 0);
        masked.insert("n".to_owned(), number.into());
        let masked = serde_json::Value::from(masked);
        for masked in [masked.to_string(), serde_json::to_string_pretty(&masked).expect("a document")] {
            let back = journey.back(&masked, size, true);
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&back).ok(), Some(document.clone().into()), "{}", back);
        }
    }
}
