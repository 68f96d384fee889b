//! Compliance reports: a signed set of figures. The service collects the data and renders the same figures as a PDF.
//!
//! [`document`] is the report, [`leaks`] lists incidents, [`safe_harbor`] rates the coverage of the eighteen
//! categories, [`signature`] signs the report.

pub mod document;
pub mod leaks;
pub mod safe_harbor;
pub mod signature;
pub mod transcript;
