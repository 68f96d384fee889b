//! Authentication and authorization: callers are signed-in browsers, API tokens, or commands on the admin socket.

use std::sync::{Arc, OnceLock};

use axum::extract::{FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HeaderValue};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;

use super::cookie::{self, Cookies, SET_COOKIE};
use super::cross_site;
use super::error::ApiError;
use crate::app::App;
use crate::ids::{AccountId, RequestId, UserId};
use crate::sensitive::SensitiveText;
use crate::store::api_tokens::ApiToken;
pub use crate::store::api_tokens::SCOPES;

/// All permissions: those of a signed-in user, or of a token with the scope `admin`.
const PERMISSIONS: [&str; 8] = [
    "agents:read",
    "agents:write",
    "sessions:read",
    "reports:read",
    "billing:read",
    "policies:write",
    "plugins:write",
    "admin",
];

/// An authenticated caller. As an extractor it rejects unauthenticated requests with 401; handlers then call
/// [`Caller::require`] with the scope they need.
pub struct Caller {
    /// The account it acts for.
    pub account: AccountId,
    /// The id of the request.
    pub request: RequestId,
    /// The signed-in user, or the user who created the token. `None` for tokens created on the command line.
    pub user: Option<UserId>,
    /// Whether its account owns the install, and with it everything shared: plugins, policy files, the journal.
    pub owns_install: bool,
    credential: Credential,
    /// The cookie value or the token's secret.
    secret: SensitiveText,
}

enum Credential {
    /// A signed-in browser, with all permissions in its account.
    Cookie,
    /// An API token with its scopes.
    Token(Box<ApiToken>),
    /// A command on the admin socket, with all permissions in the owner's account.
    Machine,
}

/// Marks a request that arrived over the admin socket. Only that module can construct it.
#[derive(Clone, Copy)]
pub(super) struct OnMachine(pub(super) ());

impl Caller {
    /// Requires the permission `scope`. `admin` includes every permission.
    pub fn require(&self, scope: &str) -> Result<(), ApiError> {
        if self.permissions().any(|own| own == scope) {
            return Ok(());
        }
        Err(ApiError::forbidden(format!("this needs a token with the scope {scope}")))
    }

    /// Requires the account that owns the install.
    pub fn require_owner(&self) -> Result<(), ApiError> {
        if self.owns_install {
            return Ok(());
        }
        Err(ApiError::forbidden("only the account that owns the install may do this"))
    }

    /// Whether the caller is a signed-in browser.
    pub fn is_signed_in(&self) -> bool {
        matches!(self.credential, Credential::Cookie)
    }

    /// The API token it authenticated with.
    pub fn token(&self) -> Option<&ApiToken> {
        match &self.credential {
            Credential::Token(token) => Some(token),
            Credential::Cookie | Credential::Machine => None,
        }
    }

    /// Whether its credential is still valid. `false` if the database cannot be read.
    pub(super) async fn is_still_good(&self, app: &App) -> bool {
        let secret = self.secret.expose();
        let good = match self.credential {
            Credential::Cookie => app.is_signed_in(secret).await,
            Credential::Token(_) => app.api_token(secret).await.map(|token| token.is_some()),
            Credential::Machine => Ok(true),
        };
        good.unwrap_or(false)
    }

    /// Its permissions.
    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        let (all, some): (&[&str], &[String]) = match &self.credential {
            Credential::Token(token) if token.scopes.iter().all(|scope| scope != "admin") => (&[], &token.scopes),
            Credential::Token(_) | Credential::Cookie | Credential::Machine => (&PERMISSIONS, &[]),
        };
        all.iter().copied().chain(some.iter().map(String::as_str))
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        if parts.extensions.get::<OnMachine>().is_some() {
            return Ok(on_machine(app, request_id(parts)));
        }
        let caller = match bearer(&parts.headers) {
            Some(secret) => with_token(app, secret, request_id(parts)).await?,
            // Other schemes than Bearer are meant for a reverse proxy in front of us.
            None => with_cookie(app, parts).await?,
        };
        app.limits.api(caller.account)?;
        Ok(caller)
    }
}

fn on_machine(app: &App, request: RequestId) -> Caller {
    Caller {
        account: app.store().first_account(),
        request,
        user: None,
        owns_install: true,
        credential: Credential::Machine,
        secret: "".into(),
    }
}

async fn with_token(app: &App, secret: &str, request: RequestId) -> Result<Caller, ApiError> {
    let token = app.api_token(secret).await?.ok_or_else(ApiError::unauthenticated)?;
    Ok(Caller {
        account: token.account_id,
        request,
        user: token.created_by,
        owns_install: token.account_id == app.store().first_account(),
        credential: Credential::Token(Box::new(token)),
        secret: secret.into(),
    })
}

async fn with_cookie(app: &App, parts: &Parts) -> Result<Caller, ApiError> {
    let secret = cookie::read(&parts.headers, cookie::SESSION).ok_or_else(ApiError::unauthenticated)?;
    let user = app.signed_in(secret).await?.ok_or_else(ApiError::unauthenticated)?;
    if !parts.method.is_safe() {
        cross_site::refuse(parts, &app.config.public_url)?;
    }
    if let Some(renewal) = parts.extensions.get::<Renewal>() {
        let _ = renewal.0.set(Cookies::of(&app.config.public_url).session(&SensitiveText::from(secret)));
    }
    Ok(Caller {
        account: user.account_id,
        request: request_id(parts),
        user: Some(user.id),
        owns_install: user.account_id == app.store().first_account(),
        credential: Credential::Cookie,
        secret: secret.into(),
    })
}

/// The secret in `Authorization: Bearer`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(secret.trim())
}

fn request_id(parts: &Parts) -> RequestId {
    parts.extensions.get::<RequestId>().copied().unwrap_or_else(RequestId::generate)
}

/// The cookie to renew, set once its request is authenticated.
#[derive(Clone, Default)]
struct Renewal(Arc<OnceLock<HeaderValue>>);

/// Renews the cookie of every request that it authenticated.
pub async fn renew_cookie(mut request: Request, next: Next) -> Response {
    let renewal = Renewal::default();
    request.extensions_mut().insert(renewal.clone());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Some(cookie) = renewal.0.get() {
        // Cookies set by the handler take precedence, for example when signing out.
        headers.entry(SET_COOKIE).or_insert_with(|| cookie.clone());
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::store::api_tokens::NewApiToken;

    fn caller(credential: Credential) -> Caller {
        let (account, request) = (AccountId::generate(), RequestId::generate());
        Caller { account, request, user: None, owns_install: false, credential, secret: "".into() }
    }

    fn token(scopes: &[&str]) -> Caller {
        let token = NewApiToken {
            account_id: AccountId::generate(),
            name: "x".into(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            expires_at: None,
            created_by: None,
            made_with: None,
        };
        caller(Credential::Token(Box::new(token.made_at(Timestamp::from_millis(0)))))
    }

    #[test]
    fn a_token_may_what_its_scopes_say_and_admin_includes_all() {
        for scope in SCOPES {
            assert!(caller(Credential::Machine).require(scope).is_ok(), "{scope}");
            assert!(token(&[scope]).require(scope).is_ok(), "{scope}");
            assert!(token(&["admin"]).require(scope).is_ok(), "{scope}");
            assert!(caller(Credential::Cookie).require(scope).is_ok(), "{scope}");
            assert!(token(&[]).require(scope).is_err(), "{scope}");
        }
        assert!(token(&["agents:read", "agents:write"]).require("admin").is_err());
        assert_eq!(token(&["agents:read"]).permissions().collect::<Vec<_>>(), ["agents:read"]);
    }

    #[test]
    fn the_scheme_may_be_in_any_case() {
        let found = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_static(value));
            bearer(&headers).map(str::to_owned)
        };
        for value in ["Bearer x", "bearer x", "BEARER  x "] {
            assert_eq!(found(value).as_deref(), Some("x"), "{value}");
        }
        for value in ["Basic x", "Bearer", "x", ""] {
            assert_eq!(found(value), None, "{value}");
        }
    }
}
