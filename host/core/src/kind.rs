//! Kinds of protected data.

use std::fmt;
use std::sync::Arc;

/// The standard kinds (docs/policies.md, "Kinds"). Plugins may add their own.
pub const STANDARD: [&str; 26] = [
    "NAME",
    "PHONE",
    "FAX",
    "EMAIL",
    "SSN",
    "MRN",
    "DOB",
    "DATE",
    "AGE",
    "ADDRESS",
    "ZIP",
    "HEALTH_PLAN",
    "ACCOUNT",
    "CREDIT_CARD",
    "IBAN",
    "LICENSE",
    "PASSPORT",
    "NATIONAL_ID",
    "VEHICLE",
    "DEVICE",
    "URL",
    "IP_ADDRESS",
    "BIOMETRIC",
    "USERNAME",
    "ORGANIZATION",
    "OTHER_ID",
];

/// A kind: `[A-Z][A-Z0-9_]{0,63}`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Kind(Arc<str>);

impl Kind {
    /// A kind; `None` when the text has another form.
    pub fn new(text: &str) -> Option<Self> {
        let fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        let starts = text.bytes().next().is_some_and(|b| b.is_ascii_uppercase());
        (starts && text.len() <= 64 && text.bytes().all(fits)).then(|| Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is one of [`STANDARD`].
    pub(crate) fn is_standard(&self) -> bool {
        STANDARD.contains(&self.as_str())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_upper_case_and_starts_with_a_letter() {
        assert!(STANDARD.iter().all(|kind| Kind::new(kind).is_some()));
        for bad in ["", "name", "1A", "A-B", "É"] {
            assert!(Kind::new(bad).is_none(), "{bad}");
        }
    }
}
