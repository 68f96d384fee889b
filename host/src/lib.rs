//! Masker keeps protected data out of LLMs during phone calls.

pub mod chat;
pub mod clock;
pub mod config;
pub mod ids;
pub mod keys;
pub mod kind;
pub mod passes;
pub mod policy;
pub mod sensitive;
pub mod text;
pub mod upstream;
pub mod wasm;
