//! Creates and revokes API tokens. Each is recorded as an event that names the token. A token is revoked with the
//! token that created it, and with its owner, which is checked at every use.

use super::App;
use crate::audit::event::{Detail, Event, EventKind};
use crate::clock::Timestamp;
use crate::ids::{AccountId, TokenId};
use crate::sensitive::SensitiveText;
use crate::store::StoreError;
use crate::store::api_tokens::{ApiToken, NewApiToken};
use crate::store::journal::JournalError;
use crate::store::users::{GithubUser, User};

/// Why a token was not created or revoked.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The journal accepts no events.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl App {
    /// The token with this secret, if it is valid and its owner may still sign in.
    pub async fn api_token(&self, secret: &str) -> Result<Option<ApiToken>, StoreError> {
        let found = self.store().api_token_by_secret(secret).await?;
        let good = found.filter(|(_, person)| person.as_ref().is_none_or(|person| self.may_sign_in(person)));
        Ok(good.map(|(token, _)| token))
    }

    /// Creates a token. Returns its secret, which is not stored.
    pub async fn create_api_token(&self, new: NewApiToken) -> Result<(ApiToken, SensitiveText), TokenError> {
        let token = new.made_at(self.pipeline.clock.now());
        self.record(self.token_event(EventKind::TokenCreated, &token)).await?;
        let secret = self.store().insert_api_token(token.clone()).await?;
        Ok((token, secret))
    }

    /// Deletes a token of an account and revokes those created with it. `false` when there is no such token.
    pub async fn delete_api_token(&self, account: AccountId, id: TokenId) -> Result<bool, TokenError> {
        let ended = self.store().delete_api_token(account, id).await?;
        let events = ended.iter().map(|token| match token.id == id {
            true => self.token_event(EventKind::TokenDeleted, token),
            false => self.revoked_event(token, "maker"),
        });
        self.record_all(events.collect()).await?;
        Ok(!ended.is_empty())
    }

    /// Revokes the sign-ins and tokens of a GitHub user who was just rejected.
    pub(super) async fn end_what_was_allowed(&self, github: GithubUser) -> Result<(), StoreError> {
        match self.store().note_refused_github_user(github).await? {
            Some(person) if !self.may_sign_in(&person) => self.end_tokens_of(&person).await,
            _ => Ok(()),
        }
    }

    /// Revokes the tokens of all users who may no longer sign in. Called at start, since the settings that decide this
    /// only change with a restart.
    pub(super) async fn end_tokens_of_who_left(&self) -> Result<(), StoreError> {
        for person in self.store().users_with_tokens().await? {
            if !self.may_sign_in(&person) {
                self.end_tokens_of(&person).await?;
            }
        }
        Ok(())
    }

    async fn end_tokens_of(&self, person: &User) -> Result<(), StoreError> {
        let ended = self.store().delete_api_tokens_of(person.id).await?;
        let events = ended.iter().map(|token| self.revoked_event(token, "person")).collect();
        if self.record_all(events).await.is_err() {
            // Not rolled back: the tokens are rejected in any case.
            tracing::error!(
                count = ended.len(),
                "API tokens were revoked with their owner, but the journal could not record it"
            );
        }
        Ok(())
    }

    fn revoked_event(&self, token: &ApiToken, with: &'static str) -> Event {
        Event { detail: Some(Detail::from(with)), ..self.token_event(EventKind::TokenRevoked, token) }
    }

    fn token_event(&self, kind: EventKind, token: &ApiToken) -> Event {
        token_event(kind, token, self.pipeline.clock.now())
    }
}

/// The event for a token that is created or revoked.
pub fn token_event(kind: EventKind, token: &ApiToken, now: Timestamp) -> Event {
    Event { account_id: Some(token.account_id), token: Some(Box::new(token.named())), ..Event::new(kind, now) }
}
