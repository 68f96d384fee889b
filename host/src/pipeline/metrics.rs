//! Prometheus counters. Labels are names of agents, kinds and passes: never an id, a token or a value.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
    core::Collector,
};

use super::plugin_stats::{PluginCounters, PluginStats};
use super::recent::{Outcome, Recent};
use crate::clock::Timestamp;
use crate::kind::Kind;
use crate::passes::PassReport;
use crate::session::{StageDurations, Status};

/// Histogram buckets in seconds: fine-grained where a voice call is sensitive to latency.
const BUCKETS: [f64; 14] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// All counters.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    redactions: IntCounterVec,
    plugin_calls: IntCounterVec,
    plugin_failures: IntCounterVec,
    plugin_durations: HistogramVec,
    plugins: PluginCounters,
    vault_size: IntGauge,
    retention_deleted: IntCounterVec,
    retention_failures: IntCounter,
    retention_last_success: IntGauge,
    upstream: Mutex<Recent>,
}

impl Metrics {
    /// Uses its own registry, so that tests do not share counters.
    pub fn new() -> Self {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter =
                IntCounterVec::new(Opts::new(name, help), labels).expect("the name and labels are well formed");
            register(&registry, counter)
        };
        let histogram = |name: &str, help: &str, labels: &[&str]| {
            let options = HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
            register(&registry, HistogramVec::new(options, labels).expect("the name and labels are well formed"))
        };
        Self {
            requests: counter("masker_requests_total", "Proxied requests.", &["agent", "status"]),
            durations: histogram("masker_request_duration_seconds", "Time spent per stage.", &["stage"]),
            redactions: counter("masker_redactions_total", "Spans replaced.", &["kind", "pass"]),
            plugin_calls: counter("masker_plugin_calls_total", "Calls of a plugin.", &["plugin"]),
            plugin_failures: counter("masker_plugin_failures_total", "Failed calls of a plugin.", &["plugin", "fault"]),
            plugin_durations: histogram("masker_plugin_duration_seconds", "Duration of a plugin's call.", &["plugin"]),
            vault_size: register(
                &registry,
                IntGauge::new("masker_vault_size_bytes", "Size of the vault's file.").expect("the name is well formed"),
            ),
            retention_deleted: counter(
                "masker_retention_deleted_total",
                "Rows deleted because their time was over.",
                &["what"],
            ),
            retention_failures: register(
                &registry,
                IntCounter::new("masker_retention_failures_total", "Passes of the retention that failed.")
                    .expect("the name is well formed"),
            ),
            retention_last_success: register(
                &registry,
                IntGauge::new(
                    "masker_retention_last_success_seconds",
                    "When the retention last deleted all that was due, in seconds since 1970; 0 for never.",
                )
                .expect("the name is well formed"),
            ),
            plugins: PluginCounters::default(),
            registry,
            upstream: Mutex::new(Recent::new(Instant::now())),
        }
    }

    /// An upstream was unreachable, closed the connection early, or reported a failure of its own.
    pub fn upstream_failed(&self) {
        self.count_upstream(Outcome::Failure);
    }

    /// An upstream answered, even if only to reject the request.
    pub fn upstream_answered(&self) {
        self.count_upstream(Outcome::Success);
    }

    /// Whether upstreams answer, judged by the calls of the last minute. No traffic counts as healthy.
    pub fn upstream_is_well(&self) -> bool {
        self.upstream.lock().unwrap_or_else(PoisonError::into_inner).is_well(Instant::now())
    }

    fn count_upstream(&self, outcome: Outcome) {
        // The counts are consistent after every statement, so a panic elsewhere does not corrupt them.
        self.upstream.lock().unwrap_or_else(PoisonError::into_inner).count(outcome, Instant::now());
    }

    /// Statistics of a plugin.
    pub fn plugin_stats(&self, plugin: &str) -> PluginStats {
        self.plugins.of(plugin)
    }

    /// Whether a plugin works, judged by its calls of the last minute. No traffic counts as healthy.
    pub fn plugin_is_well(&self, plugin: &str) -> bool {
        self.plugins.is_well(plugin)
    }

    /// The same for every plugin.
    pub fn plugins_are_well(&self) -> bool {
        self.plugins.are_well()
    }

    /// Resets a plugin's statistics: its name now refers to another component.
    pub fn forget_plugin(&self, plugin: &str) {
        self.plugins.forget(plugin);
    }

    /// Counts the results of passes.
    pub fn passes(&self, reports: &[PassReport]) {
        self.plugins.count(reports);
        for report in reports {
            let plugin = &*report.name;
            self.plugin_calls.with_label_values(&[plugin]).inc();
            self.plugin_durations.with_label_values(&[plugin]).observe(report.duration.as_secs_f64());
            if let Some(fault) = &report.fault {
                self.plugin_failures.with_label_values(&[plugin, fault.kind.as_str()]).inc();
            }
        }
    }

    /// Counts a replaced span.
    pub fn redaction(&self, kind: &Kind, pass: &str) {
        self.redactions.with_label_values(&[kind.as_str(), pass]).inc();
    }

    /// Counts a finished request.
    pub fn request(&self, agent: &str, status: Status, stages: &StageDurations) {
        self.requests.with_label_values(&[agent, status.as_str()]).inc();
        for (stage, millis) in [
            ("detection", stages.detection),
            ("tokenize", stages.tokenize),
            ("upstream", stages.upstream),
            ("rehydrate", stages.rehydrate),
        ] {
            self.durations.with_label_values(&[stage]).observe(millis / 1000.0);
        }
    }

    /// Sets the current size of the vault.
    pub fn vault_size(&self, bytes: u64) {
        self.vault_size.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Counts rows deleted by retention.
    pub fn retention_deleted(&self, what: &str, rows: usize) {
        self.retention_deleted.with_label_values(&[what]).inc_by(rows as u64);
    }

    /// Records the result of a retention run.
    pub fn retention_ended(&self, success_at: Option<Timestamp>) {
        match success_at {
            Some(now) => self.retention_last_success.set(now.millis().div_euclid(1000)),
            None => self.retention_failures.inc(),
        }
    }

    /// Encodes all metrics in Prometheus' text format.
    pub fn render(&self) -> Vec<u8> {
        let mut text = Vec::new();
        // Writing to memory does not fail.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> C {
    registry.register(Box::new(collector.clone())).expect("each metric is registered once, under its own name");
    collector
}
