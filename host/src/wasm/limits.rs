//! Resource limits of a plugin, per call.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// Limit of all memories and tables of one store together, in bytes.
pub const MEMORY: usize = 64 << 20;
/// Error text for a plugin over this limit.
pub const OVER_MEMORY: &str = "more than 64 MiB of memory";
/// Stack limit of one call, in bytes.
pub const STACK: usize = 512 << 10;
/// Error text for a plugin over this limit.
pub const OVER_STACK: &str = "more than 512 KiB of stack";
/// Limit of bytes returned from the guest in one call, strings and lists together. Checked before the host allocates
/// anything for them.
pub const OUTPUT: usize = 2 << 20;
/// Limit of findings per call.
pub const FINDINGS: usize = 10_000;
/// Length limit of a replacement, in bytes.
pub const REPLACEMENT: usize = 256;
/// Limit of memories per component. Guests in all three supported languages have one.
pub const MEMORIES: u32 = 2;
/// Limit of tables per component.
pub const TABLES: u32 = 4;
/// Limit of elements per table.
pub const TABLE: usize = 100_000;
/// Limit of core instances per component (a guest in another language includes its runtime as separate modules: a
/// Python guest has 38).
pub const CORE_INSTANCES: u32 = 64;
/// Timeout of `describe` and `configure`.
pub const CONFIGURE: Duration = Duration::from_secs(60);

/// Refuses growth past the limits, and records that it did.
#[derive(Default)]
pub struct Limits {
    /// Whether a request for memory was refused.
    pub memory_refused: bool,
    /// Bytes granted to all memories and tables of the store.
    pub memory: usize,
}

impl Limits {
    /// `maximum` is the guest's own limit: growth beyond it fails after it was granted, and must not be counted.
    fn grow(&mut self, bytes: usize, desired: usize, maximum: Option<usize>) -> bool {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return false;
        }
        let all = self.memory.saturating_add(bytes);
        let granted = all <= MEMORY;
        if granted {
            self.memory = all;
        }
        self.memory_refused |= !granted;
        granted
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(desired.saturating_sub(current), desired, maximum))
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        let bytes = desired.saturating_sub(current).saturating_mul(size_of::<usize>());
        Ok(desired <= TABLE && self.grow(bytes, desired, maximum))
    }

    fn memories(&self) -> usize {
        MEMORIES as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_memories_and_tables_share_one_limit() {
        let mut limits = Limits::default();
        assert!(limits.memory_growing(0, MEMORY / 2, None).expect("an answer"));
        assert!(limits.table_growing(0, TABLE, None).expect("an answer"));
        assert!(!limits.memory_growing(0, MEMORY / 2, None).expect("an answer"));
        assert!(limits.memory_refused);
        assert_eq!(limits.memory, MEMORY / 2 + TABLE * size_of::<usize>());
    }

    #[test]
    fn growth_beyond_the_guests_own_maximum_is_not_counted() {
        let mut limits = Limits::default();
        assert!(!limits.memory_growing(1 << 16, 3 << 16, Some(2 << 16)).expect("an answer"));
        assert_eq!((limits.memory, limits.memory_refused), (0, false));
    }

    #[test]
    fn the_words_name_the_limits() {
        assert!(OVER_MEMORY.contains(&format!("{} MiB", MEMORY >> 20)));
        assert!(OVER_STACK.contains(&format!("{} KiB", STACK >> 10)));
    }
}
