//! Merges findings into one decision per span.
//!
//! Passes overlap, disagree and cut words; conflicts are resolved only here. The rules, in order:
//!
//! 1. Every occurrence of a `deny` text is a finding of the pass `deny`. A finding is dropped when the policy does
//!    not mask its kind, when its pass is disabled for that kind, or when its confidence is below the kind's
//!    threshold (or not a number). The host's own findings (`deny`, `memory`, `host`) have no threshold.
//! 2. A finding of a kind whose action is passthrough is dropped, so that it never weakens another that overlaps it.
//! 3. The edges of the span are adjusted: see `edges`. A finding wholly inside an occurrence of an `allow` text is
//!    dropped, unless it is the host's own.
//! 4. Overlapping findings become one decision over the union of their spans, so that nothing that a pass found stays
//!    visible. Kind, confidence, pass and replacement are those of the best finding. A finding wholly inside another
//!    confident one is never the best (the name in an e-mail address); of the rest, highest confidence wins, then
//!    longest, then the pass that the policy names first (the host's own before all), then the earliest. If one of
//!    them asks to redact, the decision is to redact. A replacement applies only to exactly the span it was made for,
//!    and it replaces only tokens.
//! 5. Neighbouring names of one pass with one space or hyphen between them are merged into one name, of at most four
//!    words.
//!
//! The order in which findings arrive makes no difference. This is on the hot path of every request: no allocation
//! except the two lists, no regular expressions.

use std::cell::OnceCell;
use std::cmp::Ordering;

use crate::action::Action;
use crate::passes::finding::{Decision, Finding};
use crate::policy::phrases::{Covered, Phrases};
use crate::policy::{CompiledPolicy, HOST_PASSES};
use crate::text::{ByteSpan, work};

mod edges;
#[cfg(test)]
mod tests;

/// A longer run of names is treated as several people.
const MAX_NAME_WORDS: usize = 4;

/// Minimum confidence at which a finding overrides the kind of findings inside it.
const SURE: f32 = 0.9;

/// Returns one list of decisions per text, in order, without overlaps. Findings for messages outside `texts` are
/// ignored.
pub fn merge(findings: &[Finding], texts: &[&str], policy: &CompiledPolicy) -> Vec<Vec<Decision>> {
    let denied = denied(texts, policy);
    let allowed = Allowed::new(texts, policy);
    let mut candidates: Vec<Candidate<'_>> =
        findings.iter().chain(&denied).filter_map(|finding| Candidate::new(finding, &allowed, policy)).collect();
    candidates.sort_unstable_by_key(|candidate| (candidate.finding.message, candidate.span));

    let mut decisions: Vec<Vec<Decision>> = vec![Vec::new(); texts.len()];
    let mut rest = candidates.as_slice();
    while let Some(first) = rest.first() {
        let (cluster, later) = rest.split_at(cluster_length(rest));
        rest = later;
        let message = first.finding.message;
        let decision = decide(cluster);
        let list = &mut decisions[message];
        match list.last_mut().filter(|last| are_one_name(last, &decision, texts[message])) {
            Some(last) => {
                last.span.end = decision.span.end;
                last.confidence = last.confidence.max(decision.confidence);
            }
            None => list.push(decision),
        }
    }
    decisions
}

/// A finding that passed the filters.
struct Candidate<'a> {
    finding: &'a Finding,
    span: ByteSpan,
    action: Action,
    /// Position of its pass in the policy.
    rank: usize,
    may_replace: bool,
}

impl<'a> Candidate<'a> {
    fn new(finding: &'a Finding, allowed: &Allowed<'_>, policy: &CompiledPolicy) -> Option<Self> {
        let text = allowed.texts.get(finding.message)?;
        let rule = policy.rule(&finding.kind)?;
        let hosts_own = HOST_PASSES.contains(&&*finding.pass);
        let sure = hosts_own || finding.confidence >= rule.threshold;
        if !sure || !rule.counts(&finding.pass) || rule.action == Action::Passthrough {
            return None;
        }
        let trimmed = edges::trim(text, edges::within(text, finding.span)?);
        if !hosts_own && allowed.hold(finding.message, trimmed) {
            return None;
        }
        let place = policy.passes.iter().position(|pass| pass.plugin == finding.pass);
        Some(Self {
            finding,
            span: edges::widen(text, trimmed, &finding.kind),
            action: rule.action,
            rank: match place {
                Some(place) => place + 1,
                None if hosts_own => 0,
                None => usize::MAX,
            },
            may_replace: place.is_some_and(|place| policy.passes[place].may_replace),
        })
    }

    fn length(&self) -> usize {
        self.span.end - self.span.start
    }

    fn is_sure(&self) -> bool {
        self.finding.confidence > SURE
    }

    /// The better finding is the greater one.
    fn compare(&self, other: &Self) -> Ordering {
        let confidence = self.finding.confidence.total_cmp(&other.finding.confidence);
        confidence
            .then(self.length().cmp(&other.length()))
            .then(other.rank.cmp(&self.rank))
            .then(other.span.cmp(&self.span))
            // Only a tie-break, so that the order of arrival does not matter.
            .then_with(|| other.finding.kind.cmp(&self.finding.kind))
            .then_with(|| other.finding.pass.cmp(&self.finding.pass))
            .then_with(|| other.finding.replacement.cmp(&self.finding.replacement))
    }
}

/// The spans of each text that the policy's `allow` covers, computed on first use.
struct Allowed<'a> {
    texts: &'a [&'a str],
    phrases: &'a Phrases,
    covered: Vec<OnceCell<Covered>>,
}

impl<'a> Allowed<'a> {
    fn new(texts: &'a [&'a str], policy: &'a CompiledPolicy) -> Self {
        let phrases = policy.allowed();
        let count = if phrases.is_empty() { 0 } else { texts.len() };
        Self { texts, phrases, covered: std::iter::repeat_with(OnceCell::new).take(count).collect() }
    }

    fn hold(&self, message: usize, span: ByteSpan) -> bool {
        let covered = self.covered.get(message);
        covered.is_some_and(|cell| cell.get_or_init(|| self.phrases.covered(self.texts[message])).holds(span))
    }
}

/// Length of the leading cluster of overlapping findings. The input is sorted.
fn cluster_length(candidates: &[Candidate<'_>]) -> usize {
    let Some(first) = candidates.first() else { return 0 };
    let mut end = first.span.end;
    let outside = |candidate: &Candidate<'_>| {
        let out = candidate.finding.message != first.finding.message || candidate.span.start >= end;
        end = end.max(candidate.span.end);
        out
    };
    candidates.iter().position(outside).unwrap_or(candidates.len()).max(1)
}

fn decide(cluster: &[Candidate<'_>]) -> Decision {
    // The longest finding is inside no other, so the result is not empty.
    let best = whole(cluster).max_by(|a, b| a.compare(b)).unwrap_or(&cluster[0]);
    let end = cluster.iter().map(|member| member.span.end).max().unwrap_or(best.span.end);
    let span = ByteSpan::new(cluster[0].span.start, end);
    let redact = cluster.iter().any(|member| member.action == Action::Redact);
    let action = if redact { Action::Redact } else { best.action };
    let replaces = best.may_replace && span == best.span && action == Action::Tokenize;
    Decision {
        span,
        kind: best.finding.kind.clone(),
        confidence: best.finding.confidence,
        action,
        pass: best.finding.pass.clone(),
        replacement: best.finding.replacement.clone().filter(|_| replaces),
    }
}

/// The findings of a cluster that are not inside a longer confident one. They are sorted by start, so it is enough to
/// track the maximum end of the confident ones that began before or at the same position.
fn whole<'c, 'a>(cluster: &'c [Candidate<'a>]) -> impl Iterator<Item = &'c Candidate<'a>> {
    let mut reach = 0;
    cluster.chunk_by(|a, b| a.span.start == b.span.start).flat_map(move |group| {
        work::steps(group.len());
        let before = reach;
        let longest = group.iter().filter(|one| one.is_sure()).map(|one| one.span.end).max().unwrap_or(0);
        reach = reach.max(longest);
        group.iter().filter(move |one| before < one.span.end && longest <= one.span.end)
    })
}

fn are_one_name(left: &Decision, right: &Decision, text: &str) -> bool {
    left.kind.as_str() == "NAME"
        && left.kind == right.kind
        && left.pass == right.pass
        && left.action == right.action
        && left.replacement.is_none()
        && right.replacement.is_none()
        && matches!(&text[left.span.end..right.span.start], " " | "-")
        && text[left.span.start..right.span.end].split([' ', '-']).count() <= MAX_NAME_WORDS
}

/// Findings of `deny`.
fn denied(texts: &[&str], policy: &CompiledPolicy) -> Vec<Finding> {
    if policy.deny.is_empty() {
        return Vec::new();
    }
    let pass: std::sync::Arc<str> = "deny".into();
    let mut findings = Vec::new();
    for (message, text) in texts.iter().enumerate() {
        for (span, index) in policy.denied().find_all(text) {
            let kind = policy.deny[index].kind.clone();
            let pass = pass.clone();
            findings.push(Finding { message, span, kind, confidence: 1.0, pass, replacement: None });
        }
    }
    findings
}
