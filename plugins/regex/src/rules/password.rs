//! OTHER_ID: passwords. No list of identifiers names them, but they must not be passed on.

use super::{Rule, username};
use crate::kinds::Kind;
use crate::words::Flags;

/// The rule.
pub static RULE: Rule = Rule {
    strong: &["password", "passphrase", "pass phrase", "pass code", "security answer"],
    scan: |turn| username::by_cue(turn, &RULE, Kind::OtherId, 0.85),
    needs: Flags::MAX,
    ..Rule::new(Kind::OtherId)
};
