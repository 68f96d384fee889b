//! Exit codes (docs/cli.md, "Exit codes") and failures with their messages.

use std::io::Write;

/// Success.
pub const OK: u8 = 0;
/// Any other failure.
pub const GENERIC: u8 = 1;
/// Specific to the command, such as no match.
pub const COMMAND: u8 = 2;
/// Invalid policy.
pub const POLICY: u8 = 3;
/// Missing credential, or insufficient permission.
pub const AUTH: u8 = 4;
/// No server is configured, or it cannot be reached.
pub const UNREACHABLE: u8 = 5;
/// Usage error (`EX_USAGE` of sysexits.h).
pub const USAGE: u8 = 64;

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    message: String,
}

impl Failure {
    /// Creates a failure with a message for standard error. Nothing is printed if the message is empty.
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

/// Converts the result of writing to standard output. A closed pipe (`| head`) is not a failure; a full disk is.
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
