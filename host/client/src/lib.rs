//! What the programs that call a Masker share: where they look for their settings, how they reach the server, with what they exit.

pub mod client;
pub mod exit;
pub mod https;
pub mod remote;
pub mod settings;
