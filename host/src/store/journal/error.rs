//! Errors of the journal. None quotes an event.

use std::io;

use crate::audit::verify::Fault;
use crate::store::error::words;

/// Why the journal cannot be opened, appended to or read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be opened.
    #[error("the journal cannot be opened: {words}", words = words(*.0))]
    Open(io::ErrorKind),
    /// Another process holds its lock.
    #[error("the journal is in use by another process: each install needs a journal of its own")]
    InUse,
    /// The last lines do not verify.
    #[error("the journal does not verify at byte {offset}: the line there {fault}; see `masker audit verify`")]
    Tail {
        /// Where the line begins.
        offset: u64,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A file is missing or truncated.
    #[error("a file of the journal is missing or was cut: no data at byte {offset}; see `masker audit verify`")]
    Gap {
        /// Offset at which the missing part begins.
        offset: u64,
    },
    /// A write or a sync failed, now or earlier.
    #[error("the journal cannot be written")]
    Unavailable,
    /// An event longer than `MAX_LINE`; it is rejected, and the journal keeps working.
    #[error("the event is too long for the journal")]
    TooLong,
    /// A line that cannot be read back.
    #[error("the journal cannot be read at byte {offset}")]
    Unreadable {
        /// Where the line begins.
        offset: u64,
    },
}

impl From<io::Error> for JournalError {
    fn from(error: io::Error) -> Self {
        Self::Open(error.kind())
    }
}
