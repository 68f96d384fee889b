//! Extractors for path parameters.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

/// A single path parameter. If it is not UTF-8 (`%FF`), it is empty here, so the handler answers that no such id
/// exists, in its own error shape.
pub struct PathId(pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(path.map_or_else(|_| String::new(), |Path(id)| id)))
    }
}

/// An id and the rest of the path, slashes included. Each is empty if it is not UTF-8.
pub struct PathIdAndRest(pub String, pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathIdAndRest {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let (id, rest) = path.map(|Path(parts)| parts).unwrap_or_default();
        Ok(Self(id, rest))
    }
}
