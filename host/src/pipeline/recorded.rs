//! Tracks which spans of named calls are already in the journal. Voice platforms send the history with every turn:
//! spans recorded by an earlier turn are counted but not written again, or a call's journal would grow quadratically.
//!
//! A span is identified by a keyed 64-bit hash of its event fields and the surrounding text; the probability of a
//! collision is one in 10^14 in a call of a thousand spans. The index is in memory only: spans that are evicted, and
//! all spans after a restart, are written once more.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use quick_cache::sync::Cache;

use super::agent::ReadyAgent;
use super::pieces::Piece;
use super::tokenize::Placed;

/// Spans of all calls together: a few hundred for each of several hundred calls, in three megabytes.
const SPANS: usize = 65_536;

/// The spans of named calls that are in the journal.
pub struct RecordedSpans {
    spans: Cache<u64, ()>,
    hasher: RandomState,
}

impl Default for RecordedSpans {
    fn default() -> Self {
        Self { spans: Cache::new(SPANS), hasher: RandomState::new() }
    }
}

impl RecordedSpans {
    /// The hashes that identify the spans of a request of this call. If a message repeats an earlier one, its spans
    /// get different hashes.
    pub(super) fn of_request(&self, agent: &ReadyAgent, call: &str, pieces: &[Piece], placed: &[Placed]) -> Vec<u64> {
        let call = self.hasher.hash_one((agent.id, call, &agent.policy.kid));
        let mut text: Option<(usize, u64)> = None;
        let mut before: HashMap<u64, u32> = HashMap::new();
        let of_span = |placed: &Placed| {
            let (_, text) = *match &mut text {
                Some(text) if text.0 == placed.piece => text,
                text => {
                    let piece = &pieces[placed.piece];
                    text.insert((placed.piece, self.hasher.hash_one((piece.name, piece.text.expose()))))
                }
            };
            let (decision, token_kind) = (&placed.decision, placed.token_kind);
            let place = (placed.span.start, placed.span.end);
            let span = self.hasher.hash_one((call, text, place, &decision.kind, decision.action, token_kind));
            let same = before.entry(span).or_default();
            *same += 1;
            self.hasher.hash_one((span, *same))
        };
        placed.iter().map(of_span).collect()
    }

    /// Whether the journal contains the span.
    pub(super) fn has(&self, span: u64) -> bool {
        self.spans.get(&span).is_some()
    }

    /// Marks these spans as written to the journal.
    pub(super) fn add(&self, spans: &[u64]) {
        for span in spans.iter().filter(|span| !self.has(**span)) {
            self.spans.insert(*span, ());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action;
    use crate::audit::event::TokenKind;
    use crate::chat::position::Form;
    use crate::pipeline::fixtures::{agent, decision, piece};

    const TEXT: &str = "I am Jane Doe";

    fn said(texts: &[&str]) -> (Vec<Piece>, Vec<Placed>) {
        let pieces = texts.iter().map(|text| piece(Form::Text, text)).collect();
        let placed = texts.iter().enumerate().map(|(at, text)| {
            let decision = decision(text, "Jane Doe", "NAME", Action::Tokenize);
            Placed { piece: at, span: decision.span.to_chars(text), decision, token_kind: TokenKind::Vault }
        });
        (pieces, placed.collect())
    }

    #[test]
    fn a_span_is_known_in_its_own_call_and_message_alone() {
        let agents = [0; 2].map(|_| agent("tokenization: vault-deterministic"));
        let (recorded, [agent, other]) = (RecordedSpans::default(), agents);
        let (pieces, placed) = said(&[TEXT]);
        recorded.add(&recorded.of_request(&agent, "c1", &pieces, &placed));
        let knows = |agent: &ReadyAgent, call: &str, pieces: &[Piece], placed: &[Placed]| -> Vec<bool> {
            recorded.of_request(agent, call, pieces, placed).into_iter().map(|span| recorded.has(span)).collect()
        };
        assert_eq!(knows(&agent, "c1", &pieces, &placed), [true]);
        assert_eq!(knows(&agent, "c2", &pieces, &placed), [false]);
        assert_eq!(knows(&other, "c1", &pieces, &placed), [false]);
        let (again, twice) = said(&[TEXT, TEXT, "and I am Jane Doe"]);
        assert_eq!(knows(&agent, "c1", &again, &twice), [true, false, false], "said again, it is another span");
        let (_, mut changed) = said(&[TEXT]);
        changed[0].token_kind = TokenKind::Redacted;
        assert_eq!(knows(&agent, "c1", &pieces, &changed), [false], "other things were done with it");
    }
}
