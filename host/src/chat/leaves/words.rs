//! Lists of words: what a recogniser makes of speech, one object or string a word. They are read as one text, since no
//! single word of a spoken number is one.

use super::json::Node;
use crate::text::ByteSpan;

/// The fewest words that are a text.
const FEWEST: usize = 3;
/// A longer item is more than a word.
const LONGEST: usize = 48;

/// The words of a list, as spans of the source, where it is a list of words.
pub(super) fn words(source: &str, items: &[Node]) -> Option<Vec<ByteSpan>> {
    if items.len() < FEWEST {
        return None;
    }
    match &items[0] {
        Node::Object(_) => of_objects(source, items),
        Node::Text(_) => of_strings(source, items),
        _ => None,
    }
}

/// Objects that all name their word by the same key.
fn of_objects(source: &str, items: &[Node]) -> Option<Vec<ByteSpan>> {
    ["word", "w", "punctuated_word", "text", "token", "value"].into_iter().find_map(|key| {
        let word = |item: &Node| {
            let Node::Object(members) = item else { return None };
            members
                .iter()
                .find(|member| &source[member.key.range()] == key)
                .and_then(|member| word_of(source, &member.value))
        };
        items.iter().map(word).collect::<Option<Vec<_>>>()
    })
}

/// Strings that read as speech: a number, written or said, among words that are no names.
fn of_strings(source: &str, items: &[Node]) -> Option<Vec<ByteSpan>> {
    let words = items.iter().map(|item| word_of(source, item)).collect::<Option<Vec<_>>>()?;
    let text = |span: &ByteSpan| &source[span.range()];
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit()) || is_number_word(word);
    let is_lower = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'\'');
    let speaks = words.iter().any(|word| is_number(text(word))) && words.iter().any(|word| is_lower(text(word)));
    speaks.then_some(words)
}

fn word_of(source: &str, node: &Node) -> Option<ByteSpan> {
    let Node::Text(span) = node else { return None };
    let word = &source[span.range()];
    (word.len() <= LONGEST && !word.contains(char::is_whitespace)).then_some(*span)
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
