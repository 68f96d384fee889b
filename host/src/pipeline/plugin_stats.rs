//! Plugin statistics since the last start, for the list of plugins: calls, failures and latency.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::recent::{Outcome, Recent};
use crate::passes::{FaultKind, PassReport};
use crate::session::latency;

/// Statistics of one plugin.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct PluginStats {
    /// Number of runs.
    pub calls: u64,
    /// Number of failures.
    pub failures: u64,
    /// Median latency in milliseconds.
    pub p50_ms: Option<f64>,
    /// 99th percentile of the latency in milliseconds.
    pub p99_ms: Option<f64>,
}

/// Statistics of all plugins, by name.
#[derive(Default)]
pub struct PluginCounters(Mutex<HashMap<Arc<str>, Counters>>);

struct Counters {
    failures: u64,
    buckets: BTreeMap<u32, u64>,
    recent: Recent,
}

impl PluginCounters {
    /// Counts the results of passes.
    pub fn count(&self, reports: &[PassReport]) {
        let now = Instant::now();
        let mut plugins = self.lock();
        for report in reports {
            let counters = plugins.entry(report.name.clone()).or_insert_with(|| Counters {
                failures: 0,
                buckets: BTreeMap::new(),
                recent: Recent::new(now),
            });
            counters.recent.count(outcome(report), now);
            counters.failures += u64::from(report.fault.is_some());
            *counters.buckets.entry(latency::bucket(report.duration.as_secs_f64() * 1000.0)).or_default() += 1;
        }
    }

    /// Whether a plugin works, judged by its calls of the last minute.
    pub fn is_well(&self, plugin: &str) -> bool {
        self.lock().get(plugin).is_none_or(|counters| counters.recent.is_well(Instant::now()))
    }

    /// The same for all plugins.
    pub fn are_well(&self) -> bool {
        let now = Instant::now();
        self.lock().values().all(|counters| counters.recent.is_well(now))
    }

    /// Resets the statistics of a name that now refers to another component.
    pub fn forget(&self, plugin: &str) {
        self.lock().remove(plugin);
    }

    /// Statistics of a plugin.
    pub fn of(&self, plugin: &str) -> PluginStats {
        let plugins = self.lock();
        let Some(counters) = plugins.get(plugin) else { return PluginStats::default() };
        let buckets: Vec<(u32, u64)> = counters.buckets.iter().map(|(bucket, count)| (*bucket, *count)).collect();
        PluginStats {
            calls: buckets.iter().map(|(_, count)| count).sum(),
            failures: counters.failures,
            p50_ms: latency::percentile(&buckets, 50),
            p99_ms: latency::percentile(&buckets, 99),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Counters>> {
        // Consistent after every statement, so a panic elsewhere does not corrupt it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a call counts for the plugin. A text can make a working plugin trap or exceed its deadline.
fn outcome(report: &PassReport) -> Outcome {
    match report.fault.as_ref().map(|fault| fault.kind) {
        None => Outcome::Success,
        Some(FaultKind::Start) => Outcome::Failure,
        Some(
            FaultKind::Timeout
            | FaultKind::Memory
            | FaultKind::Trap
            | FaultKind::Output
            | FaultKind::Finding
            | FaultKind::Plugin,
        ) => Outcome::FailureOfInput,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::passes::PassFault;
    use crate::passes::fault::FaultDetail;

    #[test]
    fn a_text_that_a_plugin_fails_on_is_not_its_health() {
        let report = |fault: Option<FaultKind>| PassReport {
            name: "a".into(),
            duration: Duration::ZERO,
            fault: fault.map(|kind| PassFault { kind, detail: FaultDetail::Words("it failed") }),
        };
        let counters = PluginCounters::default();
        let of_input = [FaultKind::Timeout, FaultKind::Memory, FaultKind::Trap, FaultKind::Output, FaultKind::Finding];
        for kind in of_input.into_iter().chain([FaultKind::Plugin]) {
            counters.forget("a");
            counters.count(&[report(None)]);
            (0..20).for_each(|_| counters.count(&[report(Some(kind))]));
            assert!(counters.is_well("a") && counters.are_well(), "{kind:?}");
        }
        for _ in 0..50 {
            counters.count(&[report(Some(FaultKind::Start))]);
        }
        assert!(!counters.is_well("a") && !counters.are_well(), "it cannot be started");
    }

    #[test]
    fn calls_failures_and_times_are_counted_for_each_plugin() {
        let counters = PluginCounters::default();
        let report = |name: &str, micros: u64, fails: bool| PassReport {
            name: name.into(),
            duration: Duration::from_micros(micros),
            fault: fails.then_some(PassFault { kind: FaultKind::Trap, detail: FaultDetail::Words("it trapped") }),
        };
        counters.count(&[report("a", 5, false), report("b", 7, true)]);
        counters.count(&[report("a", 5, false), report("a", 9, false)]);
        let stats = PluginStats { calls: 3, failures: 0, p50_ms: Some(0.005), p99_ms: Some(0.009) };
        assert_eq!(counters.of("a"), stats);
        assert_eq!((counters.of("b").calls, counters.of("b").failures), (1, 1));
        counters.forget("a");
        assert_eq!(counters.of("a"), PluginStats::default());
    }
}
