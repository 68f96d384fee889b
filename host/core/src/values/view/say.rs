//! Values as they are said aloud, for a voice that reads what it is given.

use super::super::address::{self, Address};
use super::super::calendar::Day;
use super::super::date::Date;
use super::super::fold::capitalised;
use super::super::reading::Language;

const UNITS: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const ORDINALS: [&str; 20] = [
    "",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const LOW: [&str; 30] = [
    "cero",
    "uno",
    "dos",
    "tres",
    "cuatro",
    "cinco",
    "seis",
    "siete",
    "ocho",
    "nueve",
    "diez",
    "once",
    "doce",
    "trece",
    "catorce",
    "quince",
    "dieciséis",
    "diecisiete",
    "dieciocho",
    "diecinueve",
    "veinte",
    "veintiuno",
    "veintidós",
    "veintitrés",
    "veinticuatro",
    "veinticinco",
    "veintiséis",
    "veintisiete",
    "veintiocho",
    "veintinueve",
];
const DECENAS: [&str; 10] =
    ["", "", "veinte", "treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"];
const CENTENAS: [&str; 10] = [
    "",
    "ciento",
    "doscientos",
    "trescientos",
    "cuatrocientos",
    "quinientos",
    "seiscientos",
    "setecientos",
    "ochocientos",
    "novecientos",
];
const MESES: [&str; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];
const DIAS: [&str; 7] = ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"];

pub(super) fn month(month: u8, language: Language) -> Option<&'static str> {
    let names = if language == Language::Spanish { MESES } else { MONTHS };
    names.get(usize::from(month).checked_sub(1)?).copied()
}

pub(super) fn weekday(day: Day, language: Language) -> String {
    let names = if language == Language::Spanish { DIAS } else { WEEKDAYS };
    names[day.weekday() % 7].to_owned()
}

/// "March fourteenth, nineteen eighty two", "catorce de marzo de mil novecientos ochenta y dos".
pub(super) fn date(date: &Date, language: Language) -> Option<String> {
    let name = month(date.month?, language)?;
    let spanish = language == Language::Spanish;
    let mut said = match (date.day, spanish) {
        (None, false) => capitalised(name),
        (None, true) => name.to_owned(),
        (Some(day), false) => format!("{} {}", capitalised(name), ordinal(day)),
        (Some(1), true) => format!("primero de {name}"),
        (Some(day), true) => format!("{} de {name}", number(day.into(), language)),
    };
    if let Some(year) = date.year {
        said.push_str(if spanish {
            " de "
        } else if date.day.is_some() {
            ", "
        } else {
            " "
        });
        said.push_str(&self::year(year, language));
    }
    Some(said)
}

fn ordinal(day: u8) -> String {
    match (usize::from(day / 10), usize::from(day % 10)) {
        (tens @ 2.., 0) => format!("{}ieth", TENS[tens % 10].trim_end_matches('y')),
        (tens @ 2.., ones) => format!("{} {}", TENS[tens % 10], ORDINALS[ones]),
        _ => ORDINALS[usize::from(day) % 20].to_owned(),
    }
}

fn year(year: u16, language: Language) -> String {
    if language == Language::Spanish {
        return number(year.into(), language);
    }
    let (century, rest) = (u32::from(year / 100), u32::from(year % 100));
    match (century, rest) {
        (20, 0..10) => number(year.into(), language),
        (_, 0) => format!("{} hundred", number(century, language)),
        (_, 1..10) => format!("{} oh {}", number(century, language), number(rest, language)),
        _ => format!("{} {}", number(century, language), number(rest, language)),
    }
}

/// A number below ten thousand.
pub(super) fn number(number: u32, language: Language) -> String {
    let spanish = language == Language::Spanish;
    let (unit, join) = (number as usize, if spanish { " y " } else { " " });
    let rest = |rest: u32, before: String| {
        if rest == 0 { before } else { format!("{before} {}", self::number(rest, language)) }
    };
    match number {
        0..20 if !spanish => UNITS[unit].to_owned(),
        0..30 if spanish => LOW[unit].to_owned(),
        20..100 => {
            let tens = if spanish { DECENAS } else { TENS }[unit / 10];
            if unit.is_multiple_of(10) {
                tens.to_owned()
            } else {
                format!("{tens}{join}{}", self::number(number % 10, language))
            }
        }
        100 if spanish => "cien".into(),
        100..1000 if spanish => rest(number % 100, CENTENAS[unit / 100].into()),
        100..1000 => rest(number % 100, format!("{} hundred", UNITS[unit / 100])),
        1000..2000 if spanish => rest(number % 1000, "mil".into()),
        1000..10_000 => rest(
            number % 1000,
            format!("{} {}", self::number(number / 1000, language), if spanish { "mil" } else { "thousand" }),
        ),
        _ => number.to_string(),
    }
}

/// Letters and digits one by one.
pub(super) fn characters(text: &str, language: Language) -> String {
    text.chars().map(|c| character(c, language)).collect::<Vec<_>>().join(" ")
}

fn character(c: char, language: Language) -> String {
    let spanish = language == Language::Spanish;
    match c {
        c if c.is_ascii_digit() => number(u32::from(c) - u32::from('0'), language),
        '@' => if spanish { "arroba" } else { "at" }.into(),
        '.' => if spanish { "punto" } else { "dot" }.into(),
        '-' => if spanish { "guion" } else { "dash" }.into(),
        '_' => if spanish { "guion bajo" } else { "underscore" }.into(),
        '+' => if spanish { "más" } else { "plus" }.into(),
        '/' => if spanish { "barra" } else { "slash" }.into(),
        c => c.to_uppercase().collect(),
    }
}

/// An address of mail or of a page: words as words, signs by their names, digits one by one.
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

/// `12 Oak Lane, Apartment 3 B, Springfield, Illinois`: abbreviations as words.
pub(super) fn address(address: &Address, language: Language) -> String {
    let mut parts = vec![address::long(&address.street), address::shown(&address.city), address.state.clone()];
    parts.push(characters(&address.zip, language));
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}
