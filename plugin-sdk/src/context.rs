//! Words around a span: a number alone says little, a number after "badge" says much.
//!
//! Pass words in lower case and without punctuation. They are compared as whole words, ignoring the case of the text.

use std::ops::Range;

use crate::Message;

/// The furthest back a plugin may look. Findings in a message must not depend on more: see [`crate::Pass::detect`].
pub const REACH: usize = 4;

/// Whether one of the words occurs in one of the `reach` messages before message `at`, such as the question before an
/// answer. `reach` is capped at [`REACH`].
pub fn asked(messages: &[Message], at: usize, reach: usize, words: &[&str]) -> bool {
    let before = messages.get(at.saturating_sub(reach.min(REACH))..at).unwrap_or_default();
    before.iter().any(|message| has_word(&message.text, words))
}

/// Whether one of the words occurs in the text at most `distance` words before or after the span. False for a span
/// that is not in the text.
pub fn near(text: &str, span: Range<usize>, distance: usize, words: &[&str]) -> bool {
    let (Some(before), Some(behind)) = (text.get(..span.start), text.get(span.end..)) else { return false };
    let is_one = |word: &str| words.iter().any(|wanted| wanted.eq_ignore_ascii_case(word));
    words_of(before).rev().take(distance).any(is_one) || words_of(behind).take(distance).any(is_one)
}

/// Whether one of the words occurs in the text.
pub fn has_word(text: &str, words: &[&str]) -> bool {
    words_of(text).any(|word| words.iter().any(|wanted| wanted.eq_ignore_ascii_case(word)))
}

fn words_of(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Message {
        Message { role: "assistant".into(), text: text.into(), search: false }
    }

    #[test]
    fn a_question_reaches_as_far_as_it_may() {
        let messages: Vec<_> = ["Your badge?", "one", "two", "three", "four", "five"].map(message).into();
        assert!(asked(&messages, 1, 1, &["badge"]));
        assert!(!asked(&messages, 2, 1, &["badge"]));
        assert!(asked(&messages, 4, 9, &["badge"]));
        assert!(!asked(&messages, 5, 9, &["badge"]));
        assert!(!asked(&messages, 99, 9, &["badge"]) && !asked(&[], 0, 4, &["badge"]));
    }

    #[test]
    fn a_word_is_near_within_its_distance_and_only_whole() {
        let text = "my Badge, number is 40417 and badges cost";
        let span = 20..25;
        assert_eq!(&text[span.clone()], "40417");
        assert!(near(text, span.clone(), 3, &["badge"]));
        assert!(!near(text, span.clone(), 2, &["badge"]));
        assert!(near(text, span, 2, &["badges"]));
        assert!(!near("é", 1..2, 2, &["badge"]));
    }
}
