//! What is told of a pass that failed.

use std::fmt;
use std::time::Duration;

/// Words of this source code and numbers of ours. A plugin has seen the caller's text and may put any of it into what it
/// returns, so nothing that it returned has a place here: no text and no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultDetail {
    /// What is wrong.
    Words(&'static str),
    /// What is wrong with the finding of this index.
    Finding(usize, &'static str),
    /// It was not done within this time.
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
