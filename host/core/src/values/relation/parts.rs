//! The keys of the parts of a value.

use super::super::date::Date;
use super::super::{Canonical, Class, Value, key_of_date, key_of_text};
use super::{MAX_WORDS, Part};

/// Maximum length of an identifier whose beginnings and ends are indexed, and minimum length of these.
const LONGEST: usize = 24;
const SHORTEST: usize = 3;
/// The keys of the values that are a part of this one.
pub(super) fn part_keys(value: &Value) -> Vec<(Vec<u8>, Part)> {
    let text = key_of_text;
    match &value.canonical {
        Canonical::Date(date) => date_parts(date),
        Canonical::Phone(phone) => {
            let mut parts = ends(phone.number.trim_start_matches('+'), text);
            if let Some((area, ..)) = phone.parts() {
                parts.insert(0, (text(area), Part::Area));
            }
            parts.extend(phone.extension.is_some().then(|| (text(&phone.number), Part::Number)));
            parts
        }
        Canonical::Identifier(whole) => {
            let mut parts = ends(whole, text);
            let is_zip = value.kind == Class::Identifier("ZIP") && whole.len() == 9;
            if is_zip {
                parts.insert(0, (text(&whole[..5]), Part::Zip));
            }
            parts
        }
        Canonical::Name(name) => {
            let count = name.words.len();
            let selections = if count <= MAX_WORDS { 1_u32 << count } else { 0 };
            let mut words: Vec<&str> = name.words.iter().map(|word| &*word.letters).collect();
            words.sort_unstable();
            let selected = |bits: u32| {
                words
                    .iter()
                    .enumerate()
                    .filter(move |(at, _)| bits >> at & 1 == 1)
                    .map(|(_, word)| *word)
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            let of_many = words.iter().filter(|_| count > MAX_WORDS).map(|word| (text(word), Part::Word));
            (1..selections.saturating_sub(1)).map(|bits| (text(&selected(bits)), Part::Word)).chain(of_many).collect()
        }
        Canonical::Address(address) => {
            let all = [
                (&address.street, Part::Street),
                (&address.city, Part::City),
                (&address.state, Part::State),
                (&address.zip, Part::Zip),
            ];
            let mut parts: Vec<_> =
                all.into_iter().filter(|(part, _)| !part.is_empty()).map(|(part, name)| (text(part), name)).collect();
            let city = format!("{} {}", address.street, address.city);
            parts.push((text(&city), Part::WithoutCity));
            parts.push((text(&format!("{city} {}", address.state)), Part::WithoutCity));
            parts.push((text(&format!("{} {}", address.city, address.state)), Part::WithoutCity));
            parts.extend((address.zip.len() == 9).then(|| (text(&address.zip[..5]), Part::Zip)));
            let own = text(&address.canonical());
            parts.retain(|(key, _)| *key != own);
            parts
        }
        Canonical::Written(written) if value.kind == Class::Mail => {
            written.rsplit_once('@').map(|(_, domain)| (text(domain), Part::Domain)).into_iter().collect()
        }
        Canonical::Written(_) | Canonical::Age(_) | Canonical::Text(_) => Vec::new(),
    }
}

/// Beginnings and ends of letters and digits.
fn ends(whole: &str, text: fn(&str) -> Vec<u8>) -> Vec<(Vec<u8>, Part)> {
    if whole.len() > LONGEST || !whole.is_ascii() {
        return Vec::new();
    }
    let lengths = SHORTEST..whole.len();
    lengths
        .flat_map(|length| {
            [
                (text(&whole[whole.len() - length..]), Part::Last(length as u8)),
                (text(&whole[..length]), Part::First(length as u8)),
            ]
        })
        .collect()
}

fn date_parts(date: &Date) -> Vec<(Vec<u8>, Part)> {
    let none = Date::default();
    let parts = [
        (Date { time: None, ..*date }, Part::WithoutTime),
        (Date { month: date.month, day: date.day, ..none }, Part::MonthAndDay),
        (Date { year: date.year, month: date.month, ..none }, Part::MonthAndYear),
        (Date { year: date.year, ..none }, Part::Year),
    ];
    let mut found: Vec<(Vec<u8>, Part)> = Vec::new();
    for (part, name) in parts {
        if part != *date && part != none && (name != Part::MonthAndDay || part.day.is_some()) {
            found.push((key_of_date(&part), name));
        }
    }
    found
}
