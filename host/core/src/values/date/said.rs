//! Dates in parts: words and numbers in some order.

use super::super::lexicon::Word;
use super::super::reading::Order;
use super::super::spoken;
use super::super::surface::{Piece, Sort};
use super::parts::{long_year, small, year};
use super::{Date, Rules, numeric};

/// Parses a date; `None` if there are several.
pub(super) fn read(pieces: &[Piece], rules: Rules) -> Option<Date> {
    let pieces: Vec<Piece> = pieces.iter().filter(|piece| !means_nothing(piece)).cloned().collect();
    let pieces = trimmed(&pieces);
    match pieces.iter().position(|piece| matches!(piece.word, Word::Month(_))) {
        Some(at) => with_month(pieces, at, rules),
        None => in_numbers(pieces, rules),
    }
}

fn means_nothing(piece: &Piece) -> bool {
    let ending = piece.glued && matches!(&*piece.folded, "st" | "nd" | "rd" | "th" | "º" | "ª");
    ending
        || matches!(piece.word, Word::Filler | Word::Weekday)
        || matches!(&*piece.folded, "on" | "born" | "dob" | "year" | "ano" | "dia" | "day")
}

/// Separators between parts.
pub(super) fn is_break(piece: &Piece) -> bool {
    matches!(piece.sort, Sort::Sign('/' | '-' | '.' | ',' | '\'' | '’'))
        || matches!(piece.word, Word::Of | Word::Sign('/' | '-' | '.' | ','))
}

fn trimmed<'p, 't>(pieces: &'p [Piece<'t>]) -> &'p [Piece<'t>] {
    let is_outside = |piece: &Piece| is_break(piece) || piece.word == Word::And;
    let Some(start) = pieces.iter().position(|piece| !is_outside(piece)) else { return &[] };
    let end = pieces.iter().rposition(|piece| !is_outside(piece)).map_or(start, |end| end + 1);
    &pieces[start..end]
}

/// "march fourteenth nineteen eighty two", "14 March 1982", "march 1982", "march fourteenth".
fn with_month(pieces: &[Piece], at: usize, rules: Rules) -> Option<Date> {
    let Word::Month(month) = pieces[at].word else { return None };
    let (left, right) = (trimmed(&pieces[..at]), trimmed(&pieces[at + 1..]));
    if !left.is_empty() {
        // "1982 March 14" has the day on the right.
        return match small(left) {
            Some(day) if right.is_empty() => rules.date(None, Some(month), Some(day)),
            Some(day) => rules.date(Some(year(right)?), Some(month), Some(day)),
            None if right.is_empty() => rules.date(Some(long_year(left)?), Some(month), None),
            None => rules.date(Some(long_year(left)?), Some(month), Some(small(right)?)),
        };
    }
    let mut found = Several::default();
    for split in 0..=right.len() {
        let (day, rest) = (trimmed(&right[..split]), trimmed(&right[split..]));
        let days = if day.is_empty() { Some(None) } else { small(day).map(Some) };
        let years = if rest.is_empty() { Some(None) } else { year(rest).map(Some) };
        let (Some(day), Some(year)) = (days, years) else { continue };
        // A year of two digits right after a month is a day.
        if day.is_none() && year.is_some_and(|year| year.is_short && year.number <= 31) {
            continue;
        }
        found.add(rules.date(year, Some(month), day));
    }
    found.whole_or_only(rules)
}

/// "three fourteen eighty two", `3/14/1982`, `1982-03-14`, "3/14", digit by digit.
fn in_numbers(pieces: &[Piece], rules: Rules) -> Option<Date> {
    if let Some(date) = digit_by_digit(pieces, rules) {
        return Some(date);
    }
    // "catorce del tres" is a day of a month, but an ordinal cannot be a month: "the twelfth".
    let is_day_first = pieces.iter().any(|piece| piece.word == Word::Of) || pieces.first().is_some_and(is_ordinal);
    let order = if is_day_first { Order::DayFirst } else { rules.order };
    let mut found = [Several::default(), Several::default()];
    for first in 1..pieces.len() {
        let (a, rest) = (trimmed(&pieces[..first]), &pieces[first..]);
        if let (Some(year), Some((b, c))) = (long_year(a), two_parts(trimmed(rest))) {
            found[0].add(rules.date(Some(year), Some(b), Some(c)));
        }
        if let (Some(year), Some(month)) = (long_year(a), small(trimmed(rest)).filter(|_| is_break(&rest[0]))) {
            found[0].add(rules.date(Some(year), Some(month), None));
        }
        let Some(a) = small(a) else { continue };
        for second in 1..=rest.len() {
            let (b, c) = (trimmed(&rest[..second]), trimmed(&rest[second..]));
            let Some(b_number) = small(b) else { continue };
            if c.is_empty() && trimmed(rest).len() == b.len() {
                add_both(&mut found, order, |month, day| rules.date(None, Some(month), Some(day)), a, b_number);
            } else if let Some(year) = year(c) {
                add_both(&mut found, order, |month, day| rules.date(Some(year), Some(month), Some(day)), a, b_number);
            }
        }
        let rest = trimmed(rest);
        if let Some(year) = long_year(rest).filter(|_| rest.iter().all(|piece| piece.sort == Sort::Digits)) {
            found[0].add(rules.date(Some(year), Some(a), None));
        }
    }
    if let Some(year) = long_year(pieces) {
        found[0].add(rules.date(Some(year), None, None));
    }
    let [by_order, by_other] = found;
    match order {
        Order::Open => by_order.and(by_other).only(),
        _ if is_day_first => by_order.only(),
        // `24-4-2007` has only one possible order, whatever the region.
        _ => by_order.or(by_other).only(),
    }
}

fn is_ordinal(piece: &Piece) -> bool {
    matches!(piece.word, Word::Ordinal(_))
}

fn add_both(found: &mut [Several; 2], order: Order, date: impl Fn(u8, u8) -> Option<Date>, a: u8, b: u8) {
    let (usual, other) = match order {
        Order::DayFirst => (date(b, a), date(a, b)),
        Order::MonthFirst | Order::Open => (date(a, b), date(b, a)),
    };
    found[0].add(usual);
    found[1].add(other);
}

/// "fifteenth nineteen eighty two", "fifteenth", "eighty three": the repeated part of a date.
pub(super) fn day_and_year(pieces: &[Piece], rules: Rules) -> Option<Date> {
    let pieces: Vec<Piece> = pieces.iter().filter(|piece| !means_nothing(piece)).cloned().collect();
    let pieces = trimmed(&pieces);
    match small(pieces) {
        Some(day @ 1..=31) => return rules.date(None, None, Some(day)),
        Some(_) => return rules.date(Some(year(pieces)?), None, None),
        None => {}
    }
    let mut found = Several::default();
    for split in 1..pieces.len() {
        let parts = small(trimmed(&pieces[..split])).zip(year(trimmed(&pieces[split..])));
        found.add(parts.and_then(|(day, year)| rules.date(Some(year), None, Some(day))));
    }
    found.only()
}

/// Month and day after a year.
fn two_parts(pieces: &[Piece]) -> Option<(u8, u8)> {
    let at = pieces.iter().position(is_break)?;
    Some((small(trimmed(&pieces[..at]))?, small(trimmed(&pieces[at..]))?))
}

/// "oh three one four one nine eight two".
fn digit_by_digit(pieces: &[Piece], rules: Rules) -> Option<Date> {
    let single = |piece: &Piece| {
        matches!(piece.word, Word::Digit(_) | Word::Oh) || is_break(piece) || piece.letter() == Some('o')
    };
    if pieces.len() < 6 || !pieces.iter().all(single) {
        return None;
    }
    let digits = spoken::digits(pieces, |_| true)?;
    (digits.len() == 8).then(|| numeric::of_digits(&digits, rules))?
}

/// The dates found.
#[derive(Default)]
struct Several(Vec<Date>);

impl Several {
    fn add(&mut self, date: Option<Date>) {
        self.0.extend(date.filter(|date| !self.0.contains(date)));
    }

    fn only(self) -> Option<Date> {
        match self.0[..] {
            [date] => Some(date),
            // Complete dates are preferred.
            _ => {
                let mut whole = self.0.iter().filter(|date| date.day().is_some());
                whole.next().filter(|_| whole.next().is_none()).copied()
            }
        }
    }

    fn or(self, other: Self) -> Self {
        if self.0.is_empty() { other } else { self }
    }

    fn and(mut self, other: Self) -> Self {
        other.0.into_iter().for_each(|date| self.add(Some(date)));
        self
    }

    /// "march twenty twenty four" is a month of 2024, or a day. For a birth date it is a day.
    fn whole_or_only(self, rules: Rules) -> Option<Date> {
        if rules.century == super::Century::Past {
            return self.only();
        }
        match self.0[..] {
            [date] => Some(date),
            _ => None,
        }
    }
}
