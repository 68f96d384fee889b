//! Decides what to mask in a request: passes run over new texts, the cache answers for texts seen before.
//!
//! [`Detecting`] runs on any thread and does not depend on a server, so requests, previews and commands share the same
//! code. `script` builds the input of the passes, `memo` caches their decisions.

mod decision_cache;
mod script;

use std::sync::Arc;
use std::time::Duration;

pub use decision_cache::DecisionCache;
use script::Script;

use super::agent::ReadyAgent;
use super::error::PipelineError;
use super::pieces::Piece;
use crate::chat::position::Search;
use crate::passes::finding::Decision;
use crate::passes::{DeferredDrops, Message, PassReport, forms, merge, run_passes};
use crate::policy::TokenStyle;
use crate::tokens::lookalikes;

/// The texts of a request during detection.
pub struct Detecting {
    /// The texts.
    pub pieces: Vec<Piece>,
    /// Decisions per text: in order, without overlaps.
    pub decisions: Vec<Arc<[Decision]>>,
    /// Report of each pass; empty if no text was new.
    pub reports: Vec<PassReport>,
    /// The required pass that failed, if any; the request must be refused then.
    blocked_by: Option<PassReport>,
    /// Pieces that the passes have not searched yet.
    questions: Vec<Questions>,
    /// Cache keys by piece, if decisions are cached.
    keys: Vec<Option<[u8; 16]>>,
}

/// The input of one run of the passes.
struct Questions {
    messages: Vec<Message>,
    /// The piece searched in each message.
    places: Vec<Option<usize>>,
}

/// The cache shared between requests.
#[derive(Clone, Copy)]
pub struct Remembering<'m> {
    /// The cache itself.
    pub memo: &'m DecisionCache,
    /// The call: decisions about one call's texts do not apply to another call.
    pub call: [u8; 16],
}

impl Detecting {
    /// Starts with all texts of a request: settles those that need no pass and those in the cache.
    pub fn begin(agent: &ReadyAgent, pieces: Vec<Piece>, known: Option<Remembering<'_>>) -> Self {
        Self::begin_with(agent, pieces, |_| true, known, usize::MAX)
    }

    /// Starts with texts of which the passes search only the `wanted` ones, up to a number per run; the rest are
    /// context.
    pub fn begin_with(
        agent: &ReadyAgent,
        pieces: Vec<Piece>,
        wanted: impl Fn(usize) -> bool,
        known: Option<Remembering<'_>>,
        at_once: usize,
    ) -> Self {
        let nothing: Arc<[Decision]> = Arc::from(Vec::new());
        let mut decisions = vec![nothing; pieces.len()];
        let mut asked = vec![false; pieces.len()];
        for (index, piece) in pieces.iter().enumerate() {
            if !wanted(index) || !piece.text.expose().chars().any(char::is_alphanumeric) {
                continue;
            }
            asked[index] = is_for_passes(piece);
            if !asked[index] {
                decisions[index] = decided_by_host(agent, piece);
            }
        }
        let script = Script::new(&pieces, &asked);
        let keys = known.map(|known| script.keys(known, agent.generation)).unwrap_or_default();
        let mut new = Vec::new();
        for index in (0..pieces.len()).filter(|index| asked[*index]) {
            let remembered =
                known.zip(keys.get(index).copied().flatten()).and_then(|(known, key)| known.memo.get(&key));
            match remembered {
                Some(remembered) => decisions[index] = remembered,
                None => new.push(index),
            }
        }
        let questions = new.chunks(at_once).map(|pieces| script.questions(pieces)).collect();
        Self { decisions, reports: Vec::new(), blocked_by: None, questions, keys, pieces }
    }

    /// Whether passes have to run.
    pub fn has_questions(&self) -> bool {
        !self.questions.is_empty()
    }

    /// Runs the passes over new texts, each run within this budget, and caches the findings. Blocks the current
    /// thread. Returns what remains of the last run, to be dropped later.
    pub fn run(&mut self, agent: &ReadyAgent, memo: Option<&DecisionCache>, budget: Duration) -> DeferredDrops {
        let mut remains = DeferredDrops::new();
        for questions in std::mem::take(&mut self.questions) {
            let mut detection = run_passes(&agent.passes, &questions.messages, budget);
            remains = std::mem::take(&mut detection.remains);
            self.blocked_by = detection.blocked_by(&agent.passes).cloned();
            let complete = detection.reports.iter().all(|report| report.fault.is_none());
            self.reports.append(&mut detection.reports);
            if self.blocked_by.is_some() {
                break;
            }
            for (index, found) in self.decide(agent, &questions, detection.findings) {
                self.decisions[index] = found.into();
                // A value missed because a pass was skipped may be found the next time.
                if let (true, Some(memo), Some(key)) = (complete, memo, self.keys.get(index).copied().flatten()) {
                    memo.insert(key, self.decisions[index].clone());
                }
            }
        }
        remains
    }

    /// Whether the request may proceed.
    ///
    /// # Errors
    /// A pass failed that the policy requires.
    pub fn check(&self) -> Result<(), PipelineError> {
        match &self.blocked_by {
            None => Ok(()),
            Some(report) => {
                let fault = report.fault.as_ref().map_or("failed", |fault| fault.kind.as_str());
                Err(PipelineError::PassFailed { pass: report.name.to_string(), fault })
            }
        }
    }

    /// The decisions about each piece that was searched. In pieces where passes are not trusted, only findings with a
    /// checkable format count.
    fn decide(
        &self,
        agent: &ReadyAgent,
        questions: &Questions,
        mut findings: Vec<crate::passes::finding::Finding>,
    ) -> Vec<(usize, Vec<Decision>)> {
        let Questions { messages, places } = questions;
        findings.retain(|finding| {
            let piece = places.get(finding.message).copied().flatten().map(|at| &self.pieces[at]);
            piece.is_some_and(|piece| {
                let is_checked = |text| forms::is_checked(&finding.kind, text);
                piece.search.is_speech() || piece.text.expose().get(finding.span.range()).is_some_and(is_checked)
            })
        });
        // Context gets no decisions, so it is not searched.
        let texts: Vec<&str> =
            messages.iter().map(|message| if message.search { message.text.expose().as_str() } else { "" }).collect();
        let decided = places.iter().zip(merge::merge(&findings, &texts, &agent.policy));
        let compact = is_compact(agent);
        let escape = |(place, found): (&Option<usize>, Vec<Decision>)| {
            let at = (*place)?;
            Some((at, lookalikes::escape(self.pieces[at].text.expose(), compact, found)))
        };
        decided.filter_map(escape).collect()
    }
}

/// Whether passes must search a piece: all speech, and other text only if it may contain a checkable format.
fn is_for_passes(piece: &Piece) -> bool {
    match piece.search {
        Search::Speech => true,
        Search::Known => false,
        _ => forms::may_hold(piece.text.expose()),
    }
}

/// Decisions that need no pass: the policy's `deny` list, and text that looks like a token.
fn decided_by_host(agent: &ReadyAgent, piece: &Piece) -> Arc<[Decision]> {
    let text = piece.text.expose();
    let denies = !agent.policy.deny.is_empty();
    let denied = denies.then(|| merge::merge(&[], &[text], &agent.policy).pop()).flatten().unwrap_or_default();
    lookalikes::escape(text, is_compact(agent), denied).into()
}

fn is_compact(agent: &ReadyAgent) -> bool {
    agent.policy.token_style == TokenStyle::Compact
}

#[cfg(test)]
mod tests;
