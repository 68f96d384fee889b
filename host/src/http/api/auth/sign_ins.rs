//! `/api/v1/auth/sign-ins`: the browsers in which a user is signed in.

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

/// Sign-ins of the current user.
#[derive(Serialize, ToSchema)]
pub struct SignIns {
    data: Vec<SignInBody>,
}

#[derive(Serialize, ToSchema)]
struct SignInBody {
    id: String,
    /// How the user signed in: `link` or `github`.
    by: &'static str,
    /// The `User-Agent` of the browser at sign-in. Empty if it sent none.
    user_agent: String,
    created_at: String,
    /// Updated at most once a minute.
    last_used_at: String,
    /// Whether this is the sign-in that made the request.
    current: bool,
}

/// Lists the sign-ins of the current user.
#[utoipa::path(
    get, path = "/api/v1/auth/sign-ins", tag = "sign-in", operation_id = "list_sign_ins",
    responses((status = 200, description = "Sign-ins of the current user, most recently used first.", body = SignIns)),
)]
pub async fn list(State(app): State<Arc<App>>, caller: Caller, headers: HeaderMap) -> Result<Json<SignIns>, ApiError> {
    let own = cookie::read(&headers, cookie::SESSION).map(public_id);
    let rows = app.store().sign_ins_of(person(&caller)?).await?;
    Ok(Json(SignIns { data: rows.into_iter().map(|row| body(row, own.as_deref())).collect() }))
}

/// Ends one sign-in of the current user.
#[utoipa::path(
    delete, path = "/api/v1/auth/sign-ins/{id}", tag = "sign-in", operation_id = "end_sign_in",
    params(("id" = String, Path, description = "The sign-in's id.")),
    responses((status = 204, description = "The sign-in has ended. That browser has to sign in again.")),
    extensions(("x-errors" = json!(["not_found"]))),
)]
pub async fn end(State(app): State<Arc<App>>, caller: Caller, PathId(id): PathId) -> Result<StatusCode, ApiError> {
    match app.store().end_sign_in_of(person(&caller)?, id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(ApiError::not_found("you have no such sign-in")),
    }
}

/// The signed-in user. API tokens have no sign-ins.
pub(super) fn person(caller: &Caller) -> Result<UserId, ApiError> {
    let user = caller.user.filter(|_| caller.is_signed_in());
    user.ok_or_else(|| ApiError::forbidden("an API token has no sign-ins; delete the token to revoke it"))
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
