//! Collects all validation errors of a request, so that they are reported at once.

use super::error::{ApiError, Detail};

/// Validation errors of a body or a query.
#[derive(Default)]
pub struct Mistakes(Vec<Detail>);

impl Mistakes {
    /// Records an error for a field, unless one is recorded already.
    pub fn add(&mut self, field: &str, message: impl Into<String>) {
        if !self.has(field) {
            self.0.push(Detail { field: field.into(), message: message.into() });
        }
    }

    /// Whether a field has an error.
    pub fn has(&self, field: &str) -> bool {
        self.0.iter().any(|wrong| wrong.field == field)
    }

    /// Parses a field if it is present. Records `message` if `read` returns `None`.
    pub fn check<G, T>(
        &mut self,
        field: &str,
        given: Option<G>,
        read: impl FnOnce(G) -> Option<T>,
        message: &str,
    ) -> Option<T> {
        let read = read(given?);
        if read.is_none() {
            self.add(field, message);
        }
        read
    }

    /// Returns `made` if there are no errors.
    ///
    /// # Errors
    /// 422 with all errors, ordered by `fields`, others last.
    pub fn refuse_or<T>(mut self, made: T, fields: &[&str]) -> Result<T, ApiError> {
        if self.0.is_empty() {
            return Ok(made);
        }
        let place = |wrong: &Detail| fields.iter().position(|field| *field == wrong.field);
        self.0.sort_by_key(|wrong| place(wrong).unwrap_or(fields.len()));
        Err(ApiError::validation(self.0))
    }
}
