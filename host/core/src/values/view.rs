//! Parts of a value that may be printed by themselves, and the spoken form of a value.

mod parts;
mod say;
mod texts;

pub(super) use texts::capitalised_unless_mixed;

/// A part of a value, or a way to say it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum View {
    /// The last four letters or digits.
    Last4,
    /// The first three.
    First3,
    /// The area code of a telephone number.
    Area,
    /// The digits alone.
    Digits,
    /// The spoken form.
    Spoken,
    /// Letter by letter.
    Spelled,
    /// The first letters of a name.
    Initials,
    /// The given name.
    Given,
    /// The family name.
    Family,
    /// The year of a date.
    Year,
    /// Its month, as a word.
    Month,
    /// Its day of the month.
    Day,
    /// Its day of the week.
    Weekday,
    /// The date as `1982-03-14`.
    Iso,
    /// Whole years since.
    Age,
    /// The part of a mail address after the at sign.
    Domain,
    /// The city of an address.
    City,
    /// Its state, in two letters.
    State,
    /// Its ZIP; of a ZIP+4 the first five digits.
    Zip,
    /// Its house number, street and unit.
    Street,
}

impl View {
    /// All views, in the order of the contract.
    pub const ALL: [Self; 20] = [
        Self::Last4,
        Self::First3,
        Self::Area,
        Self::Digits,
        Self::Spoken,
        Self::Spelled,
        Self::Initials,
        Self::Given,
        Self::Family,
        Self::Year,
        Self::Month,
        Self::Day,
        Self::Weekday,
        Self::Iso,
        Self::Age,
        Self::Domain,
        Self::City,
        Self::State,
        Self::Zip,
        Self::Street,
    ];

    /// From its name in a token, case-insensitive.
    pub fn new(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.as_str().eq_ignore_ascii_case(name))
    }

    /// Its name in a token.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Last4 => "last4",
            Self::First3 => "first3",
            Self::Area => "area",
            Self::Digits => "digits",
            Self::Spoken => "spoken",
            Self::Spelled => "spelled",
            Self::Initials => "initials",
            Self::Given => "given",
            Self::Family => "family",
            Self::Year => "year",
            Self::Month => "month",
            Self::Day => "day",
            Self::Weekday => "weekday",
            Self::Iso => "iso",
            Self::Age => "age",
            Self::Domain => "domain",
            Self::City => "city",
            Self::State => "state",
            Self::Zip => "zip",
            Self::Street => "street",
        }
    }
}

#[cfg(test)]
mod tests;
