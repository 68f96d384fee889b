//! `/api/v1`: one module per resource.

pub mod agents;
