//! Reads one text of an answer incrementally: tokens first, then surrogates in the remaining text. Reports the context
//! of each match.

use std::sync::Arc;

use crate::chat::json_cursor::{JsonCursor, Root, Spot, Step};
use crate::tokens::echo::{Echo, Echoed, Surrogates};
use crate::tokens::scan::{FinishReason, ScanMode, Scanned, Scanner, TokenRef};

/// A decided part of a text.
#[derive(Debug)]
pub enum Read {
    /// Text that passes unchanged.
    Text(String),
    /// A token, or something that is not text.
    Scanned {
        /// The item found; not text.
        piece: Scanned,
        /// Its context.
        target: Target,
    },
    /// A surrogate of the request: its index, and the text the model wrote.
    Surrogate {
        /// Its index among the request's surrogates.
        entry: usize,
        /// The text as written.
        found: String,
        /// Its context.
        target: Target,
    },
}

/// The context that a restored value is inserted into.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// Nesting depth of JSON strings around it.
    pub levels: usize,
    /// Whether it is a whole value of a document, including its quotation marks.
    pub is_value: bool,
    /// The path to that value, if known.
    pub path: Option<Vec<Step>>,
}

impl Read {
    /// Whether it passes unchanged.
    pub fn is_text(&self) -> bool {
        matches!(self, Read::Text(_))
    }

    /// The token, if it is one.
    pub fn token(&self) -> Option<&TokenRef> {
        match self {
            Read::Scanned { piece: Scanned::Token(token), .. } => Some(token),
            _ => None,
        }
    }
}

/// One reader for every field of a choice.
pub struct Reader {
    scanner: Scanner,
    echo: Option<Echo>,
    cursor: JsonCursor,
    root: Root,
    /// In arguments: the quotation mark at the end of the text so far, because a token that is a whole string may be a
    /// number.
    mark: String,
    waiting: Option<Waiting>,
}

/// A token after a quotation mark: if the same mark follows, it is a whole string.
struct Waiting {
    token: TokenRef,
    mark: String,
    levels: usize,
    path: Option<Vec<Step>>,
    /// The text after it so far, shorter than the mark.
    rest: String,
}

impl Reader {
    /// A reader at the start of a text.
    pub fn new(root: Root, compact: bool, surrogates: Option<&Arc<Surrogates>>) -> Self {
        let mode = ScanMode { json: root == Root::Arguments, compact };
        Self {
            scanner: Scanner::new(mode),
            echo: surrogates.map(|surrogates| Echo::new(surrogates.clone())),
            cursor: JsonCursor::new(root),
            root,
            mark: String::new(),
            waiting: None,
        }
    }

    /// Reads the next chunk and returns the parts it decides.
    pub fn push(&mut self, text: &str) -> Vec<Read> {
        let pieces = self.scanner.push(text);
        let mut out = Vec::with_capacity(pieces.len());
        self.take(pieces, &mut out);
        out
    }

    /// Ends the text: decides what was held back and resets the reader for a new text.
    pub fn finish(&mut self, reason: FinishReason) -> Vec<Read> {
        let pieces = self.scanner.finish(reason);
        let mut out = Vec::new();
        self.take(pieces, &mut out);
        if let Some(echo) = &mut self.echo {
            let last = echo.finish();
            self.echoed(last, &mut out);
        }
        self.settle(&mut out);
        self.cursor = JsonCursor::new(self.root);
        out
    }

    /// Like [`Scanner::passes`]. Always false for a text that is searched for surrogates.
    pub fn passes(&mut self, text: &str) -> bool {
        let passes = self.echo.is_none() && self.root == Root::Text && self.scanner.passes(text);
        if passes {
            self.cursor.text(text);
        }
        passes
    }

    /// Whether the held text is a whole token, so that a text ending here can be released.
    pub fn holds_whole_token(&self) -> bool {
        self.scanner.holds_whole_token()
    }

    /// Whether text is held back.
    pub fn is_holding(&self) -> bool {
        self.scanner.is_holding()
            || self.echo.as_ref().is_some_and(Echo::is_holding)
            || self.waiting.is_some()
            || !self.mark.is_empty()
    }

    fn take(&mut self, pieces: Vec<Scanned>, out: &mut Vec<Read>) {
        for piece in pieces {
            match (piece, &mut self.echo) {
                (Scanned::Text(text), None) => self.text(text, out),
                (Scanned::Text(text), Some(echo)) => {
                    let echoed = echo.push(&text);
                    self.echoed(echoed, out);
                }
                (other, echo) => {
                    // No surrogate continues after a token.
                    if let Some(last) = echo.as_mut().map(Echo::finish) {
                        self.echoed(last, out);
                    }
                    self.piece(other, out);
                }
            }
        }
    }

    fn echoed(&mut self, echoed: Vec<Echoed>, out: &mut Vec<Read>) {
        for piece in echoed {
            match piece {
                Echoed::Text(text) => self.text(text, out),
                Echoed::Surrogate(entry, found) => {
                    self.settle(out);
                    let target = self.place();
                    out.push(Read::Surrogate { entry, found, target });
                }
            }
        }
    }

    fn text(&mut self, mut text: String, out: &mut Vec<Read>) {
        if let Some(mut waiting) = self.waiting.take() {
            waiting.rest.push_str(&text);
            if waiting.rest.starts_with(&waiting.mark) {
                text = waiting.rest.split_off(waiting.mark.len());
                self.cursor.text(&waiting.mark);
                let target = Target { levels: waiting.levels - 1, is_value: true, path: waiting.path };
                let len = waiting.token.len + 2 * waiting.mark.chars().count();
                let piece = Scanned::Token(TokenRef { len, ..waiting.token });
                out.push(Read::Scanned { piece, target });
            } else if waiting.mark.starts_with(&waiting.rest) {
                self.waiting = Some(waiting);
                return;
            } else {
                text = std::mem::take(&mut waiting.rest);
                self.give_up(waiting, out);
            }
        }
        if text.is_empty() {
            return;
        }
        self.cursor.text(&text);
        if self.root != Root::Text {
            let mut whole = std::mem::take(&mut self.mark) + &text;
            self.mark = whole.split_off(whole.len().saturating_sub(self.cursor.undecided()));
            text = whole;
        }
        push_text(text, out);
    }

    fn piece(&mut self, piece: Scanned, out: &mut Vec<Read>) {
        let opened = self.waiting.is_none() && self.cursor.opened().is_some() && !self.mark.is_empty();
        match piece {
            Scanned::Token(token) if opened && token.tail.is_empty() => {
                let (levels, path) = (self.cursor.levels(), self.cursor.path());
                let mark = std::mem::take(&mut self.mark);
                self.cursor.value();
                self.waiting = Some(Waiting { token, mark, levels, path, rest: String::new() });
            }
            Scanned::Dropped { .. } => {
                self.settle(out);
                out.push(Read::Scanned { piece, target: Target { levels: 0, is_value: false, path: None } });
            }
            piece => {
                self.settle(out);
                let target = self.place();
                out.push(Read::Scanned { piece, target });
            }
        }
    }

    /// The context of text inserted here. Advances past it.
    fn place(&mut self) -> Target {
        let target = match self.cursor.spot() {
            Spot::Inside => Target { levels: self.cursor.levels(), is_value: false, path: None },
            Spot::Value => Target { levels: 0, is_value: true, path: self.cursor.path() },
        };
        self.cursor.value();
        target
    }

    /// Ends the pending item.
    fn settle(&mut self, out: &mut Vec<Read>) {
        if let Some(mut waiting) = self.waiting.take() {
            let rest = std::mem::take(&mut waiting.rest);
            self.give_up(waiting, out);
            self.cursor.text(&rest);
            push_text(rest, out);
        }
        push_text(std::mem::take(&mut self.mark), out);
    }

    fn give_up(&mut self, waiting: Waiting, out: &mut Vec<Read>) {
        push_text(waiting.mark, out);
        let target = Target { levels: waiting.levels, is_value: false, path: None };
        out.push(Read::Scanned { piece: Scanned::Token(waiting.token), target });
    }
}

fn push_text(text: String, out: &mut Vec<Read>) {
    match out.last_mut() {
        _ if text.is_empty() => {}
        Some(Read::Text(last)) => last.push_str(&text),
        _ => out.push(Read::Text(text)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::tokens::format::CompactToken;
    use crate::tokens::scan::AnyToken;

    /// The output of the reader, with tokens in the encoding required.
    fn read(root: Root, text: &str, size: usize) -> String {
        let mut reader = Reader::new(root, true, None);
        let mut reads = Vec::new();
        let chars: Vec<char> = text.chars().collect();
        for piece in chars.chunks(size) {
            let piece: String = piece.iter().collect();
            match reader.passes(&piece) {
                true => push_text(piece, &mut reads),
                false => reads.extend(reader.push(&piece)),
            }
        }
        reads.extend(reader.finish(FinishReason::Stop));
        assert!(!reader.is_holding());
        let one = |read: &Read| match read {
            Read::Text(text) => text.clone(),
            Read::Scanned {
                piece: Scanned::Token(TokenRef { found: AnyToken::Compact(CompactToken { label, .. }), .. }),
                target,
            } => {
                let levels = target.levels;
                match (target.is_value, &target.path) {
                    (false, _) => format!("<{label}:{levels}>"),
                    (true, None) => format!("<{label}={levels}>"),
                    (true, Some(path)) => format!("<{label}={levels} {path:?}>"),
                }
            }
            other => panic!("{other:?}"),
        };
        reads.iter().map(one).collect()
    }

    #[track_caller]
    fn check(root: Root, text: &str, expected: &str) {
        for size in 1..=text.len() {
            assert_eq!(read(root, text, size), expected, "pieces of {size}");
        }
    }

    #[test]
    fn a_token_that_is_a_whole_value_of_arguments_is_known_with_its_place() {
        check(
            Root::Arguments,
            r#"{"a": "[NAME_1]", "b": ["x [NAME_2]", "[NAME_3] x", "[NAME_4]"]}"#,
            r#"{"a": <1=0 [Key("a")]>, "b": ["x <2:1>", "<3:1> x", <4=0 [Key("b"), Index(2)]>]}"#,
        );
        check(
            Root::Arguments,
            r#"{"[NAME_1]": "\"[NAME_2]\"", "c": [NAME_3]}"#,
            r#"{"<1:1>": "\"<2:1>\"", "c": <3=0 [Key("c")]>}"#,
        );
        check(
            Root::Arguments,
            r#"{"a": "{\"b\": \"[NAME_1]\", \"c\": \"[NAME_2] \"}"}"#,
            r#"{"a": "{\"b\": <1=1>, \"c\": \"<2:2> \"}"}"#,
        );
        check(
            Root::Arguments,
            r#"{"a": "{\"b\": \"{\\\"c\\\": \\\"[NAME_1]\\\"}\"}"}"#,
            r#"{"a": "{\"b\": \"{\\\"c\\\": <1=2>}\"}"}"#,
        );
        check(Root::Arguments, r#"{"a": "[NAME_1]"#, r#"{"a": "<1:1>"#);
        check(Root::Arguments, r#"{"a": ""#, r#"{"a": ""#);
    }

    #[test]
    fn elsewhere_strings_stay_strings() {
        check(Root::Answer, r#"{"a": "[NAME_1]"} "[NAME_2]""#, r#"{"a": <1=0 [Key("a")]>} "<2:0>""#);
        check(Root::Text, r#"{"a": "{\"b\": \"[NAME_1]\"}"} "[NAME_2]""#, r#"{"a": "{\"b\": \"<1:2>\"}"} "<2:0>""#);
        check(Root::Text, "[NAME_1] and \"[NAME_2]\" and {[NAME_3]}", "<1:0> and \"<2:0>\" and {<3:0>}");
    }

    #[test]
    fn text_of_arguments_is_held_back_only_for_a_quotation_mark() {
        let mut reader = Reader::new(Root::Arguments, true, None);
        let mut next = |text: &str| match reader.push(text).as_slice() {
            [Read::Text(text)] => text.clone(),
            [] => String::new(),
            other => panic!("{other:?}"),
        };
        assert_eq!(next("{\"a\": \""), "{\"a\": ");
        assert_eq!(next("x\", \"b"), "\"x\", \"b");
        assert_eq!(next("\": 1"), "\": 1");
    }

    proptest! {
        #[test]
        fn cuts_make_no_difference(parts in prop::collection::vec(prop_oneof![
            Just("[NAME_1]"), Just("\""), Just("\\\""), Just("\\\\\\\""), Just("{"), Just("}"), Just("["), Just("]"), Just(":"), Just(","),
            Just("{\"a\": "), Just("{\\\"a\\\": "), Just(" "), Just("x"), Just("\\"), Just("12")], 0..16), size in 1usize..9) {
            let text = parts.concat();
            for root in [Root::Text, Root::Answer, Root::Arguments] {
                prop_assert_eq!(read(root, &text, size), read(root, &text, 1000));
            }
        }

        #[test]
        fn a_document_reads_as_it_was_written(keys in prop::collection::vec("[a-z\"\\\\]{0,4}", 0..5), depth in 0usize..3) {
            let mut document: Value = keys.iter().enumerate().map(|(at, key)| (format!("{key}{at}"), json!("[NAME_1]"))).collect::<serde_json::Map<_, _>>().into();
            for _ in 0..depth {
                document = json!({"inner": document.to_string()});
            }
            let out = read(Root::Arguments, &document.to_string(), 3);
            prop_assert_eq!(out.matches(&format!("<1={depth}")).count(), keys.len(), "{}", out);
        }
    }
}
