//! The rules, one detector per file: its key phrases, what it accepts near one of them, what it accepts without, and
//! its own search if a value is not a run of characters. To add a rule, add a file, a line in [`RULES`] and test
//! cases.

use crate::code::Code;
use crate::kinds::Kind;
use crate::turn::Turn;
use crate::words::Flags;

mod account;
mod address;
mod address_foreign;
mod address_tail;
mod age;
mod biometric;
mod card_code;
mod credit_card;
mod date;
mod date_numeric;
mod dea;
mod device;
mod dob;
mod email;
mod email_spoken;
mod extension;
mod fax;
mod health_plan;
mod iban;
mod imei;
mod ip_address;
mod license;
mod mac;
mod mrn;
mod national_id;
mod npi;
mod other_id;
mod passport;
mod password;
mod phone;
mod plate;
mod po_box;
mod routing;
mod ssn;
mod url;
mod username;
mod vin;
mod zip;

/// The relation between a key phrase and the code it governs.
#[derive(Debug, Clone, Copy)]
pub struct Near {
    /// Only links ("is", "number") separate them.
    pub direct: bool,
    /// "Ending in" or "last four" is between them, so the code is only the end of a longer one.
    pub tail: bool,
    /// The phrase is unambiguous.
    pub strong: bool,
}

/// One detector.
pub struct Rule {
    /// What it finds.
    pub kind: Kind,
    /// Unambiguous phrases that announce its values, in lower case.
    pub strong: &'static [&'static str],
    /// Phrases that count only right before a value.
    pub weak: &'static [&'static str],
    /// The confidence that a code near a key phrase of this rule is its value.
    pub cued: fn(&Code<'_, '_>, Near) -> Option<f32>,
    /// The confidence that a code is this rule's value by its shape alone.
    pub shape: fn(&Code<'_, '_>) -> Option<f32>,
    /// Finds values that are not a run of digits and spelled letters. Called before runs are collected, in the order
    /// of [`RULES`].
    pub scan: fn(&mut Turn<'_>),
    /// If no token has any of these flags, `scan` finds nothing and is not called.
    pub needs: Flags,
}

impl Rule {
    /// A rule that finds nothing; supplies the fields a rule leaves out.
    const fn new(kind: Kind) -> Self {
        Self { kind, strong: &[], weak: &[], cued: |_, _| None, shape: |_| None, scan: |_| {}, needs: 0 }
    }
}

/// Generates [`RULES`] and the functions that dispatch to them. Dispatch is by name, not through a table: the first
/// call through a function pointer in a fresh instance (every request gets one) goes through the host, which costs as
/// much as a rule.
macro_rules! rules {
    ($($rule:ident)*) => {
        /// Every rule. The order matters only for searches: tokens claimed by an earlier rule are closed to later
        /// ones.
        pub static RULES: &[&Rule] = &[$(&$rule::RULE),*];

        /// Runs every search that may find something.
        pub fn scan(turn: &mut Turn<'_>) {
            $(if turn.seen & $rule::RULE.needs != 0 {
                ($rule::RULE.scan)(turn);
            })*
        }

        /// The rule with the highest confidence for the code by its shape alone.
        pub fn shape(code: &Code<'_, '_>) -> Option<(Kind, f32)> {
            let mut best: Option<(Kind, f32)> = None;
            $(if let Some(confidence) = ($rule::RULE.shape)(code) {
                if best.is_none_or(|(_, least)| confidence > least) {
                    best = Some(($rule::RULE.kind, confidence));
                }
            })*
            best
        }

        /// The confidence that a code near a key phrase of this rule is its value.
        pub fn cued(rule: u8, code: &Code<'_, '_>, near: Near) -> Option<f32> {
            #[allow(non_camel_case_types, reason = "the modules' names")]
            enum Number { $($rule),* }
            match rule {
                $(number if number == Number::$rule as u8 => ($rule::RULE.cued)(code, near),)*
                _ => None,
            }
        }
    };
}

rules! {
    email
    email_spoken
    url
    mac
    ip_address
    date
    date_numeric
    dob
    age
    address_foreign
    address
    po_box
    username
    password
    phone
    extension
    fax
    ssn
    mrn
    health_plan
    account
    routing
    credit_card
    card_code
    iban
    license
    dea
    npi
    passport
    national_id
    vin
    plate
    device
    imei
    biometric
    zip
    other_id
}

/// Whether this rule finds this kind.
pub fn finds(rule: u8, kind: Kind) -> bool {
    RULES.get(usize::from(rule)).is_some_and(|rule| rule.kind == kind)
}

/// Whether a code near a key phrase looks like an identifier at all: long enough, with some digits.
fn is_plausible(code: &Code<'_, '_>, least: usize, most: usize) -> bool {
    // "Type 2" and "a one c" are not identifiers; a code without digits is usually a word.
    (least..=most).contains(&code.len()) && code.digits() >= 2
}
