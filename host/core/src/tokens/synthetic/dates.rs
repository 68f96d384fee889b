//! Surrogates for dates and ages: shifted by noise, in the format of the original.

use chrono::{Datelike, NaiveDate, TimeDelta};
use masker_words::Language::English;
use masker_words::{month_names, months, say};

use super::dice::Dice;
use super::numbers::{like, parts};

/// The distance between dates, in days, to which epsilon refers.
const NEIGHBOURS: f64 = 30.0;

/// A part of a date, with its text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part<'t> {
    Month(&'t str),
    MonthNumber(&'t str),
    Day(&'t str),
    /// `st`, `nd`, `rd` or `th`, directly after the day.
    Suffix(&'t str),
    Year(&'t str),
    DayWords(&'t str),
    YearWords(&'t str),
    Other(&'t str),
}

/// The date, shifted by Laplace noise; `None` if the text cannot be parsed as a date or the result is outside the
/// supported years.
pub fn shifted(dice: &mut Dice, text: &str, epsilon: f64) -> Option<String> {
    let (parts, date) = read(text)?;
    let days = dice.laplace(NEIGHBOURS / epsilon).round().clamp(-100_000.0, 100_000.0);
    let date = date.checked_add_signed(TimeDelta::days(days as i64))?;
    (1880..2120).contains(&date.year()).then(|| write(&parts, date))
}

/// An age, shifted by noise; `None` if the text has no age.
pub fn aged(dice: &mut Dice, text: &str, epsilon: f64) -> Option<String> {
    let noise = dice.laplace(1.0 / epsilon).round();
    let moved = |age: u32| (f64::from(age) + noise).clamp(0.0, 120.0) as u32;
    let words = groups(text);
    if let Some(at) = words.iter().position(|word| word.bytes().all(|b| b.is_ascii_digit())) {
        let age = moved(words[at].parse().ok()?).to_string();
        return Some(replaced(&words, at..at + 1, &age));
    }
    let at = words.iter().position(|word| cardinal(word).is_some())?;
    let (age, len) = below_hundred(&words[at..])?;
    Some(replaced(&words, at..at + len, &like(words[at], &say::cardinal(English, moved(age)).to_string())))
}

fn replaced(words: &[&str], range: std::ops::Range<usize>, new: &str) -> String {
    format!("{}{new}{}", words[..range.start].concat(), words[range.end..].concat())
}

/// Words, numbers and separators.
fn groups(text: &str) -> Vec<&str> {
    let (mut groups, mut start, mut end) = (Vec::new(), 0, 0);
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    for part in parts(text) {
        if end > start && !(is_number(&text[start..end]) && is_number(part)) {
            groups.push(&text[start..end]);
            start = end;
        }
        end += part.len();
    }
    groups.extend((end > start).then(|| &text[start..end]));
    groups
}

fn read(text: &str) -> Option<(Vec<Part<'_>>, NaiveDate)> {
    let words = groups(text);
    let named = words.iter().position(|word| month(word).is_some());
    match named {
        Some(at) => read_named(&words, at),
        None => read_numbers(&words),
    }
}

fn month(word: &str) -> Option<u32> {
    let lower = word.to_ascii_lowercase();
    let fits = |name: &str| name == lower || matches!(lower.len(), 3..=4) && name.starts_with(&lower);
    months(English).iter().find(|(name, _)| fits(name)).map(|(_, month)| u32::from(*month))
}

fn read_named<'t>(words: &[&'t str], month_at: usize) -> Option<(Vec<Part<'t>>, NaiveDate)> {
    let (mut parts, mut day, mut year) = (Vec::new(), None, None);
    let mut at = 0;
    while at < words.len() {
        let word = words[at];
        let number = word.parse::<u32>().ok().filter(|_| word.bytes().all(|b| b.is_ascii_digit()));
        if at == month_at {
            parts.push(Part::Month(word));
        } else if let (Some(number @ 1..=31), None, 1..=2) = (number, day, word.len()) {
            day = Some(number);
            parts.push(Part::Day(word));
            if let Some(suffix) =
                words.get(at + 1).filter(|next| ["st", "nd", "rd", "th"].contains(&&*next.to_ascii_lowercase()))
            {
                parts.push(Part::Suffix(suffix));
                at += 1;
            }
        } else if let (Some(number), 2 | 4, None) = (number, word.len(), year) {
            year = Some(full_year(number, word));
            parts.push(Part::Year(word));
        } else if let (Some((number, len)), None) = (ordinal(&words[at..]), day) {
            day = Some(number);
            parts.push(Part::DayWords(word));
            at += len - 1;
        } else if let (Some((number, len)), None) = (year_words(&words[at..]), year) {
            year = Some(number);
            parts.push(Part::YearWords(word));
            at += len - 1;
        } else {
            parts.push(Part::Other(word));
        }
        at += 1;
    }
    // Without a year, a leap year, which has every day.
    let date = NaiveDate::from_ymd_opt(year.unwrap_or(2004), month(words[month_at])?, day.unwrap_or(15))?;
    Some((parts, date))
}

/// The role of a number in a date.
type MakePart<'t> = fn(&'t str) -> Part<'t>;

fn read_numbers<'t>(words: &[&'t str]) -> Option<(Vec<Part<'t>>, NaiveDate)> {
    let is_number = |word: &&str| word.bytes().all(|b| b.is_ascii_digit());
    let numbers: Vec<(&str, u32)> = words
        .iter()
        .filter(|word| is_number(word))
        .map(|word| Some((*word, word.parse().ok()?)))
        .collect::<Option<_>>()?;
    let (order, date): (&[MakePart<'t>], _) = match numbers.as_slice() {
        [(year, y), (_, m), (_, d)] if year.len() == 4 => {
            (&[Part::Year, Part::MonthNumber, Part::Day], (*y as i32, *m, *d))
        }
        [(_, d), (_, m), (year, y)] if *d > 12 => {
            (&[Part::Day, Part::MonthNumber, Part::Year], (full_year(*y, year), *m, *d))
        }
        [(_, m), (_, d), (year, y)] => (&[Part::MonthNumber, Part::Day, Part::Year], (full_year(*y, year), *m, *d)),
        [(_, m), (year, y)] if year.len() == 4 => (&[Part::MonthNumber, Part::Year], (*y as i32, *m, 15)),
        [(_, m), (_, d)] => (&[Part::MonthNumber, Part::Day], (2004, *m, *d)),
        [(year, y)] if year.len() == 4 => (&[Part::Year], (*y as i32, 7, 1)),
        _ => return None,
    };
    let mut order = order.iter();
    let part = |word: &&'t str| match is_number(word) {
        true => order.next().map(|part| part(word)),
        false => Some(Part::Other(word)),
    };
    Some((words.iter().map(part).collect::<Option<_>>()?, NaiveDate::from_ymd_opt(date.0, date.1, date.2)?))
}

fn write(parts: &[Part<'_>], date: NaiveDate) -> String {
    let padded = |own: &str, number: u32| {
        if own.len() == 2 && own.starts_with('0') || own.len() == 2 && number > 9 {
            format!("{number:02}")
        } else {
            number.to_string()
        }
    };
    let name = |own: &str| {
        let names = month_names(English);
        let name = names[date.month0() as usize];
        // May is not an abbreviation.
        let is_short = own.len() <= 4 && !names.iter().any(|name| name.eq_ignore_ascii_case(own));
        like(own, if is_short { &name[..own.len().min(name.len())] } else { name })
    };
    let mut out = String::new();
    for part in parts {
        out.push_str(&match part {
            Part::Month(own) => name(own),
            Part::MonthNumber(own) => padded(own, date.month()),
            Part::Day(own) => padded(own, date.day()),
            Part::Suffix(own) => like(own, suffix(date.day())),
            Part::Year(own) if own.len() == 2 => format!("{:02}", date.year() % 100),
            Part::Year(_) => date.year().to_string(),
            Part::DayWords(own) => like(own, &say::ordinal(English, date.day()).to_string()),
            Part::YearWords(own) => like(own, &say::year(English, date.year() as u32).to_string()),
            Part::Other(own) => (*own).to_owned(),
        });
    }
    out
}

fn full_year(number: u32, word: &str) -> i32 {
    match (word.len(), number) {
        (2, 0..=29) => 2000 + number as i32,
        (2, _) => 1900 + number as i32,
        _ => number as i32,
    }
}

fn suffix(day: u32) -> &'static str {
    match (day / 10, day % 10) {
        (1, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    }
}

fn cardinal(word: &str) -> Option<u32> {
    masker_words::cardinal(English, word).filter(|value| *value < 100)
}

/// The word after one separator, with its position.
fn next_word<'t>(words: &[&'t str], at: usize) -> Option<(&'t str, usize)> {
    let between = words.get(at)?;
    matches!(*between, " " | "-").then(|| words.get(at + 1).map(|word| (*word, at + 2)))?
}

/// A leading number below a hundred, and the number of groups it takes.
fn below_hundred(words: &[&str]) -> Option<(u32, usize)> {
    let first = cardinal(words.first()?)?;
    match next_word(words, 1).and_then(|(word, end)| Some((cardinal(word)?, end))) {
        Some((unit @ 1..10, end)) if first >= 20 => Some((first + unit, end)),
        _ => Some((first, 1)),
    }
}

fn ordinal(words: &[&str]) -> Option<(u32, usize)> {
    let first = words.first()?;
    let ordinal = |word| masker_words::ordinal(English, word);
    if let Some(day @ 1..=30) = ordinal(first) {
        return Some((day, 1));
    }
    let tens = cardinal(first).filter(|tens| matches!(tens, 20 | 30))?;
    let (word, end) = next_word(words, 1)?;
    Some((tens + ordinal(word).filter(|unit| *unit < 10)?, end))
}

/// `nineteen sixty two`, `two thousand five`, `twenty twenty four`.
fn year_words(words: &[&str]) -> Option<(i32, usize)> {
    let first = words.first()?.to_ascii_lowercase();
    let (second, end) = next_word(words, 1)?;
    if first == "two" && second.eq_ignore_ascii_case("thousand") {
        let rest = next_word(words, end).map(|(word, next)| {
            if word == "and" { next_word(words, next).map_or(next, |(_, after)| after - 1) } else { next - 1 }
        });
        let found = rest.and_then(|at| below_hundred(&words[at..]).map(|(number, len)| (number, at + len)));
        return Some(found.map_or((2000, end), |(number, end)| (2000 + number as i32, end)));
    }
    let century = match first.as_str() {
        "eighteen" => 1800,
        "nineteen" => 1900,
        "twenty" => 2000,
        _ => return None,
    };
    if second.eq_ignore_ascii_case("oh") {
        let (unit, end) = next_word(words, end)?;
        return Some((century + cardinal(unit).filter(|unit| *unit < 10)? as i32, end));
    }
    let (rest, len) = below_hundred(&words[end - 1..])?;
    (rest >= 10).then_some((century + rest as i32, end - 1 + len))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks how a text is parsed, and that it is printed unchanged.
    #[track_caller]
    fn check(text: &str, date: (i32, u32, u32)) {
        let (parts, found) = read(text).unwrap_or_else(|| panic!("{text} is a date"));
        assert_eq!((found.year(), found.month(), found.day()), date, "{text}");
        assert_eq!(write(&parts, found), text);
    }

    #[test]
    fn dates_are_read_and_written_in_their_form() {
        check("March 14, 1962", (1962, 3, 14));
        check("14 March 1962", (1962, 3, 14));
        check("mar 3rd", (2004, 3, 3));
        check("the third of June", (2004, 6, 3));
        check("June twenty first nineteen sixty two", (1962, 6, 21));
        check("may twelfth two thousand five", (2005, 5, 12));
        check("May first twenty twenty four", (2024, 5, 1));
        check("July nineteen eighty", (1980, 7, 15));
        check("July fourth nineteen oh five", (1905, 7, 4));
        check("3/14/1962", (1962, 3, 14));
        check("03-04-62", (1962, 3, 4));
        check("1962-03-14", (1962, 3, 14));
        check("31.12.1999", (1999, 12, 31));
        check("3/14", (2004, 3, 14));
        check("12/2030", (2030, 12, 15));
        check("1962", (1962, 7, 1));
        for other in ["next Tuesday", "Monday", "2/30/1999", "40 41 42", ""] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn a_date_keeps_its_form_when_it_moves() {
        let moved: Vec<String> =
            (0..50).filter_map(|at| shifted(&mut Dice::new(&[at; 32], &[]), "March 14th, 1962", 0.5)).collect();
        assert!(moved.len() == 50 && moved.iter().any(|date| !date.starts_with("March")), "{moved:?}");
        for date in &moved {
            let (_, read_back) = read(date).unwrap_or_else(|| panic!("{date} is a date"));
            assert!((1880..2120).contains(&read_back.year()) && date.contains(", "), "{date}");
        }
    }

    #[test]
    fn a_smaller_epsilon_moves_dates_further() {
        let original = NaiveDate::from_ymd_opt(1962, 3, 14).expect("a date");
        let mean = |epsilon: f64| {
            let days = (0..2000u32).filter_map(|at| {
                let moved = shifted(&mut Dice::new(&[1; 32], &[&at.to_le_bytes()]), "1962-03-14", epsilon)?;
                Some((read(&moved)?.1 - original).num_days().abs())
            });
            let days: Vec<i64> = days.collect();
            days.iter().sum::<i64>() as f64 / days.len() as f64
        };
        // The mean of the absolute noise is its scale: 30 days divided by epsilon.
        for (epsilon, scale) in [(0.5, 60.0), (1.0, 30.0), (3.0, 10.0)] {
            let mean = mean(epsilon);
            assert!((scale * 0.9..scale * 1.1).contains(&mean), "{epsilon}: {mean}");
        }
    }

    #[test]
    fn ages_move_by_years() {
        let aged = |text: &str, at: u8| aged(&mut Dice::new(&[at; 32], &[]), text, 0.5);
        for at in 0..50 {
            let text = aged("92 years old", at).expect("an age");
            let age: u32 = text.strip_suffix(" years old").expect("the rest stays").parse().expect("a number");
            assert!(age <= 120, "{text}");
            let spoken = aged("ninety two", at).expect("an age");
            assert!(below_hundred(&groups(&spoken)).is_some() || spoken.starts_with("one hundred"), "{spoken}");
        }
        assert_eq!(aged("old", 1), None);
    }
}
