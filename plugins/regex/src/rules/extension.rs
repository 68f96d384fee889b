//! PHONE: the extension after a number ("ext. 214").

use super::Rule;
use crate::kinds::Kind;

/// The rule. Weak: "extension" is also part of a building or a muscle, so the digits must follow at once. Two digits
/// identify nobody: every office has an extension 12.
pub static RULE: Rule = Rule {
    weak: &["ext", "extension"],
    cued: |code, near| (near.direct && code.is_number() && (3..=6).contains(&code.len())).then_some(0.8),
    ..Rule::new(Kind::Phone)
};
