//! `limit` and `cursor` of every list. A cursor is opaque to the caller.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use std::collections::HashMap;
use std::str::FromStr;

use super::error::{ApiError, Detail};

/// A list's query, checked for what all lists share.
pub struct PageQuery<C> {
    /// 1 to 100; 25 unless asked otherwise.
    pub limit: usize,
    /// Where the page before ended.
    pub cursor: Option<C>,
    values: HashMap<String, String>,
}

impl<C: FromStr> PageQuery<C> {
    /// Reads it.
    pub fn read(query: Result<Query<HashMap<String, String>>, QueryRejection>) -> Result<Self, ApiError> {
        let Query(values) = query.map_err(|_| ApiError::field("query", "is not a query string"))?;
        let mut wrong = Vec::new();
        let mut note = |field: &str, message: &str| wrong.push(Detail { field: field.into(), message: message.into() });
        let limit = match values.get("limit").map(|text| text.parse::<usize>()) {
            None => 25,
            Some(Ok(limit)) if (1..=100).contains(&limit) => limit,
            Some(_) => {
                note("limit", "must be a whole number from 1 to 100");
                0
            }
        };
        let cursor = values.get("cursor").map(|text| decode(text));
        if let Some(None) = cursor {
            note("cursor", "is not a cursor of this list");
        }
        if wrong.is_empty() {
            Ok(Self { limit, cursor: cursor.flatten(), values })
        } else {
            Err(ApiError::validation(wrong))
        }
    }

    /// Another parameter.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

/// A cursor as the caller gets it.
pub fn encode(text: &str) -> String {
    data_encoding::BASE64URL_NOPAD.encode(text.as_bytes())
}

fn decode<C: FromStr>(text: &str) -> Option<C> {
    let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
    std::str::from_utf8(&bytes).ok()?.parse().ok()
}
