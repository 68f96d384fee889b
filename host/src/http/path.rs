//! What is variable in a path.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

/// The one variable part of a path, whatever it holds. A part that is no text (`%FF`) is empty here: it is the id of
/// nothing, and the handler answers so in its own shape.
pub struct PathId(pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(path.map_or_else(|_| String::new(), |Path(id)| id)))
    }
}

/// The id in a path, and what comes behind it, slashes included. What is no text is empty here too.
pub struct PathIdAndRest(pub String, pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathIdAndRest {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let (id, rest) = path.map(|Path(parts)| parts).unwrap_or_default();
        Ok(Self(id, rest))
    }
}
