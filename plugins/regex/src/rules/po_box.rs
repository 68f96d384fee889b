//! ADDRESS: post office boxes.

use super::Rule;
use crate::kinds::Kind;

/// The rule. The number is as identifying as a house number.
pub static RULE: Rule = Rule {
    strong: &["po box", "p o box", "post office box", "postal box", "p.o. box"],
    cued: |code, near| (near.direct && code.digits() >= 1 && code.len() <= 8).then_some(0.9),
    ..Rule::new(Kind::Address)
};
