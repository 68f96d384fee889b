//! Lone surrogates in JSON: `"\ud83d"` in one chunk and `"\ude00"` in the next, or one at the end of a truncated
//! answer.
//!
//! Clients accept them, but a Rust string cannot hold them. While we process a text, a lone surrogate is mapped to an
//! unassigned character of plane 16, and is written as the escape again on output.

use std::borrow::Cow;

/// Offset from a surrogate to its substitute character.
const SHIFT: u32 = 0x10_0000;
const HALVES: std::ops::RangeInclusive<u32> = 0xD800..=0xDFFF;
const FIRST_LOW: u32 = 0xDC00;

/// Replaces every lone surrogate by its substitute. Borrowed when there are none.
pub fn mend(json: &str) -> Cow<'_, str> {
    if !json.contains("\\ud") && !json.contains("\\uD") {
        return Cow::Borrowed(json);
    }
    let mut mended = String::new();
    let (mut kept, mut at) = (0, 0);
    while let Some(found) = json[at..].find('\\') {
        at += found;
        let first = half(&json[at..]);
        match first {
            Some(code) if code < FIRST_LOW && half(&json[at + 6..]).is_some_and(|next| next >= FIRST_LOW) => at += 12,
            Some(code) => {
                mended.push_str(&json[kept..at]);
                mended.extend(char::from_u32(code + SHIFT));
                at += 6;
                kept = at;
            }
            None => {
                // An escaped backslash does not begin another escape.
                at += 1;
                at += json[at..].chars().next().map_or(0, char::len_utf8);
            }
        }
    }
    if kept == 0 {
        return Cow::Borrowed(json);
    }
    mended.push_str(&json[kept..]);
    Cow::Owned(mended)
}

fn is_half(c: char) -> bool {
    HALVES.contains(&(u32::from(c).wrapping_sub(SHIFT)))
}

/// Replaces every lone surrogate by U+FFFD, for text that will not be joined.
pub fn replace(json: &str) -> Cow<'_, str> {
    match mend(json) {
        Cow::Borrowed(json) => Cow::Borrowed(json),
        Cow::Owned(mended) => mended.replace(is_half, "\u{FFFD}").into(),
    }
}

/// Restores every substitute to its escape.
pub fn restore(json: &str) -> Cow<'_, str> {
    if !json.contains(is_half) {
        return Cow::Borrowed(json);
    }
    let mut restored = String::with_capacity(json.len() + 8);
    for c in json.chars() {
        match is_half(c) {
            true => restored.push_str(&format!("\\u{:04x}", u32::from(c) - SHIFT)),
            false => restored.push(c),
        }
    }
    Cow::Owned(restored)
}

/// The lone surrogate that a text begins with, as an escape.
fn half(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let code = u32::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    HALVES.contains(&code).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_survive_and_whole_characters_are_left_alone() {
        for json in [r#""\ud83d""#, r#""x\ude00 there""#, r#""\ud83d\ud83d\ude00\udfff""#, r#""\\\ud83d\\ud83d""#] {
            let mended = mend(json);
            assert_ne!(mended, json);
            let value: serde_json::Value = serde_json::from_str(&mended).expect("JSON");
            let written = value.to_string();
            let again = restore(&written);
            assert_eq!(again.replace("😀", "\\ud83d\\ude00"), json);
        }
        for json in [r#""\ud83d\ude00""#, r#""\\ud83d""#, r#""\u00e9 \ud8""#, r#""plain""#, r#""\ud8zz""#, "\\"] {
            assert!(matches!(mend(json), Cow::Borrowed(_)), "{json}");
            assert!(matches!(restore(json), Cow::Borrowed(_)), "{json}");
        }
    }
}
