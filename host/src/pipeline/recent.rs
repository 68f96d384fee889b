//! Calls and failures of the last minute, for `/health`.

use std::time::{Duration, Instant};

/// Counted in two halves; the older half is dropped as a whole.
const HALF: Duration = Duration::from_secs(30);
/// Fewer calls are not conclusive: one slow answer is not an outage.
const ENOUGH: u64 = 5;

/// The outcome of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Success.
    Success,
    /// A failure that does not depend on the input.
    Failure,
    /// A failure that may be due to the input. It counts as a sign of a fault only if no call succeeds.
    FailureOfInput,
}

/// Counts of the last 30 to 60 seconds.
#[derive(Clone, Copy, Debug)]
pub struct Recent {
    since: Instant,
    now: Counts,
    before: Counts,
}

#[derive(Clone, Copy, Default, Debug)]
struct Counts {
    calls: u64,
    successes: u64,
    failures: u64,
}

impl Recent {
    /// Empty counts.
    pub fn new(now: Instant) -> Self {
        Self { since: now, now: Counts::default(), before: Counts::default() }
    }

    /// Counts a call.
    pub fn count(&mut self, outcome: Outcome, now: Instant) {
        self.turn(now);
        self.now.calls += 1;
        self.now.successes += u64::from(outcome == Outcome::Success);
        self.now.failures += u64::from(outcome == Outcome::Failure);
    }

    /// Whether the target works, if there are enough calls to judge: most did not fail, and at least one succeeded.
    pub fn is_well(mut self, now: Instant) -> bool {
        self.turn(now);
        let sum = |count: fn(&Counts) -> u64| count(&self.now) + count(&self.before);
        let calls = sum(|counts| counts.calls);
        calls < ENOUGH || (sum(|counts| counts.failures) * 2 <= calls && sum(|counts| counts.successes) > 0)
    }

    fn turn(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.since);
        if passed < HALF {
            return;
        }
        self.before = if passed < 2 * HALF { self.now } else { Counts::default() };
        self.now = Counts::default();
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome::{Failure, FailureOfInput, Success};
    use super::*;

    fn after(outcomes: &[Outcome]) -> bool {
        let now = Instant::now();
        let mut recent = Recent::new(now);
        outcomes.iter().for_each(|outcome| recent.count(*outcome, now));
        recent.is_well(now)
    }

    #[test]
    fn most_of_enough_calls_decide() {
        assert!(after(&[]), "no traffic is well");
        assert!(after(&[Failure]), "one slow call is no outage");
        assert!(after(&[Failure; 4]), "neither are four");
        assert!(!after(&[Failure; 5]));
        assert!(!after(&[Success, Success, Failure, Failure, Failure]), "three of five");
        assert!(after(&[Success, Success, Success, Failure, Failure, Failure]), "three of six");
    }

    #[test]
    fn what_fails_on_an_input_is_well_as_long_as_another_succeeds() {
        let mut many = [FailureOfInput; 20];
        assert!(!after(&many), "it fails on whatever it gets");
        many[3] = Success;
        assert!(after(&many));
        many[4..16].fill(Failure);
        assert!(!after(&many));
    }

    #[test]
    fn what_was_counted_is_forgotten_after_a_minute() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut recent = Recent::new(start);
        (0..5).for_each(|_| recent.count(Failure, at(1)));
        assert!(!recent.is_well(at(59)), "half a minute ago");
        assert!(recent.is_well(at(61)), "nothing of late");
        (0..5).for_each(|_| recent.count(Failure, at(70)));
        (0..5).for_each(|_| recent.count(Success, at(101)));
        assert!(recent.is_well(at(102)), "as many succeed again");
    }
}
