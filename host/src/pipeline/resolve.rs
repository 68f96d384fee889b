//! Where a token's original is looked for: the request's own table, then the token itself (AEAD), then the vault.
//!
//! Never further than the scope that minted it: this agent and, when the platform names the call, this call.

use super::Pipeline;
use super::agent::ReadyAgent;
use super::reader::Read;
use super::tokenize::TokenTable;
use crate::store::vault::Ticket;
use crate::tokens::format::{Scheme, Token};
use crate::tokens::mint::{Original, Scope, VaultRow};
use crate::tokens::rehydrate::{quoted, render};
use crate::tokens::scan::{Found, Piece, TokenRef};

/// Puts originals back into the texts of one answer.
pub struct Resolver<'a> {
    /// What every request shares.
    pub pipeline: &'a Pipeline,
    /// Whose answer it is.
    pub agent: &'a ReadyAgent,
    /// Where its tokens resolve.
    pub scope: Scope<'a>,
    /// What the request's own tokens stand for.
    pub table: &'a mut TokenTable,
    /// Tokens that did not resolve.
    pub failures: usize,
}

impl Resolver<'_> {
    /// Looks up what the table does not know. A vault that cannot be read counts as one that does not have the token.
    pub async fn look_up(&mut self, text: &[Read]) {
        for read in text {
            let Read::Piece(Piece::Token(token)) = read else { continue };
            let text = token_text(token);
            if !self.table.contains(&text)
                && let Some(original) = self.find(token).await
            {
                self.table.learn(text, original);
            }
        }
    }

    /// Prints a text with the originals put back.
    pub fn print(&mut self, text: &[Read], json: bool) -> String {
        let mut out = String::new();
        for read in text {
            let table = &mut *self.table;
            match read {
                Read::Piece(piece) => {
                    let mut resolve = |token: &TokenRef| table.resolve(&token_text(token));
                    self.failures += render(piece, &mut resolve, json, &self.agent.fallback, &mut out);
                }
                Read::Surrogate { entry, found } => match table.restore(*entry, found) {
                    Some(original) => quoted(original.expose(), json, false, &mut out),
                    None => out.push_str(found),
                },
            }
        }
        out
    }

    async fn find(&self, token: &TokenRef) -> Option<Original> {
        match &token.found {
            Found::Long(token) if token.scheme == Scheme::Aead => {
                self.pipeline.minters.open_aead(token, &self.scope).ok()
            }
            Found::Long(token) => self.find_in_vault(token).await,
            Found::Compact(token) => {
                let vault = self.pipeline.store.vault();
                let row = vault.by_label(self.scope.agent, self.scope.id(), &token.kind, &token.label).await.ok()??;
                self.pipeline.minters.open_row(&row).ok()
            }
        }
    }

    async fn find_in_vault(&self, token: &Token) -> Option<Original> {
        let mac = token.value.as_slice().try_into().ok()?;
        let vault = self.pipeline.store.vault();
        let row = vault.get(self.scope.agent, self.scope.id(), &token.kid, &token.kind, mac).await.ok()??;
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
        render(piece, &mut |_| None, false, &Default::default(), &mut out);
    }
    out
}

fn token_text(token: &TokenRef) -> String {
    match &token.found {
        Found::Long(token) => token.text(),
        Found::Compact(token) => token.to_string(),
    }
}

impl Pipeline {
    /// Whether the vault was given this row before and has it on disk.
    pub(super) fn stored_before(&self, row: &VaultRow) -> bool {
        self.calls.is_stored(row)
    }

    /// Queues rows for the vault; the answer's first byte waits for the ticket.
    pub(super) fn put(&self, rows: Vec<VaultRow>) -> (Ticket, Vec<u64>) {
        let fingerprints = rows.iter().map(|row| self.calls.fingerprint(row)).collect();
        (self.store.vault().put(rows), fingerprints)
    }
}
