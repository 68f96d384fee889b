//! Decodes texts and maps edits back: detection sees the decoded text, edits apply to the text as it was sent.

use crate::text::ByteSpan;

/// A decoded text, with a map from its positions to the source.
#[derive(Debug)]
pub(super) struct Decoded {
    /// Decoded text.
    pub text: String,
    /// Ordered by both positions. Between two steps, positions advance together; the decoded part of a step that is
    /// `whole` has no inner positions.
    steps: Vec<Step>,
    source: usize,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    decoded: usize,
    source: usize,
    whole: bool,
}

impl Decoded {
    fn new(capacity: usize) -> Self {
        let text = String::with_capacity(capacity);
        Self { text, steps: vec![Step { decoded: 0, source: 0, whole: false }], source: 0 }
    }

    /// Appends bytes that stand for themselves.
    fn plain(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.steps.last().is_some_and(|step| step.whole) {
            self.steps.push(Step { decoded: self.text.len(), source: self.source, whole: false });
        }
        self.text.push_str(text);
        self.source += text.len();
    }

    /// Appends `meaning`, decoded from `length` bytes.
    fn escape(&mut self, meaning: &str, length: usize) {
        let step = Step { decoded: self.text.len(), source: self.source, whole: true };
        match self.steps.last_mut() {
            // No text since the last step: it is redundant.
            Some(last) if last.decoded == step.decoded && last.source == step.source => *last = step,
            _ => self.steps.push(step),
        }
        self.text.push_str(meaning);
        self.source += length;
    }

    fn character(&mut self, meaning: char, length: usize) {
        self.escape(meaning.encode_utf8(&mut [0; 4]), length);
    }

    /// Whether anything was decoded.
    fn is_changed(&self) -> bool {
        self.steps.iter().any(|step| step.whole)
    }

    /// Maps a span of the decoded text to the source. An escape is always included whole.
    pub fn source(&self, span: ByteSpan) -> ByteSpan {
        let at = self.steps.partition_point(|step| step.decoded <= span.start).saturating_sub(1);
        let step = self.steps[at];
        let start = step.source + if step.whole { 0 } else { span.start - step.decoded };
        if span.start == span.end {
            return ByteSpan::new(start, start);
        }
        let at = self.steps.partition_point(|step| step.decoded < span.end).saturating_sub(1);
        let step = self.steps[at];
        let end = match (step.whole, self.steps.get(at + 1)) {
            (true, Some(next)) => next.source,
            (true, None) => self.source,
            (false, _) => step.source + (span.end - step.decoded),
        };
        ByteSpan::new(start, end)
    }
}

/// Decodes the content of a JSON string. A lone surrogate becomes U+FFFD.
pub(super) fn json(raw: &str) -> Decoded {
    let mut out = Decoded::new(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.plain(&rest[..at]);
        rest = &rest[at..];
        let (meaning, length) = json_escape(rest).unwrap_or(('\\', 1));
        out.character(meaning, length);
        rest = &rest[length..];
    }
    out.plain(rest);
    out
}

/// The escape at the beginning of a text, and its length.
fn json_escape(text: &str) -> Option<(char, usize)> {
    let meaning = match text.as_bytes().get(1)? {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'u' => return unicode(text, "\\u"),
        _ => return None,
    };
    Some((meaning, 2))
}

/// An escape of four hexadecimal digits after `mark`, with the low surrogate after a high one.
fn unicode(text: &str, mark: &str) -> Option<(char, usize)> {
    // JavaScript and Rust form: `\u{...}`.
    if let Some(rest) = text.strip_prefix(mark).and_then(|rest| rest.strip_prefix('{')) {
        let end = rest.bytes().take(7).position(|byte| byte == b'}')?;
        return Some((char::from_u32(hex(&rest[..end])?)?, mark.len() + end + 2));
    }
    let unit = |text: &str| hex(text.strip_prefix(mark)?.get(..4)?);
    let one = mark.len() + 4;
    let high = unit(text)?;
    if let (0xd800..0xdc00, Some(low @ 0xdc00..0xe000)) = (high, unit(&text[one..])) {
        let both = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        return Some((char::from_u32(both)?, 2 * one));
    }
    Some((char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), one))
}

fn hex(digits: &str) -> Option<u32> {
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

/// Limit of nested encodings (`&amp;eacute;` has two layers).
const LAYERS: usize = 3;

/// Decodes the common encodings in a text whose encoding is unknown: backslash escapes, HTML entities, percent
/// encoding. One entry per layer, the outermost first; empty when nothing is encoded.
pub(super) fn usual(text: &str) -> Vec<Decoded> {
    let mut layers: Vec<Decoded> = Vec::new();
    while layers.len() < LAYERS {
        let text = layers.last().map_or(text, |layer| &layer.text);
        if memchr::memchr3(b'\\', b'&', b'%', text.as_bytes()).is_none() && !text.contains('+') {
            break;
        }
        let layer = usual_layer(text);
        if !layer.is_changed() {
            break;
        }
        layers.push(layer);
    }
    layers
}

fn usual_layer(text: &str) -> Decoded {
    let mut out = Decoded::new(text.len());
    let mut word = Word::default();
    let (mut at, mut plain) = (0, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        let length = match bytes[at] {
            b'\\' if word.around(text, at).is_path => 0,
            b'\\' => backslash(&text[at..], &mut out, &text[plain..at]),
            b'&' => entity(&text[at..], &mut out, &text[plain..at]),
            b'%' => percent(&text[at..], &mut out, &text[plain..at]),
            b'+' if word.around(text, at).is_form => {
                out.plain(&text[plain..at]);
                out.character(' ', 1);
                1
            }
            b'+' => 0,
            _ => {
                at += 1;
                continue;
            }
        };
        if length == 0 {
            at += 1;
        } else {
            at += length;
            plain = at;
        }
    }
    out.plain(&text[plain..]);
    out
}

/// Properties of the word around a position, computed once.
#[derive(Default)]
struct Word {
    end: usize,
    /// `key=value`, a form submission: a plus is a space.
    is_form: bool,
    /// `C:
    /// ew`: a backslash is literal.
    is_path: bool,
}

impl Word {
    fn around(&mut self, text: &str, at: usize) -> &Self {
        if at >= self.end {
            let start = text[..at].rfind(char::is_whitespace).map_or(0, |space| space + 1);
            self.end = text[at..].find(char::is_whitespace).map_or(text.len(), |space| at + space);
            let word = text.get(start..self.end).unwrap_or_default();
            self.is_form = word.split_once('=').is_some_and(|(key, _)| !key.is_empty() && !key.contains('+'));
            // A drive has a single letter.
            let mut before = word.find(":\\").map(|colon| word[..colon].chars().rev()).into_iter().flatten();
            self.is_path = before.next().is_some_and(|drive| drive.is_ascii_alphabetic())
                && !before.next().is_some_and(char::is_alphanumeric);
        }
        self
    }
}

/// An escape with any number of backslashes, as JSON and several languages write it. Returns its length, or 0.
fn backslash(rest: &str, out: &mut Decoded, before: &str) -> usize {
    let marks = rest.bytes().take_while(|byte| *byte == b'\\').count();
    let (mark, escaped) = rest.split_at(marks);
    let (meaning, length) = match escaped.as_bytes().first() {
        Some(b'n' | b'r') => ('\n', marks + 1),
        Some(b't') => ('\t', marks + 1),
        Some(b'"') => ('"', marks + 1),
        Some(b'\'') => ('\'', marks + 1),
        Some(b'/') => ('/', marks + 1),
        Some(b'u') => match unicode(rest, &format!("{mark}u")) {
            Some(found) => found,
            None => return 0,
        },
        Some(b'x') => return bytes_of(rest, &format!("{mark}x"), true, out, before),
        _ => return 0,
    };
    out.plain(before);
    out.character(meaning, length);
    length
}

/// Maximum length of an HTML entity; the longest name is `CounterClockwiseContourIntegral`.
const LONGEST_ENTITY: usize = 34;

fn entity(rest: &str, out: &mut Decoded, before: &str) -> usize {
    let bytes = &rest.as_bytes()[..rest.len().min(LONGEST_ENTITY)];
    let Some(end) = memchr::memchr(b';', bytes) else { return 0 };
    if !bytes[1..end].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'#') {
        return 0;
    }
    let source = &rest[..=end];
    let meaning = html_escape::decode_html_entities(source);
    if meaning == source || meaning.is_empty() {
        return 0;
    }
    out.plain(before);
    out.escape(&meaning, source.len());
    source.len()
}

fn percent(rest: &str, out: &mut Decoded, before: &str) -> usize {
    bytes_of(rest, "%", false, out, before)
}

/// Hexadecimal bytes, each after `mark`: decoded as UTF-8 where valid, otherwise byte by byte as Latin-1 when `latin`
/// is set.
fn bytes_of(rest: &str, mark: &str, latin: bool, out: &mut Decoded, before: &str) -> usize {
    let byte = |text: &str| u8::try_from(hex(text.strip_prefix(mark)?.get(..2)?)?).ok();
    let step = mark.len() + 2;
    let mut bytes = Vec::new();
    while let Some(next) = rest.get(bytes.len() * step..).and_then(byte) {
        bytes.push(next);
    }
    let is_text = |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_control() && !c.is_whitespace());
    match std::str::from_utf8(&bytes) {
        Ok(text) if is_text(text) => {
            out.plain(before);
            text.chars().for_each(|c| out.character(c, c.len_utf8() * step));
            bytes.len() * step
        }
        Err(_) if latin => {
            out.plain(before);
            bytes.iter().for_each(|byte| out.character(char::from(*byte), step));
            bytes.len() * step
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> String {
        usual(text).pop().map_or_else(|| text.to_owned(), |layer| layer.text)
    }

    #[test]
    fn the_usual_encodings_are_taken_off() {
        for (text, expected) in [
            ("plain, 100% & more", "plain, 100% & more"),
            (r"Andr\u00e9 \\u00c5ke", "André Åke"),
            (r"a\nIngrid", "a\nIngrid"),
            (r#"\"Ann\" \\\"Bo\\\""#, r#""Ann" "Bo""#),
            (r"\ud83d\ude00 \ud83d", "😀 \u{fffd}"),
            (r"Ren\xe9 Mar\xc3\xada", "René María"),
            ("&#321;ukasz G&oacute;mez &x; & ;", "Łukasz Gómez &x; & ;"),
            ("Mar&amp;iacute;a", "María"),
            ("name=M%C3%B3nica+P%C3%A9rez&b=c", "name=Mónica Pérez&b=c"),
            ("1 + 1, tel:+1 %zz %ff", "1 + 1, tel:+1 %zz %ff"),
            (r"C:\dir \", r"C:\dir \"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_json_string_is_decoded_with_its_places() {
        let raw = r"a\u00e9\nb\ud83d\ude00c";
        let decoded = json(raw);
        assert_eq!(decoded.text, "aé\nb😀c");
        for (part, source) in [("é", r"\u00e9"), ("\nb", r"\nb"), ("😀c", r"\ud83d\ude00c"), ("aé", r"a\u00e9")] {
            let start = decoded.text.find(part).expect("the part");
            let span = decoded.source(ByteSpan::new(start, start + part.len()));
            assert_eq!(&raw[span.range()], source);
        }
    }

    proptest! {
        #[test]
        fn a_json_string_reads_as_any_parser_reads_it(text in any::<String>()) {
            let written = serde_json::to_string(&text).expect("JSON");
            prop_assert_eq!(json(&written[1..written.len() - 1]).text, text);
        }

        #[test]
        fn every_span_comes_from_a_span_of_the_source(
            text in "([a-z+= ]|\\\\u00e9|\\\\n|&eacute;|%C3%A9|é|\\\\|&|%){0,24}",
            from in 0_usize..40,
            len in 1_usize..10,
        ) {
            for layer in usual(&text).into_iter().take(1).chain([json(&text)]) {
                let at: Vec<usize> = layer.text.char_indices().map(|(at, _)| at).chain([layer.text.len()]).collect();
                let (start, end) = (at[from.min(at.len() - 1)], at[(from + len).min(at.len() - 1)]);
                let span = layer.source(ByteSpan::new(start, end));
                prop_assert!(text.get(span.range()).is_some(), "{:?}", span);
                // Text before and after it maps to the text before and after it in the source.
                let (before, behind) = (layer.source(ByteSpan::new(0, start)), layer.source(ByteSpan::new(end, layer.text.len())));
                if start > 0 && start < end {
                    prop_assert_eq!(before.end, span.start);
                }
                if end < layer.text.len() && start < end {
                    prop_assert_eq!(behind.start, span.end);
                }
            }
        }
    }
}
