//! Dates that are one run of digits: `19820314`, `03141982`, `198203`, optionally followed by a time.

use super::super::reading::Order;
use super::super::surface::{Piece, Sort};
use super::time::Time;
use super::{Date, Rules, Year};

/// The date of a surface that begins with such a run; `None` if anything but a time zone follows.
pub(super) fn run(pieces: &[Piece], rules: Rules) -> Option<Date> {
    let (first, rest) = pieces.split_first()?;
    let digits = first.digits().filter(|digits| digits.is_ascii())?;
    match digits.len() {
        6 | 8 if rest.iter().all(|piece| matches!(piece.sort, Sort::Sign('.' | ','))) => of_digits(digits, rules),
        4 if rest.is_empty() => rules.date(Some(year(digits).filter(|year| in_range(Some(year.number)))?), None, None),
        10 | 12 | 14 => {
            let time = Time::of_digits(&digits[8..], rest)?;
            let date = year_first(&digits[..8], rules)?;
            Some(Date { time: Some(time).filter(|time| !time.is_midnight()), ..date })
        }
        _ => None,
    }
}

/// Six or eight digits: the year first, or in the order of the region. An ambiguous date is not parsed.
pub(super) fn of_digits(digits: &str, rules: Rules) -> Option<Date> {
    let part = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<u8>().ok());
    let end = match digits.len() {
        8 => year(&digits[4..])?,
        6 => Year { number: digits[4..].parse().ok()?, is_short: true },
        _ => return None,
    };
    let first = match digits.len() {
        8 => year_first(digits, rules),
        _ => year(&digits[..4]).and_then(|year| rules.date(Some(year), part(4, 6), None)),
    };
    let month_first = rules.date(Some(end), part(0, 2), part(2, 4)).filter(|date| in_range(date.year));
    let day_first = rules.date(Some(end), part(2, 4), part(0, 2)).filter(|date| in_range(date.year));
    let by_region = match rules.order {
        Order::MonthFirst => month_first,
        Order::DayFirst => day_first,
        Order::Open if month_first.is_none() || month_first == day_first => day_first,
        Order::Open if day_first.is_none() => month_first,
        Order::Open => None,
    };
    match (first, by_region) {
        (Some(_), Some(_)) => None,
        (first, by_region) => first.or(by_region),
    }
}

fn year_first(digits: &str, rules: Rules) -> Option<Date> {
    let part = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<u8>().ok());
    let year = year(&digits[..4]).filter(|year| in_range(Some(year.number)))?;
    rules.date(Some(year), Some(part(4, 6)?), Some(part(6, 8)?))
}

/// Four digits as a year.
pub(super) fn year(digits: &str) -> Option<Year> {
    Some(Year { number: digits.parse().ok()?, is_short: false })
}

/// Years that a run of digits may begin or end with; otherwise the digits are not a date.
fn in_range(year: Option<u16>) -> bool {
    year.is_some_and(|year| (1850..=2100).contains(&year))
}
