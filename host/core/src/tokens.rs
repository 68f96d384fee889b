//! Tokens: what stands in the model's text where protected data stood, and the way back.
//!
//! ```text
//! value --normalise--> mint --> Token --format--> "MSKV1.NAME.K_HEALTHCARE.…" --> model
//! caller <-- rehydrate <-- resolve (vault row or AEAD) <-- scan <-- the model's answer, in pieces
//! ```
//!
//! * [`mod@format`]: how a token is written, the long forms and the compact one, and how a whole text is read as one.
//! * [`call_name`]: what a call is called where no name of it may stand.
//! * [`normalise`]: which spellings of a value are the same value.
//! * [`mint`]: keys in, tokens and sealed vault rows out; and back.
//! * [`scan`]: finds tokens in text that arrives in pieces and that a model may have mangled. What is said there about
//!   promises: no raw token and no part of one reaches the caller.
//! * [`lookalikes`]: what looks like a token in a caller's own words.
//! * [`synthetic`]: realistic stand-ins in the place of tokens.
//! * [`echo`]: finds those in an answer.
//! * [`rehydrate`]: prints one scanned piece with the originals put back.
//!
//! Everything here is pure: no storage, no clock, no randomness. Resolving a vault token is the store's part.

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
