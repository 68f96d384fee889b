//! What is to be masked in a request: passes on what is new, the memo for what was seen before.
//!
//! [`Detecting`] works on any thread and knows nothing of a server, so that a request, a preview and a command are searched
//! by the same lines. `script` says what the passes are asked, `memo` remembers what they answered.

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

/// The texts of a request while it is found out what is to be masked in them.
pub struct Detecting {
    /// The texts.
    pub pieces: Vec<Piece>,
    /// One list per text: in order, without overlaps.
    pub decisions: Vec<Arc<[Decision]>>,
    /// What each pass did; empty when nothing was new.
    pub reports: Vec<PassReport>,
    /// The pass without which the request must not go on.
    blocked_by: Option<PassReport>,
    /// What is still to be asked.
    questions: Vec<Questions>,
    /// By piece, where answers are remembered.
    keys: Vec<Option<[u8; 16]>>,
}

/// What one run of the passes is asked.
struct Questions {
    messages: Vec<Message>,
    /// For each message the piece that is searched there.
    places: Vec<Option<usize>>,
}

/// What is remembered between requests.
#[derive(Clone, Copy)]
pub struct Remembering<'m> {
    /// Where.
    pub memo: &'m DecisionCache,
    /// The call: what one call's texts were found to hold is nothing to another.
    pub call: [u8; 16],
}

impl Detecting {
    /// Begins with all texts of a request: decides what needs no pass, and what is remembered.
    pub fn begin(agent: &ReadyAgent, pieces: Vec<Piece>, known: Option<Remembering<'_>>) -> Self {
        Self::begin_with(agent, pieces, |_| true, known, usize::MAX)
    }

    /// Begins with the texts of which passes are to look at the `wanted` ones, so many in one run; the others are context.
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

    /// Runs the passes over what is new, each run under this budget, and remembers what they found. It blocks its thread.
    /// Gives back what is left of the last run.
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
                // What a skipped pass did not find may be found the next time.
                if let (true, Some(memo), Some(key)) = (complete, memo, self.keys.get(index).copied().flatten()) {
                    memo.insert(key, self.decisions[index].clone());
                }
            }
        }
        remains
    }

    /// Whether the request may go on.
    ///
    /// # Errors
    /// A pass failed that the policy does not let it go on without.
    pub fn check(&self) -> Result<(), PipelineError> {
        match &self.blocked_by {
            None => Ok(()),
            Some(report) => {
                let fault = report.fault.as_ref().map_or("failed", |fault| fault.kind.as_str());
                Err(PipelineError::PassFailed { pass: report.name.to_string(), fault })
            }
        }
    }

    /// What is decided about each piece that was searched. Where passes are not believed only findings count whose form can
    /// be checked.
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
        // Of context nothing is decided, so nothing is looked for in it.
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

/// Whether passes have to look at a piece: all speech, and of the rest what may hold a form that can be checked.
fn is_for_passes(piece: &Piece) -> bool {
    match piece.search {
        Search::Speech => true,
        Search::Known => false,
        _ => forms::may_hold(piece.text.expose()),
    }
}

/// What is decided about a piece without any pass: the policy's `deny`, and what looks like a token.
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
