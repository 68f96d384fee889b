//! How something did of late: calls and failures of the last minute, for `/health`.

use std::time::{Duration, Instant};

/// Counted in two halves, of which the older is dropped as a whole.
const HALF: Duration = Duration::from_secs(30);

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
    failures: u64,
}

impl Recent {
    /// Nothing counted yet.
    pub fn new(now: Instant) -> Self {
        Self { since: now, now: Counts::default(), before: Counts::default() }
    }

    /// Counts a call.
    pub fn count(&mut self, failed: bool, now: Instant) {
        self.turn(now);
        self.now.calls += 1;
        self.now.failures += u64::from(failed);
    }

    /// Whether most calls succeeded. No traffic is well; a single failure among many calls is no outage.
    pub fn is_well(mut self, now: Instant) -> bool {
        self.turn(now);
        let (calls, failures) = (self.now.calls + self.before.calls, self.now.failures + self.before.failures);
        failures * 2 <= calls
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
    use super::*;

    #[test]
    fn most_calls_of_the_last_minute_decide() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut recent = Recent::new(start);
        assert!(recent.is_well(start), "no traffic is well");
        recent.count(true, at(1));
        assert!(!recent.is_well(at(1)), "the only call failed");
        recent.count(false, at(2));
        recent.count(false, at(3));
        assert!(recent.is_well(at(3)), "one of three is no outage");
        recent.count(true, at(35));
        recent.count(true, at(36));
        assert!(!recent.is_well(at(37)), "three of five");
        assert!(!recent.is_well(at(70)), "two of two, half a minute ago");
        assert!(recent.is_well(at(100)), "nothing of late");
    }
}
