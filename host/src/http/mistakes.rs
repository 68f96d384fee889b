//! What is wrong with a request, collected so that all of it is said at once.

use super::error::{ApiError, Detail};

/// What is wrong with the fields of a body or with the parameters of a query.
#[derive(Default)]
pub struct Mistakes(Vec<Detail>);

impl Mistakes {
    /// Notes that a field is wrong, unless that is known already.
    pub fn add(&mut self, field: &str, message: impl Into<String>) {
        if !self.has(field) {
            self.0.push(Detail { field: field.into(), message: message.into() });
        }
    }

    /// Whether something is wrong with a field.
    pub fn has(&self, field: &str) -> bool {
        self.0.iter().any(|wrong| wrong.field == field)
    }

    /// What `read` makes of a field that was given; the field is wrong where that is nothing.
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

    /// What was made of a request nothing is wrong with.
    ///
    /// # Errors
    /// 422 with everything that is wrong, in the order of these fields, then the others.
    pub fn refuse_or<T>(mut self, made: T, fields: &[&str]) -> Result<T, ApiError> {
        if self.0.is_empty() {
            return Ok(made);
        }
        let place = |wrong: &Detail| fields.iter().position(|field| *field == wrong.field);
        self.0.sort_by_key(|wrong| place(wrong).unwrap_or(fields.len()));
        Err(ApiError::validation(self.0))
    }
}
