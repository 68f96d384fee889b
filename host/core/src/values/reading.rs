//! The context for parsing a text: region, languages, and the day on which it was said.

use masker_words::Language;

use super::calendar::Day;

/// Parsing context.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading {
    /// Determines the order of day and month, and the country code of a telephone number.
    pub region: Region,
    /// Languages of number words and months. If a word has a meaning in several, the first language wins.
    pub languages: &'static [Language],
    /// The day of the call. A birth date with a two-digit year is before it.
    pub today: Day,
}

/// English and Spanish.
pub(super) const BOTH: &[Language] = &[Language::English, Language::Spanish];

impl Reading {
    /// United States, English and Spanish.
    pub fn new(today: Day) -> Self {
        Self { region: Region::US, languages: BOTH, today }
    }
}

/// Whether `03/04` is in March or in April.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    MonthFirst,
    DayFirst,
    /// Unknown: an ambiguous date stays unparsed.
    Open,
}

/// A country, as far as formats depend on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    pub(super) order: Order,
    /// The country's telephone code, and the length of a national number if it is fixed.
    pub(super) calling: &'static str,
    pub(super) national: Option<usize>,
    /// Whether national numbers begin with a trunk prefix 0, which is dropped after the country code.
    pub(super) trunk: bool,
}

impl Region {
    /// United States.
    pub const US: Self = Self { order: Order::MonthFirst, calling: "1", national: Some(10), trunk: false };

    /// From an ISO 3166 code, case-insensitive; `None` for an unknown code. `ZZ` is no particular country: an
    /// ambiguous date stays unparsed.
    pub fn new(code: &str) -> Option<Self> {
        let country = |calling, national, trunk| Self { order: Order::DayFirst, calling, national, trunk };
        Some(match code.to_ascii_uppercase().as_str() {
            "US" | "PR" => Self::US,
            "ZZ" => Self { order: Order::Open, ..Self::US },
            // Both orders are in use in Canada.
            "CA" => Self { order: Order::Open, ..Self::US },
            "DO" | "JM" | "BS" => country("1", Some(10), false),
            "GB" => country("44", None, true),
            "IE" => country("353", None, true),
            "DE" => country("49", None, true),
            "AT" => country("43", None, true),
            "CH" => country("41", Some(9), true),
            "FR" => country("33", Some(9), true),
            "BE" => country("32", None, true),
            "NL" => country("31", Some(9), true),
            "ES" => country("34", Some(9), false),
            "PT" => country("351", Some(9), false),
            "IT" => country("39", None, false),
            "MX" => country("52", Some(10), false),
            "CO" => country("57", Some(10), false),
            "CL" => country("56", Some(9), false),
            "PE" => country("51", Some(9), true),
            "AR" => country("54", Some(10), true),
            "BR" => country("55", None, true),
            "AU" => country("61", Some(9), true),
            "NZ" => country("64", None, true),
            "IN" => country("91", Some(10), true),
            _ => return None,
        })
    }
}
