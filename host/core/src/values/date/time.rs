//! The time of day after a date. Systems that store dates as moments write midnight.

use zeroize::Zeroize;

use super::super::surface::{Piece, Sort};

/// Seconds of the day and, if given, the UTC offset in minutes.
#[derive(Clone, Copy, PartialEq, Eq, Zeroize)]
pub(in super::super) struct Time {
    seconds: u32,
    fraction: u32,
    offset: Option<i16>,
}

impl Time {
    /// Midnight, in any zone.
    pub fn is_midnight(&self) -> bool {
        self.seconds == 0 && self.fraction == 0
    }

    pub fn key(&self, key: &mut Vec<u8>) {
        key.extend(self.seconds.to_be_bytes());
        key.extend(self.fraction.to_be_bytes());
        if let Some(offset) = self.offset {
            key.extend(offset.to_be_bytes());
        }
    }

    /// `09:30:00`.
    pub fn written(&self) -> String {
        format!("{:02}:{:02}:{:02}", self.seconds / 3600, self.seconds / 60 % 60, self.seconds % 60)
    }

    /// `Z` or `-05:00`; empty without an offset.
    pub fn zone(&self) -> String {
        match self.offset {
            None => String::new(),
            Some(0) => "Z".into(),
            Some(offset) => {
                let sign = if offset < 0 { '-' } else { '+' };
                format!("{sign}{:02}:{:02}", offset.unsigned_abs() / 60, offset.unsigned_abs() % 60)
            }
        }
    }

    /// Parses the digits after the day in `19820314093000`.
    pub fn of_digits(digits: &str, zone: &[Piece]) -> Option<Self> {
        let two = |at: usize| digits.get(at..at + 2).map_or(Some(0), |two| two.parse::<u32>().ok());
        if !matches!(digits.len(), 2 | 4 | 6) {
            return None;
        }
        let fraction = match zone {
            [dot, fraction, ..] if dot.sort == Sort::Sign('.') => decimals(fraction.digits()?)?,
            _ => 0,
        };
        let rest = if fraction > 0 || zone.first().is_some_and(|piece| piece.sort == Sort::Sign('.')) { 2 } else { 0 };
        clock(two(0)?, two(2)?, two(4)?, fraction, offset(zone.get(rest..)?)?)
    }
}

/// The pieces of the date and the time after them. `None` if the time is invalid.
pub(super) fn split<'p, 't>(pieces: &'p [Piece<'t>]) -> Option<(&'p [Piece<'t>], Option<Time>)> {
    let Some(colon) = pieces.iter().position(|piece| piece.sort == Sort::Sign(':')).filter(|colon| *colon > 0) else {
        return Some((pieces, None));
    };
    let number =
        |at: usize| pieces.get(at).and_then(Piece::digits).filter(|digits| digits.len() <= 2)?.parse::<u32>().ok();
    let is = |at: usize, sign: char| pieces.get(at).is_some_and(|piece| piece.sort == Sort::Sign(sign));
    let (mut hour, minute) = (number(colon - 1)?, number(colon + 1)?);
    let (mut at, mut second, mut fraction) = (colon + 2, 0, 0);
    if is(at, ':') {
        (second, at) = (number(at + 1)?, at + 2);
        if is(at, '.') || is(at, ',') {
            (fraction, at) = (decimals(pieces.get(at + 1)?.digits()?)?, at + 2);
        }
    }
    match pieces.get(at).map(|piece| &*piece.folded) {
        Some("am") => (hour, at) = (hour % 12, at + 1),
        Some("pm") => (hour, at) = (hour % 12 + 12, at + 1),
        _ => {}
    }
    let time = clock(hour, minute, second, fraction, offset(pieces.get(at..)?)?)?;
    let before = &pieces[..colon - 1];
    let end =
        before.iter().rposition(|piece| !(piece.is_word("t") || piece.is_word("at") || piece.sort == Sort::Sign(',')));
    Some((&before[..end.map_or(0, |end| end + 1)], Some(time)))
}

fn clock(hour: u32, minute: u32, second: u32, fraction: u32, offset: Option<i16>) -> Option<Time> {
    (hour < 24 && minute < 60 && second < 60).then_some(Time {
        seconds: hour * 3600 + minute * 60 + second,
        fraction,
        offset,
    })
}

/// A fraction of a second in nanoseconds.
fn decimals(digits: &str) -> Option<u32> {
    (digits.len() <= 9).then(|| format!("{digits:0<9}").parse().ok())?
}

/// The UTC offset, up to the end: `Z`, `UTC`, `+00:00`, `-0500`.
fn offset(pieces: &[Piece]) -> Option<Option<i16>> {
    let minutes = |hours: &str, minutes: &str| Some(hours.parse::<i16>().ok()? * 60 + minutes.parse::<i16>().ok()?);
    let signed = |sign: &Piece, minutes: i16| match sign.sort {
        Sort::Sign('+') => Some(minutes),
        Sort::Sign('-') => Some(-minutes),
        _ => None,
    };
    match pieces {
        [] => Some(None),
        [zone] if matches!(&*zone.folded, "z" | "utc" | "gmt") => Some(Some(0)),
        [sign, digits] => match digits.digits()? {
            four if four.len() == 4 => signed(sign, minutes(&four[..2], &four[2..])?).map(Some),
            two if two.len() == 2 => signed(sign, minutes(two, "0")?).map(Some),
            _ => None,
        },
        [sign, hours, _, rest] => {
            let (hours, rest) = (hours.digits()?, rest.digits()?);
            (hours.len() == 2 && rest.len() == 2).then(|| signed(sign, minutes(hours, rest)?))?.map(Some)
        }
        _ => None,
    }
}
