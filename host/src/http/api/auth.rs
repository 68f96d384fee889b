//! `/api/v1/auth`: signing in with GitHub or a one-time link, and signing out.

mod page;
pub mod sign_ins;

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::header::{HeaderValue, LOCATION, USER_AGENT};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::app::{App, Finished, Returned, SignInError};
use crate::http::auth::Caller;
use crate::http::cookie::{self, Cookies, SET_COOKIE};
use crate::http::cross_site;
use crate::http::error::ApiError;

/// Default redirect target after signing in.
const PORTAL: &str = "/portal";
/// Limit for the redirect target, in bytes: it has to fit into a cookie.
const LONGEST_TARGET: usize = 1024;

type Parameters = Result<Query<HashMap<String, String>>, QueryRejection>;

/// Starts the sign-in with GitHub: redirects to GitHub.
#[utoipa::path(
    get, path = "/api/v1/auth/github", tag = "sign-in", operation_id = "sign_in_with_github",
    params(("redirect_to" = Option<String>, Query, description = "Redirect target after signing in: a path on this server.", example = "/portal")),
    responses((status = 302, description = "Redirect to GitHub. Sets the cookie `masker_oauth_state`.")),
    security(()),
    extensions(("x-errors" = json!(["not_found"]))),
)]
pub async fn github(State(app): State<Arc<App>>, headers: HeaderMap, query: Parameters) -> Result<Response, ApiError> {
    let query = parameters(query)?;
    let target = query.get("redirect_to").map_or(PORTAL, String::as_str);
    if !is_own_path(target) {
        return Err(ApiError::field("redirect_to", "must be a path of this server, such as /portal/agents"));
    }
    let begun = app.begin_github_sign_in(target.to_owned(), cookie::read(&headers, cookie::SESSION)).await?;
    Ok(redirect(&begun.url, [cookies(&app).oauth_state(&begun.cookie)]))
}

/// Completes the sign-in with GitHub.
#[utoipa::path(
    get, path = "/api/v1/auth/github/callback", tag = "sign-in", operation_id = "finish_github_sign_in",
    params(("code" = Option<String>, Query, description = "The authorization code that GitHub issued."), ("state" = Option<String>, Query, description = "The state parameter sent to GitHub.")),
    responses(
        (status = 302, description = "Signed in. Redirect to the requested page; sets the cookie `masker_session`."),
        (status = 200, description = "Confirmation page. The operator started this sign-in and has no linked GitHub user yet; the page asks whether to link this one.", body = String, content_type = "text/html"),
    ),
    security(()),
    extensions(("x-errors" = json!(["invalid_state", "forbidden", "not_found", "user_upsert_failed", "oauth_exchange_failed", "audit_unavailable"]))),
)]
pub async fn github_callback(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    query: Parameters,
) -> Result<Response, ApiError> {
    let query = parameters(query)?;
    let text = |name: &str| query.get(name).map(String::as_str);
    let returned = Returned {
        cookie: cookie::read(&headers, cookie::OAUTH_STATE).unwrap_or_default(),
        state: text("state").unwrap_or_default(),
        code: text("code").filter(|code| !code.is_empty()),
        session: cookie::read(&headers, cookie::SESSION),
        user_agent: user_agent(&headers),
    };
    let finished = app.finish_github_sign_in(returned).await;
    let cookies = cookies(&app);
    let mut response = match finished {
        Ok(Finished::ToConfirm(question)) => page::of_github_user(&question),
        Ok(Finished::SignedIn(signed_in)) => redirect(&signed_in.redirect_to, [cookies.session(&signed_in.secret)]),
        Err(error) => ApiError::from(error).into_response(),
    };
    // The OAuth state is single-use, whatever the outcome.
    response.headers_mut().append(SET_COOKIE, cookies.no_oauth_state());
    Ok(response)
}

/// Links the GitHub user to the operator: submits the form of the confirmation page.
#[utoipa::path(
    post, path = "/api/v1/auth/github/link", tag = "sign-in", operation_id = "link_github_user",
    params(("proof" = String, Query, description = "The proof embedded in the confirmation page. Valid once, for ten minutes, in the sign-in that started the link.")),
    responses((status = 302, description = "The GitHub user is linked. Redirect to the requested page.")),
    extensions(("x-errors" = json!(["invalid_state", "user_upsert_failed", "audit_unavailable"]))),
)]
pub async fn link_github(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    query: Parameters,
) -> Result<Response, ApiError> {
    sign_ins::person(&caller)?;
    let proof = parameters(query)?.remove("proof").ok_or_else(|| ApiError::field("proof", "is required"))?;
    let session = cookie::read(&headers, cookie::SESSION).ok_or_else(ApiError::unauthenticated)?;
    Ok(redirect(&app.link_github_user(&proof, session).await?, []))
}

/// Shows a page with one button for a one-time link. Does not use up the link: mail and chat clients prefetch links.
#[utoipa::path(
    get, path = "/api/v1/auth/link", tag = "sign-in", operation_id = "show_link",
    params(("token" = String, Query, description = "The one-time token of the link.")),
    responses((status = 200, description = "A page with one button that signs in.", body = String, content_type = "text/html")),
    security(()),
    extensions(("x-errors" = json!(["gone"]))),
)]
pub async fn link_page(State(app): State<Arc<App>>, query: Parameters) -> Result<Response, ApiError> {
    if !app.store().login_link_works(&link_token(query)?).await? {
        return Err(SignInError::LinkGone.into());
    }
    Ok(page::of_link())
}

/// Signs in with a one-time link: submits the form of that page.
#[utoipa::path(
    post, path = "/api/v1/auth/link", tag = "sign-in", operation_id = "use_link",
    params(("token" = String, Query, description = "The one-time token of the link.")),
    responses((status = 302, description = "Signed in. Redirect to the portal; sets the cookie `masker_session`.")),
    security(()),
    extensions(("x-errors" = json!(["forbidden", "gone", "audit_unavailable"]))),
)]
pub async fn use_link(State(app): State<Arc<App>>, query: Parameters, request: Request) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    cross_site::refuse(&parts, &app.config.public_url)?;
    let secret = app.sign_in_with_link(&link_token(query)?, user_agent(&parts.headers)).await?;
    Ok(redirect(PORTAL, [cookies(&app).session(&secret)]))
}

/// Ends the current sign-in. Idempotent.
#[utoipa::path(
    post, path = "/api/v1/auth/logout", tag = "sign-in", operation_id = "logout",
    responses((status = 204, description = "The session cookie is no longer valid.")),
    security(()),
    extensions(("x-errors" = json!(["forbidden"]))),
)]
pub async fn logout(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    // Checked even without a cookie: `SameSite` keeps the cookie out of another site's form post, but the browser would
    // still apply the `Set-Cookie` of the response.
    cross_site::refuse(&parts, &app.config.public_url)?;
    let sent: Vec<&str> = cookie::all(&parts.headers, cookie::SESSION).collect();
    app.store().end_sign_ins(&sent).await?;
    Ok(signed_out(&app))
}

/// Ends every sign-in of the current user.
#[utoipa::path(
    post, path = "/api/v1/auth/logout-all", tag = "sign-in", operation_id = "logout_everywhere",
    responses((status = 204, description = "All session cookies of this user are no longer valid.")),
)]
pub async fn logout_all(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, ApiError> {
    app.store().end_sign_ins_of(sign_ins::person(&caller)?).await?;
    Ok(signed_out(&app))
}

fn signed_out(app: &App) -> Response {
    (StatusCode::NO_CONTENT, [(SET_COOKIE, cookies(app).no_session())]).into_response()
}

/// The `User-Agent` header. Empty if missing or not ASCII.
fn user_agent(headers: &HeaderMap) -> &str {
    headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn link_token(query: Parameters) -> Result<String, ApiError> {
    parameters(query)?.remove("token").ok_or_else(|| ApiError::field("token", "is required"))
}

fn parameters(query: Parameters) -> Result<HashMap<String, String>, ApiError> {
    query.map(|Query(values)| values).map_err(|_| ApiError::field("query", "is not a valid query string"))
}

fn redirect<const N: usize>(target: &str, cookies: [HeaderValue; N]) -> Response {
    let Ok(target) = HeaderValue::from_str(target) else {
        // The target was validated and the GitHub address is a URL, so this is unreachable in practice.
        return ApiError::field("redirect_to", "is not a valid header value").into_response();
    };
    let mut response = (StatusCode::FOUND, [(LOCATION, target)]).into_response();
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

fn cookies(app: &App) -> Cookies {
    Cookies::of(&app.config.public_url)
}

/// Whether every browser resolves this to a path on the server it came from. `//x` and `/\x` are other servers, and
/// browsers drop some characters before they resolve a URL.
fn is_own_path(target: &str) -> bool {
    let plain = target.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    plain && target.len() <= LONGEST_TARGET && target.starts_with('/') && !target.starts_with("//")
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        let message = error.to_string();
        match error {
            SignInError::NotSetUp => Self::not_found(message),
            SignInError::InvalidState => Self::new(StatusCode::BAD_REQUEST, "invalid_state", message),
            SignInError::Denied | SignInError::NotAllowed => Self::forbidden(message),
            SignInError::GitHub(fault) => {
                tracing::warn!(%fault, "sign-in with GitHub failed");
                Self::new(StatusCode::BAD_GATEWAY, "oauth_exchange_failed", message)
            }
            SignInError::Upsert(cause) => {
                tracing::error!(%cause, "the signed-in user cannot be stored");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "user_upsert_failed", message)
            }
            SignInError::LinkGone => Self::new(StatusCode::GONE, "gone", message),
            SignInError::AuditUnavailable => Self::audit_unavailable(),
            SignInError::NoRandomness => Self::from(crate::store::StoreError::NoRandomness),
            SignInError::Store(cause) => cause.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_to_paths_of_this_server_only() {
        for own in ["/", "/portal", "/portal/agents?x=1#y", "/portal/%2F%2Fevil.example", "/a//b"] {
            assert!(is_own_path(own), "{own}");
        }
        for other in [
            "",
            "portal",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            " /portal",
            "https://evil.example",
            "https:/evil.example",
            "javascript:alert(1)",
            "/portal\\..\\x",
            "/ü",
        ] {
            assert!(!is_own_path(other), "{other:?}");
        }
        assert!(!is_own_path(&format!("/{}", "x".repeat(LONGEST_TARGET))));
    }
}

/// Available sign-in methods.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct SignInMethods {
    /// Whether GitHub is configured. A link from `masker admin login-link` always works.
    github: bool,
}

/// Lists the available sign-in methods.
#[utoipa::path(
    get, path = "/api/v1/auth/methods", tag = "sign-in", operation_id = "sign_in_methods",
    responses((status = 200, description = "The available sign-in methods.", body = SignInMethods)),
    security(()),
)]
pub async fn methods(State(app): State<Arc<App>>) -> axum::Json<SignInMethods> {
    axum::Json(SignInMethods { github: app.config.sign_in.github.is_some() })
}
