//! `GET /api/v1/me`: the authenticated caller.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::store::accounts::Account;
use crate::store::users::User;

/// The authenticated caller.
#[derive(Serialize, ToSchema)]
pub struct Me {
    /// The signed-in user, or the user who created the token. Null for a token created on the command line.
    user: Option<UserBody>,
    account: AccountBody,
    permissions: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct UserBody {
    id: String,
    /// Null for the operator who signed in with a link.
    github_login: Option<String>,
    github_id: Option<i64>,
    name: String,
    email: Option<String>,
    avatar_url: Option<String>,
    created_at: String,
    last_seen_at: String,
}

#[derive(Serialize, ToSchema)]
struct AccountBody {
    id: String,
    name: String,
    plan: String,
    created_at: String,
}

/// Returns the authenticated caller: user, account and permissions.
#[utoipa::path(
    get, path = "/api/v1/me", tag = "sign-in", operation_id = "who_am_i",
    responses((status = 200, description = "The authenticated caller.", body = Me)),
)]
pub async fn show(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Me>, ApiError> {
    // Accounts are never deleted, so a missing one cannot be authenticated.
    let account = app.store().account(caller.account).await?.ok_or_else(ApiError::unauthenticated)?;
    let user = match caller.user {
        Some(id) => app.store().user(id).await?,
        None => None,
    };
    Ok(Json(Me {
        user: user.map(UserBody::from),
        account: account.into(),
        permissions: caller.permissions().map(str::to_owned).collect(),
    }))
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        let (github_id, github_login) = user.github.map(|github| (github.id, github.login)).unzip();
        Self {
            id: user.id.text(),
            github_login,
            github_id,
            name: user.name,
            email: user.email,
            avatar_url: user.avatar_url,
            created_at: user.created_at.to_string(),
            last_seen_at: user.last_seen_at.to_string(),
        }
    }
}

impl From<Account> for AccountBody {
    fn from(account: Account) -> Self {
        let created_at = account.created_at.to_string();
        Self { id: account.id.text(), name: account.name, plan: account.plan, created_at }
    }
}
