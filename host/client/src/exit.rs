//! Exit codes (docs/cli.md, "Exit codes") and what a program says when it fails.

use std::io::Write;

/// All went well.
pub const OK: u8 = 0;
/// Something failed.
pub const GENERIC: u8 = 1;
/// The command's own: nothing matched.
pub const COMMAND: u8 = 2;
/// A policy is invalid.
pub const POLICY: u8 = 3;
/// There is no credential, or it is not enough.
pub const AUTH: u8 = 4;
/// There is no server, or it cannot be reached.
pub const UNREACHABLE: u8 = 5;
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

/// The end of writing to standard output. A reader that stops reading (`| head`) is no failure; a full disk is.
pub fn written(result: std::io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(GENERIC, format!("standard output: {error}")))
        }
        _ => Ok(()),
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

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn a_closed_pipe_is_no_failure_and_a_full_disk_is_one() {
        assert!(written(Ok(())).is_ok());
        assert!(written(Err(Error::from(ErrorKind::BrokenPipe))).is_ok());
        let failure = written(Err(Error::from(ErrorKind::StorageFull))).expect_err("a failure");
        assert_eq!(failure.code, GENERIC);
    }
}
