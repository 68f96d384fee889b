//! The text of each view of a value.

use masker_words::Language;

use super::super::calendar::Day;
use super::super::date::Date;
use super::super::fold::capitalised;
use super::super::{Canonical, Class, Value, address, name};
use super::{View, say};

impl Value {
    /// The text of a view of this value; `None` if the view does not apply. The whole value is printed then.
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

    /// Letters and digits of values that are measured in them.
    pub(in super::super) fn characters(&self) -> Option<String> {
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

/// `MARIA` and `maria` with the capitals of a name; `McDonald` unchanged.
pub(in super::super) fn capitalised_unless_mixed(word: &str) -> String {
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

fn date_view(date: &Date, view: View, today: Day, language: Language) -> Option<String> {
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
