//! Time, with a clock that tests can set.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, Utc};

/// A moment, in whole milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(i64);

/// 10000-01-01T00:00:00Z, in milliseconds.
const YEAR_10000: i64 = 253_402_300_800_000;

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Parses RFC 3339, such as `2026-05-03T21:14:32.481Z`; digits beyond milliseconds are truncated. Accepts 1970 to
    /// the end of 9999 in UTC: the printed form has a four-digit year and parses back.
    pub fn parse(text: &str) -> Option<Self> {
        let moment = DateTime::parse_from_rfc3339(text).ok()?;
        let millis = moment.timestamp_millis();
        (0..YEAR_10000).contains(&millis).then_some(Self(millis))
    }

    /// Milliseconds since the epoch.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// The timestamp `days` days earlier.
    pub fn days_before(self, days: u32) -> Self {
        Self(self.0 - i64::from(days) * 86_400_000)
    }
}

impl fmt::Display for Timestamp {
    /// ISO 8601, UTC, milliseconds: `2026-05-03T21:14:32.481Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = DateTime::<Utc>::from_timestamp_millis(self.0).unwrap_or_default();
        f.write_str(&moment.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// The wall clock, or a manual clock for tests.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The system clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that returns `start` until [`Clock::set`].
    pub fn manual(start: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(start.0))))
    }

    /// Sets a manual clock; has no effect on the system clock.
    pub fn set(&self, now: Timestamp) {
        if let Some(cell) = &self.0 {
            cell.store(now.0, Ordering::Relaxed);
        }
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Some(cell) => Timestamp(cell.load(Ordering::Relaxed)),
            None => Timestamp(Utc::now().timestamp_millis()),
        }
    }

    /// Monotonic time since an arbitrary moment, for measuring durations: it never decreases, also when the system
    /// clock is changed.
    pub fn monotonic(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        match &self.0 {
            Some(cell) => Duration::from_millis(cell.load(Ordering::Relaxed).unsigned_abs()),
            None => START.elapsed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_milliseconds_and_z() {
        assert_eq!(Timestamp::from_millis(1_777_842_872_481).to_string(), "2026-05-03T21:14:32.481Z");
    }

    #[test]
    fn reads_what_it_prints_and_other_zones() {
        let moment = Some(Timestamp::from_millis(1_777_842_872_481));
        for text in ["2026-05-03T21:14:32.481Z", "2026-05-03T23:14:32.481999+02:00", "2026-05-03t21:14:32.481z"] {
            assert_eq!(Timestamp::parse(text), moment, "{text}");
        }
        for text in ["", "2026-05-03", "2026-05-03T21:14:32", "1777842872481", "2026-13-03T21:14:32Z"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_year_has_four_digits() {
        for text in ["1970-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"] {
            assert_eq!(Timestamp::parse(text).expect("a moment").to_string(), text);
        }
        for text in [
            "9999-12-31T23:59:59-00:01",
            "10000-01-01T00:00:00Z",
            "+10000-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "-0001-01-01T00:00:00Z",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }
}
