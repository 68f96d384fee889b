//! Locates the keys, strings and numbers of JSON inside a text without rebuilding it, so that one of them can be
//! changed and every other byte stays as it was sent.

use crate::text::ByteSpan;

/// Depth limit; deeper documents are treated as text. Same as in `serde_json`.
const DEEPEST: usize = 128;

/// A value of a document.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Node {
    /// Members in order, duplicate keys included.
    Object(Vec<Member>),
    /// Its items.
    List(Vec<Node>),
    /// The content of a string, without the quotation marks.
    Text(ByteSpan),
    /// A number.
    Number(ByteSpan),
    /// `true`, `false`, `null`.
    Word,
}

/// A member of an object.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Member {
    /// The content of its key.
    pub key: ByteSpan,
    /// Its value.
    pub value: Node,
}

/// A part of a text.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// Plain text.
    Text(ByteSpan),
    /// An object, a list, or a string that is the whole text or contains a document.
    Json(Node),
}

/// Splits a text into JSON and plain text; `None` when its JSON has more than `most` values. Runs in linear time:
/// what failed attempts read is bounded by a multiple of the text.
pub(super) fn parts(text: &str, most: usize) -> Option<Vec<Part>> {
    let mut room = most;
    let whole = text.trim_ascii_start();
    let start = text.len() - whole.len();
    if whole.starts_with(['{', '[', '"'])
        && let Ok((node, end)) = read(text, start, &mut { most })?
        && text[end..].trim_ascii().is_empty()
    {
        return Some(vec![Part::Json(node)]);
    }
    let (mut parts, mut plain, mut at) = (Vec::new(), 0, 0);
    let mut budget = 4 * text.len();
    while let Some(open) = memchr::memchr3(b'{', b'[', b'"', &text.as_bytes()[at..]).map(|found| at + found) {
        at = open + 1;
        if !may_begin(&text[open..]) {
            continue;
        }
        match read(text, open, &mut room)? {
            Ok((node, end)) => {
                if open > plain {
                    parts.push(Part::Text(ByteSpan::new(plain, open)));
                }
                parts.push(Part::Json(node));
                (plain, at) = (end, end);
            }
            Err(reached) => match budget.checked_sub(reached - open) {
                Some(left) => budget = left,
                None => break,
            },
        }
    }
    if plain < text.len() {
        parts.push(Part::Text(ByteSpan::new(plain, text.len())));
    }
    Some(parts)
}

/// Whether a document may begin here, inside a text: an object with a key, a list of strings or objects, or a string
/// that contains a document. A lone `[1]` is a footnote, and other strings are quotations.
fn may_begin(text: &str) -> bool {
    let next = text[1..].trim_ascii_start().bytes().next();
    if text.starts_with('"') {
        return matches!(next, Some(b'{' | b'['));
    }
    match next {
        Some(b'"') => true,
        Some(b'{') => text.starts_with('['),
        _ => false,
    }
}

/// Parses the value that begins at `at`. `Ok` has the value and its end, `Err` how far the attempt read. `None` when
/// `room` is too small for its values; a failed attempt uses no room.
fn read(text: &str, at: usize, room: &mut usize) -> Option<Result<(Node, usize), usize>> {
    let mut reader = JsonScanner { bytes: text.as_bytes(), at, depth: 0, room: Some(*room) };
    let node = reader.value();
    let left = reader.room?;
    Some(match node {
        Some(node) => {
            *room = left;
            Ok((node, reader.at))
        }
        None => Err(reader.at),
    })
}

struct JsonScanner<'t> {
    bytes: &'t [u8],
    at: usize,
    depth: usize,
    /// Remaining number of values; `None` after the limit was exceeded.
    room: Option<usize>,
}

impl JsonScanner<'_> {
    fn value(&mut self) -> Option<Node> {
        self.room = self.room?.checked_sub(1);
        self.room?;
        match self.peek()? {
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::list),
            b'"' => Some(Node::Text(self.string()?)),
            b'-' | b'0'..=b'9' => Some(Node::Number(self.number()?)),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => None,
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Option<Node>) -> Option<Node> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        self.at += 1;
        let node = read(self)?;
        self.depth -= 1;
        Some(node)
    }

    fn object(&mut self) -> Option<Node> {
        let mut members = Vec::new();
        self.space();
        if self.skip(b'}') {
            return Some(Node::Object(members));
        }
        loop {
            self.space();
            let key = self.string()?;
            self.space();
            if !self.skip(b':') {
                return None;
            }
            self.space();
            members.push(Member { key, value: self.value()? });
            self.space();
            if self.skip(b'}') {
                return Some(Node::Object(members));
            }
            if !self.skip(b',') {
                return None;
            }
        }
    }

    fn list(&mut self) -> Option<Node> {
        let mut items = Vec::new();
        self.space();
        if self.skip(b']') {
            return Some(Node::List(items));
        }
        loop {
            self.space();
            items.push(self.value()?);
            self.space();
            if self.skip(b']') {
                return Some(Node::List(items));
            }
            if !self.skip(b',') {
                return None;
            }
        }
    }

    fn string(&mut self) -> Option<ByteSpan> {
        if !self.skip(b'"') {
            return None;
        }
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(ByteSpan::new(start, self.at - 1));
                }
                b'\\' => {
                    let length = self.escape()?;
                    self.at += length;
                }
                0..0x20 => return None,
                _ => self.at += 1,
            }
        }
    }

    /// The length of an escape. A lone surrogate is accepted: JSON leaves it undefined, and it is only skipped here.
    fn escape(&self) -> Option<usize> {
        match self.bytes.get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
            b'u' => self.bytes.get(self.at + 2..self.at + 6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<ByteSpan> {
        let start = self.at;
        self.skip(b'-');
        if !self.skip(b'0') {
            self.digits()?;
        }
        if self.skip(b'.') {
            self.digits()?;
        }
        if self.skip(b'e') || self.skip(b'E') {
            let _ = self.skip(b'+') || self.skip(b'-');
            self.digits()?;
        }
        Some(ByteSpan::new(start, self.at))
    }

    fn digits(&mut self) -> Option<()> {
        let count = self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<Node> {
        self.bytes[self.at..].starts_with(word).then(|| {
            self.at += word.len();
            Node::Word
        })
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn skip(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Keys, strings and numbers, in order.
    fn flat(text: &str, node: &Node, out: &mut Vec<String>) {
        match node {
            Node::Object(members) => {
                for member in members {
                    out.push(text[member.key.range()].to_owned());
                    flat(text, &member.value, out);
                }
            }
            Node::List(items) => items.iter().for_each(|item| flat(text, item, out)),
            Node::Text(span) | Node::Number(span) => out.push(text[span.range()].to_owned()),
            Node::Word => {}
        }
    }

    fn all_parts(text: &str) -> Vec<Part> {
        parts(text, usize::MAX).expect("there is room")
    }

    fn read_parts(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        for part in all_parts(text) {
            match part {
                Part::Text(span) => out.push(format!("<{}>", &text[span.range()])),
                Part::Json(node) => flat(text, &node, &mut out),
            }
        }
        out
    }

    #[test]
    fn json_is_found_whole_and_inside_of_text() {
        for (text, expected) in [
            (
                r#"{"a": "x", "b": [1, -2.5e3, {"c": null}], "a": "y"}"#,
                &["a", "x", "b", "1", "-2.5e3", "c", "a", "y"][..],
            ),
            (r#" [ ] "#, &[]),
            ("[1, 2]", &["1", "2"]),
            ("Jane", &["<Jane>"]),
            (r#"Result: {"a": "x"}, ok"#, &["<Result: >", "a", "x", "<, ok>"]),
            (r#"[1] said {"a": 1}{"b": 2}"#, &["<[1] said >", "a", "1", "b", "2"]),
            (r#"see [1] and {x}"#, &["<see [1] and {x}>"]),
            (r#"{"a": "x", }"#, &[r#"<{"a": "x", }>"#]),
            (r#"{"a": {"b": "x"}"#, &[r#"<{"a": >"#, "b", "x"]),
            (r#"["Ann", "Bo"] and more"#, &["Ann", "Bo", "< and more>"]),
            (r#"{"a": "\ud83d"}"#, &["a", r"\ud83d"]),
            (r#""{\"a\": 1}""#, &[r#"{\"a\": 1}"#]),
            (r#"got "{\"a\": 1}", and "this""#, &["<got >", r#"{\"a\": 1}"#, r#"<, and "this">"#]),
            ("", &[]),
        ] {
            assert_eq!(read_parts(text), expected, "{text}");
        }
    }

    #[test]
    fn a_document_too_deep_is_a_text() {
        let deep = format!("{}\"x\"{}", "[".repeat(200), "]".repeat(200));
        let found = all_parts(&deep);
        assert!(matches!(found.as_slice(), [Part::Text(_), ..]), "the outer lists are text");
        let text = "[{\"a\":".repeat(20_000);
        assert_eq!(all_parts(&text).len(), 1);
    }

    #[test]
    fn what_has_more_values_than_there_is_room_for_is_not_read() {
        for (text, values) in [
            (r#"{"a": [1, {"b": null}], "c": "x"}"#, 6),
            (r#"see {"a": 1} and {"b": 2}, [1]"#, 4),
            ("no JSON, [1], {x}", 0),
        ] {
            assert!(parts(text, values).is_some(), "{text}");
            assert!(values == 0 || parts(text, values - 1).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_reads_what_serde_reads(text in "[\\[{](\"([a-c]|\\\\u00e9|\\\\n|\\\\x|\\\\){0,2}\"|-?[0-9]{1,3}(\\.[0-9])?(e[0-9])?|true|nul|[\\[\\]{}:, ]){0,12}") {
            let whole = matches!(all_parts(&text).as_slice(), [Part::Json(_)]) && read(&text, 0, &mut 99).is_some_and(|read| read.is_ok_and(|(_, end)| text[end..].trim_ascii().is_empty()));
            prop_assert_eq!(whole, serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok());
        }

        #[test]
        fn the_parts_cover_the_text(text in "([a-c \\[\\]{}:,\"]|\\{\"a\": ?1\\}){0,30}") {
            let mut at = 0;
            for part in all_parts(&text) {
                if let Part::Text(span) = part {
                    prop_assert!(span.start >= at && span.start < span.end && text.get(span.range()).is_some());
                    at = span.end;
                }
            }
        }
    }
}
