//! The spoken form of values, for text-to-speech.

use masker_words::{Language, month_name, say};

use super::super::address::{self, Address};
use super::super::calendar::Day;
use super::super::date::Date;
use super::super::fold::capitalised;

/// "Sunday", "domingo".
pub(super) fn weekday(day: Day, language: Language) -> Option<String> {
    let number = u8::try_from(day.weekday() + 1).ok()?;
    let names = masker_words::weekdays(language).iter().filter(|(_, weekday)| *weekday == number);
    // The other names are abbreviated.
    let name = names.map(|(name, _)| *name).max_by_key(|name| name.len())?;
    Some(match language {
        Language::English | Language::German => capitalised(name),
        _ => with_accent(name).to_owned(),
    })
}

/// Names of days that are written with an accent; the lexicon has them without.
fn with_accent(name: &'static str) -> &'static str {
    match name {
        "miercoles" => "miércoles",
        "sabado" => "sábado",
        other => other,
    }
}

/// "March fourteenth, nineteen eighty two", "catorce de marzo de mil novecientos ochenta y dos".
pub(super) fn date(date: &Date, language: Language) -> Option<String> {
    let month = date.month?;
    match (date.day, date.year) {
        (Some(day), year) => Some(say::date(language, year.map(u32::from), month, day).to_string()),
        (None, Some(year)) => {
            let of = if language == Language::Spanish { " de " } else { " " };
            Some(format!("{}{of}{}", month_name(language, month)?, say::year(language, year.into())))
        }
        (None, None) => month_name(language, month).map(str::to_owned),
    }
}

/// Letters in capitals and digits as words, one by one.
pub(super) fn characters(text: &str, language: Language) -> String {
    text.chars().map(|c| character(c, language)).collect::<Vec<_>>().join(" ")
}

fn character(c: char, language: Language) -> String {
    match c.is_alphabetic() {
        true => c.to_uppercase().collect(),
        false => say::spelled(language, c.encode_utf8(&mut [0; 4])).to_string(),
    }
}

/// A mail or page address: words unchanged, signs by their names, digits one by one.
pub(super) fn written(text: &str, language: Language) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if c.is_alphabetic() {
            word.push(c);
            continue;
        }
        said.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        said.push(character(c, language));
    }
    said.extend((!word.is_empty()).then_some(word));
    said.join(" ")
}

/// `12 Oak Lane Apartment 3B, Springfield, IL`, and the ZIP digit by digit.
pub(super) fn address(address: &Address, language: Language) -> String {
    let mut parts = vec![address::long(&address.street), address::shown(&address.city), address.state.clone()];
    parts.push(characters(&address.zip, language));
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}
