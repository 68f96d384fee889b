//! Parts of a value that may be printed by themselves, and the words in which a value is said aloud.

mod say;

use masker_words::Language;

use super::calendar::Day;
use super::fold::capitalised;
use super::reading::Reading;
use super::relation::Part;
use super::{Canonical, Class, Value, address, name, read};
use crate::kind::Kind;

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
    /// As it is said aloud.
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
    /// What is behind the at sign of a mail address.
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
    /// All of them, in the order of the contract.
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

    /// By its name in a token, in any case.
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

impl Value {
    /// What a view of this value prints; nothing where the view means nothing for it: then the whole value is printed.
    pub fn view(&self, view: View, today: Day, language: Language) -> Option<String> {
        match view {
            View::Spoken => self.spoken(language),
            View::Spelled => self.spelled(),
            View::Last4 => last4(&self.characters()?),
            View::First3 => first3(&self.characters()?),
            View::Digits => self.digits(),
            _ => match &self.canonical {
                Canonical::Date(date) => date_view(date, view, today, language),
                Canonical::Phone(phone) => (view == View::Area).then(|| Some(phone.parts()?.0.to_owned()))?,
                Canonical::Name(name) => name_view(name, view),
                Canonical::Address(address) => address_view(address, view),
                Canonical::Written(text) => (view == View::Domain && self.kind == Class::Mail)
                    .then(|| Some(text.rsplit_once('@')?.1.to_owned()))?,
                Canonical::Identifier(text) if self.kind == Class::Identifier("ZIP") => {
                    (view == View::Zip && text.len() >= 5).then(|| text[..5].to_owned())
                }
                Canonical::Age(age) => (view == View::Age && age.unit.is_empty()).then(|| age.number.clone()),
                Canonical::Identifier(_) | Canonical::Text(_) => None,
            },
        }
    }

    /// The values that a part of this one would be read as when it is said by itself, each with its view and what it is of this value:
    /// "4413" where the SSN is known. A part that is no less than the value is none.
    pub fn parts(&self, reading: &Reading) -> Vec<(Value, View, Part)> {
        let own = self.key();
        let parts = self.candidates(reading.today).into_iter().filter_map(|(view, part, kind, text)| {
            let value = read(&Kind::new(kind)?, &text, reading);
            (value.key() != own).then_some((value, view, part))
        });
        parts.collect()
    }

    fn candidates(&self, today: Day) -> Vec<(View, Part, &'static str, String)> {
        let list: &[(View, Part, &str)] = match &self.canonical {
            Canonical::Phone(_) => &[(View::Last4, Part::LAST_FOUR, "OTHER_ID"), (View::Area, Part::Area, "OTHER_ID")],
            Canonical::Identifier(text) if text.len() >= 6 => {
                &[(View::Last4, Part::LAST_FOUR, "OTHER_ID"), (View::First3, Part::FIRST_THREE, "OTHER_ID")]
            }
            Canonical::Identifier(_) => &[(View::First3, Part::FIRST_THREE, "OTHER_ID")],
            Canonical::Date(_) => &[(View::Year, Part::Year, "DOB")],
            Canonical::Name(name) if name.words.len() > 1 => {
                &[(View::Given, Part::Word, "NAME"), (View::Family, Part::Word, "NAME")]
            }
            Canonical::Address(_) => &[
                (View::Street, Part::Street, "ADDRESS"),
                (View::City, Part::City, "ADDRESS"),
                (View::State, Part::State, "ADDRESS"),
                (View::Zip, Part::Zip, "ZIP"),
            ],
            Canonical::Written(_) => &[(View::Domain, Part::Domain, "URL")],
            Canonical::Name(_) | Canonical::Age(_) | Canonical::Text(_) => &[],
        };
        let zip = (self.kind == Class::Identifier("ZIP")).then_some((View::Zip, Part::Zip, "ZIP"));
        let named = zip
            .iter()
            .chain(list)
            .filter_map(|(view, part, kind)| Some((*view, *part, *kind, self.view(*view, today, Language::English)?)));
        named.collect()
    }

    /// Letters and digits of what is counted by them.
    pub(super) fn characters(&self) -> Option<String> {
        match &self.canonical {
            Canonical::Phone(phone) => Some(phone.number.trim_start_matches('+').to_owned()),
            Canonical::Identifier(text) => Some(text.clone()),
            _ => None,
        }
    }

    fn digits(&self) -> Option<String> {
        let digits: String = match &self.canonical {
            Canonical::Age(age) if age.unit.is_empty() => age.number.clone(),
            Canonical::Address(address) => address.zip.clone(),
            _ => self.characters()?.chars().filter(char::is_ascii_digit).collect(),
        };
        (!digits.is_empty()).then_some(digits)
    }

    fn spoken(&self, language: Language) -> Option<String> {
        match &self.canonical {
            Canonical::Date(date) => say::date(date, language),
            Canonical::Phone(phone) => Some(match phone.parts() {
                Some((area, exchange, line)) => {
                    [area, exchange, line].map(|group| say::characters(group, language)).join(", ")
                }
                None => say::characters(&phone.number, language),
            }),
            Canonical::Identifier(text) => Some(say::characters(text, language)),
            Canonical::Name(name) => {
                Some(name.words.iter().map(|word| capitalised_unless_mixed(&word.shown)).collect::<Vec<_>>().join(" "))
            }
            Canonical::Address(address) => Some(say::address(address, language)),
            Canonical::Written(text) => Some(say::written(text, language)),
            Canonical::Age(age) => age
                .number
                .parse()
                .ok()
                .filter(|_| age.unit.is_empty())
                .map(|years: u32| masker_words::say::cardinal(language, years).to_string()),
            Canonical::Text(_) => None,
        }
    }

    fn spelled(&self) -> Option<String> {
        let spell =
            |word: &str| word.chars().flat_map(char::to_uppercase).map(String::from).collect::<Vec<_>>().join(" ");
        match &self.canonical {
            Canonical::Name(name) => {
                Some(name.words.iter().map(|word| spell(&letters_of(&word.shown))).collect::<Vec<_>>().join(", "))
            }
            Canonical::Identifier(text) => Some(spell(text)),
            Canonical::Phone(phone) => Some(spell(&phone.number)),
            Canonical::Written(text) => Some(text.chars().map(String::from).collect::<Vec<_>>().join(" ")),
            _ => None,
        }
    }
}

fn letters_of(word: &str) -> String {
    word.chars().filter(|c| c.is_alphabetic()).collect()
}

/// `MARIA` and `maria` as a name is written; `McDonald` as it stood.
pub(super) fn capitalised_unless_mixed(word: &str) -> String {
    let upper = word.chars().any(char::is_uppercase);
    let lower = word.chars().any(char::is_lowercase);
    match upper && lower {
        true => word.to_owned(),
        false => word.split(' ').map(capitalised).collect::<Vec<_>>().join(" "),
    }
}

fn last4(characters: &str) -> Option<String> {
    characters.len().checked_sub(4).and_then(|from| characters.get(from..)).map(str::to_owned)
}

fn first3(characters: &str) -> Option<String> {
    characters.get(..3).map(str::to_owned)
}

fn date_view(date: &super::date::Date, view: View, today: Day, language: Language) -> Option<String> {
    match view {
        View::Year => date.year.map(|year| year.to_string()),
        View::Month => masker_words::month_name(language, date.month?).map(str::to_owned),
        View::Day => date.day.map(|day| day.to_string()),
        View::Weekday => say::weekday(date.day()?, language),
        View::Iso => date.iso(),
        View::Age => date.day()?.years_until(today).map(|years| years.to_string()),
        _ => None,
    }
}

fn name_view(name: &name::Name, view: View) -> Option<String> {
    let (first, rest) = name.words.split_first()?;
    match view {
        View::Initials => Some(
            name.words
                .iter()
                .filter_map(|word| word.shown.chars().find(|c| c.is_alphabetic()))
                .flat_map(|c| c.to_uppercase().chain(['.']))
                .collect(),
        ),
        View::Given => (!rest.is_empty()).then(|| first.shown.clone()),
        View::Family => name.family().map(|word| word.shown.clone()),
        _ => None,
    }
}

fn address_view(address: &address::Address, view: View) -> Option<String> {
    let text = match view {
        View::Street => address::shown(&address.street),
        View::City => address::shown(&address.city),
        View::State => address.state.clone(),
        View::Zip => address.zip.get(..5).unwrap_or_default().to_owned(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
