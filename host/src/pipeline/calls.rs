//! Memory of a call while it lasts: the values masked in it and the numbers of its compact tokens.
//!
//! Only calls named by the platform are remembered. Without a name it is unknown which requests belong together, and a
//! memory shared by all of an agent's callers would let one caller's words affect how another's are masked. In that
//! case the request's own history, which voice platforms send in full, serves as memory. Bounded in bytes: idle calls
//! are evicted. The vault's rows of a call are read when the call is first seen, also after a restart.

mod call;

use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};

pub use call::{Call, Label};

use super::error::PipelineError;
use super::tokenize::Tokenized;
use crate::ids::AccountId;
use crate::store::vault::Gone;
use crate::store::{Store, StoreError};
use crate::tokens::mint::{Minters, RowKey, Scope, VaultRow};
use crate::values::Reading;

/// Capacity in bytes for all calls together.
const BYTES: u64 = 16 << 20;
/// Expected number of concurrent calls.
const CALLS: usize = 4096;
/// Shards of the cache. Each must have room for the largest call.
const SHARDS: usize = 16;
/// Limit of values per call that are read from the vault and remembered.
const VALUES: usize = 512;
/// Number of rows tracked as stored in the vault.
const STORED: usize = 16_384;

/// Attempts to assign numbers to compact tokens before giving up.
const ATTEMPTS: usize = 4;

/// The calls in progress.
pub struct Calls {
    calls: Cache<Scope, Weighed, ByBytes>,
    stored: Cache<u64, ()>,
    hasher: RandomState,
    erasures: AtomicU64,
}

/// Rows being written to the vault.
struct Storing {
    fingerprints: Vec<u64>,
    erasures: u64,
}

/// A call with its weight at insertion: the cache sums the reported weights, so the weight must not change.
#[derive(Clone)]
struct Weighed {
    call: Arc<Call>,
    bytes: u64,
}

impl Weighed {
    fn new(call: Arc<Call>) -> Self {
        let bytes = call.bytes();
        Self { call, bytes }
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Scope, Weighed> for ByBytes {
    fn weight(&self, _: &Scope, weighed: &Weighed) -> u64 {
        weighed.bytes
    }
}

impl Default for Calls {
    fn default() -> Self {
        let options = OptionsBuilder::new()
            .estimated_items_capacity(CALLS)
            .weight_capacity(BYTES)
            .shards(SHARDS)
            .build()
            .expect("all that is needed is given");
        let calls = Cache::with_options(options, ByBytes, Default::default(), DefaultLifecycle::default());
        let (stored, hasher) = (Cache::new(STORED), RandomState::new());
        Self { calls, stored, hasher, erasures: AtomicU64::new(0) }
    }
}

impl Calls {
    /// The memory of a call.
    pub fn get(&self, name: Scope, account: AccountId) -> Arc<Call> {
        let new = || Ok::<_, Infallible>(Weighed::new(Arc::new(Call::new(account))));
        self.calls.get_or_insert_with(&name, new).unwrap_or_else(|never| match never {}).call
    }

    /// Reads the vault's rows of a call, once. For a new call this costs one index lookup.
    pub async fn read(
        &self,
        name: Scope,
        call: &Arc<Call>,
        store: &Store,
        minters: &Minters,
        reading: &Reading,
    ) -> Result<(), PipelineError> {
        if !call.is_read() {
            let (account, minters, reading) = (call.account(), minters.clone(), *reading);
            let open = move |row: VaultRow| call::known(&row, account, &minters, &reading);
            let kept = store.vault().call(name.agent, name.id(), VALUES, open).await;
            call.learn(kept.map_err(|_| PipelineError::MaskingUnavailable("the vault cannot be read"))?);
            self.weigh(name, call);
        }
        Ok(())
    }

    /// Tokenizes, and completes when the vault has the originals: no token is sent that the vault does not know. If
    /// the vault has assigned a call's numbers to other values, new numbers are chosen: another request of the call
    /// took them after the memory of one of the two requests was evicted.
    pub async fn settle(
        &self,
        name: Scope,
        call: Option<&Arc<Call>>,
        store: &Store,
        minters: &Minters,
        reading: &Reading,
        tokenize: impl Fn() -> Result<Tokenized, PipelineError>,
    ) -> Result<Tokenized, PipelineError> {
        for _ in 0..ATTEMPTS {
            let mut tokenized = tokenize()?;
            match self.keep(std::mem::take(&mut tokenized.rows), store).await {
                Ok(()) => return Ok(tokenized),
                Err(StoreError::LabelTaken) => {
                    if let Some(call) = call {
                        call.forget_numbers();
                        self.read(name, call, store, minters, reading).await?;
                    }
                }
                Err(_) => break,
            }
        }
        Err(PipelineError::MaskingUnavailable("the vault cannot be written"))
    }

    async fn keep(&self, rows: Vec<VaultRow>, store: &Store) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let storing = self.storing(&rows);
        store.vault().put(rows).await?;
        self.stored(&storing);
        Ok(())
    }

    /// Must be called after a call has grown.
    pub fn weigh(&self, name: Scope, call: &Arc<Call>) {
        // A call that was evicted or forgotten must not be inserted again.
        if self.calls.peek(&name).is_some_and(|known| Arc::ptr_eq(&known.call, call)) {
            self.calls.insert(name, Weighed::new(call.clone()));
        }
    }

    /// Forgets these rows of the vault, and their values.
    pub fn forget_rows(&self, gone: &[Gone], minters: &Minters, reading: &Reading) {
        self.erasures.fetch_add(1, Ordering::Relaxed);
        for Gone { key, label } in gone {
            self.stored.remove(&self.fingerprint(key, None));
            self.stored.remove(&self.fingerprint(key, label.as_deref()));
        }
        let mut rest = gone;
        while let Some(first) = rest.first() {
            let name = |gone: &Gone| Scope::with_id(gone.key.agent, gone.key.scope);
            let of_call = rest.iter().take_while(|gone| name(gone) == name(first)).count();
            if let Some(known) = self.calls.peek(&name(first)) {
                known.call.forget(&rest[..of_call], minters, reading);
            }
            rest = &rest[of_call..];
        }
    }

    /// Forgets all of a call, including values that were never in the vault.
    pub fn forget_call(&self, name: Scope) {
        if let Some(known) = self.calls.peek(&name) {
            known.call.forget_all();
        }
    }

    /// Whether the vault is known to have this row.
    pub fn is_stored(&self, row: &VaultRow) -> bool {
        self.stored.get(&self.fingerprint(&row.key(), row.label.as_deref())).is_some()
    }

    /// Registers rows that are about to be stored.
    fn storing(&self, rows: &[VaultRow]) -> Storing {
        let fingerprints = rows.iter().map(|row| self.fingerprint(&row.key(), row.label.as_deref())).collect();
        Storing { fingerprints, erasures: self.erasures.load(Ordering::Relaxed) }
    }

    /// Marks these rows as stored in the vault.
    fn stored(&self, storing: &Storing) {
        // Rows erased in the meantime may be among them.
        if storing.erasures == self.erasures.load(Ordering::Relaxed) {
            storing.fingerprints.iter().for_each(|row| self.stored.insert(*row, ()));
        }
    }

    /// A hash of a row's label and of all fields that the vault looks it up by; a row stored without a label is stored
    /// again with it. 64 bits under a random key: on a collision a row is not written, with a probability of one in
    /// 10^14 over the whole memory, and its token still resolves within its own request.
    fn fingerprint(&self, key: &RowKey, label: Option<&str>) -> u64 {
        self.hasher.hash_one((key, label))
    }
}

#[cfg(test)]
mod label_tests;
#[cfg(test)]
mod tests;
