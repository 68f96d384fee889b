//! Sign-in with GitHub, or with a login link that the operator created on the machine. Each sign-in is recorded in the
//! journal.

mod github;
mod link;

use super::App;
use crate::audit::event::{Event, EventKind};
use crate::github::GitHubFault;
use crate::sensitive::SensitiveText;
use crate::store::StoreError;
use crate::store::sign_ins::{By, SignIn};
use crate::store::users::User;

pub use github::{Begun, Finished, Returned};
pub use link::ToConfirm;

/// Result of a sign-in.
pub struct SignedIn {
    /// The secret for the session cookie.
    pub secret: SensitiveText,
    /// Where to redirect.
    pub redirect_to: String,
}

/// Why a sign-in failed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// No GitHub OAuth app is configured.
    #[error("signing in with GitHub is not set up on this install")]
    NotSetUp,
    /// The state is missing, expired, already used, or from another browser.
    #[error("this sign-in is unknown, was already used, or has expired: start again")]
    InvalidState,
    /// The user or GitHub denied the sign-in.
    #[error("GitHub denied this sign-in")]
    Denied,
    /// GitHub could not be reached or returned an error.
    #[error(transparent)]
    GitHub(#[from] GitHubFault),
    /// The user is neither the owner nor on the operator's list.
    #[error("this GitHub user may not sign in here; the operator of the install decides who may (MASKER_GITHUB_ALLOW)")]
    NotAllowed,
    /// The user could not be stored.
    #[error("the user cannot be stored")]
    Upsert(#[source] StoreError),
    /// The link is unknown, expired, or already used.
    #[error("this link was used or has expired; `masker admin login-link` creates a new one")]
    LinkGone,
    /// The journal accepts no events.
    #[error("the audit journal cannot be written")]
    AuditUnavailable,
    /// The operating system gave no random bytes.
    #[error("no random bytes")]
    NoRandomness,
    /// A failure of the database.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

impl From<getrandom::Error> for SignInError {
    fn from(_: getrandom::Error) -> Self {
        Self::NoRandomness
    }
}

impl App {
    /// Signs the operator in with a link, and consumes it.
    pub async fn sign_in_with_link(&self, secret: &str, user_agent: &str) -> Result<SensitiveText, SignInError> {
        if !self.store().burn_login_link(secret).await? {
            return Err(SignInError::LinkGone);
        }
        let user = self.store().operator().await.map_err(SignInError::Upsert)?;
        self.sign_in(&user, By::Link, user_agent).await
    }

    /// The user signed in with this secret. GitHub users must still be allowed by the current settings, since a
    /// sign-in that is used never expires.
    pub async fn signed_in(&self, secret: &str) -> Result<Option<User>, StoreError> {
        Ok(self.good(self.store().signed_in(secret).await?))
    }

    /// The same, without renewing the sign-in.
    pub async fn is_signed_in(&self, secret: &str) -> Result<bool, StoreError> {
        Ok(self.good(self.store().look_at_sign_in(secret).await?).is_some())
    }

    fn good(&self, found: Option<SignIn>) -> Option<User> {
        let good = found.filter(|sign_in| sign_in.by == By::Link || self.may_come_from_github(&sign_in.user));
        good.map(|sign_in| sign_in.user)
    }

    /// Whether a person may sign in by any method. The owner always may, with a link.
    pub(super) fn may_sign_in(&self, user: &User) -> bool {
        user.account_id == self.store().first_account() || self.may_come_from_github(user)
    }

    fn may_come_from_github(&self, user: &User) -> bool {
        match (&self.config.sign_in.allow, &user.github) {
            (Some(list), Some(github)) => {
                list.names(&github.login) || github.org.as_deref().is_some_and(|org| list.has_org(org))
            }
            _ => user.account_id == self.store().first_account(),
        }
    }

    /// A single-use link that signs the operator in.
    pub async fn login_link(&self) -> Result<String, StoreError> {
        let (secret, _) = self.store().create_login_link().await?;
        Ok(login_url(&self.config.public_url, &secret))
    }

    async fn sign_in(&self, user: &User, by: By, user_agent: &str) -> Result<SensitiveText, SignInError> {
        let how = match by {
            By::Link => "link",
            By::Github => "github",
        };
        let event = Event {
            account_id: Some(user.account_id),
            detail: Some(how.into()),
            ..Event::new(EventKind::Login, self.pipeline.clock.now())
        };
        self.record(event).await.map_err(|_| SignInError::AuditUnavailable)?;
        Ok(self.store().create_sign_in(user.id, by, user_agent).await?)
    }
}

/// The URL of the link with this secret.
pub fn login_url(public_url: &str, secret: &SensitiveText) -> String {
    format!("{public_url}/api/v1/auth/link?token={}", secret.expose())
}
