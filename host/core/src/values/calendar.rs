//! Days of the Gregorian calendar.

/// A day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Day {
    pub(super) year: u16,
    pub(super) month: u8,
    pub(super) day: u8,
}

impl Day {
    /// A valid day in the years 1 to 9999.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let is_there =
            (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=days(year, month)).contains(&day);
        is_there.then_some(Self { year, month, day })
    }

    /// The day, in UTC, of a moment in milliseconds since 1970-01-01T00:00:00Z.
    pub fn of_millis(millis: i64) -> Self {
        // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": civil_from_days.
        let days = millis.div_euclid(86_400_000) + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self { year: year.clamp(1, 9999) as u16, month: month as u8, day: day as u8 }
    }

    /// Whole years from this day to a later one; `None` if the other day is earlier.
    pub(super) fn years_until(self, later: Self) -> Option<u16> {
        let years = later.year.checked_sub(self.year)?;
        let before = (later.month, later.day) < (self.month, self.day);
        years.checked_sub(u16::from(before))
    }

    /// Monday is 0.
    pub(super) fn weekday(self) -> usize {
        // Sakamoto's method.
        const SHIFTS: [u16; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
        let year = self.year - u16::from(self.month < 3);
        let sum = year + year / 4 - year / 100 + year / 400 + SHIFTS[usize::from(self.month - 1)] + u16::from(self.day);
        usize::from((sum + 6) % 7)
    }
}

/// Number of days in a month.
pub(super) fn days(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(Day::of_millis(0), Day { year: 1970, month: 1, day: 1 });
        assert_eq!(Day::of_millis(1_796_083_200_000), Day { year: 2026, month: 12, day: 1 });
        assert_eq!(Day::of_millis(-1), Day { year: 1969, month: 12, day: 31 });
        assert_eq!(Day::new(1982, 3, 14).map(Day::weekday), Some(6), "a Sunday");
        assert_eq!(Day::new(2000, 2, 29).map(Day::weekday), Some(1), "a Tuesday");
        assert!(Day::new(1982, 2, 31).is_none() && Day::new(1900, 2, 29).is_none() && Day::new(1982, 0, 1).is_none());
        let (born, today) = (Day::new(1982, 12, 2), Day::new(2026, 12, 1));
        assert_eq!(born.zip(today).and_then(|(born, today)| born.years_until(today)), Some(43));
    }
}
