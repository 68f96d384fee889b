//! Variants of a message in other styles: a transcript, all capitals, a hasty typist.

use masker_plugin_sdk::words::{Language::English, say};

use crate::data::{Sample, Span};
use crate::rng::Rng;

/// In the style of a transcript: lower case, no punctuation except apostrophes, numbers as words.
pub fn transcript(sample: &Sample, rng: &mut Rng) -> Sample {
    let spoken = rng.chance(0.7);
    let mut context = sample.context.clone();
    for (role, text) in &mut context {
        if role != "field" && rng.chance(0.3) {
            *text = text.to_lowercase().replace(['?', '.', ',', '!'], "");
        }
    }
    rewrite(Sample { context, ..sample.clone() }, |text, at, out| {
        let c = next_char(text, at);
        if c.is_ascii_digit() && spoken {
            return say_digits(text, at, out, rng);
        }
        let inside = |near: Option<char>| near.is_some_and(char::is_alphanumeric);
        let joined = inside(text[..at].chars().next_back()) && inside(text[at + c.len_utf8()..].chars().next());
        match c {
            '\'' | '\u{2019}' if joined => out.push('\''),
            c if c.is_alphanumeric() || c as u32 >= 0x300 && c.is_alphabetic() => out.extend(c.to_lowercase()),
            // "x@y.com" is spoken as written.
            '@' if joined => out.push_str(" at "),
            '.' if joined && !text[at + 1..].starts_with(|c: char| c.is_ascii_digit()) => out.push_str(" dot "),
            _ if out.ends_with(' ') || out.is_empty() => {}
            _ => out.push(' '),
        }
        c.len_utf8()
    })
}

/// Lower case, everything else unchanged.
pub fn lower(sample: &Sample) -> Sample {
    rewrite(sample.clone(), |text, at, out| {
        let c = next_char(text, at);
        out.extend(c.to_lowercase());
        c.len_utf8()
    })
}

/// All capitals.
pub fn upper(sample: &Sample) -> Sample {
    rewrite(sample.clone(), |text, at, out| {
        let c = next_char(text, at);
        out.extend(c.to_uppercase());
        c.len_utf8()
    })
}

/// Rebuilds the text piece by piece; `step` appends the replacement for the text at a position and returns how far it
/// read.
fn rewrite(sample: Sample, mut step: impl FnMut(&str, usize, &mut String) -> usize) -> Sample {
    let text = &sample.text;
    let mut moved = vec![0; text.len() + 1];
    let mut out = String::new();
    let mut at = 0;
    while at < text.len() {
        let length = step(text, at, &mut out).max(1);
        let before = moved[at];
        for (offset, slot) in moved[at + 1..=at + length].iter_mut().enumerate() {
            // Positions inside a piece of several characters keep their order; only its ends are exact.
            *slot = if offset + 1 == length { out.len() } else { before };
        }
        at += length;
    }
    let spans =
        sample.spans.iter().filter_map(|span| trimmed(&out, moved[span.start], moved[span.end], span)).collect();
    Sample { text: out, spans, ..sample }
}

fn trimmed(text: &str, start: usize, end: usize, span: &Span) -> Option<Span> {
    let inner = text.get(start..end)?;
    let lead = inner.len() - inner.trim_start().len();
    let trail = inner.len() - inner.trim_end().len();
    (lead + trail < inner.len()).then_some(Span { start: start + lead, end: end - trail, ..*span })
}

fn next_char(text: &str, at: usize) -> char {
    text[at..].chars().next().unwrap_or(' ')
}

/// Writes the digits at `at` as words and returns how many there are.
fn say_digits(text: &str, at: usize, out: &mut String, rng: &mut Rng) -> usize {
    let length = text[at..].bytes().take_while(u8::is_ascii_digit).count();
    let digits = &text.as_bytes()[at..at + length];
    let space = |out: &mut String| {
        if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    };
    let cardinal = |value| say::cardinal(English, value).to_string();
    let value = |digits: &[u8]| digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    space(out);
    let rest = &text[at + length..];
    let ordinal = ["th", "st", "nd", "rd"]
        .into_iter()
        .any(|suffix| rest.strip_prefix(suffix).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric)));
    if ordinal && length <= 2 && digits[0] != b'0' {
        *out += &say::ordinal(English, value(digits)).to_string();
        return length + 2;
    }
    match length {
        1 | 2 if digits[0] != b'0' => *out += &cardinal(value(digits)),
        3 | 4 if digits[0] != b'0' && rng.chance(0.6) => {
            let (high, low) = digits.split_at(length - 2);
            *out += &cardinal(value(high));
            out.push(' ');
            match value(low) {
                0 => out.push_str("hundred"),
                low @ 1..=9 => {
                    out.push_str("oh ");
                    out.push_str(&cardinal(low));
                }
                low => out.push_str(&cardinal(low)),
            }
        }
        _ => {
            for digit in digits {
                space(out);
                let oh = *digit == b'0' && rng.chance(0.4);
                out.push_str(&if oh { "oh".to_owned() } else { cardinal(value(&[*digit])) });
            }
        }
    }
    if rest.starts_with(char::is_alphabetic) {
        space(out);
    }
    length
}
