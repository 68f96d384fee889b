//! Word lists from speech recognition, one object or string per word. They are read as one text, since a spoken
//! number spans several words.

use super::json::Node;
use crate::text::ByteSpan;

/// Minimum number of words.
const FEWEST: usize = 3;
/// Maximum length of an item; longer items are not words. Long enough for the longest token, so that a masked list is
/// read the same way again.
const LONGEST: usize = 4096;

/// Keys of a word in recogniser output (Deepgram, Vapi, Whisper, Azure), case-insensitive.
const WORD_KEYS: [&str; 4] = ["word", "w", "punctuated_word", "punctuatedWord"];
/// Keys that other recognisers use, and not only for words (AssemblyAI, ElevenLabs, AWS, Speechmatics): their values
/// must read as speech.
const OTHER_KEYS: [&str; 6] = ["text", "content", "token", "value", "display", "lexical"];
/// Minimum number of single digits that form a number rather than a list of choices.
const DIGITS: usize = 7;

/// The texts that a list spells out word by word, each as the spans of its words in the source. A list may contain
/// two: as heard and as formatted.
pub(super) fn texts(source: &str, items: &[Node]) -> Vec<Vec<ByteSpan>> {
    if items.len() < FEWEST {
        return Vec::new();
    }
    match &items[0] {
        Node::Object(_) => {
            let words = WORD_KEYS.into_iter().filter_map(|key| of_objects(source, items, key));
            let others = OTHER_KEYS.into_iter().filter_map(|key| of_objects(source, items, key));
            words.chain(others.filter(|words| speaks(source, words))).collect()
        }
        Node::Text(_) | Node::List(_) => {
            let words = items.iter().map(|item| word_of(source, first_of(item))).collect::<Option<Vec<_>>>();
            words.filter(|words| speaks(source, words)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// In some formats a word with its times is a list: `["four", 0.1, 0.3]`.
fn first_of(item: &Node) -> &Node {
    match item {
        Node::List(parts) => parts.first().unwrap_or(item),
        _ => item,
    }
}

/// The words that objects have under a key, directly or in their best alternative. Some objects may have none: a
/// pause, a full stop.
fn of_objects(source: &str, items: &[Node], key: &str) -> Option<Vec<ByteSpan>> {
    let mut words = Vec::with_capacity(items.len());
    for item in items {
        if let Some(value) = member(source, item, key)?.or_else(|| {
            let Node::List(alternatives) = member(source, item, "alternatives")?? else { return None };
            member(source, alternatives.first()?, key)?
        }) {
            words.push(word_of(source, value)?);
        }
    }
    (words.len() >= FEWEST).then_some(words)
}

/// The member under a key, case-insensitive; `None` when `item` is not an object.
fn member<'n>(source: &str, item: &'n Node, key: &str) -> Option<Option<&'n Node>> {
    let Node::Object(members) = item else { return None };
    let found = members.iter().find(|member| source[member.key.range()].eq_ignore_ascii_case(key));
    Some(found.map(|member| &member.value))
}

/// Whether words read as speech: a number, in digits or words, among words that are not names; or only single digits.
fn speaks(source: &str, words: &[ByteSpan]) -> bool {
    let words = || words.iter().map(|span| &source[span.range()]).filter(|word| !word.is_empty());
    let is_digits = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let is_lower = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'\'');
    let is_single = |word: &str| word.len() == 1 && is_digits(word) || is_number_word(word);
    words().count() >= DIGITS && words().all(is_single)
        || words().any(|word| is_digits(word) || is_number_word(word)) && words().any(is_lower)
}

/// A string that is one word or blank: the span of the word in it.
fn word_of(source: &str, node: &Node) -> Option<ByteSpan> {
    let Node::Text(span) = node else { return None };
    let raw = &source[span.range()];
    let word = raw.trim();
    let start = span.start + (raw.len() - raw.trim_start().len());
    (word.len() <= LONGEST && !word.contains(char::is_whitespace)).then(|| ByteSpan::new(start, start + word.len()))
}

fn is_number_word(word: &str) -> bool {
    matches!(
        word.to_ascii_lowercase().as_str(),
        "zero"
            | "oh"
            | "one"
            | "two"
            | "three"
            | "four"
            | "five"
            | "six"
            | "seven"
            | "eight"
            | "nine"
            | "double"
            | "triple"
    )
}
