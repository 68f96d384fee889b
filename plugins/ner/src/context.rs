//! The question before a message: the assistant's last question, or the name of the field whose value follows.

use masker_plugin_sdk::Message;

use crate::lexicon::{Lexicon, annotate, ask, entry};
use crate::tokens::{Token, hash_word, tokenize};

/// How many messages back a finding may depend on; the host caches findings by exactly this window.
pub const REACH: usize = 4;

/// How many bytes at the end of a question are read.
const TAIL_BYTES: usize = 240;
const TAIL_WORDS: usize = 18;

/// The speaker and the question, as one small number that features combine with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context(pub u8);

impl Context {
    const PERSON_ASKED: u8 = 1 << 3;
    const FIELD: u8 = 2 << 3;
    const ORGANIZATION_FIELD: u8 = 3 << 3;

    /// The context of message `at`.
    pub fn of(messages: &[Message], at: usize, lexicon: &Lexicon, scratch: &mut Vec<Token>) -> Self {
        let speaker = match messages[at].role.as_str() {
            "assistant" => 1 << 5,
            "system" | "developer" | "tool" | "function" => 2 << 5,
            _ => 0,
        };
        let before = &messages[at.saturating_sub(REACH)..at];
        if let Some(field) = before.last().filter(|message| message.role == "field") {
            return Self(speaker | of_field(&field.text));
        }
        // The caller's own earlier messages are skipped: a transcript splits one answer into several messages.
        let question = before.iter().rev().find(|message| is_question(&messages[at].role, &message.role));
        match question {
            Some(message) => Self(speaker | Self::PERSON_ASKED | asks(&message.text, lexicon, scratch)),
            None => Self(speaker),
        }
    }
}

fn is_question(own: &str, role: &str) -> bool {
    role != "field" && role != "system" && role != "developer" && role != "tool" && role != own
}

/// What the last sentence with a question in it asks for.
fn asks(text: &str, lexicon: &Lexicon, scratch: &mut Vec<Token>) -> u8 {
    let mut from = text.len().saturating_sub(TAIL_BYTES);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    scratch.clear();
    tokenize(&text[from..], scratch);
    let skip = scratch.len().saturating_sub(TAIL_WORDS);
    let tail = &mut scratch[skip..];
    annotate(lexicon, tail);
    let mut asked = 0;
    for token in tail.iter().rev() {
        asked |= token.entry >> entry::ASK;
        if token.gap.ends_sentence() && asked != 0 {
            break;
        }
    }
    (asked & 7) as u8
}

/// Words in a field name that mark its value as a person.
const PERSON: [u64; 26] = [
    hash_word(b"name"),
    hash_word(b"firstname"),
    hash_word(b"lastname"),
    hash_word(b"fullname"),
    hash_word(b"surname"),
    hash_word(b"patient"),
    hash_word(b"caller"),
    hash_word(b"customer"),
    hash_word(b"contact"),
    hash_word(b"doctor"),
    hash_word(b"provider"),
    hash_word(b"physician"),
    hash_word(b"member"),
    hash_word(b"user"),
    hash_word(b"person"),
    hash_word(b"recipient"),
    hash_word(b"sender"),
    hash_word(b"author"),
    hash_word(b"guardian"),
    hash_word(b"spouse"),
    hash_word(b"employee"),
    hash_word(b"owner"),
    hash_word(b"guest"),
    hash_word(b"attendee"),
    hash_word(b"participant"),
    hash_word(b"first"),
];

/// Words that mark it as a place.
const PLACE: [u64; 16] = [
    hash_word(b"address"),
    hash_word(b"street"),
    hash_word(b"city"),
    hash_word(b"town"),
    hash_word(b"location"),
    hash_word(b"zip"),
    hash_word(b"zipcode"),
    hash_word(b"postal"),
    hash_word(b"postcode"),
    hash_word(b"county"),
    hash_word(b"neighborhood"),
    hash_word(b"place"),
    hash_word(b"residence"),
    hash_word(b"home"),
    hash_word(b"addr"),
    hash_word(b"locality"),
];

/// Words that mark it as an organisation.
const COMPANY: [u64; 18] = [
    hash_word(b"company"),
    hash_word(b"organization"),
    hash_word(b"organisation"),
    hash_word(b"org"),
    hash_word(b"employer"),
    hash_word(b"hospital"),
    hash_word(b"clinic"),
    hash_word(b"facility"),
    hash_word(b"practice"),
    hash_word(b"business"),
    hash_word(b"insurer"),
    hash_word(b"insurance"),
    hash_word(b"carrier"),
    hash_word(b"payer"),
    hash_word(b"pharmacy"),
    hash_word(b"bank"),
    hash_word(b"school"),
    hash_word(b"vendor"),
];

/// Words that mark it as something else, even beside one of the above (`drug_name`, `patient_id`).
const NEITHER: [u64; 29] = [
    hash_word(b"drug"),
    hash_word(b"medication"),
    hash_word(b"product"),
    hash_word(b"file"),
    hash_word(b"tool"),
    hash_word(b"function"),
    hash_word(b"id"),
    hash_word(b"type"),
    hash_word(b"status"),
    hash_word(b"date"),
    hash_word(b"time"),
    hash_word(b"email"),
    hash_word(b"mail"),
    hash_word(b"phone"),
    hash_word(b"number"),
    hash_word(b"url"),
    hash_word(b"event"),
    hash_word(b"service"),
    hash_word(b"department"),
    hash_word(b"plan"),
    hash_word(b"reason"),
    hash_word(b"note"),
    hash_word(b"ip"),
    hash_word(b"host"),
    hash_word(b"language"),
    hash_word(b"count"),
    hash_word(b"model"),
    hash_word(b"brand"),
    hash_word(b"test"),
];

/// Set in addition to the bits of [`ask`] for a field whose value is an organisation.
const ASK_COMPANY: u16 = 8;

/// What a field name (`firstName`, `patient_name`, `home-city`) says about its value.
fn of_field(key: &str) -> u8 {
    let asked = field_asks(key);
    let field = if asked & ASK_COMPANY == 0 { Context::FIELD } else { Context::ORGANIZATION_FIELD };
    field | (asked & 7) as u8
}

fn field_asks(key: &str) -> u16 {
    let mut asked = 0;
    let mut word = Vec::new();
    let mut after_small = false;
    // A longer key is not a field name; its beginning is enough.
    for c in key.chars().take(64).chain(['_']) {
        let cut = !c.is_alphanumeric();
        let hump = after_small && c.is_uppercase();
        after_small = c.is_lowercase();
        if (cut || hump) && !word.is_empty() {
            asked |= field_word(hash_word(&word));
            word.clear();
        }
        if !cut {
            let mut buffer = [0; 4];
            word.extend(c.to_ascii_lowercase().encode_utf8(&mut buffer).bytes());
        }
    }
    asked
}

fn field_word(hash: u64) -> u16 {
    if NEITHER.contains(&hash) {
        ask::OTHER
    } else if COMPANY.contains(&hash) {
        ASK_COMPANY
    } else if PERSON.contains(&hash) {
        ask::NAME
    } else if PLACE.contains(&hash) {
        ask::ADDRESS
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_names_say_what_their_value_is() {
        for (key, want) in [
            ("firstName", ask::NAME),
            ("patient_name", ask::NAME),
            ("homeCity", ask::ADDRESS),
            ("ADDRESS", ask::ADDRESS),
            ("address", ask::ADDRESS),
            ("drug_name", ask::NAME | ask::OTHER),
            ("company_name", ASK_COMPANY | ask::NAME),
            ("dose", 0),
            ("", 0),
        ] {
            assert_eq!(field_asks(key), want, "{key}");
        }
    }
}
