//! Lists of words: what a recogniser makes of speech, one object or string a word. They are read as one text, since no
//! single word of a spoken number is one.

use super::json::Node;
use crate::text::ByteSpan;

/// The fewest words that are a text.
const FEWEST: usize = 3;
/// A longer item is more than a word. The longest token is one: what was masked is read as it was before.
const LONGEST: usize = 4096;

/// Keys that recognisers give a word under (Deepgram, Vapi, Whisper, Azure), in any case.
const WORD_KEYS: [&str; 4] = ["word", "w", "punctuated_word", "punctuatedWord"];
/// Keys that others use, for words too (AssemblyAI, ElevenLabs, AWS, Speechmatics): what is under them must read as speech.
const OTHER_KEYS: [&str; 6] = ["text", "content", "token", "value", "display", "lexical"];
/// Single digits that are a number and no list of choices.
const DIGITS: usize = 7;

/// The texts that a list spells out word by word, each as the spans of its words in the source. A list may do so twice, as
/// heard and as written.
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

/// A word with its times is a list in some formats: `["four", 0.1, 0.3]`.
fn first_of(item: &Node) -> &Node {
    match item {
        Node::List(parts) => parts.first().unwrap_or(item),
        _ => item,
    }
}

/// What objects have under a key, or the best of their alternatives has, where it is a word each time. Some may have none: a
/// pause, a stop.
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

/// What an object has under a key, in any case; `None` for what is no object.
fn member<'n>(source: &str, item: &'n Node, key: &str) -> Option<Option<&'n Node>> {
    let Node::Object(members) = item else { return None };
    let found = members.iter().find(|member| source[member.key.range()].eq_ignore_ascii_case(key));
    Some(found.map(|member| &member.value))
}

/// Whether words read as speech: a number, written or said, among words that are no names; or nothing but single digits.
fn speaks(source: &str, words: &[ByteSpan]) -> bool {
    let words = || words.iter().map(|span| &source[span.range()]).filter(|word| !word.is_empty());
    let is_digits = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let is_lower = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'\'');
    let is_single = |word: &str| word.len() == 1 && is_digits(word) || is_number_word(word);
    words().count() >= DIGITS && words().all(is_single)
        || words().any(|word| is_digits(word) || is_number_word(word)) && words().any(is_lower)
}

/// A string that is one word, or blank: the span of the word in it.
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
