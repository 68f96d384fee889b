//! Compliance reports: one set of figures, signed. The service gathers what goes in, and sets the same figures in type as a PDF.
//!
//! [`document`] is the report, [`leaks`] lists what went past, [`safe_harbor`] says what of the eighteen
//! categories is found, [`signature`] signs it.

pub mod document;
pub mod leaks;
pub mod safe_harbor;
pub mod signature;
pub mod transcript;
