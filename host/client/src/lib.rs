//! Shared by the programs that call a Masker server: settings lookup, API client and exit codes.

pub mod client;
pub mod exit;
pub mod https;
pub mod remote;
pub mod settings;
