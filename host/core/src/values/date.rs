//! Calendar dates, complete or partial, written and spoken.
//!
//! Written: ISO 8601 (`1982-03-14`, with a time, `1982-03`), HL7 v2 (`19820314`, `19820314000000-0500`: chapter 2A,
//! DTM), `03/14/1982`, `3-14-82`, `14.03.1982`, `14-Mar-1982`, "March 14th, 1982".
//!
//! Spoken: "march fourteenth nineteen eighty two", "the fourteenth of march", "three fourteen eighty two", "oh three
//! one four one nine eight two", "catorce del tres del ochenta y dos".

mod numeric;
mod parts;
mod said;
mod time;

use zeroize::Zeroize;

use super::calendar::{self, Day};
use super::correction::{self, Among};
use super::reading::{Order, Reading};
use super::surface::Piece;

/// A date, or its known parts.
#[derive(Clone, Copy, PartialEq, Eq, Default, Zeroize)]
pub(super) struct Date {
    pub year: Option<u16>,
    pub month: Option<u8>,
    pub day: Option<u8>,
    /// `None` for midnight.
    pub time: Option<time::Time>,
}

/// How a two-digit year is resolved.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Century {
    /// The date is not after today: a birth date.
    Past,
    /// From ninety-four years ago to five years ahead.
    Near,
}

/// Maximum number of pieces of a date. A longer text is not a date and is not parsed.
const MAX_PIECES: usize = 32;

/// A year as said: two digits leave the century open.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Year {
    number: u16,
    is_short: bool,
}

/// How parts are combined into a date.
#[derive(Clone, Copy)]
struct Rules {
    order: Order,
    today: Day,
    century: Century,
}

impl Date {
    pub fn day(&self) -> Option<Day> {
        Day::new(self.year?, self.month?, self.day?)
    }

    /// `1982-03-14`, `1982-03`, `1982`, `--03-14` (ISO 8601, the last as in XML Schema); a time after a complete
    /// date.
    pub fn iso(&self) -> Option<String> {
        let time = self.time.map(|time| format!("T{}{}", time.written(), time.zone())).unwrap_or_default();
        Some(match (self.year, self.month, self.day) {
            (Some(year), Some(month), Some(day)) => format!("{year:04}-{month:02}-{day:02}{time}"),
            (Some(year), Some(month), None) => format!("{year:04}-{month:02}"),
            (Some(year), None, None) => format!("{year:04}"),
            (None, Some(month), Some(day)) => format!("--{month:02}-{day:02}"),
            _ => return None,
        })
    }

    /// Whether the date exists: April 31 does not; February 29 does unless the year rules it out.
    fn is_possible(&self) -> bool {
        let year = self.year.unwrap_or(2000);
        let month = self.month.is_none_or(|month| (1..=12).contains(&month));
        let most = self.month.filter(|_| month).map_or(31, |month| calendar::days(year, month));
        (1..=9999).contains(&year) && month && self.day.is_none_or(|day| (1..=most).contains(&day))
    }

    /// This date with the parts that a correction repeats.
    fn corrected(self, by: Self) -> Option<Self> {
        let date = Self {
            year: by.year.or(self.year),
            month: by.month.or(self.month),
            day: by.day.or(self.day),
            time: by.time.or(self.time),
        };
        date.is_possible().then_some(date)
    }

    pub fn key(&self, key: &mut Vec<u8>) {
        key.extend(self.year.unwrap_or(0).to_be_bytes());
        key.extend([self.month.unwrap_or(0), self.day.unwrap_or(0)]);
        if let Some(time) = self.time {
            time.key(key);
        }
    }
}

impl Rules {
    fn of(reading: &Reading, century: Century) -> Self {
        Self { order: reading.region.order, today: reading.today, century }
    }

    /// The date of these parts, if it exists.
    fn date(&self, year: Option<Year>, month: Option<u8>, day: Option<u8>) -> Option<Date> {
        let with = |year: Option<u16>| Date { year, month, day, time: None };
        let date = with(year.map(|year| if year.is_short { self.full(year.number, month, day) } else { year.number }));
        date.is_possible().then_some(date)
    }

    fn full(&self, short: u16, month: Option<u8>, day: Option<u8>) -> u16 {
        let this = self.today.year;
        let year = this / 100 * 100 + short;
        let is_after = match self.century {
            Century::Near => year > this + 5,
            Century::Past => (year, month.unwrap_or(0), day.unwrap_or(0)) > (this, self.today.month, self.today.day),
        };
        if is_after { year - 100 } else { year }
    }
}

/// Parses a date; `None` if the pieces mean no date, or several.
pub(super) fn read(pieces: &[Piece], reading: &Reading, century: Century) -> Option<Date> {
    (pieces.len() <= MAX_PIECES).then(|| corrected(pieces, Rules::of(reading, century)))?
}

fn corrected(pieces: &[Piece], rules: Rules) -> Option<Date> {
    let Some((before, after)) = correction::split(pieces, Among::Numbers) else { return plain(pieces, rules) };
    let after = correction_of(after, rules)?;
    match corrected(before, rules) {
        Some(before) if after.day().is_none() => before.corrected(after),
        _ => Some(after),
    }
}

/// A correction may be a day with or without a year, or a year alone if that day does not exist.
fn correction_of(pieces: &[Piece], rules: Rules) -> Option<Date> {
    plain(pieces, rules).or_else(|| said::day_and_year(pieces, rules))
}

fn plain(pieces: &[Piece], rules: Rules) -> Option<Date> {
    let (pieces, time) = time::split(pieces)?;
    match (numeric::run(pieces, rules), time) {
        (Some(date), None) => Some(date),
        (_, time) => Some(Date { time: time.filter(|time| !time.is_midnight()), ..said::read(pieces, rules)? }),
    }
}

/// Whether a surface is unambiguously a date: `1982-03-14` with or without a time, `03/14/1982`. A number of another
/// kind is treated as a date only then.
pub(super) fn is_unmistakable(surface: &str) -> bool {
    let surface = surface.as_bytes();
    let fits = |shape: &str| {
        surface.len() >= shape.len()
            && shape
                .bytes()
                .zip(surface)
                .all(|(shape, byte)| if shape == b'9' { byte.is_ascii_digit() } else { shape == *byte })
    };
    let ends = |length: usize| surface.get(length).is_none_or(|byte| matches!(byte, b'T' | b' '));
    (fits("9999-99-99") || fits("99/99/9999")) && ends(10)
        || ["9/99/9999", "99/9/9999"].iter().any(|shape| fits(shape) && ends(9))
        || fits("9/9/9999") && ends(8)
}

#[cfg(test)]
mod tests;
