//! `/api/v1/auth/sign-ins`: the browsers in which one is signed in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::auth::Caller;
use crate::http::cookie;
use crate::http::error::ApiError;
use crate::http::path::PathId;
use crate::ids::UserId;
use crate::store::sign_ins::{By, ListedSignIn, public_id};

/// A person's sign-ins.
#[derive(Serialize, ToSchema)]
pub struct SignIns {
    data: Vec<SignInBody>,
}

#[derive(Serialize, ToSchema)]
struct SignInBody {
    id: String,
    /// `link` or `github`.
    by: &'static str,
    /// What the browser called itself when it signed in; empty where it did not say.
    user_agent: String,
    created_at: String,
    /// At most a minute behind.
    last_used_at: String,
    /// Whether it is the one that asks.
    current: bool,
}

/// `GET /api/v1/auth/sign-ins`.
#[utoipa::path(
    get, path = "/api/v1/auth/sign-ins", tag = "sign-in", operation_id = "list_sign_ins",
    responses((status = 200, description = "Where this person is signed in, the one used last first.", body = SignIns)),
)]
pub async fn list(State(app): State<Arc<App>>, caller: Caller, headers: HeaderMap) -> Result<Json<SignIns>, ApiError> {
    let own = cookie::read(&headers, cookie::SESSION).map(public_id);
    let rows = app.store().sign_ins_of(person(&caller)?).await?;
    Ok(Json(SignIns { data: rows.into_iter().map(|row| body(row, own.as_deref())).collect() }))
}

/// `DELETE /api/v1/auth/sign-ins/{id}`: ends one of them.
#[utoipa::path(
    delete, path = "/api/v1/auth/sign-ins/{id}", tag = "sign-in", operation_id = "end_sign_in",
    params(("id" = String, Path, description = "The sign-in's id.")),
    responses((status = 204, description = "That browser has to sign in again.")),
    extensions(("x-errors" = json!(["not_found"]))),
)]
pub async fn end(State(app): State<Arc<App>>, caller: Caller, PathId(id): PathId) -> Result<StatusCode, ApiError> {
    match app.store().end_sign_in_of(person(&caller)?, id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(ApiError::not_found("there is no such sign-in of yours")),
    }
}

/// A token is nobody's browser.
pub(super) fn person(caller: &Caller) -> Result<UserId, ApiError> {
    let user = caller.user.filter(|_| caller.is_signed_in());
    user.ok_or_else(|| ApiError::forbidden("a token is not signed in; delete it to end what it may do"))
}

fn body(row: ListedSignIn, own: Option<&str>) -> SignInBody {
    SignInBody {
        current: own == Some(row.id.as_str()),
        id: row.id,
        by: match row.by {
            By::Link => "link",
            By::Github => "github",
        },
        user_agent: row.user_agent,
        created_at: row.created_at.to_string(),
        last_used_at: row.last_used_at.to_string(),
    }
}
