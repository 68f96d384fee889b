//! Where a token's original is looked for: the request's own table, then the token itself (AEAD), then the vault.
//!
//! Never further than the scope that minted it: this agent and, when the platform names the call, this call.

use serde_json::Number;

use super::Pipeline;
use super::agent::ReadyAgent;
use super::positions::Positions;
use super::reader::{Read, Target};
use super::tokenize::TokenTable;
use crate::chat::json_cursor::Step;
use crate::chat::tools::Wanted;
use crate::tokens::call_name::CallName;
use crate::tokens::format::{Scheme, Token};
use crate::tokens::mint::{Original, Scope};
use crate::tokens::rehydrate::{Slot, is_wanted_as_number, render};
use crate::tokens::scan::{AnyToken, Scanned, TokenRef};

/// Puts originals back into the texts of one answer.
pub struct Resolver<'a> {
    /// What every request shares.
    pub pipeline: &'a Pipeline,
    /// Whose answer it is.
    pub agent: &'a ReadyAgent,
    /// The call in which its tokens resolve, where it has a name.
    pub call: Option<&'a CallName>,
    /// What the request's own tokens stand for.
    pub table: &'a mut TokenTable,
    /// Tokens that did not resolve.
    pub failures: usize,
}

impl Resolver<'_> {
    /// Looks up what the table does not know. A vault that cannot be read counts as one that does not have the token.
    pub async fn look_up(&mut self, text: &[Read]) {
        for token in text.iter().filter_map(Read::token) {
            let text = token_text(token);
            if !self.table.contains(&text)
                && let Some(original) = self.find(token).await
            {
                self.table.learn(text, original);
            }
        }
    }

    /// Prints a text with the originals put back. `wanted` says what a value of arguments is to be, by the way to it;
    /// `positions` notes how the text grows and shrinks.
    pub fn print(
        &mut self,
        text: &[Read],
        wanted: &dyn Fn(&[Step]) -> Option<Wanted>,
        mut positions: Option<&mut Positions>,
    ) -> String {
        let mut out = String::new();
        for read in text {
            let start = out.len();
            let len = match read {
                Read::Text(text) => {
                    out.push_str(text);
                    0
                }
                Read::Scanned { piece, target } => {
                    let table = &mut *self.table;
                    let mut resolve = |token: &TokenRef| table.resolve(&token_text(token));
                    let place = place(target, wanted);
                    self.failures += render(piece, &mut resolve, place, &self.agent.fallback, &mut out);
                    match piece {
                        Scanned::Token(TokenRef { len, .. })
                        | Scanned::Fragment { len, .. }
                        | Scanned::Dropped { len } => *len,
                        Scanned::Text(_) => 0,
                    }
                }
                Read::Surrogate { entry, found, target } => {
                    match self.table.restore(*entry, found) {
                        Some(original) => place(target, wanted).write(original.expose(), &mut out),
                        None => out.push_str(found),
                    }
                    found.chars().count()
                }
            };
            if let Some(positions) = positions.as_deref_mut() {
                let now = out[start..].chars().count();
                match read {
                    Read::Text(_) => positions.same(now),
                    _ => positions.replaced(len, now),
                }
            }
        }
        out
    }

    /// A string of a document that is a token and nothing else, where it comes back as a number.
    pub fn number(&mut self, text: &[Read], wanted: Option<Wanted>) -> Option<Number> {
        let [Read::Scanned { piece: Scanned::Token(token), .. }] = text else { return None };
        let original = self.table.resolve(&token_text(token)).filter(|_| token.tail.is_empty())?;
        let is_number = is_wanted_as_number(&original, wanted);
        is_number.then(|| serde_json::from_str(original.text.expose()).ok())?
    }

    /// Also what was made before names of calls were keyed.
    async fn find(&self, token: &TokenRef) -> Option<Original> {
        let agent = self.agent.id;
        match self.find_within(CallName::scope(agent, self.call), token).await {
            None => self.find_within(self.call?.scope_before(agent), token).await,
            found => found,
        }
    }

    async fn find_within(&self, scope: Scope, token: &TokenRef) -> Option<Original> {
        match &token.found {
            AnyToken::Long(token) if token.scheme == Scheme::Aead => {
                self.pipeline.minters.open_aead(token, &scope).ok()
            }
            AnyToken::Long(token) => self.find_in_vault(scope, token).await,
            AnyToken::Compact(token) => {
                let vault = self.pipeline.store.vault();
                let row = vault.by_label(scope.agent, scope.id(), &token.kind, &token.label).await.ok()??;
                self.pipeline.minters.open_row(&row).ok()
            }
        }
    }

    async fn find_in_vault(&self, scope: Scope, token: &Token) -> Option<Original> {
        let mac = token.value.as_slice().try_into().ok()?;
        let vault = self.pipeline.store.vault();
        let row = vault.get(scope.agent, scope.id(), &token.kid, &token.kind, mac).await.ok()??;
        self.pipeline.minters.open_row(&row).ok()
    }
}

/// Replaces every token of a text by `[REDACTED:KIND]`: for errors, in which nothing comes back.
pub fn scrub(text: &str) -> String {
    use crate::tokens::scan::{FinishReason, ScanMode, Scanner};
    let mut scanner = Scanner::new(ScanMode { json: false, compact: true });
    let mut pieces = scanner.push(text);
    pieces.extend(scanner.finish(FinishReason::Stop));
    let mut out = String::with_capacity(text.len());
    for piece in &pieces {
        render(piece, &mut |_| None, Slot::TEXT, &Default::default(), &mut out);
    }
    out
}

fn place(target: &Target, wanted: &dyn Fn(&[Step]) -> Option<Wanted>) -> Slot {
    match target {
        Target { levels, is_value: false, .. } => Slot::Inside { levels: *levels },
        Target { levels, path, .. } => Slot::Value { levels: *levels, wanted: path.as_deref().and_then(wanted) },
    }
}

fn token_text(token: &TokenRef) -> String {
    match &token.found {
        AnyToken::Long(token) => token.text(),
        AnyToken::Compact(token) => token.to_string(),
    }
}
