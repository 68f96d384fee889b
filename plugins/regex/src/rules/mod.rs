//! The rules, one detector a file: its key phrases, what it takes near one of them, what it takes without, and, for
//! what is not a run of characters, its own search. Adding a rule means adding a file, a line to [`RULES`] and cases.

use crate::code::Code;
use crate::kinds::Kind;
use crate::turn::Turn;

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

/// How a key phrase stands to the code it governs.
#[derive(Debug, Clone, Copy)]
pub struct Near {
    /// Nothing but links ("is", "number") between them.
    pub direct: bool,
    /// "Ending in" or "last four" is between them, so the code is only the end of a longer one.
    pub tail: bool,
    /// The phrase means hardly anything else.
    pub strong: bool,
}

/// One detector.
pub struct Rule {
    /// What it finds.
    pub kind: Kind,
    /// Phrases that announce its values and mean hardly anything else, in lower case.
    pub strong: &'static [&'static str],
    /// Phrases that count only right before a value.
    pub weak: &'static [&'static str],
    /// How surely a code near a key phrase of this rule is its value.
    pub cued: fn(&Code<'_, '_>, Near) -> Option<f32>,
    /// How surely a code is this rule's by its shape alone.
    pub shape: fn(&Code<'_, '_>) -> Option<f32>,
    /// Finds what is no run of digits and spelled letters. Called before runs are collected, in the order of [`RULES`].
    pub scan: fn(&mut Turn<'_>),
}

impl Rule {
    /// A rule that finds nothing, to fill in what a rule leaves out.
    const fn new(kind: Kind) -> Self {
        Self { kind, strong: &[], weak: &[], cued: |_, _| None, shape: |_| None, scan: |_| {} }
    }
}

/// Every rule. The order matters for `scan` only: what an earlier rule found is closed to the later ones.
pub static RULES: &[&Rule] = &[
    &email::RULE,
    &email_spoken::RULE,
    &url::RULE,
    &mac::RULE,
    &ip_address::RULE,
    &date::RULE,
    &date_numeric::RULE,
    &dob::RULE,
    &age::RULE,
    &address_foreign::RULE,
    &address::RULE,
    &po_box::RULE,
    &username::RULE,
    &password::RULE,
    &phone::RULE,
    &extension::RULE,
    &fax::RULE,
    &ssn::RULE,
    &mrn::RULE,
    &health_plan::RULE,
    &account::RULE,
    &routing::RULE,
    &credit_card::RULE,
    &card_code::RULE,
    &iban::RULE,
    &license::RULE,
    &dea::RULE,
    &npi::RULE,
    &passport::RULE,
    &national_id::RULE,
    &vin::RULE,
    &plate::RULE,
    &device::RULE,
    &imei::RULE,
    &biometric::RULE,
    &zip::RULE,
    &other_id::RULE,
];

/// Whether the rule with this number finds this kind.
pub fn finds(rule: u8, kind: Kind) -> bool {
    RULES.get(usize::from(rule)).is_some_and(|rule| rule.kind == kind)
}

/// Whether a code near a key phrase looks like an identifier at all: long enough, with some digits in it.
fn is_plausible(code: &Code<'_, '_>, least: usize, most: usize) -> bool {
    // "Type 2" and "a one c" are no identifiers; a code without any digit is mostly a word.
    (least..=most).contains(&code.len()) && code.digits() >= 2
}
