//! Passes.
pub mod finding;
