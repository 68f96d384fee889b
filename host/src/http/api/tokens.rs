//! `/api/v1/tokens`: API tokens for scripts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::{App, TokenError};
use crate::clock::Timestamp;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::json_body::{JsonBody, json_body};
use crate::http::page::{Page, PageQuery, encode};
use crate::http::path::PathId;
use crate::ids::TokenId;
use crate::name;
use crate::store::api_tokens::{ApiToken, NewApiToken, SCOPES, sound_scopes};

/// Response envelope of a token.
#[derive(Serialize, ToSchema)]
pub struct TokenEnvelope {
    token: TokenBody,
}

/// An API token.
#[derive(Serialize, ToSchema)]
pub struct TokenBody {
    id: String,
    name: String,
    scopes: Vec<String>,
    created_at: String,
    /// Null if the token does not expire.
    expires_at: Option<String>,
    /// The user it belongs to. Revoked when that user may no longer sign in. Null for the command line.
    created_by: Option<String>,
    /// The token that created it. Revoked together with that token.
    made_with: Option<String>,
    /// The secret. Only in the response to the call that created the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// A page of tokens.
#[derive(Serialize, ToSchema)]
pub struct TokenPage {
    data: Vec<TokenBody>,
    next_cursor: Option<String>,
}

json_body! {
    /// A new API token.
    #[schema(example = json!({"name": "ci", "scopes": ["agents:read"], "expires_at": "2030-01-31T00:00:00Z"}))]
    pub struct NewToken {
        /// A name for the token, such as its purpose.
        #[schema(min_length = 1, max_length = 64)]
        name: String,
        /// Scopes of the token: `agents:read`, `agents:write`, `sessions:read`, `reports:read`, `policies:write`,
        /// `plugins:write`, `admin` (which includes all others).
        #[schema(min_items = 1, example = json!(["agents:read"]))]
        scopes: Vec<String>,
        /// Expiry, a future time. Defaults to no expiry. A token created with another token expires no later
        /// than that token.
        #[schema(format = DateTime)]
        expires_at: Option<String>,
    }
}

/// Creates an API token.
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "tokens", operation_id = "create_token",
    request_body = NewToken,
    responses((status = 201, description = "The token with its secret, which is shown only in this response.", body = TokenEnvelope)),
    extensions(("x-errors" = json!(["audit_unavailable"]))),
)]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<JsonBody<NewToken>, ApiError>,
) -> Result<(StatusCode, Json<TokenEnvelope>), ApiError> {
    caller.require("admin")?;
    let new = new_token(&caller, body?, app.pipeline.clock.now())?;
    let (token, secret) = app.create_api_token(new).await?;
    let token = TokenBody { secret: Some(secret.into_exposed()), ..token.into() };
    Ok((StatusCode::CREATED, Json(TokenEnvelope { token })))
}

/// Lists the API tokens of the account, newest first.
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "tokens", operation_id = "list_tokens",
    params(Page),
    responses((status = 200, description = "A page of tokens, newest first.", body = TokenPage)),
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Result<PageQuery<TokenId>, ApiError>,
) -> Result<Json<TokenPage>, ApiError> {
    caller.require("admin")?;
    let query = query?;
    let page = app.store().api_tokens_page(caller.account, query.limit, query.cursor).await?;
    let data = page.rows.into_iter().map(TokenBody::from).collect();
    Ok(Json(TokenPage { data, next_cursor: page.next.map(|id| encode(&id.text())) }))
}

/// Revokes an API token.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}", tag = "tokens", operation_id = "delete_token",
    params(("id" = String, Path, description = "The token's id.")),
    responses((status = 204, description = "The token was revoked.")),
    extensions(("x-errors" = json!(["not_found", "audit_unavailable"]))),
)]
pub async fn delete(State(app): State<Arc<App>>, caller: Caller, PathId(id): PathId) -> Result<StatusCode, ApiError> {
    caller.require("admin")?;
    let missing = || ApiError::not_found("there is no such token");
    let id = id.parse().map_err(|_| missing())?;
    match app.delete_api_token(caller.account, id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(missing()),
    }
}

fn new_token(caller: &Caller, body: JsonBody<NewToken>, now: Timestamp) -> Result<NewApiToken, ApiError> {
    body.check(|NewToken { name, scopes, expires_at }, wrong| {
        if let Err(fault) = name::check(&name) {
            wrong.add("name", fault.to_string());
        }
        let message = format!("must be one or more of {}", SCOPES.join(", "));
        let scopes = wrong.check("scopes", Some(scopes), |asked| sound_scopes(&asked), &message);
        let expires_at = wrong.check(
            "expires_at",
            expires_at,
            |text| Timestamp::parse(&text).filter(|moment| *moment > now),
            "must be a future time before the year 10000, such as 2030-01-31T00:00:00Z",
        );
        // Creating tokens needs `admin`, which includes every scope. So only the expiry can exceed that of the maker.
        let maker = caller.token();
        let end = maker.and_then(|maker| maker.expires_at);
        if let Some(end) = end.filter(|end| expires_at.is_some_and(|asked| asked > *end)) {
            wrong.add("expires_at", format!("must not be later than the expiry of the token that creates it, {end}"));
        }
        NewApiToken {
            account_id: caller.account,
            name,
            scopes: scopes.unwrap_or_default(),
            expires_at: expires_at.or(end),
            created_by: caller.user,
            made_with: maker.map(|maker| maker.id),
        }
    })
}

impl From<ApiToken> for TokenBody {
    fn from(token: ApiToken) -> Self {
        Self {
            id: token.id.text(),
            name: token.name,
            scopes: token.scopes,
            created_at: token.created_at.to_string(),
            expires_at: token.expires_at.map(|moment| moment.to_string()),
            created_by: token.created_by.map(|user| user.text()),
            made_with: token.made_with.map(|maker| maker.text()),
            secret: None,
        }
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Journal(cause) => cause.into(),
            TokenError::Store(cause) => cause.into(),
        }
    }
}
