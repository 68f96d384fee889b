//! Failure details of a pass that are safe to report.

use std::fmt;
use std::time::Duration;

/// Details from this source code only. A plugin has seen the caller's text and may return any of it, so nothing that
/// a plugin returned is included: no text and no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultDetail {
    /// The problem.
    Words(&'static str),
    /// The problem with the finding at this index.
    Finding(usize, &'static str),
    /// It did not finish within this time.
    Late(Duration),
}

impl fmt::Display for FaultDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(words) => f.write_str(words),
            Self::Finding(index, words) => write!(f, "finding {index}: {words}"),
            Self::Late(limit) => write!(f, "not done within {} ms", limit.as_millis()),
        }
    }
}
