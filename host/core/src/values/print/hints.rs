//! Format hints in descriptions, examples and a property's name: "YYYY-MM-DD", "E.164", "digits only", `ssn_last4`.

use masker_words::Language;

use super::super::calendar::Day;
use super::super::reading::{Order, Reading};
use super::super::schema::Wanted;
use super::super::view::View;
use super::super::{Canonical, Class, Value, shape};

/// The format that the description asks for; `None` if there is no hint, or the value has no such form.
pub(super) fn text(value: &Value, wanted: &Wanted, reading: &Reading) -> Option<String> {
    let say = |view: View| value.view(view, reading.today, Language::English);
    if let Some(text) = view(wanted, value).and_then(say) {
        return Some(text);
    }
    match &value.canonical {
        Canonical::Date(known) => date(wanted, known.day()?).or_else(|| by_example(value, wanted, reading)),
        Canonical::Phone(phone) if phone.is_whole() => {
            let e164 = has(wanted, &["e.164", "e164", "international format"]);
            let digits = || has(wanted, &DIGITS_ONLY).then(|| say(View::Digits))?;
            if e164 { Some(phone.e164()) } else { by_example(value, wanted, reading).or_else(digits) }
        }
        Canonical::Identifier(text) => by_example(value, wanted, reading).or_else(|| {
            let lower = has(wanted, &["lowercase", "lower case", "lower-case"]).then(|| text.to_ascii_lowercase());
            lower.or_else(|| has(wanted, &PLAIN).then(|| text.clone()))
        }),
        Canonical::Name(_) => {
            let family_first =
                has(wanted, &["last, first", "lastname, firstname", "family, given", "last name first", "surname, "]);
            let forms = shape::forms(value, reading);
            if family_first { forms.into_iter().nth(1) } else { by_case(&forms[0], wanted) }
        }
        _ => None,
    }
}

const DIGITS_ONLY: [&str; 14] = [
    "digits only",
    "only digits",
    "numbers only",
    "numeric only",
    "digits, no",
    "10 digits",
    "10-digit",
    "ten digits",
    "ten-digit",
    "no dashes",
    "without dashes",
    "no punctuation",
    "without separators",
    "no separators",
];
const PLAIN: [&str; 13] = [
    "digits only",
    "only digits",
    "numbers only",
    "numeric only",
    "no dashes",
    "without dashes",
    "no spaces",
    "without spaces",
    "no separators",
    "without separators",
    "uppercase",
    "upper case",
    "upper-case",
];

fn by_case(name: &str, wanted: &Wanted) -> Option<String> {
    has(wanted, &["uppercase", "upper case", "all caps"]).then(|| name.to_uppercase())
}

/// Whether the schema's texts, or its property's name, contain one of these.
fn has(wanted: &Wanted, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| {
        wanted.lower.contains(phrase)
            || !phrase.contains(' ') && wanted.property.contains(&phrase.replace(['.', '-'], ""))
    })
}

/// The view that a property's name or a description asks for, if the value is more than that view.
pub(super) fn view(wanted: &Wanted, value: &Value) -> Option<View> {
    let property = &*wanted.property;
    let ends = |ends: &[&str]| ends.iter().any(|end| property.ends_with(end));
    match &value.canonical {
        Canonical::Identifier(text) if text.len() > 4 => {
            let last_four =
                has(wanted, &["last four", "last 4", "final four", "last4", "lastfour", "last_four", "last_4"]);
            last_four.then_some(View::Last4)
        }
        Canonical::Phone(_) => {
            let last_four = has(wanted, &["last four", "last 4", "last4", "lastfour"]);
            if last_four { Some(View::Last4) } else { ends(&["areacode"]).then_some(View::Area) }
        }
        Canonical::Date(_) => match property {
            _ if ends(&["birthyear", "yearofbirth", "year"]) => Some(View::Year),
            _ if ends(&["birthmonth", "monthofbirth"]) || property == "month" => Some(View::Month),
            _ if property == "day" || ends(&["dayofmonth"]) => Some(View::Day),
            _ if ends(&["weekday", "dayofweek"]) => Some(View::Weekday),
            "age" | "patientage" | "ageyears" | "ageinyears" => Some(View::Age),
            _ => None,
        },
        Canonical::Name(name) if name.words.len() > 1 => match property {
            _ if ends(&["firstname", "givenname", "fname", "nombre"]) || matches!(property, "first" | "given") => {
                Some(View::Given)
            }
            _ if ends(&["lastname", "familyname", "surname", "lname", "apellido"])
                || matches!(property, "last" | "family") =>
            {
                Some(View::Family)
            }
            _ if ends(&["initials"]) => Some(View::Initials),
            _ => None,
        },
        Canonical::Address(address) => match property {
            _ if ends(&["city", "town"]) => Some(View::City),
            _ if ends(&["state"]) => Some(View::State),
            _ if ends(&["zip", "zipcode", "postalcode", "postcode"]) => Some(View::Zip),
            _ if ends(&["street", "streetaddress", "addressline1", "line1"]) && !address.street.is_empty() => {
                Some(View::Street)
            }
            _ => None,
        },
        Canonical::Written(_) if value.kind == Class::Mail => ends(&["emaildomain", "domain"]).then_some(View::Domain),
        _ => None,
    }
}

/// A date in the pattern given in the schema's texts, or as ISO 8601.
pub(super) fn date(wanted: &Wanted, day: Day) -> Option<String> {
    if let Some(picture) =
        picture(&wanted.words).or_else(|| wanted.examples.iter().find_map(|example| picture(example)))
    {
        return Some(shape::drawn(day, &picture));
    }
    if wanted.property.ends_with("yyyymmdd") {
        return Some(shape::drawn(day, "YYYYMMDD"));
    }
    has(wanted, &["iso 8601", "iso8601", "iso-8601", "iso date", "iso format", "rfc 3339", "rfc3339", "iso"])
        .then(|| shape::drawn(day, "YYYY-MM-DD"))
}

/// A date pattern such as `MM/DD/YYYY`, `dd.mm.yy` or `%Y-%m-%d` in a text.
fn picture(text: &str) -> Option<String> {
    let text = text
        .replace("%Y", "YYYY")
        .replace("%y", "YY")
        .replace("%m", "MM")
        .replace("%d", "DD")
        .replace("%b", "MMM")
        .replace("%-m", "M")
        .replace("%-d", "D");
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '.' | '_');
    let mut words = text.split(|c: char| !is_part(c)).map(|word| word.trim_matches(['.', '-', '/', '_']));
    words.find_map(|word| {
        // `YYYY-MM-DDTHH:MM:SS` begins with a date pattern.
        let upper = word.to_ascii_uppercase();
        let upper = upper.split_once("THH").map_or(&*upper, |(date, _)| date);
        let pictures = |c: char| matches!(c, 'Y' | 'M' | 'D' | '/' | '-' | '.');
        let has = |part: &str, times: std::ops::RangeInclusive<usize>| times.contains(&upper.matches(part).count());
        (upper.len() <= 12
            && upper.chars().all(pictures)
            && (has("Y", 2..=2) || has("Y", 4..=4))
            && has("M", 1..=4)
            && has("D", 1..=2))
        .then(|| upper.to_owned())
    })
}

/// The form of the value with the format of an example, or of a number in a description.
fn by_example(value: &Value, wanted: &Wanted, reading: &Reading) -> Option<String> {
    let forms = shape::forms(value, reading);
    let of_examples = wanted.examples.iter().find_map(|example| {
        let example = example.trim();
        let shape = shape_of(example);
        let alike = || forms.iter().filter(|form| shape_of(form) == shape);
        // `31/01/1990` has the day first.
        let date = || alike().nth(1).filter(|_| is_day_first(example, reading));
        date().or_else(|| alike().next())
    });
    of_examples.or_else(|| in_words(&forms, &wanted.words)).cloned()
}

fn is_day_first(example: &str, reading: &Reading) -> bool {
    let numbers: Vec<u16> =
        example.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
    let other = if reading.region.order == Order::DayFirst { numbers.get(1) } else { numbers.first() };
    other.is_some_and(|number| (13..=31).contains(number))
}

/// The first form whose shape occurs in a description: "e.g. 555-123-4567", "(XXX) XXX-XXXX".
fn in_words<'f>(forms: &'f [String], words: &str) -> Option<&'f String> {
    let place_holders = |c: char| if matches!(c, 'X' | 'x' | '#' | 'N' | 'n' | '0'..='9') { '9' } else { c };
    let words: String = words.chars().map(place_holders).collect();
    let occurs = |shape: &str| {
        words.match_indices(shape).any(|(at, _)| {
            let before = words[..at].chars().next_back();
            let after = words[at + shape.len()..].chars().next();
            let apart =
                |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '-' && c != '/' && c != '+');
            apart(before) && apart(after)
        })
    };
    forms.iter().find(|form| {
        let shape = shape_of(form);
        let digits = shape.bytes().filter(|byte| *byte == b'9').count();
        digits >= 5 && !shape.contains(['A', 'a']) && occurs(&shape)
    })
}

/// Digits as 9, capitals as A, other letters as a.
fn shape_of(text: &str) -> String {
    let shape = |c: char| match c {
        c if c.is_ascii_digit() => '9',
        c if c.is_uppercase() => 'A',
        c if c.is_alphabetic() => 'a',
        c => c,
    };
    text.chars().map(shape).collect()
}

/// An English month's name or its first three letters.
pub(super) fn is_month(word: &str) -> bool {
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
    MONTHS.iter().any(|month| word == *month || word.len() == 3 && month.starts_with(word) || word == "sept")
}
