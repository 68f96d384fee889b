//! The pure core of Masker: no network, no disk, no plugin.

#[path = "../../src/kind.rs"]
pub mod kind;
#[path = "../../src/sensitive.rs"]
pub mod sensitive;
pub mod values;
