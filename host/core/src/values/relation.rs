//! That a value is a part of another, or sounds like it.

use std::collections::HashMap;

use super::calendar::Day;
use super::date::Date;
use super::{Canonical, Value, key_of_date, key_of_text, sound};

/// What a value is to another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Relation {
    /// A part of it.
    Part(Part),
    /// A name that may be the other one, misheard.
    Similar,
}

/// Which part.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Part {
    /// So many letters or digits at its end.
    Last(u8),
    /// So many at its beginning.
    First(u8),
    /// The area code.
    Area,
    /// The telephone number without its extension.
    Number,
    /// The year.
    Year,
    /// Month and day.
    MonthAndDay,
    /// Month and year.
    MonthAndYear,
    /// The day without the time.
    WithoutTime,
    /// Some of the words of a name.
    Word,
    /// House number and street.
    Street,
    /// Street and city, or another part of an address.
    WithoutCity,
    /// The city.
    City,
    /// The state.
    State,
    /// The ZIP.
    Zip,
    /// What is behind the at sign.
    Domain,
}

impl Part {
    /// The last four.
    pub const LAST_FOUR: Self = Self::Last(4);
    /// The first three.
    pub const FIRST_THREE: Self = Self::First(3);
}

impl Relation {
    /// One sentence of a fact: `[SSN_2] is the last four digits of [SSN_7].`
    pub fn fact(self, part: &str, whole: &str) -> String {
        let what = match self {
            Self::Similar => return format!("{part} sounds like {whole}."),
            Self::Part(Part::Last(4)) => "the last four digits",
            Self::Part(Part::First(3)) => "the first three digits",
            Self::Part(Part::Last(count)) => return format!("{part} is the last {count} characters of {whole}."),
            Self::Part(Part::First(count)) => return format!("{part} is the first {count} characters of {whole}."),
            Self::Part(Part::Area) => "the area code",
            Self::Part(Part::Number) => "the number without the extension",
            Self::Part(Part::Year) => "the year",
            Self::Part(Part::MonthAndDay) => "the month and day",
            Self::Part(Part::MonthAndYear) => "the month and year",
            Self::Part(Part::WithoutTime) => "the day without the time",
            Self::Part(Part::Word) => "a part of the name",
            Self::Part(Part::Street) => "the street address",
            Self::Part(Part::WithoutCity) => "a part of the address",
            Self::Part(Part::City) => "the city",
            Self::Part(Part::State) => "the state",
            Self::Part(Part::Zip) => "the ZIP code",
            Self::Part(Part::Domain) => "the domain",
        };
        match self {
            Self::Part(Part::Word) => format!("{part} is {what} {whole}."),
            _ => format!("{part} is {what} of {whole}."),
        }
    }
}

/// `[DOB_2] is 44 years ago.`; nothing for what is no whole date, or one that is to come.
pub fn age_fact(value: &Value, label: &str, today: Day) -> Option<String> {
    match &value.canonical {
        Canonical::Date(date) => date.day()?.years_until(today).map(|years| format!("{label} is {years} years ago.")),
        _ => None,
    }
}

/// What `part` is to `whole`; nothing when they are the same or have nothing to do with each other. Ask both ways.
pub fn relate(part: &Value, whole: &Value) -> Option<Relation> {
    let key = part.key();
    if key == whole.key() {
        return None;
    }
    let found = part_keys(whole).into_iter().find(|(candidate, _)| candidate == key.expose());
    found.map(|(_, part)| Relation::Part(part)).or_else(|| is_similar(part, whole).then_some(Relation::Similar))
}

/// Two values of a list, by their places in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Related {
    /// The part, or the earlier of two that are similar.
    pub part: usize,
    /// What they are to each other.
    pub relation: Relation,
    /// The whole.
    pub whole: usize,
}

/// The relations among values, at most `limit`, without comparing every two of them.
pub fn relations(values: &[&Value], limit: usize) -> Vec<Related> {
    let mut by_key: HashMap<Vec<u8>, usize> = HashMap::with_capacity(values.len());
    for (at, value) in values.iter().enumerate() {
        by_key.entry(value.key().into_exposed()).or_insert(at);
    }
    let mut found = Vec::new();
    let mut by_sound: HashMap<String, Vec<usize>> = HashMap::new();
    for (whole, value) in values.iter().enumerate() {
        for (key, part) in part_keys(value) {
            if let Some(at) = by_key.get(&key).filter(|at| **at != whole) {
                found.push(Related { part: *at, relation: Relation::Part(part), whole });
            }
        }
        let mut near: Vec<usize> = Vec::new();
        for bucket in buckets(value) {
            let others = by_sound.entry(bucket).or_default();
            near.extend(&*others);
            // A bucket that everybody is in tells nothing.
            if others.len() < MAX_BUCKET {
                others.push(whole);
            }
        }
        near.sort_unstable();
        near.dedup();
        let similar = near.into_iter().filter(|at| is_similar(values[*at], value));
        found.extend(similar.map(|part| Related { part, relation: Relation::Similar, whole }));
        if found.len() >= limit {
            break;
        }
    }
    found.truncate(limit);
    found
}

/// Values that are held against one another value at most, for each of its buckets.
const MAX_BUCKET: usize = 16;
/// Letters and digits of the longest identifier whose beginnings and ends are looked for, and of the shortest of these.
const LONGEST: usize = 24;
const SHORTEST: usize = 3;
/// Words of the longest name of which every selection is looked for.
const MAX_WORDS: usize = 5;

/// The keys of the values that are a part of this one.
fn part_keys(value: &Value) -> Vec<(Vec<u8>, Part)> {
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
            let is_zip = value.kind == super::Class::Identifier("ZIP") && whole.len() == 9;
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
        Canonical::Written(written) if value.kind == super::Class::Mail => {
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

/// Whether these are two names of which one word is heard for another.
fn is_similar(a: &Value, b: &Value) -> bool {
    let (Canonical::Name(a), Canonical::Name(b)) = (&a.canonical, &b.canonical) else { return false };
    if a.words.len() != b.words.len() || a.words.len() > MAX_WORDS {
        return false;
    }
    let without = |these: &super::name::Name, those: &super::name::Name| {
        let mut rest: Vec<String> = those.words.iter().map(|word| word.letters.clone()).collect();
        let others = these.words.iter().filter(|word| match rest.iter().position(|other| *other == word.letters) {
            Some(at) => {
                rest.swap_remove(at);
                false
            }
            None => true,
        });
        others.map(|word| word.letters.clone()).collect::<Vec<_>>()
    };
    match (&without(a, b)[..], &without(b, a)[..]) {
        ([a], [b]) => sound::is_similar(a, b),
        _ => false,
    }
}

/// Texts of which two similar names share one.
fn buckets(value: &Value) -> Vec<String> {
    let Canonical::Name(name) = &value.canonical else { return Vec::new() };
    if name.words.len() > MAX_WORDS {
        return Vec::new();
    }
    let mut words: Vec<&str> = name.words.iter().map(|word| &*word.letters).collect();
    words.sort_unstable();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let others = [&words[..at], &words[at + 1..]].concat().join(" ");
        found.extend(sound::variants(word).into_iter().map(|variant| format!("{others}|{variant}")));
    }
    found
}

#[cfg(test)]
mod tests;
