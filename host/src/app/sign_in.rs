//! Signing in: with GitHub, or with a link that the operator made on the machine. Each is an event of the journal.

use super::App;
use super::oauth_state::OauthState;
use crate::audit::event::{Event, EventKind};
use crate::github::{GitHub, GitHubFault, Listed, Profile};
use crate::ids::UserId;
use crate::sensitive::SensitiveText;
use crate::store::StoreError;
use crate::store::sign_ins::By;
use crate::store::users::{Door, GithubProfile, GithubUser, User};

/// Where GitHub sends people back to, below the public URL.
const CALLBACK: &str = "/api/v1/auth/github/callback";

/// Somebody is on the way to GitHub.
pub struct Begun {
    /// Where the browser is sent.
    pub url: String,
    /// What it keeps until it comes back.
    pub cookie: SensitiveText,
}

/// Somebody is in.
pub struct SignedIn {
    /// What the browser shows from now on.
    pub secret: SensitiveText,
    /// Where it wanted to go.
    pub redirect_to: String,
}

/// What GitHub sent a browser back with.
pub struct Returned<'a> {
    /// The cookie of [`Begun`].
    pub cookie: &'a str,
    /// What GitHub was given to give back.
    pub state: &'a str,
    /// Worth an access token; `None` when the person or GitHub said no.
    pub code: Option<&'a str>,
    /// Who is signed in in this browser already.
    pub present: Option<UserId>,
    /// What the browser calls itself.
    pub user_agent: &'a str,
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// No OAuth app is set up.
    #[error("signing in with GitHub is not set up on this install")]
    NotSetUp,
    /// The state is missing, is another browser's, is too old, or was used.
    #[error("this sign-in is not known here, was used, or took too long: begin again")]
    InvalidState,
    /// The person or GitHub said no.
    #[error("GitHub did not let this sign-in through")]
    Denied,
    /// GitHub failed.
    #[error(transparent)]
    GitHub(#[from] GitHubFault),
    /// Neither the owner nor on the list.
    #[error("this GitHub user may not sign in here; the operator of the install decides who may (MASKER_GITHUB_ALLOW)")]
    NotAllowed,
    /// The user could not be written.
    #[error("the user cannot be kept")]
    Upsert(#[source] StoreError),
    /// The link was used, is too old, or never was.
    #[error("this link was used or has expired; `masker admin login-link` makes another")]
    LinkGone,
    /// The journal takes no events.
    #[error("the audit journal cannot be written")]
    AuditUnavailable,
    /// The operating system gave no random bytes.
    #[error("no random bytes")]
    NoRandomness,
    /// Ours.
    #[error("the database failed")]
    Store(#[from] StoreError),
}

impl From<getrandom::Error> for SignInError {
    fn from(_: getrandom::Error) -> Self {
        Self::NoRandomness
    }
}

impl App {
    /// Sends somebody to GitHub, to go to `redirect_to` afterwards.
    pub fn begin_github_sign_in(&self, redirect_to: String) -> Result<Begun, SignInError> {
        let github = self.github()?;
        let state = OauthState::generate(redirect_to, self.pipeline.clock.now())?;
        let allow = self.config.sign_in.allow.as_ref();
        Ok(Begun {
            url: github.authorize_url(&self.callback(), &state.state, &state.challenge(), allow),
            cookie: self.oauth_states.seal(&state)?,
        })
    }

    /// Signs in who came back from GitHub.
    pub async fn finish_github_sign_in(&self, returned: Returned<'_>) -> Result<SignedIn, SignInError> {
        let github = self.github()?;
        let now = self.pipeline.clock.now();
        let state = self.oauth_states.open(returned.cookie, returned.state, now).ok_or(SignInError::InvalidState)?;
        let expires_at = crate::clock::Timestamp::from_millis(state.expires_at);
        if !self.store().use_oauth_state(&state.state, expires_at).await? {
            return Err(SignInError::InvalidState);
        }
        let code = returned.code.ok_or(SignInError::Denied)?;
        let allow = self.config.sign_in.allow.as_ref();
        let (profile, listed) = github.read(code, &state.verifier, &self.callback(), allow).await?;
        let (door, org) = match (allow, listed) {
            (None, _) => (Door::OwnerOnly, None),
            (Some(_), Listed::ByLogin) => (Door::Open, None),
            (Some(_), Listed::ByOrg(org)) => (Door::Open, Some(org)),
            (Some(_), Listed::Not) => return Err(SignInError::NotAllowed),
        };
        let admitted = self.store().admit_github_user(kept(profile, org), door, returned.present).await;
        let user = admitted.map_err(SignInError::Upsert)?.ok_or(SignInError::NotAllowed)?;
        Ok(SignedIn {
            secret: self.sign_in(&user, By::Github, returned.user_agent).await?,
            redirect_to: state.redirect_to,
        })
    }

    /// Signs the operator in with a link, and uses it up.
    pub async fn sign_in_with_link(&self, secret: &str, user_agent: &str) -> Result<SensitiveText, SignInError> {
        if !self.store().burn_login_link(secret).await? {
            return Err(SignInError::LinkGone);
        }
        let user = self.store().operator().await.map_err(SignInError::Upsert)?;
        self.sign_in(&user, By::Link, user_agent).await
    }

    /// Who is signed in with this secret. Whoever came from GitHub must still be one who may, by the settings of today:
    /// a sign-in that is used lives for ever.
    pub async fn signed_in(&self, secret: &str) -> Result<Option<User>, StoreError> {
        let found = self.store().signed_in(secret).await?;
        Ok(found.filter(|sign_in| sign_in.by == By::Link || self.may_stay(&sign_in.user)).map(|sign_in| sign_in.user))
    }

    fn may_stay(&self, user: &User) -> bool {
        match (&self.config.sign_in.allow, &user.github) {
            (Some(list), Some(github)) => {
                list.names(&github.login) || github.org.as_deref().is_some_and(|org| list.has_org(org))
            }
            _ => user.account_id == self.store().first_account(),
        }
    }

    /// A link that signs the operator in, once.
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

    fn github(&self) -> Result<&GitHub, SignInError> {
        self.github.as_ref().ok_or(SignInError::NotSetUp)
    }

    fn callback(&self) -> String {
        format!("{}{CALLBACK}", self.config.public_url)
    }
}

/// The link with this secret, for a person.
pub fn login_url(public_url: &str, secret: &SensitiveText) -> String {
    format!("{public_url}/api/v1/auth/link?token={}", secret.expose())
}

fn kept(profile: Profile, org: Option<String>) -> GithubProfile {
    GithubProfile {
        github: GithubUser { id: profile.id, login: profile.login, org },
        name: profile.name.filter(|name| !name.trim().is_empty()),
        email: profile.email,
        avatar_url: profile.avatar_url,
    }
}
