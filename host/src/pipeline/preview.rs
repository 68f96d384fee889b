//! What a policy makes of a text, with tokens for trying it out or with surrogates for whatever needs text that reads like
//! the original. Nothing is kept: no event, no session, no row of the vault, nothing
//! in the memory of calls or in the memo. Tokens are made with a key of the moment, which is thrown away: they look like
//! an agent's, no agent resolves them, and nobody can find out with them which value an agent's token stands for.

use std::sync::Arc;

use super::Pipeline;
use super::agent::ReadyAgent;
use super::calls::Call;
use super::detect::detect_once;
use super::error::PipelineError;
use super::pieces::{self, Piece};
use super::request::{locate, media, remembered};
use super::tokenize::{Placed, Tokenized, Tokenizer};
use crate::audit::event::TokenKind;
use crate::chat::position::Edit;
use crate::chat::request::ChatRequest;
use crate::chat::walk::withhold_media;
use crate::keys::{KeyPair, Kid, SecretKey};
use crate::passes::finding::{Action, Decision};
use crate::text::CharSpan;
use crate::tokens::format::redacted;
use crate::tokens::mint::{Minter, Scope, VaultRow};
use crate::tokens::synthetic::Synthesizer;

/// A masked request, and what was replaced in it.
pub struct Preview {
    /// As it would leave.
    pub request: ChatRequest,
    /// Every replacement, in order.
    pub replaced: Vec<Replaced>,
    /// Images, recordings and files that were withheld.
    pub withheld: usize,
}

/// One replacement.
pub struct Replaced {
    /// The message it stood in.
    pub message: Option<usize>,
    /// The protocol's name of the place.
    pub field: &'static str,
    /// Where, in characters.
    pub span: CharSpan,
    /// What was decided.
    pub decision: Decision,
    /// What stands there now.
    pub token_kind: TokenKind,
    /// The key that an agent's token would be made with.
    pub kid: Option<Kid>,
    /// The same, as text.
    pub replacement: String,
}

impl Pipeline {
    /// Masks a request that goes nowhere.
    pub async fn preview(&self, agent: &Arc<ReadyAgent>, mut request: ChatRequest) -> Result<Preview, PipelineError> {
        let withheld = withhold_media(&mut request, media(&agent.policy));
        let pieces = pieces::collect(&mut request)?;
        let decisions = remembered(&pieces, detect_once(self, agent, &pieces).await?, None);
        let minter = throwaway(agent.policy.kid.clone())?;
        let call = Call::new(agent.account);
        let scope = Scope { agent: agent.id, call: None };
        let is_stored = |_: &VaultRow| true;
        let tokenizer = Tokenizer {
            agent,
            minter: &minter,
            scope,
            call: Some(&call),
            is_stored: &is_stored,
            shows_replacements: true,
        };
        let Tokenized { edits, mut placed, replacements, .. } = tokenizer.run(&pieces, &decisions)?;
        pieces::replace(&mut request, edits, &mut |index, span| locate(&mut placed, index, span))?;
        let replaced = placed.into_iter().zip(replacements);
        let replaced = replaced.map(|(placed, text)| replaced_by(&minter, &pieces, placed, text)).collect();
        Ok(Preview { request, replaced, withheld })
    }
}

impl Pipeline {
    /// Puts surrogates in the places of values, in a request that goes nowhere.
    pub async fn synthesize(
        &self,
        agent: &Arc<ReadyAgent>,
        mut request: ChatRequest,
        key: &SecretKey,
        seed: &str,
    ) -> Result<Preview, PipelineError> {
        let withheld = withhold_media(&mut request, media(&agent.policy));
        let pieces = pieces::collect(&mut request)?;
        let decisions = remembered(&pieces, detect_once(self, agent, &pieces).await?, None);
        let said: Vec<&str> = pieces.iter().map(|piece| piece.text.expose().as_str()).collect();
        // Apart from the seeds of calls, so that nobody can try out what an agent's surrogates stand for.
        let seed = format!("seed {seed}");
        let mut synthesizer = Synthesizer::new(key, seed.as_bytes(), agent.policy.epsilon, &said);
        let (mut edits, mut replaced) = (Vec::with_capacity(pieces.len()), Vec::new());
        for (piece, decisions) in pieces.iter().zip(&decisions) {
            let text = piece.text.expose();
            let mut own_edits = Vec::with_capacity(decisions.len());
            for decision in decisions.iter() {
                let own = &text[decision.span.range()];
                let (replacement, token_kind) = stand_in(&mut synthesizer, decision, own)?;
                let placed = u32::try_from(replaced.len()).ok();
                own_edits.push(Edit { span: decision.span, text: replacement.clone(), placed });
                replaced.push(Replaced {
                    message: piece.message,
                    field: piece.name,
                    span: decision.span.to_chars(text),
                    decision: decision.clone(),
                    token_kind,
                    kid: None,
                    replacement,
                });
            }
            edits.push(own_edits);
        }
        pieces::replace(&mut request, edits, &mut |index, span| {
            if let Some(replaced) = usize::try_from(index).ok().and_then(|index| replaced.get_mut(index)) {
                replaced.span = span;
            }
        })?;
        Ok(Preview { request, replaced, withheld })
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

fn throwaway(kid: Kid) -> Result<Minter, PipelineError> {
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
