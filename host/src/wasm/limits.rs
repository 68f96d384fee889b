//! What a plugin may use, per call.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// Linear memory of one instance, in bytes.
pub const MEMORY: usize = 64 << 20;
/// Stack of one call, in bytes.
pub const STACK: usize = 512 << 10;
/// Bytes that may cross from the guest into the host in one call, strings and lists together.
pub const OUTPUT: usize = 2 << 20;
/// Findings of one call.
pub const FINDINGS: usize = 10_000;
/// Bytes of a replacement.
pub const REPLACEMENT: usize = 256;
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
    /// The largest memory that was granted, in bytes.
    pub memory: usize,
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let granted = desired <= MEMORY;
        self.memory_refused |= !granted;
        if granted {
            self.memory = self.memory.max(desired);
        }
        Ok(granted)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE)
    }
}
