//! Sign-in with GitHub: the OAuth web flow, and the profile of the user.
//!
//! Only the profile is stored; the access token is dropped once the profile is read. No error contains a code, a token
//! or a response body.

mod client;

use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::config::{AllowList, GithubApp};
use crate::sensitive::SensitiveText;
use client::Client;

/// Requested scope: the profile and the e-mail addresses.
const SCOPE: &str = "read:user user:email";
/// Requested scope if the list names an organisation, because memberships are private by default.
const SCOPE_WITH_ORGS: &str = "read:user user:email read:org";

/// Maximum number of concurrent code exchanges. Anyone can send made-up codes, and each needs a connection to GitHub.
/// Further exchanges wait, within the GitHub timeout.
const MOST_AT_ONCE: usize = 16;

/// Client of GitHub or a GitHub Enterprise Server, authenticated as the operator's OAuth app.
pub struct GitHub {
    app: GithubApp,
    client: Client,
    at_once: Semaphore,
}

/// A GitHub user.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Profile {
    /// User ID; never changes.
    pub id: i64,
    /// Login; may change and may then be taken by another user.
    pub login: String,
    /// Display name, if set.
    pub name: Option<String>,
    /// Public e-mail address, or else the verified primary one.
    pub email: Option<String>,
    /// Avatar URL.
    pub avatar_url: Option<String>,
}

/// The entry of the operator's list that admits a user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Listed {
    /// The login, or `*`.
    ByLogin,
    /// Membership of this organisation.
    ByOrg(String),
    /// No entry.
    Not,
    /// Unknown, because an organisation hides its members from this OAuth app.
    Unknown,
}

/// Why a user could not be read from GitHub.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitHubFault {
    /// Connection refused, host unreachable, or the name does not resolve.
    #[error("GitHub cannot be reached")]
    Unreachable,
    /// `MASKER_GITHUB_TIMEOUT_MS` exceeded.
    #[error("GitHub did not respond in time")]
    Timeout,
    /// GitHub returned an error. The text is one of its documented error codes, or a fixed text.
    #[error("GitHub rejected the code ({0})")]
    Refused(&'static str),
    /// GitHub returned this status.
    #[error("GitHub returned status {0}")]
    Status(u16),
    /// GitHub returned an undocumented response.
    #[error("cannot parse GitHub's response")]
    Garbage,
}

impl GitHub {
    /// Creates a client for this app.
    ///
    /// # Errors
    /// The machine's certificates are invalid.
    pub fn new(app: GithubApp) -> anyhow::Result<Self> {
        Ok(Self { client: Client::new()?, app, at_once: Semaphore::new(MOST_AT_ONCE) })
    }

    /// The URL to which a user is redirected to sign in. GitHub redirects back to `callback` with `state` and a code,
    /// which is valid only with the verifier of `challenge` (PKCE, RFC 7636).
    pub fn authorize_url(&self, callback: &str, state: &str, challenge: &str, allow: Option<&AllowList>) -> String {
        let asks_for_orgs = allow.is_some_and(|list| !list.orgs.is_empty());
        let query = form(&[
            ("client_id", &self.app.client_id),
            ("redirect_uri", callback),
            ("scope", if asks_for_orgs { SCOPE_WITH_ORGS } else { SCOPE }),
            ("state", state),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ]);
        format!("{}/login/oauth/authorize?{query}", self.app.url)
    }

    /// Exchanges a code for the user, and the entry of the list that admits the user.
    pub async fn read(
        &self,
        code: &str,
        verifier: &str,
        callback: &str,
        allow: Option<&AllowList>,
    ) -> Result<(Profile, Listed), GitHubFault> {
        let read = async {
            let _slot = self.at_once.acquire().await;
            let token = self.exchange(code, verifier, callback).await?;
            let mut profile: Profile = self.get("/user", &token).await?;
            if profile.email.is_none() {
                profile.email = self.private_email(&token).await?;
            }
            let listed = match allow {
                Some(list) if list.names(&profile.login) => Listed::ByLogin,
                Some(list) => self.membership(&list.orgs, &token).await?,
                None => Listed::Not,
            };
            Ok((profile, listed))
        };
        tokio::time::timeout(self.app.timeout, read).await.map_err(|_| GitHubFault::Timeout)?
    }

    /// Exchanges a code for an access token. For a wrong code GitHub returns status 200 and an error in the body.
    async fn exchange(&self, code: &str, verifier: &str, callback: &str) -> Result<SensitiveText, GitHubFault> {
        #[derive(Deserialize)]
        struct Exchanged {
            access_token: Option<String>,
            error: Option<String>,
        }
        let body = form(&[
            ("client_id", &self.app.client_id),
            ("client_secret", self.app.client_secret.expose()),
            ("code", code),
            ("redirect_uri", callback),
            ("code_verifier", verifier),
        ]);
        let url = format!("{}/login/oauth/access_token", self.app.url);
        let exchanged: Exchanged = self.client.post_form(&url, body).await?;
        match exchanged {
            Exchanged { access_token: Some(token), error: None } if !token.is_empty() => Ok(token.into()),
            Exchanged { error: Some(error), .. } => Err(GitHubFault::Refused(known_error(&error))),
            _ => Err(GitHubFault::Garbage),
        }
    }

    /// The user's verified primary e-mail address.
    async fn private_email(&self, token: &SensitiveText) -> Result<Option<String>, GitHubFault> {
        #[derive(Deserialize)]
        struct Address {
            email: String,
            primary: bool,
            verified: bool,
        }
        let addresses: Vec<Address> = match self.get("/user/emails", token).await {
            // The scope for addresses was not granted.
            Err(GitHubFault::Status(403 | 404)) => return Ok(None),
            found => found?,
        };
        let first = addresses.into_iter().find(|address| address.primary && address.verified);
        Ok(first.map(|address| address.email))
    }

    /// The first of these organisations that the user is a member of.
    async fn membership(&self, orgs: &[String], token: &SensitiveText) -> Result<Listed, GitHubFault> {
        #[derive(Deserialize)]
        struct Membership {
            state: String,
        }
        let mut found = Listed::Not;
        for org in orgs {
            match self.get::<Membership>(&format!("/user/memberships/orgs/{org}"), token).await {
                // An invitation that is not accepted yet is `pending`.
                Ok(membership) if membership.state == "active" => return Ok(Listed::ByOrg(org.clone())),
                Ok(_) | Err(GitHubFault::Status(404)) => {}
                Err(GitHubFault::Status(403)) => {
                    tracing::warn!(org, "this organisation does not allow the OAuth app to read its members");
                    found = Listed::Unknown;
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(found)
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str, token: &SensitiveText) -> Result<T, GitHubFault> {
        self.client.get(&format!("{}{path}", self.app.api_url), token).await
    }
}

/// GitHub's error code if it is a documented one. Others are not repeated, because they may contain anything.
fn known_error(word: &str) -> &'static str {
    const KNOWN: [&str; 4] =
        ["bad_verification_code", "incorrect_client_credentials", "redirect_uri_mismatch", "unverified_user_email"];
    KNOWN.into_iter().find(|known| *known == word).unwrap_or("another error")
}

fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_code_waits_while_too_many_are_exchanged_but_not_longer_than_github_may_take() {
        let mut github = GitHub::new(GithubApp {
            client_id: "id".into(),
            client_secret: "hush".into(),
            // No server listens on this port.
            url: "http://127.0.0.1:1".into(),
            api_url: "http://127.0.0.1:1".into(),
            timeout: Duration::from_millis(1),
        })
        .expect("a client");
        let all = github.at_once.acquire_many(MOST_AT_ONCE as u32).await.expect("it is open");
        assert_eq!(github.read("code", "verifier", "callback", None).await, Err(GitHubFault::Timeout));
        drop(all);
        github.app.timeout = Duration::from_secs(60);
        assert_eq!(github.read("code", "verifier", "callback", None).await, Err(GitHubFault::Unreachable));
    }

    #[test]
    fn membership_is_asked_for_only_where_a_list_names_an_organisation() {
        let github = GitHub::new(GithubApp {
            client_id: "id & more".into(),
            client_secret: "hush".into(),
            url: "https://git.example".into(),
            api_url: "https://git.example/api/v3".into(),
            timeout: Duration::from_secs(1),
        })
        .expect("a client");
        let url = |allow: Option<&AllowList>| github.authorize_url("https://m.example/cb", "st", "ch", allow);
        assert_eq!(
            url(None),
            "https://git.example/login/oauth/authorize?client_id=id+%26+more&redirect_uri=https%3A%2F%2Fm.example%2Fcb\
             &scope=read%3Auser+user%3Aemail&state=st&code_challenge=ch&code_challenge_method=S256"
        );
        let people = AllowList { logins: vec!["ada".into()], ..AllowList::default() };
        assert_eq!(url(Some(&people)), url(None));
        let members = AllowList { orgs: vec!["clinic".into()], ..AllowList::default() };
        assert!(url(Some(&members)).contains("scope=read%3Auser+user%3Aemail+read%3Aorg&"));
    }
}
