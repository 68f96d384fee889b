//! Relations between values: one is a part of another, or sounds like it.

mod parts;
mod similar;

use std::collections::HashMap;

use super::calendar::Day;
use super::{Canonical, Value};
use parts::part_keys;
use similar::{buckets, is_similar};

/// The relation of a value to another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Relation {
    /// A part of it.
    Part(Part),
    /// A name that may be the other one, misheard.
    Similar,
}

/// The type of part.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Part {
    /// This many letters or digits at its end.
    Last(u8),
    /// This many at its beginning.
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
    /// The part after the at sign.
    Domain,
}

impl Part {
    /// The last four.
    pub const LAST_FOUR: Self = Self::Last(4);
    /// The first three.
    pub const FIRST_THREE: Self = Self::First(3);
}

impl Relation {
    /// A fact in one sentence: `[SSN_2] is the last four digits of [SSN_7].`
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

/// `[DOB_2] is 44 years ago.`; `None` for an incomplete date or a date in the future.
pub fn age_fact(value: &Value, label: &str, today: Day) -> Option<String> {
    match &value.canonical {
        Canonical::Date(date) => date.day()?.years_until(today).map(|years| format!("{label} is {years} years ago.")),
        _ => None,
    }
}

/// The relation of `part` to `whole`; `None` if they are equal or unrelated. Not symmetric: check both directions.
pub fn relate(part: &Value, whole: &Value) -> Option<Relation> {
    let key = part.key();
    if key == whole.key() {
        return None;
    }
    let found = part_keys(whole).into_iter().find(|(candidate, _)| candidate == key.expose());
    found.map(|(_, part)| Relation::Part(part)).or_else(|| is_similar(part, whole).then_some(Relation::Similar))
}

/// A relation of two values in a list, by their indices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Related {
    /// The part, or the earlier of two that are similar.
    pub part: usize,
    /// Their relation.
    pub relation: Relation,
    /// The whole.
    pub whole: usize,
}

/// The relations among values, at most `limit`, without comparing every pair.
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
            // A bucket that contains every value gives no information.
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

/// Maximum number of comparisons per value and bucket.
const MAX_BUCKET: usize = 16;
/// Maximum number of words of a name for which every selection is looked up.
const MAX_WORDS: usize = 5;

#[cfg(test)]
mod tests;
