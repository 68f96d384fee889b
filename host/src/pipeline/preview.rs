//! What a policy makes of a text, for trying it out. Nothing is kept: no event, no session, no row of the vault, nothing
//! in the memory of calls or in the memo. Tokens are made with a key of the moment, which is thrown away: they look like
//! an agent's, no agent resolves them, and nobody can find out with them which value an agent's token stands for.

use std::sync::Arc;

use super::Pipeline;
use super::agent::ReadyAgent;
use super::calls::Call;
use super::detect::detect_once;
use super::error::PipelineError;
use super::pieces::{self, Piece};
use super::request::{media, remembered};
use super::tokenize::{Placed, Tokenized, Tokenizer};
use crate::audit::event::TokenKind;
use crate::chat::request::ChatRequest;
use crate::chat::walk::{Form, withhold_media};
use crate::keys::{KeyPair, Kid, SecretKey};
use crate::passes::finding::Decision;
use crate::text::CharSpan;
use crate::tokens::mint::{Minter, Scope};

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
        let call = Call::default();
        let scope = Scope { agent: agent.id, call: None };
        let tokenizer = Tokenizer { agent, minter: &minter, scope, call: Some(&call), is_stored: &|_| true };
        let Tokenized { texts, placed, .. } = tokenizer.run(&pieces, &decisions)?;
        let replaced =
            placed.into_iter().map(|placed| replaced(&tokenizer, &pieces, placed)).collect::<Result<_, _>>()?;
        pieces::replace(&mut request, texts)?;
        Ok(Preview { request, replaced, withheld })
    }
}

fn throwaway(kid: Kid) -> Result<Minter, PipelineError> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|_| PipelineError::MaskingUnavailable("the system gives no randomness"))?;
    Ok(Minter::new(kid, &KeyPair { current: SecretKey::new(key), old: None }))
}

fn replaced(tokenizer: &Tokenizer<'_>, pieces: &[Piece], placed: Placed) -> Result<Replaced, PipelineError> {
    let Placed { piece, decision, token_kind } = placed;
    let piece = &pieces[piece];
    let text = piece.text.expose();
    // The same replacement once more, by itself: a value has one token.
    let alone = tokenizer.run(std::slice::from_ref(piece), &[Arc::from([decision.clone()])])?;
    let alone = alone.texts.into_iter().next().flatten().unwrap_or_default();
    let replacement = match piece.form {
        Form::Text | Form::Key => {
            let end = alone.len() - (text.len() - decision.span.end);
            alone[decision.span.start..end].to_owned()
        }
        Form::Identifier | Form::Number | Form::Name => alone,
    };
    let is_keyed = !matches!(token_kind, TokenKind::Redacted | TokenKind::Synthetic);
    Ok(Replaced {
        message: piece.message,
        field: piece.name,
        span: decision.span.to_chars(text),
        token_kind,
        kid: is_keyed.then(|| tokenizer.minter.kid().clone()),
        replacement,
        decision,
    })
}
