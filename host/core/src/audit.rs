//! The audit trail: what an event is, how events are chained, and how a chain is checked.
//!
//! Everything here is pure; the file itself is `store::journal`'s. An event holds kinds, spans and ids, never a value,
//! a token or a payload: its texts are names from the policy or words from this source code.

mod canonical;
pub mod chain;
pub mod checkpoint;
pub mod event;
mod line;
pub mod merkle;
pub mod verify;
