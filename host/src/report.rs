//! Compliance reports: one set of figures, signed, as JSON and as a PDF. Pure: [`crate::app`] gathers what goes in.
//!
//! [`document`] is the report, [`leaks`] lists what went past, [`safe_harbor`] says what of the eighteen
//! categories is found, [`signature`] signs it, [`pdf`] sets it in type.

pub mod document;
pub mod leaks;
pub mod pdf;
pub mod safe_harbor;
pub mod signature;
pub mod transcript;
