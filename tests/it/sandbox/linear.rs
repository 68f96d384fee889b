//! The shipped plugins search hostile texts in linear time. The unit is fuel, about one per WebAssembly instruction,
//! which is the same on every machine under any load.

use std::sync::Arc;
use std::time::Duration;

use masker::keys::SecretKey;
use masker::kind::Kind;
use masker::passes::Message;
use masker::sensitive::SensitiveText;
use masker::wasm::{PreparedPass, Wasm};
use masker_plugin_sdk::{self as sdk, Pass as _};
use masker_tests::components;

/// The shorter text, in bytes; the longer one is four times as long. Both hold fewer values than a call may find.
const SHORT: usize = 16 << 10;

/// Fuel per byte of any text. Typical speech takes about 400 in `regex` and 1,200 in `ner`.
const PER_BYTE: usize = 4000;

const PATTERN: &str = r#"{"patterns": [{"kind": "BADGE", "name": "badge", "regex": "(?-u:B-[0-9]+)", "confidence": 0.5,
    "context": ["badge"], "validator": "luhn"}]}"#;

#[test]
fn hostile_texts_are_searched_by_regex_in_linear_time() {
    check("regex", PATTERN, &[Kind::new("BADGE").expect("a kind")]);
}

#[test]
fn hostile_texts_are_searched_by_ner_in_linear_time() {
    check("ner", "{}", &[]);
}

/// Natively, an overflow in a debug build panics, which it does not in a component.
#[test]
fn hostile_texts_overflow_nothing_in_regex() {
    let pass: masker_plugin_regex::Plugin = sdk::testing::configure(PATTERN).expect("a sound configuration");
    for piece in HOSTILE {
        let text = piece.repeat(4 * SHORT / piece.len());
        pass.detect(&[sdk::Message { role: "user".into(), text, search: true }], &[]).expect("it is searched");
    }
}

fn check(plugin: &str, config: &str, extra_kinds: &[Kind]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wasm = Wasm::start_counting(folder.path().join("cache"), &SecretKey::new([1; 32])).expect("the sandbox starts");
    let plugin = wasm.inspect(components::plugin(plugin)).expect("a sound plugin");
    let pass = wasm.prepare(&plugin, config, extra_kinds).expect("it can be prepared");
    for piece in HOSTILE {
        let (short, long) = (fuel(&pass, piece, SHORT), fuel(&pass, piece, 4 * SHORT));
        assert!(long / (4 * SHORT) < PER_BYTE, "{piece:?}: {} a byte", long / (4 * SHORT));
        // Quadratic time would take sixteen times as much.
        assert!(long < 6 * short, "{piece:?}: {short}, then {long}");
    }
}

/// The fuel for a search of a text that repeats `piece`. A finding outside the text would be a fault.
fn fuel(pass: &PreparedPass, piece: &str, bytes: usize) -> usize {
    let text = piece.repeat(bytes / piece.len());
    let message = Message { role: "user", text: Arc::new(SensitiveText::from(text)), search: true };
    let (found, used) = pass.run_measured(&[message], &[], Duration::from_secs(60));
    found.unwrap_or_else(|fault| panic!("{piece:?}: {fault:?}"));
    usize::try_from(used.fuel.expect("these engines count")).expect("fuel of one call")
}

/// Each is repeated: where the searches start, and what prolongs them.
const HOSTILE: [&str; 67] = [
    "1 ",
    "1",
    "@",
    "a@",
    "@a.",
    "(",
    ")",
    "-",
    ".",
    ":",
    "::",
    "at ",
    "dot ",
    "at dot ",
    "dot com ",
    "at gmail ",
    "double ",
    "twenty ",
    "hundred ",
    "may ",
    "march 1 ",
    "1/",
    "1-1-",
    "member id ",
    "my id is ",
    "street ",
    "1 a street ",
    "a as in ",
    "no ",
    "uh ",
    "1, ",
    "1,111",
    "$1.",
    "www ",
    "www dot a ",
    "http://",
    "a:",
    "1:1:",
    "x1",
    "é",
    "\u{300}",
    "\u{200b}1",
    "٤",
    "\u{202e}a",
    "\0",
    "\n",
    "1\n",
    "’s",
    "a's ",
    "date of birth ",
    "five ",
    "five dot ",
    "A1-",
    "GB82 ",
    "calle ",
    "rue a ",
    "first of the ",
    "is my ",
    "username ",
    "@a ",
    "zip ",
    "q w e ",
    "1 two ",
    "12-3 four 567 ",
    "4155550100 two ",
    "Jo, ",
    "1) ",
];
