//! The audit trail: events, the chain of events, and its verification.
//!
//! Pure code; `store::journal` owns the file. An event holds kinds, spans and ids, never a value, a token or a
//! payload: its texts are names from the policy or constants of this source code.

mod canonical;
pub mod chain;
pub mod checkpoint;
pub mod event;
mod line;
pub mod merkle;
pub mod verify;
