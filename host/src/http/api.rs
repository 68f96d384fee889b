//! `/api/v1`: one module per resource.

pub mod agents;
pub mod audit;
pub mod auth;
pub mod keys;
pub mod mask;
pub mod me;
pub mod plugins;
pub mod policies;
pub mod reports;
pub mod sessions;
pub mod stats;
pub mod synthesize;
pub mod tokens;
pub mod vault;

use serde::Serialize;
use utoipa::ToSchema;

use super::page::encode;

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub struct Listed<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
}

impl<T> Listed<T> {
    /// Creates a page. `next` is the position of the last row if there are more.
    pub fn new(data: Vec<T>, next: Option<String>) -> Self {
        Self { data, next_cursor: next.map(|place| encode(&place)) }
    }
}
