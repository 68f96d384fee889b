//! How many connections there may be, and how long each may take.

use std::time::Duration;

use super::environment::VariableReader;

/// Bodies in memory at the same time, unless a single one may be larger.
const BUFFERED: u64 = 128 << 20;

/// Limits of connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionLimits {
    /// Connections at the same time; as many as the process has file descriptors for unless it is set.
    pub most: Option<usize>,
    /// Until the head of a request is there, and between two pieces of its body.
    pub head: Duration,
    /// Until a body is there as a whole.
    pub body: Duration,
    /// For a connection without a request, and for an answer that nobody reads.
    pub idle: Duration,
    /// Of all bodies that are in memory, together, in bytes.
    pub buffered: usize,
}

impl ConnectionLimits {
    /// `largest_body` is the largest single body that any route takes.
    pub(super) fn read(read: &mut VariableReader<'_>, largest_body: usize) -> Self {
        const BUFFERED_NAME: &str = "MASKER_MAX_BUFFERED_BYTES";
        let mut millis = |name: &str, default: u64| Duration::from_millis(read.number(name, default, 1..=3_600_000));
        let head = millis("MASKER_HEADER_TIMEOUT_MS", 10_000);
        let body = millis("MASKER_BODY_TIMEOUT_MS", 60_000);
        let idle = millis("MASKER_IDLE_TIMEOUT_MS", 75_000);
        let is_limited = read.is_set("MASKER_MAX_CONNECTIONS");
        let most = read.number("MASKER_MAX_CONNECTIONS", 1, 1..=1_000_000) as usize;
        let largest = largest_body as u64;
        let buffered = read.number(BUFFERED_NAME, BUFFERED.max(largest), 1024..=1 << 40);
        if buffered < largest {
            let problem = format!(
                "must be at least {largest}, the largest single body: see MASKER_MAX_BODY_BYTES and MASKER_MAX_PLUGIN_BYTES"
            );
            read.problem(BUFFERED_NAME, problem);
        }
        Self { most: is_limited.then_some(most), head, body, idle, buffered: buffered as usize }
    }
}
