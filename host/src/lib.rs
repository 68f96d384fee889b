//! Masker.
