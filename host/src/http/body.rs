//! Reads a whole request body, up to a limit.

use std::error::Error;

use axum::body::{Body, HttpBody};
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::connections::body::BodyFault;
use super::error::ApiError;

/// Why a body could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unread {
    /// Larger than the limit, which is in bytes if known.
    TooLarge(Option<usize>),
    /// Received too slowly.
    TooSlow,
    /// It would exceed the memory budget for all bodies.
    TooMany,
    /// Ended early.
    Broken,
}

/// Reads the whole body, up to `limit` bytes.
///
/// # Errors
/// Returns why the body could not be read. If its declared length exceeds the limit, nothing is read.
pub async fn read(body: Body, limit: usize) -> Result<Bytes, Unread> {
    if body.size_hint().lower() > limit as u64 {
        return Err(Unread::TooLarge(Some(limit)));
    }
    let body = Limited::new(body, limit).collect().await;
    body.map(|body| body.to_bytes()).map_err(|error| Unread::of(&*error, Some(limit)))
}

impl Unread {
    /// The cause of an axum rejection.
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

    /// Status, error code and message.
    pub fn parts(self) -> (StatusCode, &'static str, String) {
        match self {
            Self::TooLarge(limit) => {
                let limit = limit.map_or("the limit".to_owned(), |bytes| format!("{bytes} bytes"));
                let message = format!("the body exceeds {limit}");
                (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", message)
            }
            Self::TooSlow => {
                let message = "the body was received too slowly; retry";
                (StatusCode::REQUEST_TIMEOUT, "request_timeout", message.to_owned())
            }
            Self::TooMany => {
                let message = "too many large requests at the same time; retry in a moment";
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
