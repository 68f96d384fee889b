//! `/api/v1/tokens`: API tokens, for scripts.

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
use crate::http::fields::Fields;
use crate::http::openapi::inputs;
use crate::http::page::{PageQuery, encode};
use crate::http::path::PathId;
use crate::ids::TokenId;
use crate::name;
use crate::store::api_tokens::{ApiToken, NewApiToken, SCOPES, sound_scopes};

/// A token in its envelope.
#[derive(Serialize, ToSchema)]
pub struct TokenEnvelope {
    token: TokenBody,
}

/// A token.
#[derive(Serialize, ToSchema)]
pub struct TokenBody {
    id: String,
    name: String,
    scopes: Vec<String>,
    created_at: String,
    /// Null: never.
    expires_at: Option<String>,
    /// The person it belongs to; it is revoked when they may no longer sign in. Null for the command line.
    created_by: Option<String>,
    /// The token that created it; it is revoked with that one.
    made_with: Option<String>,
    /// Shown once, in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// A page of tokens.
#[derive(Serialize, ToSchema)]
pub struct TokenPage {
    data: Vec<TokenBody>,
    next_cursor: Option<String>,
}

/// `POST /api/v1/tokens`.
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "tokens", operation_id = "create_token",
    request_body = inputs::NewToken,
    responses((status = 201, description = "The token, with its secret: it is shown this once.", body = TokenEnvelope)),
    extensions(("x-errors" = json!(["audit_unavailable"]))),
)]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<Fields, ApiError>,
) -> Result<(StatusCode, Json<TokenEnvelope>), ApiError> {
    caller.require("admin")?;
    let new = new_token(&caller, body?, app.pipeline.clock.now())?;
    let (token, secret) = app.create_api_token(new).await?;
    let token = TokenBody { secret: Some(secret.into_exposed()), ..token.into() };
    Ok((StatusCode::CREATED, Json(TokenEnvelope { token })))
}

/// `GET /api/v1/tokens`.
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "tokens", operation_id = "list_tokens",
    params(inputs::Page),
    responses((status = 200, description = "Tokens, newest first.", body = TokenPage)),
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

/// `DELETE /api/v1/tokens/{id}`.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}", tag = "tokens", operation_id = "delete_token",
    params(("id" = String, Path, description = "The token's id.")),
    responses((status = 204, description = "It is worth nothing any more.")),
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

fn new_token(caller: &Caller, mut body: Fields, now: Timestamp) -> Result<NewApiToken, ApiError> {
    let name = body.text("name");
    let name = name.and_then(|text| match name::check(&text) {
        Ok(()) => Some(text),
        Err(fault) => body.is_wrong("name", fault.to_string()),
    });
    let scopes = body.texts("scopes");
    let scopes = body.check(
        "scopes",
        scopes,
        |asked| sound_scopes(&asked),
        &format!("must be one or more of {}", SCOPES.join(", ")),
    );
    let expires_at = body.text_if("expires_at");
    let expires_at = body.check(
        "expires_at",
        expires_at,
        |text| Timestamp::parse(&text).filter(|moment| *moment > now),
        "must be a time that is yet to come and before the year 10000, such as 2030-01-31T00:00:00Z",
    );
    // Creating tokens needs `admin`, which includes every scope. So only the expiry can exceed the maker's.
    let maker = caller.token();
    let expires_at = match maker.and_then(|maker| maker.expires_at) {
        Some(end) if expires_at.is_some_and(|asked| asked > end) => {
            body.is_wrong("expires_at", format!("must not be later than the end of the token that makes it, {end}"))
        }
        end => expires_at.or(end),
    };
    body.finish()?;
    Ok(NewApiToken {
        account_id: caller.account,
        name: name.unwrap_or_default(),
        scopes: scopes.unwrap_or_default(),
        expires_at,
        created_by: caller.user,
        made_with: maker.map(|maker| maker.id),
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
