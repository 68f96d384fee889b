//! Cache of decisions about texts seen before, so that a conversation's history is not searched again on every turn.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::passes::finding::Decision;

/// Overhead of an entry beside its decisions: key, pointers, counters and table slot.
const OVERHEAD: usize = 160;
/// Bytes of an entry for a typical text; sets the capacity of the table.
const USUAL: usize = 2048;

/// Caches decisions, keyed by the input of the passes. Holds spans, not text; keys are keyed hashes. Bounded in bytes:
/// a text with many decisions takes the space of many texts with few.
pub struct DecisionCache {
    key: [u8; 32],
    decisions: Cache<[u8; 16], Arc<[Decision]>, Bytes>,
}

impl DecisionCache {
    /// An empty cache of at most this many bytes, with its own random key.
    ///
    /// # Errors
    /// The system provides no randomness.
    pub fn new(bytes: usize) -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self { key, decisions: Cache::with_weighter(bytes / USUAL, bytes as u64, Bytes) })
    }

    /// A hash that cannot be computed without this cache's key.
    pub(super) fn hash(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut hash = [0; 16];
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        hash
    }

    pub(super) fn get(&self, key: &[u8; 16]) -> Option<Arc<[Decision]>> {
        self.decisions.get(key)
    }

    pub(super) fn insert(&self, key: [u8; 16], decisions: Arc<[Decision]>) {
        self.decisions.insert(key, decisions);
    }
}

#[derive(Clone)]
struct Bytes;

impl Weighter<[u8; 16], Arc<[Decision]>> for Bytes {
    fn weight(&self, _: &[u8; 16], decisions: &Arc<[Decision]>) -> u64 {
        let replacements = decisions.iter().filter_map(|decision| decision.replacement.as_ref()).map(|text| text.len());
        (OVERHEAD + size_of_val(&**decisions) + replacements.sum::<usize>()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action;
    use crate::pipeline::fixtures::decision;

    #[test]
    fn what_is_remembered_is_bounded_in_bytes() {
        const BYTES: usize = 1 << 20;
        let memo = DecisionCache::new(BYTES).expect("randomness");
        for (entries, each) in [(200, 500), (20_000, 0)] {
            let decisions: Arc<[Decision]> = vec![decision("Ann", "Ann", "NAME", Action::Tokenize); each].into();
            for index in 0..entries {
                memo.insert(memo.hash(&[&usize::to_le_bytes(index)]), decisions.clone());
            }
            assert!(memo.decisions.weight() <= BYTES as u64, "{}", memo.decisions.weight());
            assert!(memo.decisions.weight() > BYTES as u64 / 2, "it is made use of: {}", memo.decisions.weight());
        }
    }
}
