//! What a plugin may use, per call.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// Memories and tables of one store together, in bytes, whatever they are divided among.
pub const MEMORY: usize = 64 << 20;
/// What is told of a plugin that wants more.
pub const OVER_MEMORY: &str = "more than 64 MiB of memory";
/// Stack of one call, in bytes.
pub const STACK: usize = 512 << 10;
/// What is told of a plugin that wants more.
pub const OVER_STACK: &str = "more than 512 KiB of stack";
/// Bytes that may cross from the guest into the host in one call, strings and lists together. Counted before the host
/// allocates anything for them.
pub const OUTPUT: usize = 2 << 20;
/// Findings of one call.
pub const FINDINGS: usize = 10_000;
/// Bytes of a replacement.
pub const REPLACEMENT: usize = 256;
/// Memories of one component. A guest in any of the three languages has one.
pub const MEMORIES: u32 = 2;
/// Tables of one component.
pub const TABLES: u32 = 4;
/// Elements of one table.
pub const TABLE: usize = 100_000;
/// Core instances of one component (a guest in another language brings its runtime in modules of its own: a Python one has 38).
pub const CORE_INSTANCES: u32 = 64;
/// How long `describe` and `configure` may take.
pub const CONFIGURE: Duration = Duration::from_secs(60);

/// Says no to growth past the limits, and remembers that it did.
#[derive(Default)]
pub struct Limits {
    /// Memory was asked for and refused.
    pub memory_refused: bool,
    /// What was granted to all memories and tables of the store, in bytes.
    pub memory: usize,
}

impl Limits {
    /// `maximum` is the guest's own: growth beyond it fails after it was granted, and would be counted for nothing.
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
