//! Masker keeps protected data out of LLMs during phone calls.

pub mod clock;
pub mod ids;
pub mod keys;
pub mod kind;
pub mod passes;
pub mod sensitive;
pub mod text;
