//! Erasing on demand: what a time, a key or a person left in the vault, and the texts of their sessions.
//!
//! Nothing is erased that is not in the journal first. A service that runs forgets it too ([`App::erase`]); a command that works on the files has the journal's lock, so that no service runs.

use std::collections::HashSet;

use super::App;
use crate::audit::event::{Detail, Event, EventKind, Word};
use crate::clock::{Clock, Timestamp};
use crate::ids::{AccountId, SessionId};
use crate::keys::Kid;
use crate::kind::Kind;
use crate::pipeline::calls::Calls;
use crate::sensitive::SensitiveText;
use crate::session::payloads::{PayloadKey, Payloads};
use crate::store::erasures::Erasure;
use crate::store::journal::{Journal, JournalError};
use crate::store::vault::{Doomed, Gone, Place, Subject};
use crate::store::{Store, StoreError};
use crate::tokens::mint::{Minters, Scope};

/// Letters and digits that a value must have to be looked for.
const SHORTEST: usize = 3;
/// Digits from which on a number is found however it is grouped.
const NUMBER: usize = 7;

/// What is to be erased.
#[derive(Clone, Debug)]
pub enum Erase {
    /// What was kept before this moment.
    Before(Timestamp),
    /// What tokens of this kid stand for.
    Kid(Kid),
    /// What was said in the calls in which this value was: one that only the person has, such as a number.
    Subject(SensitiveText),
}

impl Erase {
    fn word(&self) -> &'static str {
        match self {
            Self::Before(_) => "before",
            Self::Kid(_) => "kid",
            Self::Subject(_) => "subject",
        }
    }
}

/// How much was erased, or would be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Erased {
    /// Values of the vault.
    pub values: u64,
    /// Sessions whose texts were kept.
    pub payloads: u64,
}

/// Why nothing, or not everything, was erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// Too short to stand for one person.
    #[error("the value must have at least {SHORTEST} letters or digits")]
    TooShort,
    /// Rows of this kid cannot be searched.
    #[error("the vault has values of the kid {0}, whose key is not set: set MASKER_KEY_{0}")]
    UnknownKid(Kid),
    /// It cannot be written down, so it is not done.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The databases.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Erases; made of the parts that a service and a command both have.
pub struct Eraser<'a> {
    /// Vault and sessions.
    pub store: &'a Store,
    /// Where it is written down.
    pub journal: &'a Journal,
    /// To look for values.
    pub minters: &'a Minters,
    /// To look into kept texts.
    pub payload_key: &'a PayloadKey,
    /// What a service remembers of calls; a command that works on the files remembers nothing.
    pub calls: Option<&'a Calls>,
    /// Time.
    pub clock: &'a Clock,
}

/// What an erasure would take.
pub struct Found {
    /// Rows of the vault.
    pub doomed: Doomed,
    /// Sessions with texts.
    pub sessions: Vec<SessionId>,
    /// How much that is.
    pub count: Erased,
}

impl Eraser<'_> {
    /// What there is to erase. Changes nothing.
    pub async fn find(&self, what: &Erase) -> Result<Found, EraseError> {
        self.store.sessions_flushed().await?;
        let (doomed, sessions) = match what {
            Erase::Before(moment) => (Doomed::Before(*moment), self.sessions_before(*moment).await?),
            Erase::Kid(kid) => (Doomed::Kid(kid.clone()), Vec::new()),
            Erase::Subject(value) => self.subject(value).await?,
        };
        let values = self.store.vault().count_doomed(&doomed).await?;
        let count = Erased { values, payloads: sessions.len() as u64 };
        Ok(Found { doomed, sessions, count })
    }

    /// Writes down what is erased, and then erases it.
    pub async fn erase(&self, what: &Erase) -> Result<Erased, EraseError> {
        let found = self.find(what).await?;
        let event = |kind, count| Event {
            account_id: Some(self.store.first_account()),
            field: Some(Word::from(what.word())),
            kid: if let Erase::Kid(kid) = what { Some(kid.clone()) } else { None },
            detail: Some(Detail::Count(count)),
            ..Event::new(kind, self.clock.now())
        };
        let mut events = vec![event(EventKind::VaultPurged, found.count.values)];
        if found.count.payloads > 0 {
            events.push(event(EventKind::PayloadsPurged, found.count.payloads));
        }
        let receipt = self.journal.append(&events)?;
        self.journal.synced(&receipt).await?;
        let values = self.purge(found.doomed).await?;
        let payloads = self.store.erase_payloads(found.sessions).await?;
        let (at, what) = (self.clock.now(), what.word().to_owned());
        self.store.note_erasure(Erasure { at, what, values, payloads }).await?;
        Ok(Erased { values, payloads })
    }

    /// Out of the vault, and out of memory: exactly what is deleted, and of calls that are erased as a whole everything.
    async fn purge(&self, doomed: Doomed) -> Result<u64, StoreError> {
        let calls = if let Doomed::Subject(Subject { calls, .. }) = &doomed { calls.clone() } else { HashSet::new() };
        let forget = |gone: &[Gone]| {
            if let Some(calls) = self.calls {
                calls.forget_rows(gone, self.minters);
            }
        };
        let values = self.store.vault().purge(doomed, forget).await;
        if let Some(memory) = self.calls {
            calls.into_iter().for_each(|(agent, id)| memory.forget_call(Scope::with_id(agent, id)));
        }
        values
    }

    async fn sessions_before(&self, moment: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        let mut sessions = Vec::new();
        let mut after = None;
        loop {
            let kept = self.store.kept_payloads(after).await?;
            let Some((last, _)) = kept.last() else { return Ok(sessions) };
            after = Some(last.id);
            sessions.extend(kept.iter().filter(|(row, _)| row.started_at < moment).map(|(row, _)| row.id));
        }
    }

    /// All of a call that has a name: its other values are the same person's. Where calls have none, only the value.
    async fn subject(&self, value: &SensitiveText) -> Result<(Doomed, Vec<SessionId>), EraseError> {
        let text = value.expose().trim();
        if text.chars().filter(|c| c.is_alphanumeric()).count() < SHORTEST {
            return Err(EraseError::TooShort);
        }
        let (kinds, accounts) = (self.store.vault().kinds().await?, self.store.account_ids().await?);
        if let Some((kid, _)) = kinds.iter().find(|(kid, _)| self.minters.get(kid).is_none()) {
            return Err(EraseError::UnknownKid(kid.clone()));
        }
        let (minters, own) = (self.minters.clone(), SensitiveText::from(text));
        // One HMAC for each account, kind and key: thousands, where there are many accounts.
        let values = tokio::task::spawn_blocking(move || values_of(&minters, &kinds, &accounts, own.expose()));
        let values = values.await.map_err(|_| StoreError::Closed)?;
        let subject = self.store.vault().subject(values).await?;
        let sessions = self.sessions_with(text, &subject.calls).await?;
        Ok((Doomed::Subject(subject), sessions))
    }

    /// Sessions of these calls, and those in whose kept texts the value stands.
    async fn sessions_with(&self, value: &str, places: &HashSet<Place>) -> Result<Vec<SessionId>, StoreError> {
        let calls: HashSet<(_, String)> =
            places.iter().map(|(agent, scope)| (*agent, data_encoding::HEXLOWER.encode(scope))).collect();
        let mut sessions = Vec::new();
        let mut after = None;
        loop {
            let kept = self.store.kept_payloads(after).await?;
            let Some((last, _)) = kept.last() else { return Ok(sessions) };
            after = Some(last.id);
            for (row, sealed) in &kept {
                let named = row.call_id.as_ref().is_some_and(|call| calls.contains(&(row.agent_id, call.clone())));
                if named || self.payload_key.open(row, sealed).is_some_and(|texts| says(&texts, value)) {
                    sessions.push(row.id);
                }
                // A long text takes milliseconds; others want to go on.
                tokio::task::yield_now().await;
            }
        }
    }
}

/// What the tokens of a value may hold.
fn values_of(
    minters: &Minters,
    kinds: &[(Kid, Kind)],
    accounts: &[AccountId],
    text: &str,
) -> HashSet<(Kid, Kind, [u8; 16])> {
    let mut values = HashSet::new();
    for (kid, kind) in kinds {
        let macs = minters.get(kid).map(|minter| minter.values_of(accounts, kind, text));
        values.extend(macs.into_iter().flatten().map(|mac| (kid.clone(), kind.clone(), mac)));
    }
    values
}

/// Whether the value stands in one of the texts, in whatever case, and however its digits are grouped.
fn says(texts: &Payloads, value: &str) -> bool {
    let (value, number) = (value.to_lowercase(), digits(value));
    [&texts.request, &texts.response].into_iter().flatten().any(|text| {
        let text = SensitiveText::from(text.expose().to_lowercase());
        stands_in(text.expose(), &value)
            || (number.len() >= NUMBER && SensitiveText::from(squeezed(text.expose())).expose().contains(&number))
    })
}

/// Whole words only: `Ann` is not in `Annabel`.
fn stands_in(text: &str, value: &str) -> bool {
    text.match_indices(value).any(|(at, found)| {
        let before = text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        let after = text[at + found.len()..].chars().next().is_some_and(char::is_alphanumeric);
        !before && !after
    })
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// A text without what stands between the groups of a number.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '+')).collect()
}

impl App {
    /// Erases, and forgets what is known of it in calls in progress. A request that is under way goes on with what it holds.
    pub async fn erase(&self, what: &Erase) -> Result<Erased, EraseError> {
        let key = PayloadKey::new(&self.config.session_secret);
        let erased = self.eraser(&key).erase(what).await;
        if let Ok(Erased { values, payloads }) = &erased {
            tracing::info!(what = what.word(), values, payloads, "erased on demand");
        }
        erased
    }

    /// What [`App::erase`] would take.
    pub async fn count_erasure(&self, what: &Erase) -> Result<Erased, EraseError> {
        let key = PayloadKey::new(&self.config.session_secret);
        Ok(self.eraser(&key).find(what).await?.count)
    }

    fn eraser<'a>(&'a self, payload_key: &'a PayloadKey) -> Eraser<'a> {
        Eraser {
            store: self.store(),
            journal: &self.pipeline.journal,
            minters: &self.pipeline.minters,
            payload_key,
            calls: Some(&self.pipeline.calls),
            clock: &self.pipeline.clock,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_as_a_whole_word_in_any_case_and_a_number_in_any_grouping() {
        let said = |text: &str, value: &str| {
            let mut texts = Payloads::default();
            texts.set_request(text.as_bytes());
            says(&texts, value)
        };
        assert!(said("I am JANE doe, hello", "Jane Doe"));
        assert!(!said("I am Annabel", "Ann"));
        assert!(said("call (312) 555-0147 now", "312 555 0147"));
        assert!(said("E-12345", "e-12345"));
        assert!(!said("in room 12345", "E-12345"));
        assert!(!said("", "Jane"));
    }
}
