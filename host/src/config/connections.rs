//! Limits of the number of connections and of their duration.

use std::time::Duration;

use super::environment::VariableReader;

/// Default limit of request bodies in memory, unless a single body may be larger.
const BUFFERED: u64 = 128 << 20;

/// Limits of connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionLimits {
    /// Maximum number of concurrent connections. By default limited by the process's file descriptors.
    pub most: Option<usize>,
    /// Timeout for a request's head and between chunks of its body.
    pub head: Duration,
    /// Timeout for a complete request body.
    pub body: Duration,
    /// Timeout for an idle connection, and for a response that the client does not read.
    pub idle: Duration,
    /// Maximum total size of request bodies in memory, in bytes.
    pub buffered: usize,
}

impl ConnectionLimits {
    /// `largest_body` is the largest single body that any route accepts.
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
