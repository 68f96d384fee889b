//! CREDIT_CARD: the security code of a card.

use super::Rule;
use crate::kinds::Kind;

/// The rule. Three or four digits mean nothing without a key phrase.
pub static RULE: Rule = Rule {
    strong: &["cvv", "cvc", "c v v", "cvv code", "cvv number", "card security code", "card verification code"],
    weak: &["security code"],
    cued: |code, near| (near.direct && code.is_number() && (3..=4).contains(&code.len())).then_some(0.85),
    ..Rule::new(Kind::CreditCard)
};
