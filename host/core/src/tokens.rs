//! Tokens: the placeholders for protected data in the model's text, and how they are resolved.
//!
//! ```text
//! value --normalise--> mint --> Token --format--> "MSKV1.NAME.K_HEALTHCARE.…" --> model
//! caller <-- rehydrate <-- resolve (vault row or AEAD) <-- scan <-- the model's answer, in pieces
//! ```
//!
//! * [`mod@format`]: the syntax of tokens, long and compact, and strict parsing of a whole text as one token.
//! * [`call_name`]: the keyed hash that is used instead of a call's name.
//! * [`normalise`]: which spellings of a value are the same value.
//! * [`mint`]: makes tokens and sealed vault rows from keys, and opens them again.
//! * [`scan`]: finds tokens in text that arrives in pieces and that a model may have mangled. Its guarantee: no raw
//!   token and no part of one reaches the caller.
//! * [`lookalikes`]: finds text in the caller's own words that looks like a token.
//! * [`synthetic`]: realistic surrogates instead of tokens.
//! * [`echo`]: finds surrogates in an answer.
//! * [`rehydrate`]: prints one scanned piece with the originals restored.
//!
//! Everything here is pure: no storage, no clock, no randomness. The store resolves vault tokens.

pub mod call_name;
pub mod echo;
pub mod format;
pub mod lookalikes;
pub mod mint;
mod normalise;
pub mod rehydrate;
pub mod scan;
pub mod sought;
pub mod synthetic;
