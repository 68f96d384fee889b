//! Runs the passes of a policy, in order, under a time budget.
//!
//! A pass takes messages and returns findings. A [`PassRunner`] runs it; the only implementation is a sandboxed
//! component (`wasm`). A failed pass is never retried on the same request: the policy's `on_error` decides.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sensitive::SensitiveText;

pub mod fault;
pub mod finding;
pub mod forms;
pub mod memory;
pub mod merge;

use fault::FaultDetail;
use finding::Finding;

/// One message of the conversation, as a pass sees it.
#[derive(Clone, Debug)]
pub struct Message {
    /// `system`, `developer`, `user`, `assistant`, `tool` or `field`.
    pub role: &'static str,
    /// The text.
    pub text: Arc<SensitiveText>,
    /// Whether to search it for findings; otherwise it is context only.
    pub search: bool,
}

/// Finds spans. Implementations must not keep any state of a call.
pub trait PassRunner: Send + Sync {
    /// Runs the pass on these messages, for at most `limit`. Blocks the calling thread.
    fn run(
        &self,
        messages: &[Message],
        earlier: &[Finding],
        limit: Duration,
        remains: &mut DeferredDrops,
    ) -> Result<Vec<Finding>, PassFault>;
}

/// Used instances, still to be dropped. Dropping one takes about as long as running it, so it can wait until the
/// response is sent.
pub type DeferredDrops = Vec<Box<dyn Send>>;

/// How a pass failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassFault {
    /// The failure class, for the metric.
    pub kind: FaultKind,
    /// Details for the operator.
    pub detail: FaultDetail,
}

/// Failure classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The deadline passed.
    Timeout,
    /// It exceeded its memory limit.
    Memory,
    /// It trapped: a panic, a stack overflow, an out-of-bounds access.
    Trap,
    /// Its result exceeds the size limit of the sandbox boundary.
    Output,
    /// A finding does not fit the messages or the manifest.
    Finding,
    /// It returned an error of its own.
    Plugin,
    /// It could not be started at all.
    Start,
}

impl FaultKind {
    /// The name used in the metric's label and the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            FaultKind::Timeout => "timeout",
            FaultKind::Memory => "memory",
            FaultKind::Trap => "trap",
            FaultKind::Output => "output",
            FaultKind::Finding => "finding",
            FaultKind::Plugin => "plugin",
            FaultKind::Start => "start",
        }
    }
}

/// A pass of a policy, ready to run.
#[derive(Clone)]
pub struct ReadyPass {
    /// The plugin's name.
    pub name: Arc<str>,
    /// The runner that executes it.
    pub runner: Arc<dyn PassRunner>,
    /// Whether the request continues without this pass when it fails.
    pub may_skip: bool,
    /// The policy's own time limit for this pass.
    pub limit: Option<Duration>,
    /// Whether its replacements are used.
    pub may_replace: bool,
}

/// The result of one pass.
#[derive(Clone, Debug)]
pub struct PassReport {
    /// The plugin's name.
    pub name: Arc<str>,
    /// Run time.
    pub duration: Duration,
    /// The failure, if it failed.
    pub fault: Option<PassFault>,
}

/// The results of all passes.
#[derive(Default)]
pub struct Detection {
    /// All findings.
    pub findings: Vec<Finding>,
    /// One entry per pass, in order; a failed pass is the last unless it may be skipped.
    pub reports: Vec<PassReport>,
    /// Used instances, still to be dropped.
    pub remains: DeferredDrops,
}

impl Detection {
    /// The failed pass that ends the request, if there is one.
    pub fn blocked_by(&self, passes: &[ReadyPass]) -> Option<&PassReport> {
        self.reports
            .iter()
            .zip(passes)
            .find(|(report, pass)| report.fault.is_some() && !pass.may_skip)
            .map(|(report, _)| report)
    }
}

/// Runs passes in sequence. Each gets an equal share of `budget` plus what earlier passes left unspent, so a slow
/// pass cannot keep a later one from running.
pub fn run_passes(passes: &[ReadyPass], messages: &[Message], budget: Duration) -> Detection {
    let mut detection = Detection::default();
    let share = budget / u32::try_from(passes.len().max(1)).unwrap_or(u32::MAX);
    let mut unspent = Duration::ZERO;
    for pass in passes {
        let granted = share + unspent;
        let limit = pass.limit.map_or(granted, |own| own.min(granted));
        let started = Instant::now();
        let result = pass.runner.run(messages, &detection.findings, limit, &mut detection.remains);
        let duration = started.elapsed();
        unspent = granted.saturating_sub(duration);
        let fault = match result {
            Ok(found) => {
                detection.findings.extend(found.into_iter().map(|mut finding| {
                    finding.pass = pass.name.clone();
                    if !pass.may_replace {
                        finding.replacement = None;
                    }
                    finding
                }));
                None
            }
            Err(fault) => Some(fault),
        };
        let ends = fault.is_some() && !pass.may_skip;
        detection.reports.push(PassReport { name: pass.name.clone(), duration, fault });
        if ends {
            break;
        }
    }
    detection
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;
    use crate::text::ByteSpan;

    struct Fake(Result<&'static str, FaultKind>);

    impl PassRunner for Fake {
        fn run(
            &self,
            _: &[Message],
            earlier: &[Finding],
            _: Duration,
            _: &mut DeferredDrops,
        ) -> Result<Vec<Finding>, PassFault> {
            match self.0 {
                Ok(kind) => Ok(vec![Finding {
                    message: 0,
                    span: ByteSpan::new(earlier.len(), earlier.len() + 1),
                    kind: Kind::new(kind).expect("a kind"),
                    confidence: 1.0,
                    pass: "".into(),
                    replacement: Some("x".into()),
                }]),
                Err(kind) => Err(PassFault { kind, detail: FaultDetail::Words("told to") }),
            }
        }
    }

    fn pass(name: &str, result: Result<&'static str, FaultKind>, may_skip: bool) -> ReadyPass {
        ReadyPass { name: name.into(), runner: Arc::new(Fake(result)), may_skip, limit: None, may_replace: false }
    }

    #[test]
    fn a_later_pass_sees_what_earlier_ones_found() {
        let passes = [pass("a", Ok("NAME"), false), pass("b", Ok("DATE"), false)];
        let detection = run_passes(&passes, &[], Duration::from_millis(10));
        assert_eq!(detection.findings[1].span.start, 1);
        assert_eq!(&*detection.findings[1].pass, "b");
        assert!(detection.blocked_by(&passes).is_none());
    }

    #[test]
    fn a_failed_pass_ends_the_run_unless_it_may_be_skipped() {
        for may_skip in [false, true] {
            let passes = [pass("a", Err(FaultKind::Trap), may_skip), pass("b", Ok("DATE"), false)];
            let detection = run_passes(&passes, &[], Duration::from_millis(10));
            assert_eq!(detection.blocked_by(&passes).is_some(), !may_skip);
            assert_eq!(detection.findings.len(), usize::from(may_skip));
        }
    }

    #[test]
    fn a_replacement_needs_the_policys_leave() {
        let detection = run_passes(&[pass("a", Ok("NAME"), false)], &[], Duration::from_millis(10));
        assert_eq!(detection.findings[0].replacement, None);
    }
}
