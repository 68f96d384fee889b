//! Lists of words: what a recogniser makes of speech, one object or string a word. They are read as one text, since no
//! single word of a spoken number is one.

use super::json::Node;
use crate::text::ByteSpan;

/// The fewest words that are a text.
const FEWEST: usize = 3;
/// A longer item is more than a word.
const LONGEST: usize = 48;

/// Keys that recognisers give a word under (Deepgram, Vapi, Whisper).
const WORD_KEYS: [&str; 4] = ["word", "w", "punctuated_word", "punctuatedWord"];
/// Keys that others use, for words too (AssemblyAI, ElevenLabs, AWS): what is under them must read as speech.
const OTHER_KEYS: [&str; 4] = ["text", "content", "token", "value"];

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
        Node::Text(_) => {
            let words = items.iter().map(|item| word_of(source, item)).collect::<Option<Vec<_>>>();
            words.filter(|words| speaks(source, words)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// What objects have under a key, where it is a word each time. Some may have none: a pause, a stop.
fn of_objects(source: &str, items: &[Node], key: &str) -> Option<Vec<ByteSpan>> {
    let mut words = Vec::with_capacity(items.len());
    for item in items {
        let Node::Object(members) = item else { return None };
        if let Some(member) = members.iter().find(|member| &source[member.key.range()] == key) {
            words.push(word_of(source, &member.value)?);
        }
    }
    (words.len() >= FEWEST).then_some(words)
}

/// Whether words read as speech: a number, written or said, among words that are no names.
fn speaks(source: &str, words: &[ByteSpan]) -> bool {
    let text = |span: &ByteSpan| &source[span.range()];
    let is_number =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) || is_number_word(word);
    let is_lower = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'\'');
    words.iter().any(|word| is_number(text(word))) && words.iter().any(|word| is_lower(text(word)))
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
        word,
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
