//! ACCOUNT: bank and customer accounts.

use super::{Near, Rule, is_plausible};
use crate::code::Code;
use crate::kinds::Kind;

/// The rule.
pub static RULE: Rule = Rule {
    strong: &[
        "account number",
        "account no",
        "account num",
        "account id",
        "account numbers",
        "acct",
        "acct number",
        "acct no",
        "acct num",
        "bank account",
        "bank account number",
        "checking account",
        "checking account number",
        "savings account",
        "savings account number",
        "sort code",
        "loan number",
        "customer number",
        "customer id",
        "customer account",
        "billing account",
        "billing account number",
        "account ending",
        "accounts",
        "wallet address",
        "wallet id",
        "swift code",
        "bic",
        "four of your account",
        "digits of your account",
    ],
    weak: &["account", "checking", "savings", "loan", "swift"],
    cued,
    shape,
    ..Rule::new(Kind::Account)
};

fn cued(code: &Code<'_, '_>, near: Near) -> Option<f32> {
    if near.tail && code.is_number() && (3..=6).contains(&code.len()) {
        return Some(0.85);
    }
    if near.strong { is_plausible(code, 4, 34).then_some(0.9) } else { is_plausible(code, 5, 34).then_some(0.75) }
}

/// Long numbers that no other rule recognises. A false positive is better than a leak: twelve digits are rarely a
/// quantity.
fn shape(code: &Code<'_, '_>) -> Option<f32> {
    let long = code.is_number() && code.len() >= 12 && !code.quantity && !code.unit_after;
    let said_singly = !code.has_spoken() || code.singles() * 3 >= code.len();
    (long && said_singly).then_some(0.65)
}
