//! Looks up a token's original: first in the request's own table, then in the token itself (AEAD), then in the vault.
//!
//! Lookups never leave the scope that minted the token: this agent and, if the platform names the call, this call.

use serde_json::Value;

use super::Pipeline;
use super::agent::ReadyAgent;
use super::positions::Positions;
use super::reader::{Read, Target};
use super::reading;
use super::tokenize::TokenTable;
use crate::chat::json_cursor::Step;
use crate::tokens::call_name::CallName;
use crate::tokens::format::{Scheme, Token};
use crate::tokens::mint::{Original, Scope};
use crate::tokens::rehydrate::{Argument, Slot, argument, render};
use crate::tokens::scan::{AnyToken, Scanned, TokenRef};
use crate::values::{Day, Reading, Wanted};

/// Restores the originals in the texts of one answer.
pub struct Resolver<'a> {
    /// State shared by all requests.
    pub pipeline: &'a Pipeline,
    /// The agent that the answer belongs to.
    pub agent: &'a ReadyAgent,
    /// The call in which its tokens resolve, if it has a name.
    pub call: Option<&'a CallName>,
    /// The request's own tokens and originals.
    pub table: &'a mut TokenTable,
    /// Tokens that did not resolve.
    pub failures: usize,
}

impl Resolver<'_> {
    /// Looks up tokens that are not in the table. If the vault cannot be read, the token counts as not found.
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

    /// Prints a text with the originals restored. `wanted` gives the type expected for a value of arguments, by its
    /// path; `positions` records how the text grows and shrinks.
    pub fn print(
        &mut self,
        text: &[Read],
        wanted: &dyn Fn(&[Step]) -> Wanted,
        mut positions: Option<&mut Positions>,
    ) -> String {
        let mut out = String::new();
        let reading = reading(&self.pipeline.clock);
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
                    let wanted = wanted_at(target, wanted);
                    let place = place(target, &wanted);
                    self.failures += render(piece, &mut resolve, place, &self.agent.fallback, &reading, &mut out);
                    match piece {
                        Scanned::Token(TokenRef { len, .. })
                        | Scanned::Fragment { len, .. }
                        | Scanned::Dropped { len } => *len,
                        Scanned::Text(_) => 0,
                    }
                }
                Read::Surrogate { entry, found, target } => {
                    match self.table.restore(*entry, found) {
                        Some(original) => place(target, &Wanted::default()).write(original.expose(), &mut out),
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

    /// The value of a JSON string that consists of exactly one token.
    pub fn argument(&mut self, text: &[Read], wanted: &Wanted) -> Option<Value> {
        let [Read::Scanned { piece: Scanned::Token(token), .. }] = text else { return None };
        let value = self.table.resolve(&token_text(token)).filter(|_| token.tail.is_empty())?;
        match argument(token, &value, wanted, &reading(&self.pipeline.clock)) {
            Argument::Number(number) => serde_json::from_str(&number).ok().map(Value::Number),
            Argument::Text(text) => Some(Value::String(text)),
        }
    }

    /// Also finds tokens made before names of calls were keyed.
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

/// Replaces every token of a text by `[REDACTED:KIND]`: for errors, in which no originals are restored.
pub fn scrub(text: &str) -> String {
    use crate::tokens::scan::{FinishReason, ScanMode, Scanner};
    let mut scanner = Scanner::new(ScanMode { json: false, compact: true });
    let mut pieces = scanner.push(text);
    pieces.extend(scanner.finish(FinishReason::Stop));
    let mut out = String::with_capacity(text.len());
    for piece in &pieces {
        let reading = Reading::new(Day::of_millis(0));
        render(piece, &mut |_| None, Slot::TEXT, &Default::default(), &reading, &mut out);
    }
    out
}

fn wanted_at(target: &Target, wanted: &dyn Fn(&[Step]) -> Wanted) -> Wanted {
    match target {
        Target { is_value: true, path: Some(path), .. } => wanted(path),
        _ => Wanted::default(),
    }
}

fn place<'w>(target: &Target, wanted: &'w Wanted) -> Slot<'w> {
    match target {
        Target { levels, is_value: false, .. } => Slot::Inside { levels: *levels },
        Target { levels, .. } => Slot::Value { levels: *levels, wanted },
    }
}

fn token_text(token: &TokenRef) -> String {
    match &token.found {
        AnyToken::Long(token) => token.text(),
        AnyToken::Compact(token) => token.to_string(),
    }
}
