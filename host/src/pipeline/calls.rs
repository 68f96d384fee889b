//! What is remembered of a call while it lasts: the values masked in it and the numbers of its compact tokens.
//!
//! Only calls that the platform names are remembered. Without a name nothing says which requests belong together, and a
//! memory over all of an agent's callers would let one caller's words change how another's are treated; then the
//! request's own history, which voice platforms send whole, is the memory. Bounded: a call that is not used falls out,
//! and what it had (the vault's rows) is read again.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard};

use quick_cache::sync::Cache;

use crate::ids::AgentId;
use crate::kind::Kind;
use crate::passes::memory::Remembered;
use crate::store::{Store, StoreError};
use crate::tokens::mint::VaultRow;

/// Calls that are remembered at the same time.
const CALLS: usize = 4096;
/// Values of one call.
const VALUES: usize = 512;

/// Tokens of which it is remembered that the vault has them.
const STORED: usize = 16_384;

/// Calls by agent and [`crate::tokens::mint::Scope::id`].
pub struct Calls {
    calls: Cache<(AgentId, [u8; 16]), Arc<Call>>,
    stored: Cache<u64, ()>,
    hasher: RandomState,
}

/// One call.
#[derive(Default)]
pub struct Call {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    values: Vec<Remembered>,
    labels: Option<Labels>,
}

/// The numbers of a call's compact tokens.
#[derive(Default)]
pub struct Labels {
    numbers: HashMap<(Kind, [u8; 16]), u32>,
    last: HashMap<Kind, u32>,
}

impl Default for Calls {
    fn default() -> Self {
        Self { calls: Cache::new(CALLS), stored: Cache::new(STORED), hasher: RandomState::new() }
    }
}

impl Calls {
    /// The memory of a call.
    pub fn get(&self, agent: AgentId, scope: [u8; 16]) -> Arc<Call> {
        let key = (agent, scope);
        self.calls.get(&key).unwrap_or_else(|| {
            let call = Arc::new(Call::default());
            self.calls.insert(key, call.clone());
            call
        })
    }

    /// Forgets every call, and what the vault is known to have: values were erased.
    pub fn forget(&self) {
        self.calls.clear();
        self.stored.clear();
    }

    /// Whether the vault is known to have this row.
    pub fn is_stored(&self, row: &VaultRow) -> bool {
        self.stored.get(&self.fingerprint(row)).is_some()
    }

    /// The vault has these rows now.
    pub fn stored(&self, rows: &[u64]) {
        rows.iter().for_each(|row| self.stored.insert(*row, ()));
    }

    /// What [`Calls::stored`] takes: a hash of everything by which the vault looks a row up. 64 bits under a random
    /// key; a row that is taken for another one's is not written, with a probability of one in 10^14 over the whole
    /// memory, and its token still resolves within its own request.
    pub fn fingerprint(&self, row: &VaultRow) -> u64 {
        self.hasher.hash_one((row.agent, row.scope, &row.kid, &row.kind, row.mac))
    }
}

impl Call {
    /// The values masked before in this call.
    pub fn values(&self) -> Vec<Remembered> {
        self.lock().values.clone()
    }

    /// Remembers values.
    pub fn remember(&self, values: &[Remembered]) {
        let mut state = self.lock();
        for value in values {
            if state.values.len() < VALUES && !state.values.iter().any(|known| known.text == value.text) {
                state.values.push(value.clone());
            }
        }
    }

    /// Reads the numbers this call has given out before, if that was not done yet.
    pub async fn load_labels(&self, store: &Store, agent: AgentId, scope: [u8; 16]) -> Result<(), StoreError> {
        if self.lock().labels.is_some() {
            return Ok(());
        }
        let rows = store.vault().labels(agent, scope).await?;
        let mut labels = Labels::default();
        for row in rows {
            if let Some(number) = row.label.as_deref().and_then(|label| label.parse::<u32>().ok()) {
                let last = labels.last.entry(row.kind.clone()).or_default();
                *last = number.max(*last);
                labels.numbers.insert((row.kind, row.mac), number);
            }
        }
        self.lock().labels.get_or_insert(labels);
        Ok(())
    }

    /// The number of a value: the one it has, or the next.
    pub fn label(&self, kind: &Kind, mac: [u8; 16]) -> u32 {
        let mut state = self.lock();
        let labels = state.labels.get_or_insert_default();
        if let Some(number) = labels.numbers.get(&(kind.clone(), mac)) {
            return *number;
        }
        let last = labels.last.entry(kind.clone()).or_default();
        *last += 1;
        let number = *last;
        labels.numbers.insert((kind.clone(), mac), number);
        number
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is sound after every statement that changes it, so a panic elsewhere does no harm to it.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_keeps_its_number_and_no_other_gets_it() {
        let call = Call::default();
        let kind = |name| Kind::new(name).expect("a kind");
        assert_eq!(call.label(&kind("NAME"), [1; 16]), 1);
        assert_eq!(call.label(&kind("NAME"), [2; 16]), 2);
        assert_eq!(call.label(&kind("PHONE"), [2; 16]), 1);
        assert_eq!(call.label(&kind("NAME"), [1; 16]), 1);
    }

    fn value(text: &str) -> Remembered {
        let kind = Kind::new("NAME").expect("a kind");
        Remembered { text: text.into(), kind, action: crate::passes::finding::Action::Tokenize }
    }

    fn texts(call: &Call) -> Vec<String> {
        call.values().iter().map(|value| value.text.expose().clone()).collect()
    }

    #[test]
    fn a_call_remembers_each_value_once_and_no_other_calls() {
        let calls = Calls::default();
        let (agent, other) = (AgentId::generate(), AgentId::generate());
        calls.get(agent, [1; 16]).remember(&[value("Jane"), value("Doe"), value("Jane")]);
        calls.get(agent, [1; 16]).remember(&[value("Doe")]);
        assert_eq!(texts(&calls.get(agent, [1; 16])), ["Jane", "Doe"]);
        assert!(texts(&calls.get(agent, [2; 16])).is_empty());
        assert!(texts(&calls.get(other, [1; 16])).is_empty());
    }

    #[test]
    fn what_a_call_remembers_is_bounded() {
        let call = Call::default();
        let many: Vec<Remembered> = (0..VALUES + 10).map(|index| value(&format!("value {index}"))).collect();
        call.remember(&many);
        assert_eq!(call.values().len(), VALUES);
    }

    #[test]
    fn a_row_is_known_as_stored_only_under_everything_the_vault_looks_it_up_by() {
        let calls = Calls::default();
        let row = VaultRow {
            agent: AgentId::generate(),
            scope: [1; 16],
            kid: crate::keys::Kid::new("K").expect("a kid"),
            kind: Kind::new("NAME").expect("a kind"),
            mac: [2; 16],
            sealed: vec![],
            label: None,
            sealed_by: None,
        };
        calls.stored(&[calls.fingerprint(&row)]);
        assert!(calls.is_stored(&row));
        let changes: [fn(&mut VaultRow); 5] = [
            |row| row.agent = AgentId::generate(),
            |row| row.scope = [9; 16],
            |row| row.kid = crate::keys::Kid::new("L").expect("a kid"),
            |row| row.kind = Kind::new("PHONE").expect("a kind"),
            |row| row.mac = [9; 16],
        ];
        for change in changes {
            let mut other = row.clone();
            change(&mut other);
            assert!(!calls.is_stored(&other));
        }
    }
}
