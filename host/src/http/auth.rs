//! Who calls: API tokens and their scopes.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use std::sync::Arc;

use super::error::ApiError;
use crate::app::App;
use crate::ids::{AccountId, RequestId};

/// What a token may be allowed (API.md section 2).
pub const SCOPES: [&str; 7] =
    ["agents:read", "agents:write", "sessions:read", "reports:read", "policies:write", "plugins:write", "admin"];

/// An authenticated caller.
pub struct Caller {
    /// Whose account it acts for.
    pub account: AccountId,
    /// The request's id.
    pub request: RequestId,
    scopes: Vec<String>,
}

impl Caller {
    /// Whether it may do what `scope` names. `admin` may do everything.
    pub fn require(&self, scope: &str) -> Result<(), ApiError> {
        if self.scopes.iter().any(|own| own == scope || own == "admin") {
            return Ok(());
        }
        let message = format!("this needs a token with the scope {scope}");
        Err(ApiError::forbidden(message))
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let request = parts.extensions.get::<RequestId>().copied().unwrap_or_else(RequestId::generate);
        let secret = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, secret)| secret.trim());
        let Some(secret) = secret else { return Err(ApiError::unauthenticated()) };
        let token = app.store().api_token_by_secret(secret).await?.ok_or_else(ApiError::unauthenticated)?;
        Ok(Self { account: token.account_id, request, scopes: token.scopes })
    }
}
