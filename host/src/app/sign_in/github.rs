//! The OAuth flow with GitHub. The callback signs in the GitHub user it identifies, if `MASKER_GITHUB_ALLOW` admits
//! them. The one exception is a person without a GitHub user who started the flow while signed in: they are asked to
//! confirm that the GitHub user is theirs ([`super::link`]).

use super::link::{Link, ToConfirm};
use super::{SignInError, SignedIn};
use crate::app::App;
use crate::app::oauth_state::OauthState;
use crate::clock::Timestamp;
use crate::github::{GitHub, Listed, Profile};
use crate::sensitive::SensitiveText;
use crate::store::sign_ins::{By, public_id};
use crate::store::users::{GithubProfile, GithubUser, SignInPath};

/// Path of the OAuth callback, below the public URL.
const CALLBACK: &str = "/api/v1/auth/github/callback";
/// Maximum length of a stored profile field, in characters; the rest is cut off.
const LONGEST_TEXT: usize = 256;

/// A sign-in that was redirected to GitHub.
pub struct Begun {
    /// The redirect URL.
    pub url: String,
    /// The cookie that the browser keeps until the callback.
    pub cookie: SensitiveText,
}

/// Parameters of the callback.
pub struct Returned<'a> {
    /// The cookie of [`Begun`].
    pub cookie: &'a str,
    /// The `state` parameter.
    pub state: &'a str,
    /// The authorization code; `None` if the user or GitHub denied the sign-in.
    pub code: Option<&'a str>,
    /// The session cookie that the browser sent.
    pub session: Option<&'a str>,
    /// The User-Agent header.
    pub user_agent: &'a str,
}

/// The result of a callback.
pub enum Finished {
    /// The GitHub user is signed in.
    SignedIn(SignedIn),
    /// The person who started the flow is asked to confirm that the GitHub user is theirs.
    ToConfirm(ToConfirm),
}

impl App {
    /// Starts a GitHub sign-in that ends at `redirect_to`. `session` is the session cookie that the browser sent.
    pub async fn begin_github_sign_in(&self, redirect_to: String, session: Option<&str>) -> Result<Begun, SignInError> {
        let github = self.github()?;
        let begun_in = match session {
            Some(secret) => self.person_without_login(secret).await?.map(|_| public_id(secret)),
            None => None,
        };
        let state = OauthState::generate(redirect_to, begun_in, self.pipeline.clock.now())?;
        let allow = self.config.sign_in.allow.as_ref();
        Ok(Begun {
            url: github.authorize_url(&self.callback(), &state.state, &state.challenge(), allow),
            cookie: self.sealer.seal(&state)?,
        })
    }

    /// Handles the callback from GitHub.
    pub async fn finish_github_sign_in(&self, returned: Returned<'_>) -> Result<Finished, SignInError> {
        let github = self.github()?;
        let state = self.sealer.open::<OauthState>(returned.cookie, self.pipeline.clock.now());
        let state = state.filter(|state| state.is(returned.state)).ok_or(SignInError::InvalidState)?;
        if !self.store().use_oauth_state(&state.state, Timestamp::from_millis(state.expires_at)).await? {
            return Err(SignInError::InvalidState);
        }
        let code = returned.code.ok_or(SignInError::Denied)?;
        let allow = self.config.sign_in.allow.as_ref();
        let (profile, listed) = github.read(code, &state.verifier, &self.callback(), allow).await?;
        let (door, org) = match (allow, listed) {
            (None, _) => (SignInPath::OwnerOnly, None),
            (Some(_), Listed::ByLogin) => (SignInPath::Open, None),
            (Some(_), Listed::ByOrg(org)) => (SignInPath::Open, Some(org)),
            (Some(_), Listed::Not) => {
                self.end_what_was_allowed(GithubUser { id: profile.id, login: profile.login, org: None }).await?;
                return Err(SignInError::NotAllowed);
            }
            (Some(_), Listed::Unknown) => return Err(SignInError::NotAllowed),
        };
        let profile = kept(profile, org);
        let session = returned.session.filter(|secret| state.begun_in == Some(public_id(secret)));
        if let Some(secret) = session
            && let Some(person) = self.person_without_login(secret).await?
            && !self.store().knows_github_user(profile.github.id).await?
        {
            return Ok(Finished::ToConfirm(self.ask_to_link(Link {
                user: person.id.text(),
                sign_in: public_id(secret),
                profile,
                redirect_to: state.redirect_to,
                expires_at: state.expires_at,
            })?));
        }
        let admitted = self.store().admit_github_user(profile, door).await;
        let user = admitted.map_err(SignInError::Upsert)?.ok_or(SignInError::NotAllowed)?;
        Ok(Finished::SignedIn(SignedIn {
            secret: self.sign_in(&user, By::Github, returned.user_agent).await?,
            redirect_to: state.redirect_to,
        }))
    }

    fn github(&self) -> Result<&GitHub, SignInError> {
        self.github.as_ref().ok_or(SignInError::NotSetUp)
    }

    fn callback(&self) -> String {
        format!("{}{CALLBACK}", self.config.public_url)
    }
}

fn kept(profile: Profile, org: Option<String>) -> GithubProfile {
    let cut = |text: String| text.chars().take(LONGEST_TEXT).collect::<String>();
    GithubProfile {
        github: GithubUser { id: profile.id, login: cut(profile.login), org },
        name: profile.name.map(cut).filter(|name| !name.trim().is_empty()),
        email: profile.email.map(cut),
        avatar_url: profile.avatar_url.map(cut),
    }
}
