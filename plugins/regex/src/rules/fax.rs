//! FAX: a telephone number announced as a fax.

use super::{Rule, phone};
use crate::kinds::Kind;

/// The rule. Only the key phrase distinguishes a fax number from a telephone number.
pub static RULE: Rule = Rule {
    strong: &["fax", "fax number", "fax no", "fax line", "facsimile", "fax it to", "fax to"],
    cued: phone::cued,
    ..Rule::new(Kind::Fax)
};
