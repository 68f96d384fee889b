//! `/api/v1`: one module per resource.

pub mod agents;
pub mod auth;
pub mod me;
pub mod tokens;
