//! Reads the body of a request that may have one, as a whole.

use std::error::Error;

use axum::body::{Body, HttpBody};
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::connections::body::BodyFault;
use super::error::ApiError;

/// Why there is no body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unread {
    /// It is larger than the limit, where known in bytes.
    TooLarge(Option<usize>),
    /// It comes too slowly.
    TooSlow,
    /// With it there would be too much in memory.
    TooMany,
    /// It ends before its end.
    Broken,
}

/// The whole body, of at most so many bytes.
///
/// # Errors
/// There is none. Of one that says itself that it is too large, nothing is read.
pub async fn read(body: Body, limit: usize) -> Result<Bytes, Unread> {
    if body.size_hint().lower() > limit as u64 {
        return Err(Unread::TooLarge(Some(limit)));
    }
    let body = Limited::new(body, limit).collect().await;
    body.map(|body| body.to_bytes()).map_err(|error| Unread::of(&*error, Some(limit)))
}

impl Unread {
    /// What a refusal of axum's is about.
    pub fn of_rejection(rejection: &BytesRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge(None),
            _ => Self::of(rejection, None),
        }
    }

    fn of(error: &(dyn Error + 'static), limit: Option<usize>) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            match error.downcast_ref() {
                Some(BodyFault::TooSlow) => return Self::TooSlow,
                Some(BodyFault::TooMany) => return Self::TooMany,
                Some(BodyFault::Broken) => return Self::Broken,
                None if error.is::<LengthLimitError>() => return Self::TooLarge(limit),
                None => cause = error.source(),
            }
        }
        Self::Broken
    }

    /// Status, code and words.
    pub fn parts(self) -> (StatusCode, &'static str, String) {
        match self {
            Self::TooLarge(limit) => {
                let limit = limit.map_or("the limit".to_owned(), |bytes| format!("{bytes} bytes"));
                let message = format!("the body is larger than {limit}");
                (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", message)
            }
            Self::TooSlow => {
                let message = "the body came too slowly; send it again";
                (StatusCode::REQUEST_TIMEOUT, "request_timeout", message.to_owned())
            }
            Self::TooMany => {
                let message = "too many large requests at the same time; send it again in a moment";
                (StatusCode::SERVICE_UNAVAILABLE, "overloaded", message.to_owned())
            }
            Self::Broken => (StatusCode::BAD_REQUEST, "bad_request", "the body cannot be read".to_owned()),
        }
    }
}

impl From<Unread> for ApiError {
    fn from(unread: Unread) -> Self {
        let (status, code, message) = unread.parts();
        let error = Self::new(status, code, message);
        if unread == Unread::TooMany { error.with_retry_after(1) } else { error }
    }
}
