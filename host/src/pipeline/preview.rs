//! Shows how a policy masks a text, with tokens for a trial or with surrogates for consumers that need natural text.
//!
//! Nothing is stored: no event, no session, no vault row, no entry in the memory of calls or the decision cache.
//! Tokens are made with an ephemeral key that is discarded: they look like an agent's tokens, but no agent resolves
//! them, and they do not reveal which value an agent's token represents.

use std::sync::Arc;

use super::Pipeline;
use super::agent::ReadyAgent;
use super::calls::Call;
use super::error::PipelineError;
use super::masking::{Decided, Masking};
use super::pieces::Piece;
use super::reading;
use super::request::BUSY;
use super::tokenize::{Placed, Tokenized, Tokenizer};
use crate::action::Action;
use crate::audit::event::TokenKind;
use crate::chat::position::Edit;
use crate::chat::request::ChatRequest;
use crate::keys::{KeyPair, Kid, SecretKey};
use crate::passes::finding::Decision;
use crate::text::{CharCounter, CharSpan};
use crate::tokens::format::redacted;
use crate::tokens::mint::{Minter, Scope, VaultRow};
use crate::tokens::synthetic::Synthesizer;
use crate::values::Reading;

/// A masked request, and its replacements.
pub struct Preview {
    /// The request as it would be sent.
    pub request: ChatRequest,
    /// Every replacement, in order.
    pub replaced: Vec<Replaced>,
    /// Number of images, recordings and files withheld.
    pub withheld: usize,
}

/// One replacement.
pub struct Replaced {
    /// The message that contained it.
    pub message: Option<usize>,
    /// The protocol's name for its position.
    pub field: &'static str,
    /// The range, in characters.
    pub span: CharSpan,
    /// The decision.
    pub decision: Decision,
    /// The replacement text.
    pub token_kind: TokenKind,
    /// The key that an agent's token would be made with.
    pub kid: Option<Kid>,
    /// The key as text.
    pub replacement: String,
}

impl Pipeline {
    /// Masks a request that is not sent.
    pub async fn preview(&self, agent: &Arc<ReadyAgent>, request: ChatRequest) -> Result<Preview, PipelineError> {
        let (minter, reading) = (throwaway(agent.policy.kid.clone())?, reading(&self.clock));
        self.try_out(agent, request, move |agent, decided| Preview::with_tokens(agent, &minter, reading, decided)).await
    }

    /// Replaces values by surrogates, in a request that is not sent.
    pub async fn synthesize(
        &self,
        agent: &Arc<ReadyAgent>,
        request: ChatRequest,
        key: &SecretKey,
        seed: &str,
    ) -> Result<Preview, PipelineError> {
        let key = key.clone();
        // Separate from the seeds of calls, so that a preview cannot reveal the value of an agent's surrogate.
        let seed = format!("seed {seed}");
        self.try_out(agent, request, move |agent, decided| {
            Preview::with_surrogates(agent, &key, seed.as_bytes(), decided)
        })
        .await
    }

    /// Runs entirely on a pass thread: no call is waiting for it.
    async fn try_out(
        &self,
        agent: &Arc<ReadyAgent>,
        request: ChatRequest,
        replace: impl FnOnce(&ReadyAgent, Decided) -> Result<Preview, PipelineError> + Send + 'static,
    ) -> Result<Preview, PipelineError> {
        let (agent, budget) = (agent.clone(), self.detection_timeout);
        let work = move || {
            let mut masking = match Masking::begin(&agent, request, None) {
                Ok(masking) => masking,
                Err(error) => return (Err(error.into()), Vec::new()),
            };
            let remains = masking.detect(&agent, None, budget);
            (masking.decide(None).and_then(|decided| replace(&agent, decided)), remains)
        };
        self.pool.run(work).await.map_err(|_| PipelineError::MaskingUnavailable(BUSY))?
    }
}

impl Preview {
    /// With tokens from this minter.
    pub fn with_tokens(
        agent: &ReadyAgent,
        minter: &Minter,
        reading: Reading,
        mut decided: Decided,
    ) -> Result<Self, PipelineError> {
        let tokenizer = Tokenizer {
            agent,
            minter,
            scope: Scope::new(agent.id, None),
            call: Some(&Call::new(agent.account)),
            is_stored: &|_: &VaultRow| true,
            reading,
            shows_replacements: true,
        };
        let mut tokenized = decided.tokens(&tokenizer)?;
        decided.put(&mut tokenized)?;
        let Tokenized { placed, replacements, .. } = tokenized;
        let Decided { request, pieces, withheld, .. } = decided;
        let replaced = placed.into_iter().zip(replacements);
        let replaced = replaced.map(|(placed, text)| replaced_by(minter, &pieces, placed, text)).collect();
        Ok(Self { request, replaced, withheld })
    }

    /// With a surrogate for every value; an error if none is available.
    fn with_surrogates(
        agent: &ReadyAgent,
        key: &SecretKey,
        seed: &[u8],
        mut decided: Decided,
    ) -> Result<Self, PipelineError> {
        let said: Vec<&str> = decided.pieces.iter().map(|piece| piece.text.expose().as_str()).collect();
        let mut synthesizer = Synthesizer::new(key, seed, agent.policy.epsilon, &said);
        let (mut edits, mut replaced) = (Vec::with_capacity(said.len()), Vec::new());
        for (piece, decisions) in decided.pieces.iter().zip(&decided.decisions) {
            let text = piece.text.expose();
            let mut own_edits = Vec::with_capacity(decisions.len());
            let mut counter = CharCounter::new(text);
            for decision in decisions.iter() {
                let own = &text[decision.span.range()];
                let (replacement, token_kind) = stand_in(&mut synthesizer, decision, own)?;
                let placed = u32::try_from(replaced.len()).ok();
                own_edits.push(Edit { span: decision.span, text: replacement.clone(), placed });
                replaced.push(Replaced {
                    message: piece.message,
                    field: piece.name,
                    span: counter.span(decision.span),
                    decision: decision.clone(),
                    token_kind,
                    kid: None,
                    replacement,
                });
            }
            edits.push(own_edits);
        }
        decided.replace(edits, |index, span| {
            if let Some(replaced) = usize::try_from(index).ok().and_then(|index| replaced.get_mut(index)) {
                replaced.span = span;
            }
        })?;
        Ok(Self { request: decided.request, replaced, withheld: decided.withheld })
    }
}

fn stand_in(
    synthesizer: &mut Synthesizer,
    decision: &Decision,
    original: &str,
) -> Result<(String, TokenKind), PipelineError> {
    match (&decision.replacement, decision.action) {
        (Some(replacement), _) => Ok((replacement.to_string(), TokenKind::Synthetic)),
        (None, Action::Redact) => Ok((redacted(&decision.kind), TokenKind::Redacted)),
        (None, _) => {
            let surrogate = synthesizer.surrogate(&decision.kind, original);
            let surrogate = surrogate.map_err(|_| PipelineError::MaskingUnavailable("no surrogate is left"))?;
            Ok((surrogate, TokenKind::Synthetic))
        }
    }
}

/// Makes tokens that cannot be resolved.
pub fn throwaway(kid: Kid) -> Result<Minter, PipelineError> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|_| PipelineError::MaskingUnavailable("the system gives no randomness"))?;
    Ok(Minter::new(kid, &KeyPair { current: SecretKey::new(key), old: None }))
}

fn replaced_by(minter: &Minter, pieces: &[Piece], placed: Placed, replacement: String) -> Replaced {
    let Placed { piece, decision, span, token_kind } = placed;
    let piece = &pieces[piece];
    let is_keyed = !matches!(token_kind, TokenKind::Redacted | TokenKind::Synthetic);
    Replaced {
        message: piece.message,
        field: piece.name,
        span,
        token_kind,
        kid: is_keyed.then(|| minter.kid().clone()),
        replacement,
        decision,
    }
}
