//! Masking, from a request's texts to tokens: shared by requests, previews and commands.
//!
//! Nothing here waits or records: every step is linear work on text, suitable for any thread. `request` chooses the
//! thread.

use std::sync::Arc;
use std::time::Duration;

use super::agent::ReadyAgent;
use super::calls::Call;
use super::detect::{DecisionCache, Detecting, Remembering};
use super::error::PipelineError;
use super::pieces::{self, Piece};
use super::tokenize::{Placed, Tokenized, Tokenizer};
use crate::chat::position::Edit;
use crate::chat::request::{BadRequest, ChatRequest};
use crate::chat::walk::{Media, withhold_media};
use crate::passes::finding::Decision;
use crate::passes::memory::{Known, Remembered, Searched, recall};
use crate::passes::{DeferredDrops, PassReport};
use crate::policy;
use crate::text::CharSpan;

/// A request during masking.
pub struct Masking {
    request: ChatRequest,
    detecting: Detecting,
    /// Number of images, recordings and files withheld.
    pub withheld: usize,
}

/// A request whose values are known but not replaced yet.
pub struct Decided {
    /// The request as received.
    pub request: ChatRequest,
    /// Its texts.
    pub pieces: Vec<Piece>,
    /// Decisions per text: in order, without overlaps.
    pub decisions: Vec<Arc<[Decision]>>,
    /// Number of images, recordings and files withheld.
    pub withheld: usize,
}

impl Masking {
    /// Collects a request's texts and looks up cached decisions.
    pub fn begin(
        agent: &ReadyAgent,
        mut request: ChatRequest,
        known: Option<Remembering<'_>>,
    ) -> Result<Self, BadRequest> {
        let withheld = withhold_media(&mut request, media(&agent.policy));
        let pieces = pieces::collect(&mut request)?;
        Ok(Self { detecting: Detecting::begin(agent, pieces, known), request, withheld })
    }

    /// Like [`Self::begin`], for a text of any length: the passes see at most this many messages in one run.
    pub fn begin_long(agent: &ReadyAgent, mut request: ChatRequest, at_once: usize) -> Result<Self, BadRequest> {
        let pieces = pieces::collect_up_to(&mut request, usize::MAX)?;
        let detecting = Detecting::begin_with(agent, pieces, |_| true, None, at_once);
        Ok(Self { detecting, request, withheld: 0 })
    }

    /// Whether passes have to run.
    pub fn has_questions(&self) -> bool {
        self.detecting.has_questions()
    }

    /// Runs the passes over new texts. Blocks the current thread.
    pub fn detect(&mut self, agent: &ReadyAgent, memo: Option<&DecisionCache>, budget: Duration) -> DeferredDrops {
        self.detecting.run(agent, memo, budget)
    }

    /// Reports of the passes.
    pub fn reports(&self) -> &[PassReport] {
        &self.detecting.reports
    }

    /// Adds values from the memory of the call: earlier values, and those of this request in its other texts.
    pub fn decide(self, call: Option<&Call>) -> Result<Decided, PipelineError> {
        self.detecting.check()?;
        let Detecting { pieces, mut decisions, .. } = self.detecting;
        recall_in(&pieces, &mut decisions, call.map(Call::known).as_deref());
        Ok(Decided { request: self.request, pieces, decisions, withheld: self.withheld })
    }
}

impl Decided {
    /// Makes the tokens.
    pub fn tokens(&self, tokenizer: &Tokenizer<'_>) -> Result<Tokenized, PipelineError> {
        tokenizer.run(&self.pieces, &self.decisions)
    }

    /// Inserts the tokens.
    pub fn put(&mut self, tokenized: &mut Tokenized) -> Result<(), PipelineError> {
        let Tokenized { edits, placed, .. } = tokenized;
        self.replace(std::mem::take(edits), |index, span| locate(placed, index, span))
    }

    /// Applies edits; `placed` is called with the position of each replacement.
    pub fn replace(
        &mut self,
        edits: Vec<Vec<Edit>>,
        mut placed: impl FnMut(u32, CharSpan),
    ) -> Result<(), PipelineError> {
        Ok(pieces::replace(&mut self.request, edits, &mut placed)?)
    }
}

/// Adds decisions for values of these texts, or values already `known` in their call, that are uncovered.
pub fn recall_in(pieces: &[Piece], decisions: &mut [Arc<[Decision]>], known: Option<&Known>) {
    let mut new = Vec::new();
    for (piece, decisions) in pieces.iter().zip(&*decisions) {
        for decision in decisions.iter().filter(|decision| &*decision.pass != "host") {
            let text = &piece.text.expose()[decision.span.range()];
            if known.is_none_or(|known| !known.contains(text)) {
                let (kind, action) = (decision.kind.clone(), decision.action);
                new.push(Remembered { text: text.into(), kind, action });
            }
        }
    }
    let new = Known::new(new);
    let texts: Vec<Searched<'_>> =
        pieces.iter().map(|piece| Searched { text: piece.text.expose(), search: piece.search }).collect();
    match known {
        Some(known) => recall(&texts, decisions, &[known, &new]),
        None => recall(&texts, decisions, &[&new]),
    }
}

fn media(policy: &policy::CompiledPolicy) -> Media {
    match policy.media {
        policy::Media::Block => Media::Block,
        policy::Media::Pass => Media::Pass,
    }
}

/// Records the position of a replacement.
fn locate(placed: &mut [Placed], index: u32, span: CharSpan) {
    if let Some(placed) = usize::try_from(index).ok().and_then(|index| placed.get_mut(index)) {
        placed.span = span;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::fixtures::agent;

    #[test]
    fn a_command_decides_as_a_request_does() {
        let agent = agent("tokenization: vault-deterministic\ndeny: [{text: Ann Halvorsen, kind: NAME}]");
        let texts = [
            "I am Ann Halvorsen",
            "that is a n n h a l v o r s e n",
            "MSKV1.NAME.K_TEST.AAAAAAAAAAAAAAAAAAAAAAAAAA",
            r#"{"who": "ANN  HALVORSEN"}"#,
            "nothing",
        ];
        let decisions = |masking: Result<Masking, BadRequest>| {
            let mut masking = masking.expect("a sound request");
            masking.detect(&agent, None, Duration::from_secs(1));
            masking.decide(None).expect("decided").decisions
        };
        let of_request = decisions(Masking::begin(&agent, ChatRequest::said(texts), None));
        assert_eq!(decisions(Masking::begin_long(&agent, ChatRequest::said(texts), 2)), of_request);
        let passes: Vec<&str> = of_request.iter().flat_map(|decisions| decisions.iter()).map(|d| &*d.pass).collect();
        assert_eq!(passes, ["deny", "memory", "host", "deny"]);
    }
}
