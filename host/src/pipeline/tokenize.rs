//! Turns decisions into text: every span gets its token, every token its entry in the table that resolves it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::agent::ReadyAgent;
use super::calls::{Call, Label};
use super::error::PipelineError;
use super::pieces::Piece;
use crate::action::Action;
use crate::audit::event::TokenKind;
use crate::chat::position::{Edit, Form as Place};
use crate::kind::Kind;
use crate::passes::finding::Decision;
use crate::passes::memory::Remembered;
use crate::policy::{TokenStyle, Tokenization};
use crate::sensitive::SensitiveText;
use crate::text::{ByteSpan, CharCounter, CharSpan};
use crate::tokens::echo::Surrogates;
use crate::tokens::format::{CompactToken, hash_label, redacted};
use crate::tokens::mint::{Minter, Original, Scope, ValueType, VaultRow};
use crate::tokens::rehydrate::Restored;
use crate::tokens::synthetic::Synthesizer;
use crate::values::{self, Reading};

/// Letters in a compact token's label if the call has no name: 57 bits, so that the collision probability for a
/// million values of one agent is under one in a hundred thousand. On a collision the vault rejects the row.
const HASH_LABEL: usize = 12;

/// A replacement, for the journal.
pub struct Placed {
    /// The piece that contained it.
    pub piece: usize,
    /// The decision.
    pub decision: Decision,
    /// The range, in characters of the field as sent.
    pub span: CharSpan,
    /// The kind of replacement.
    pub token_kind: TokenKind,
}

/// The tokens of a request and their originals.
#[derive(Default)]
pub struct TokenTable {
    entries: HashMap<String, TableEntry>,
    surrogates: Option<Arc<Surrogates>>,
    /// Replacements by surrogates that came back in the answer.
    came_back: Vec<u32>,
}

struct TableEntry {
    value: Restored,
    /// Indices of the request's replacements that use it, counted from 0.
    placed: Vec<u32>,
    returned: bool,
}

impl TokenTable {
    /// The original of a token. Records that the token came back.
    pub fn resolve(&mut self, token: &str) -> Option<Restored> {
        let entry = self.entries.get_mut(token)?;
        entry.returned = true;
        Some(entry.value.clone())
    }

    /// Whether the table has this token.
    pub fn contains(&self, token: &str) -> bool {
        self.entries.contains_key(token)
    }

    /// The surrogates in the request, if there are any.
    pub fn surrogates(&self) -> Option<&Arc<Surrogates>> {
        self.surrogates.as_ref()
    }

    /// The original of a surrogate. Records that it came back.
    pub fn restore(&mut self, entry: usize, found: &str) -> Option<SensitiveText> {
        let (original, placed) = self.surrogates.as_ref()?.original(entry, found)?;
        self.came_back.extend(placed);
        Some(original)
    }

    /// Adds a token resolved elsewhere: from the vault, or from the token itself.
    pub fn learn(&mut self, token: String, original: Original) {
        let new = || TableEntry { value: original.into(), placed: Vec::new(), returned: false };
        self.entries.entry(token).or_insert_with(new);
    }

    /// The replacements that came back in the answer.
    pub fn returned(&self) -> Vec<u32> {
        let mut returned: Vec<u32> =
            self.entries.values().filter(|entry| entry.returned).flat_map(|entry| &entry.placed).copied().collect();
        returned.extend(&self.came_back);
        returned.sort_unstable();
        returned.dedup();
        returned
    }

    /// Whether no token was placed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A token in text is restored to the caller's latest wording, or else to the first one. A value that was a number
    /// anywhere in the request is restored as a number: most programs reject text where they expect a number.
    fn place(&mut self, token: &str, value: Value<'_>, role: &str, index: u32) {
        let Value { text, form } = value;
        let entry = self.entries.entry(token.to_owned()).or_insert_with(|| TableEntry {
            value: Restored { text: text.into(), form, record: None },
            placed: Vec::new(),
            returned: false,
        });
        entry.placed.push(index);
        let known = &mut entry.value;
        let has_number = known.form == ValueType::JsonNumber && known.record.is_some();
        if role == "user" {
            known.text = text.into();
        }
        let is_first_number = form == ValueType::JsonNumber && !has_number;
        if is_first_number || role == "tool" && known.record.is_none() {
            known.record = Some(text.into());
        }
        known.form = known.form.max(form);
    }
}

/// The result of masking the pieces.
#[derive(Default)]
pub struct Tokenized {
    /// Edits of each piece.
    pub edits: Vec<Vec<Edit>>,
    /// Tools sent under another name: the caller's name, and the name sent.
    pub renamed: Vec<(String, String)>,
    /// Every replacement, in order.
    pub placed: Vec<Placed>,
    /// The tokens and their originals.
    pub table: TokenTable,
    /// Rows that must be in the vault before the text is sent.
    pub rows: Vec<VaultRow>,
    /// The values that were replaced.
    pub values: Vec<Remembered>,
    /// The replacement text of each of [`Self::placed`], if requested.
    pub replacements: Vec<String>,
    /// The first kind of each value.
    kinds: HashMap<[u8; 16], Kind>,
    surrogates: Surrogates,
    synthesizer: Option<Synthesizer>,
}

impl Tokenized {
    /// The index of the next replacement.
    fn next_index(&self) -> u32 {
        u32::try_from(self.placed.len()).unwrap_or(u32::MAX)
    }
}

/// A value to be replaced.
#[derive(Clone, Copy)]
struct Value<'a> {
    text: &'a str,
    form: ValueType,
}

/// One of several values in a surface.
struct Part {
    range: Range<usize>,
    mac: [u8; 16],
}

/// Whether the parts cover the whole value: the text between them stays in clear.
fn cover_value(text: &str, parts: &[Part]) -> bool {
    let mut end = 0;
    for Range { start, end: next } in parts.iter().map(|part| part.range.clone()) {
        if !text.get(end..start).is_some_and(values::is_said_between) {
            return false;
        }
        end = next;
    }
    text.get(end..).is_some_and(values::is_said_between)
}

/// A piece during replacement, processed from beginning to end.
struct At<'p> {
    index: usize,
    piece: &'p Piece,
    counter: CharCounter<'p>,
}

impl At<'_> {
    fn placed(&mut self, decision: &Decision, token_kind: TokenKind) -> Placed {
        let span = self.counter.span(decision.span);
        Placed { piece: self.index, decision: decision.clone(), span, token_kind }
    }
}

fn whole(piece: &Piece) -> ByteSpan {
    ByteSpan::new(0, piece.text.expose().len())
}

/// Replaces the decided spans.
pub struct Tokenizer<'a> {
    /// The agent that the request belongs to.
    pub agent: &'a ReadyAgent,
    /// Mints the tokens.
    pub minter: &'a Minter,
    /// The scope in which tokens resolve.
    pub scope: Scope,
    /// The call, if it has a name.
    pub call: Option<&'a Call>,
    /// Whether the vault already has a row.
    pub is_stored: &'a dyn Fn(&VaultRow) -> bool,
    /// Settings for reading values.
    pub reading: Reading,
    /// Whether the replacement texts are returned.
    pub shows_replacements: bool,
}

impl Tokenizer<'_> {
    /// Replaces every decided span of every piece.
    pub fn run(&self, pieces: &[Piece], decisions: &[Arc<[Decision]>]) -> Result<Tokenized, PipelineError> {
        let mut done = Tokenized {
            edits: Vec::with_capacity(pieces.len()),
            synthesizer: self.synthesizer(pieces),
            ..Tokenized::default()
        };
        for (index, (piece, decisions)) in pieces.iter().zip(decisions).enumerate() {
            let at = At { index, piece, counter: CharCounter::new(piece.text.expose()) };
            let edits = match (decisions.is_empty(), piece.form) {
                (true, _) => Vec::new(),
                (false, Place::ToolName) => vec![self.tool_name(at, decisions, &mut done)],
                (false, Place::Identifier) => vec![self.digest(at, decisions, &mut done)],
                (false, Place::Number) => vec![self.number(at, &decisions[0], &mut done)?],
                (false, Place::Text | Place::Key) => self.spans(at, decisions, &mut done)?,
            };
            done.edits.push(edits);
        }
        if !done.surrogates.is_empty() {
            done.table.surrogates = Some(Arc::new(std::mem::take(&mut done.surrogates)));
        }
        Ok(done)
    }

    /// The surrogate generator, if the policy uses surrogates; seeded identically for the whole call.
    fn synthesizer(&self, pieces: &[Piece]) -> Option<Synthesizer> {
        let policy = &self.agent.policy;
        if policy.tokenization != Tokenization::Synthetic {
            return None;
        }
        let texts: Vec<&str> = pieces.iter().map(|piece| piece.text.expose().as_str()).collect();
        let seed = [&b"call "[..], self.agent.id.text().as_bytes(), &self.scope.id()].concat();
        Some(Synthesizer::new(self.minter.synthetic_key(), &seed, policy.epsilon, &texts))
    }

    fn spans(&self, mut at: At<'_>, decisions: &[Decision], done: &mut Tokenized) -> Result<Vec<Edit>, PipelineError> {
        let text = at.piece.text.expose();
        let mut edits = Vec::with_capacity(decisions.len());
        for decision in decisions {
            let placed = done.next_index();
            let value = Value { text: &text[decision.span.range()], form: ValueType::Text };
            edits.push(Edit {
                span: decision.span,
                text: self.replacement(&mut at, value, decision, done)?,
                placed: Some(placed),
            });
        }
        Ok(edits)
    }

    /// A number is replaced whole, because its remaining digits would still be a number.
    fn number(&self, mut at: At<'_>, decision: &Decision, done: &mut Tokenized) -> Result<Edit, PipelineError> {
        let placed = done.next_index();
        let piece = at.piece;
        let text = piece.written.as_ref().unwrap_or(&piece.text).expose();
        let value = Value { text, form: ValueType::JsonNumber };
        let text = self.replacement(&mut at, value, decision, done)?;
        Ok(Edit { span: whole(piece), text, placed: Some(placed) })
    }

    fn digest(&self, at: At<'_>, decisions: &[Decision], done: &mut Tokenized) -> Edit {
        let piece = at.piece;
        let digest = self.digest_of(&decisions[0], piece.text.expose());
        self.note_digest(at, decisions, &digest, done);
        Edit { span: whole(piece), text: digest, placed: None }
    }

    /// A replacement name for a tool, in the alphabet accepted by providers; the same in every position.
    fn tool_name(&self, at: At<'_>, decisions: &[Decision], done: &mut Tokenized) -> Edit {
        /// Characters of the digest used in a name, which has at most 64 characters.
        const DIGEST: usize = 10;
        let piece = at.piece;
        let name = piece.text.expose();
        let (mut sent, mut end) = (String::with_capacity(name.len()), 0);
        let allowed = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
        for decision in decisions {
            sent.extend(name[end..decision.span.start].chars().map(allowed));
            let digest = self.digest_of(decision, &name[decision.span.range()]);
            sent.push_str(digest.get(..DIGEST).unwrap_or(&digest));
            end = decision.span.end;
        }
        sent.extend(name[end..].chars().map(allowed));
        if sent.len() > 64 {
            sent = format!("tool_{}", self.digest_of(&decisions[0], name));
        }
        self.note_digest(at, decisions, &sent, done);
        done.renamed.push((name.clone(), sent.clone()));
        Edit { span: whole(piece), text: sent, placed: None }
    }

    fn digest_of(&self, decision: &Decision, text: &str) -> String {
        data_encoding::BASE64URL_NOPAD.encode(&self.minter.value_for(
            self.agent.account,
            &decision.kind,
            text,
            ValueType::Text,
            &self.reading,
        ))
    }

    fn note_digest(&self, mut at: At<'_>, decisions: &[Decision], digest: &str, done: &mut Tokenized) {
        let text = at.piece.text.expose();
        for decision in decisions {
            self.remember(&text[decision.span.range()], decision, done);
            done.placed.push(at.placed(decision, TokenKind::Digest));
            done.replacements.extend(self.shows_replacements.then(|| digest.to_owned()));
        }
    }

    fn replacement(
        &self,
        at: &mut At<'_>,
        value: Value<'_>,
        decision: &Decision,
        done: &mut Tokenized,
    ) -> Result<String, PipelineError> {
        let index = done.next_index();
        self.remember(value.text, decision, done);
        let (text, token_kind) = match (&decision.replacement, decision.action) {
            (Some(replacement), _) => (replacement.to_string(), TokenKind::Synthetic),
            (None, Action::Redact) => (redacted(&decision.kind), TokenKind::Redacted),
            (None, _) => match self.surrogate(value, decision, index, done) {
                Some(surrogate) => (surrogate, TokenKind::Synthetic),
                None => self.tokens(value, decision, at.piece.role, index, done),
            },
        };
        done.replacements.extend(self.shows_replacements.then(|| text.clone()));
        done.placed.push(at.placed(decision, token_kind));
        Ok(text)
    }

    /// A surrogate, if the policy asks for one. A number inside JSON gets a token, so that it comes back as a number.
    /// So does text that already looks like a token, and a value for which no surrogate is left.
    fn surrogate(&self, value: Value<'_>, decision: &Decision, index: u32, done: &mut Tokenized) -> Option<String> {
        let is_text = value.form == ValueType::Text && &*decision.pass != "host";
        let synthesizer = done.synthesizer.as_mut().filter(|_| is_text)?;
        let surrogate = synthesizer.surrogate(&decision.kind, value.text).ok()?;
        done.surrogates.add(&surrogate, value.text, index);
        if decision.kind.as_str() == "NAME" {
            for (own, word) in synthesizer.words_of(value.text) {
                done.surrogates.add(word, own, index);
            }
        }
        Some(surrogate)
    }

    fn is_compact(&self) -> bool {
        self.agent.policy.token_style == TokenStyle::Compact
    }

    /// The replacement of a value: its token, or one token for each value in it, with the text between them.
    fn tokens(
        &self,
        value: Value<'_>,
        decision: &Decision,
        role: &str,
        index: u32,
        done: &mut Tokenized,
    ) -> (String, TokenKind) {
        let kind = &decision.kind;
        let mac = self.minter.value_for(self.agent.account, kind, value.text, value.form, &self.reading);
        let parts = if value.form == ValueType::Text && &*decision.pass != "host" {
            self.parts(kind, value.text)
        } else {
            Vec::new()
        };
        if parts.is_empty() {
            let (text, token_kind) = self.token(value, mac, kind, done);
            done.table.place(&text, value, role, index);
            return (text, token_kind);
        }
        if parts.iter().all(|part| part.mac != mac) {
            // An erasure searches for the whole value.
            let whole = self.minter.token_of(mac, kind);
            let row = self.minter.seal(&self.scope, &whole, value.text, value.form, None);
            done.rows.extend(row.filter(|row| !(self.is_stored)(row)));
        }
        let (mut text, mut end, mut token_kind) = (String::new(), 0, TokenKind::Vault);
        for part in parts {
            text.push_str(&value.text[end..part.range.start]);
            let own = Value { text: &value.text[part.range.clone()], form: value.form };
            let (token, own_kind) = self.token(own, part.mac, kind, done);
            done.table.place(&token, own, role, index);
            text.push_str(&token);
            (end, token_kind) = (part.range.end, own_kind);
        }
        text.push_str(&value.text[end..]);
        (text, token_kind)
    }

    /// The values in a surface that get a token each: the words of a name if tokens are compact, and a slip and its
    /// correction. Empty if the surface is one value.
    fn parts(&self, kind: &Kind, text: &str) -> Vec<Part> {
        let part = |range: Range<usize>, value: &values::Value| Part {
            range,
            mac: self.minter.value_of(self.agent.account, value),
        };
        let parts: Vec<Part> = if kind.as_str() == "NAME" {
            if !self.is_compact() {
                return Vec::new();
            }
            let words = values::name_words(text, &self.reading);
            words.iter().map(|word| part(word.range.clone(), &word.value)).collect()
        } else {
            let slip = values::slip(kind, text, &self.reading);
            slip.iter().flatten().map(|span| part(span.range.clone(), &span.value)).collect()
        };
        if cover_value(text, &parts) { parts } else { Vec::new() }
    }

    fn token(&self, value: Value<'_>, mac: [u8; 16], kind: &Kind, done: &mut Tokenized) -> (String, TokenKind) {
        let compact = self.is_compact();
        if self.agent.policy.tokenization == Tokenization::ReversibleAead && !compact {
            // A value has one token, as text and as a number. A value too long to be sealed gets a vault token.
            let form = if value.text.bytes().all(|byte| byte.is_ascii_digit()) { ValueType::Text } else { value.form };
            if let Ok(token) = self.minter.mint_aead(&self.scope, kind, value.text, form) {
                return (token.text(), TokenKind::Aead);
            }
        }
        let mac = self.call.and_then(|call| call.older(self.minter.kid(), kind, mac)).unwrap_or(mac);
        let compact = compact.then(|| self.compact(mac, kind, done));
        let token = self.minter.token_of(mac, compact.as_ref().map_or(kind, |compact| &compact.kind));
        let text = compact.as_ref().map_or_else(|| token.text(), CompactToken::to_string);
        let token_kind = if compact.is_some() { TokenKind::Compact } else { TokenKind::Vault };
        // Sealing costs more than everything else here, so it runs only for a token that is not in this request yet.
        if !done.table.contains(&text) {
            let label = compact.map(|compact| compact.label);
            let row = self.minter.seal(&self.scope, &token, value.text, value.form, label);
            done.rows.extend(row.filter(|row| !(self.is_stored)(row)));
        }
        (text, token_kind)
    }

    /// The compact token of a value. Its kind is the first kind of the value: in the call, or in this request.
    fn compact(&self, mac: [u8; 16], kind: &Kind, done: &mut Tokenized) -> CompactToken {
        match self.call {
            Some(call) => {
                let Label { kind, number } = call.label(kind, mac);
                CompactToken { kind, label: number.to_string() }
            }
            None => {
                let kind = done.kinds.entry(mac).or_insert_with(|| kind.clone()).clone();
                CompactToken { kind, label: hash_label(&mac, HASH_LABEL) }
            }
        }
    }

    fn remember(&self, original: &str, decision: &Decision, done: &mut Tokenized) {
        done.values.push(Remembered { text: original.into(), kind: decision.kind.clone(), action: decision.action });
    }
}

#[cfg(test)]
mod tests;
