//! Rate limits per account. Off by default.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::clock::Clock;
use crate::config::{Config, Rate};
use crate::ids::AccountId;

/// Number of requests between removals of idle accounts' state.
const FORGET_EVERY: u32 = 1024;

/// The rate limits.
pub struct Limits {
    proxy: Option<Limiter>,
    api: Option<Limiter>,
}

/// An account exceeded its rate limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateLimited {
    /// Whole seconds until the next request is allowed.
    pub retry_after: u64,
}

impl Limits {
    pub(super) fn new(config: &Config, clock: &Clock) -> Self {
        let limiter = |rate: Option<Rate>| rate.map(|rate| Limiter::new(rate, clock.clone()));
        Self { proxy: limiter(config.proxy_rate), api: limiter(config.api_rate) }
    }

    /// Counts a request to the proxy or webhook.
    ///
    /// # Errors
    /// The limit is exceeded.
    pub fn proxy(&self, account: AccountId) -> Result<(), RateLimited> {
        self.proxy.as_ref().map_or(Ok(()), |limiter| limiter.check(account))
    }

    /// Counts a request to the API.
    ///
    /// # Errors
    /// The limit is exceeded.
    pub fn api(&self, account: AccountId) -> Result<(), RateLimited> {
        self.api.as_ref().map_or(Ok(()), |limiter| limiter.check(account))
    }
}

/// A token bucket per account.
struct Limiter {
    buckets: RateLimiter<AccountId, HashMapStateStore<AccountId>, Ticks, NoOpMiddleware<Duration>>,
    clock: Clock,
    until_forgetting: AtomicU32,
}

impl Limiter {
    fn new(rate: Rate, clock: Clock) -> Self {
        let quota = Quota::per_second(rate.sustained).allow_burst(rate.burst);
        let state = HashMapStateStore::new(HashMap::default());
        let buckets = RateLimiter::new(quota, state, Ticks(clock.clone()));
        Self { buckets, clock, until_forgetting: AtomicU32::new(FORGET_EVERY) }
    }

    fn check(&self, account: AccountId) -> Result<(), RateLimited> {
        if self.until_forgetting.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.until_forgetting.store(FORGET_EVERY, Ordering::Relaxed);
            self.buckets.retain_recent();
            self.buckets.shrink_to_fit();
        }
        self.buckets.check_key(&account).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.monotonic());
            // Rounded up, so that a client that waits as told is let through.
            RateLimited { retry_after: wait.as_millis().div_ceil(1000).max(1) as u64 }
        })
    }
}

/// Adapts our clock to governor.
struct Ticks(Clock);

impl governor::clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.monotonic()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn limiter(rate: &str, clock: &Clock) -> Limiter {
        Limiter::new(rate.parse().expect("a rate"), clock.clone())
    }

    #[test]
    fn a_burst_is_let_through_and_then_the_sustained_rate() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let limiter = limiter("2:3", &clock);
        let account = AccountId::generate();
        for _ in 0..3 {
            assert_eq!(limiter.check(account), Ok(()));
        }
        assert_eq!(limiter.check(account), Err(RateLimited { retry_after: 1 }));
        assert_eq!(limiter.check(AccountId::generate()), Ok(()), "another account has its own");
        clock.set(Timestamp::from_millis(499));
        assert!(limiter.check(account).is_err());
        clock.set(Timestamp::from_millis(500));
        assert_eq!(limiter.check(account), Ok(()));
        assert!(limiter.check(account).is_err());
    }

    #[test]
    fn who_waits_as_long_as_it_was_told_is_let_through() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        // One request every 333,333,333.3 ns.
        let limiter = limiter("3:1", &clock);
        let account = AccountId::generate();
        let mut now = 0;
        for _ in 0..10 {
            assert_eq!(limiter.check(account), Ok(()));
            let told = limiter.check(account).expect_err("one too many").retry_after;
            assert_eq!(told, 1);
            now += told as i64 * 1000;
            clock.set(Timestamp::from_millis(now));
        }
    }

    #[test]
    fn accounts_that_have_gone_quiet_are_forgotten() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let limiter = limiter("1:1", &clock);
        for second in 0..10 * i64::from(FORGET_EVERY) {
            clock.set(Timestamp::from_millis(second * 10_000));
            assert_eq!(limiter.check(AccountId::generate()), Ok(()));
            assert!(limiter.buckets.len() <= FORGET_EVERY as usize + 1);
        }
    }
}
