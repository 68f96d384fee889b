//! Links a GitHub user to a person who has none: the operator who signed in with a link. A code from GitHub only
//! proves who someone is at GitHub, and another page can inject it into the operator's browser. So the person must
//! start the flow while signed in and confirm it in the same sign-in.

use serde::{Deserialize, Serialize};

use super::SignInError;
use crate::app::App;
use crate::app::sealed::Sealed;
use crate::audit::event::{Detail, Event, EventKind};
use crate::sensitive::SensitiveText;
use crate::store::StoreError;
use crate::store::sign_ins::public_id;
use crate::store::users::{GithubProfile, User};

/// A link that is not confirmed yet.
#[derive(Serialize, Deserialize)]
pub(super) struct Link {
    /// The person's id.
    pub user: String,
    /// The public name of the sign-in that started it.
    pub sign_in: String,
    pub profile: GithubProfile,
    pub redirect_to: String,
    /// Expiry, in milliseconds since 1970.
    pub expires_at: i64,
}

impl Sealed for Link {
    const PURPOSE: &'static str = "link";

    fn expires_at(&self) -> i64 {
        self.expires_at
    }
}

/// The question to the person.
pub struct ToConfirm {
    /// The login of the GitHub user.
    pub login: String,
    /// What the browser sends to confirm.
    pub proof: SensitiveText,
}

impl App {
    pub(super) fn ask_to_link(&self, link: Link) -> Result<ToConfirm, SignInError> {
        Ok(ToConfirm { proof: self.sealer.seal(&link)?, login: link.profile.github.login })
    }

    /// Links the GitHub user named in `proof`, if `session` is the sign-in that started it. Returns where to redirect.
    pub async fn link_github_user(&self, proof: &str, session: &str) -> Result<String, SignInError> {
        let now = self.pipeline.clock.now();
        let link = self.sealer.open::<Link>(proof, now).filter(|link| link.sign_in == public_id(session));
        let link = link.ok_or(SignInError::InvalidState)?;
        let person = self.person_without_login(session).await?.filter(|person| person.id.text() == link.user);
        let person = person.ok_or(SignInError::InvalidState)?;
        if self.store().knows_github_user(link.profile.github.id).await? {
            return Err(SignInError::InvalidState);
        }
        let event = Event {
            account_id: Some(person.account_id),
            detail: Some(Detail::Count(link.profile.github.id.unsigned_abs())),
            ..Event::new(EventKind::GithubLinked, now)
        };
        self.record(event).await.map_err(|_| SignInError::AuditUnavailable)?;
        let linked = self.store().link_github_user(person.id, link.profile).await;
        match linked.map_err(SignInError::Upsert)? {
            true => Ok(link.redirect_to),
            false => Err(SignInError::InvalidState),
        }
    }

    /// The user signed in with this secret, if they have no GitHub user.
    pub(super) async fn person_without_login(&self, secret: &str) -> Result<Option<User>, StoreError> {
        Ok(self.signed_in(secret).await?.filter(|user| user.github.is_none()))
    }
}
