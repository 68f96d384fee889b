//! Exit codes (API.md section 10) and what a command says when it fails.

use std::io::Write;

/// All went well.
pub const OK: u8 = 0;
/// Something failed.
pub const GENERIC: u8 = 1;
/// The command's own: nothing matched.
pub const COMMAND: u8 = 2;
/// A policy is invalid.
pub const POLICY: u8 = 3;
/// Called wrongly (`EX_USAGE` of sysexits.h).
pub const USAGE: u8 = 64;

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    message: String,
}

impl Failure {
    /// A failure with a message for standard error; an empty one says nothing.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Prints the message.
    pub fn print(&self) {
        if !self.message.is_empty() {
            let _ = writeln!(std::io::stderr(), "masker: {}", self.message);
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(GENERIC, format!("{error:#}"))
    }
}
