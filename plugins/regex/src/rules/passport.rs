//! PASSPORT: passport numbers, by key phrase.

use super::Rule;
use crate::kinds::Kind;

/// The rule. Nine characters in most countries, six to twelve in the rest; the number alone is not distinctive.
pub static RULE: Rule = Rule {
    strong: &["passport", "passport number", "passport no", "passport num", "passport id", "passport card"],
    cued: |code, _| ((6..=12).contains(&code.len()) && code.digits() >= 4).then_some(0.92),
    ..Rule::new(Kind::Passport)
};
