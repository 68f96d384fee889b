//! The kinds of this pass: small numbers internally, the contract's strings externally.

/// Every kind that the built-in rules may find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Kind {
    Phone,
    Fax,
    Email,
    Ssn,
    Mrn,
    Dob,
    Date,
    Age,
    Address,
    Zip,
    HealthPlan,
    Account,
    CreditCard,
    Iban,
    License,
    Passport,
    NationalId,
    Vehicle,
    Device,
    Url,
    IpAddress,
    Biometric,
    Username,
    OtherId,
}

/// The names in the contract, in the order of [`Kind`].
pub const NAMES: &[&str] = &[
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
    "OTHER_ID",
];

impl Kind {
    /// The contract's name.
    pub fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindSet(u32);

impl KindSet {
    /// Every kind.
    pub const ALL: Self = Self(u32::MAX);
    /// No kind.
    pub const NONE: Self = Self(0);

    /// Whether the set holds the kind.
    pub fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    /// Adds the kind with this name. Returns `false` for an unknown kind.
    pub fn add(&mut self, name: &str) -> bool {
        let found = NAMES.iter().position(|known| *known == name);
        if let Some(at) = found {
            self.0 |= 1 << at;
        }
        found.is_some()
    }
}
