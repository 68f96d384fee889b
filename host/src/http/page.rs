//! Pagination: `limit` and `cursor` of every list. A cursor is opaque to the client and encodes the last row of its
//! page, so it remains valid while rows are added and removed.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use data_encoding::BASE64URL_NOPAD;
use std::collections::HashMap;
use std::str::FromStr;
use utoipa::IntoParams;

use super::error::ApiError;
use super::mistakes::Mistakes;

/// Pagination parameters.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Maximum number of rows on the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    pub limit: Option<u32>,
    /// `next_cursor` of the previous page.
    pub cursor: Option<String>,
}

/// The query of a list with its pagination parameters checked. `C` is the decoded cursor. It parses only from cursors
/// of its own list, so a cursor of another list is refused (ids are distinguished by their prefix).
pub struct PageQuery<C> {
    /// 1 to 100, by default 25.
    pub limit: usize,
    /// Position after which the page starts.
    pub cursor: Option<C>,
    values: HashMap<String, String>,
}

impl<C: FromStr> PageQuery<C> {
    /// Parses the query.
    pub fn read(query: Result<Query<HashMap<String, String>>, QueryRejection>) -> Result<Self, ApiError> {
        let Query(values) = query.map_err(|_| ApiError::field("query", "is not a valid query string"))?;
        let mut wrong = Mistakes::default();
        let limit = |text: &String| text.parse().ok().filter(|limit| (1..=100).contains(limit));
        let limit = wrong.check("limit", values.get("limit"), limit, "must be a whole number from 1 to 100");
        let cursor = wrong.check("cursor", values.get("cursor"), |text| decode(text), "is not a cursor of this list");
        wrong.refuse_or(Self { limit: limit.unwrap_or(25), cursor, values }, &[])
    }

    /// The value of another parameter.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

impl<S: Send + Sync, C: FromStr> FromRequestParts<S> for PageQuery<C> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Self::read(Query::from_request_parts(parts, state).await)
    }
}

/// Checksum bytes that detect a corrupted cursor.
const CHECK: usize = 4;

/// Encodes a cursor for the client.
pub fn encode(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes.extend(&check(text.as_bytes()));
    BASE64URL_NOPAD.encode(&bytes)
}

fn decode<C: FromStr>(cursor: &str) -> Option<C> {
    let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).ok()?;
    let (text, found) = bytes.split_last_chunk::<CHECK>()?;
    if *found != check(text) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn check(text: &[u8]) -> [u8; CHECK] {
    let hash = blake3::hash(text);
    let [a, b, c, d, ..] = *hash.as_bytes();
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{SessionId, TokenId};

    #[test]
    fn a_cursor_reads_back_and_only_in_its_own_list() {
        let id = TokenId::generate();
        let cursor = encode(&id.text());
        assert_eq!(decode(&cursor), Some(id));
        assert_eq!(decode::<SessionId>(&cursor), None);
    }

    #[test]
    fn a_cursor_with_any_character_changed_or_missing_is_refused() {
        let cursor = encode(&TokenId::generate().text());
        for at in 0..cursor.len() {
            let other = if cursor.as_bytes()[at] == b'A' { "B" } else { "A" };
            let garbled = format!("{}{other}{}", &cursor[..at], &cursor[at + 1..]);
            assert_eq!(decode::<TokenId>(&garbled), None, "{garbled}");
            assert_eq!(decode::<TokenId>(&cursor[..at]), None);
        }
        assert_eq!(decode::<TokenId>(&TokenId::generate().text()), None);
    }
}
