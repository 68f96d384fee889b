//! One call: its values, and the numbers of its compact tokens.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::VALUES;
use crate::action::Action;
use crate::ids::AccountId;
use crate::keys::Kid;
use crate::kind::Kind;
use crate::passes::memory::{Known, Remembered};
use crate::store::vault::{Gone, KeptCall};
use crate::tokens::mint::{Minters, Original, VaultRow};
use crate::values::Reading;

/// Limit in bytes for the values of one call.
const VALUE_BYTES: u64 = 256 << 10;
/// Overhead of a value beside its texts, in bytes.
const VALUE: u64 = 240;
/// Copies of a value's text: original, folded, and in its other form, once in the list of values and once in the
/// search index.
const TEXTS: u64 = 4;
/// Bytes of a label.
const LABEL: u64 = 64;

/// The content of an account's token for a value.
type TokenValue = [u8; 16];

/// One call.
pub struct Call {
    account: AccountId,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_read: bool,
    values: Vec<Remembered>,
    value_bytes: u64,
    /// Search index of the values; built on demand.
    known: Option<Arc<Known>>,
    /// Labels of compact tokens, by the content of the long ones.
    labels: HashMap<TokenValue, Label>,
    /// The last number assigned.
    last: u32,
    /// Contents of tokens made by earlier versions, by the content they would have today.
    older: HashMap<(Kid, TokenValue), Vec<(Kind, TokenValue)>>,
}

/// The label of a compact token: the first kind of the value, and a number in the call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// The kind.
    pub kind: Kind,
    /// The number.
    pub number: u32,
}

/// A row of the vault, as far as it concerns its call.
pub(super) struct KnownRow {
    value: Remembered,
    older: Option<((Kid, TokenValue), (Kind, TokenValue))>,
}

/// Opens a row. `None` if its key is not available.
pub(super) fn known(row: &VaultRow, account: AccountId, minters: &Minters, reading: &Reading) -> Option<KnownRow> {
    let original = minters.open_row(row).ok()?;
    let Original { text, form } = original;
    let today = minters.get(&row.kid)?.value_for(account, &row.kind, text.expose(), form, reading);
    let older = (today != row.mac).then(|| ((row.kid.clone(), today), (row.kind.clone(), row.mac)));
    // Redacted values and surrogates have no row.
    let value = Remembered { text, kind: row.kind.clone(), action: Action::Tokenize };
    Some(KnownRow { value, older })
}

impl Call {
    /// A new call of an agent of this account.
    pub fn new(account: AccountId) -> Self {
        Self { account, state: Mutex::default() }
    }

    /// The account of its agent.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Approximate memory use.
    pub fn bytes(&self) -> u64 {
        let state = self.lock();
        let entries = state.labels.len() + 2 * state.older.len();
        size_of::<Self>() as u64 + state.value_bytes + LABEL * entries as u64
    }

    /// Search index of the values masked earlier in this call.
    pub fn known(&self) -> Arc<Known> {
        let mut state = self.lock();
        let State { values, known, .. } = &mut *state;
        known.get_or_insert_with(|| Arc::new(Known::new(values.iter().cloned()))).clone()
    }

    /// The values masked earlier in this call.
    #[cfg(test)]
    pub fn values(&self) -> Vec<Remembered> {
        self.lock().values.clone()
    }

    /// Remembers values. Returns whether any was new.
    pub fn remember(&self, values: &[Remembered]) -> bool {
        let mut state = self.lock();
        let before = state.values.len();
        values.iter().for_each(|value| state.remember(value));
        state.values.len() > before
    }

    /// Whether the vault's rows of this call were read.
    pub fn is_read(&self) -> bool {
        self.lock().is_read
    }

    /// Loads the vault's rows of this call.
    pub(super) fn learn(&self, kept: KeptCall<KnownRow>) {
        let mut state = self.lock();
        state.is_read = true;
        for KnownRow { value, older } in kept.rows {
            state.remember(&value);
            if let Some((value, token)) = older {
                state.older.entry(value).or_default().push(token);
            }
        }
        let mut labels: HashMap<TokenValue, Label> = HashMap::with_capacity(kept.labels.len());
        for labelled in kept.labels {
            if let Ok(number) = labelled.label.parse::<u32>() {
                state.last = number.max(state.last);
                let label = Label { kind: labelled.kind, number };
                let first = labels.entry(labelled.mac).or_insert_with(|| label.clone());
                if label.number < first.number {
                    *first = label;
                }
            }
        }
        // The vault is authoritative: a number assigned here that is missing there was not used.
        state.labels.extend(labels);
    }

    /// The known numbers differ from the vault's: read its rows again.
    pub fn forget_numbers(&self) {
        let mut state = self.lock();
        state.is_read = false;
        state.labels.clear();
        state.last = 0;
    }

    /// The label of a value: its existing label, regardless of the kind, or this kind with the next number of the
    /// call.
    pub fn label(&self, kind: &Kind, value: TokenValue) -> Label {
        let mut state = self.lock();
        let State { labels, last, .. } = &mut *state;
        let new = || {
            *last += 1;
            Label { kind: kind.clone(), number: *last }
        };
        labels.entry(value).or_insert_with(new).clone()
    }

    /// The content of this value's token in this call, if it differs from what it would be today: an earlier version
    /// made it, or the key has changed since. If there are several, those of this kind come first, and the earliest of
    /// them is used.
    pub fn older(&self, kid: &Kid, kind: &Kind, value: TokenValue) -> Option<TokenValue> {
        let state = self.lock();
        if state.older.is_empty() {
            return None;
        }
        let tokens = state.older.get(&(kid.clone(), value))?;
        let of_kind = tokens.iter().find(|(own, _)| own == kind);
        of_kind.or(tokens.first()).map(|(_, token)| *token)
    }

    /// Forgets the values of these rows, all of this call. Their numbers are not assigned again.
    pub(super) fn forget(&self, gone: &[Gone], minters: &Minters, reading: &Reading) {
        let macs: HashSet<TokenValue> = gone.iter().map(|gone| gone.key.mac).collect();
        let kids: HashSet<&Kid> = gone.iter().map(|gone| &gone.key.kid).collect();
        let is_gone = |value: &Remembered| {
            let text = value.text.expose();
            let minters = kids.iter().filter_map(|kid| minters.get(kid));
            minters
                .flat_map(|minter| minter.values_of(&[self.account], &value.kind, text, reading))
                .any(|mac| macs.contains(&mac))
        };
        let mut state = self.lock();
        state.values.retain(|value| !is_gone(value));
        state.known = None;
        state.value_bytes = state.values.iter().map(bytes_of).sum();
        state.labels.retain(|value, _| !macs.contains(value));
        state.older.retain(|_, tokens| {
            tokens.retain(|(_, token)| !macs.contains(token));
            !tokens.is_empty()
        });
    }

    /// Forgets everything.
    pub(super) fn forget_all(&self) {
        *self.lock() = State::default();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent after every statement that changes it, so a panic elsewhere does not corrupt it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remember(&mut self, value: &Remembered) {
        let bytes = bytes_of(value);
        let fits = self.values.len() < VALUES && self.value_bytes + bytes <= VALUE_BYTES;
        if fits && !self.values.iter().any(|known| known.text == value.text) {
            self.value_bytes += bytes;
            self.values.push(value.clone());
            self.known = None;
        }
    }
}

fn bytes_of(value: &Remembered) -> u64 {
    VALUE + TEXTS * value.text.expose().len() as u64
}
