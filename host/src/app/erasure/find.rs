//! Determines what to erase, without changing anything. Values and texts that cannot be decrypted are reported: an
//! incomplete search must not look like one without matches.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use super::plan::call_scope;
use super::said::{are, says};
use super::{Erase, EraseError, Erased, Eraser, SHORTEST};
use crate::ids::{AccountId, AgentId, SessionId};
use crate::keys::Kid;
use crate::pipeline::reading;
use crate::policy::Policy;
use crate::sensitive::SensitiveText;
use crate::session::SessionRow;
use crate::store::StoreError;
use crate::store::erasures::Texts;
use crate::store::vault::{Place, PurgeSelector, Subject};
use crate::tokens::mint::{Minters, Original, RowKey, VaultRow};
use crate::tokens::sought::Sought;

/// Rows decrypted per step: some milliseconds.
const STEP: usize = 1024;

/// What an erasure would delete.
pub struct ErasurePreview {
    /// Vault rows to erase, if any.
    pub doomed: Option<PurgeSelector>,
    /// Session texts to erase.
    pub texts: Texts,
    /// Their number.
    pub count: Erased,
}

/// Data that could not be searched.
#[derive(Debug, Default)]
pub struct Unreadable {
    /// Number of values, by the kid of the key that encrypts them.
    values: BTreeMap<Kid, u64>,
    /// Number of sessions whose stored texts cannot be decrypted.
    texts: u64,
    /// Whether the session secret was changed.
    secret: bool,
}

impl Unreadable {
    fn is_empty(&self) -> bool {
        self.values.is_empty() && self.texts == 0 && !self.secret
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kid, count) in &self.values {
            write!(
                f,
                "{count} values of the vault cannot be decrypted with the key of the kid {kid}: set MASKER_KEY_{kid} to the \
                 key that sealed them, or MASKER_KEY_{kid}_OLD if that is the previous key; "
            )?;
        }
        if self.texts > 0 {
            write!(
                f,
                "stored texts of {} sessions cannot be decrypted: set MASKER_SESSION_SECRET to the secret that sealed them; ",
                self.texts
            )?;
        }
        if self.secret {
            f.write_str(
                "MASKER_SESSION_SECRET, which call ids are hashed with, is not the secret this install has used; ",
            )?;
        }
        f.write_str(
            "nothing was erased, since this data may contain the value (erasing by time, kid or agent needs no key)",
        )
    }
}

impl Eraser<'_> {
    /// Determines what to erase. Changes nothing.
    pub async fn find(&self, what: &Erase) -> Result<ErasurePreview, EraseError> {
        self.store.sessions_flushed().await?;
        let (doomed, texts) = match what {
            Erase::Before(moment) => (Some(PurgeSelector::Before(*moment)), Texts::KeptBefore(*moment)),
            Erase::Retention(moment) => (None, Texts::KeptBefore(*moment)),
            Erase::Kid(kid) => (Some(PurgeSelector::Kid(kid.clone())), self.texts_of_kid(kid).await?),
            Erase::Agent(agent) => (Some(PurgeSelector::Agent(*agent)), self.texts_of_agent(*agent).await?),
            Erase::Call(name) => of_subject(self.calls_named(name).await?, HashSet::new(), Vec::new()),
            Erase::Subject(value) => self.subject(value).await?,
        };
        let values = match &doomed {
            Some(doomed) => self.store.vault().count_doomed(doomed).await?,
            None => 0,
        };
        let payloads = self.store.count_texts(&texts).await?;
        Ok(ErasurePreview { doomed, texts, count: Erased { values, payloads } })
    }

    /// Everything in a call that has an id: its other values belong to the same person. In calls without an id, only
    /// the value.
    async fn subject(&self, value: &SensitiveText) -> Result<(Option<PurgeSelector>, Texts), EraseError> {
        let value = SensitiveText::from(value.expose().trim());
        if value.expose().chars().filter(|c| c.is_alphanumeric()).count() < SHORTEST {
            return Err(EraseError::TooShort);
        }
        let (mut calls, mut rows, mut sessions) = (HashSet::new(), HashSet::new(), Vec::new());
        let mut unreadable = Unreadable::default();
        for key in self.rows_of(&value, &mut unreadable).await? {
            match key.scope == [0; 16] {
                true => drop(rows.insert(key)),
                false => drop(calls.insert((key.agent, key.scope))),
            }
        }
        for session in self.sessions_that_say(value, &mut unreadable).await? {
            match named_call(&session) {
                Some(call) => drop(calls.insert(call)),
                None => sessions.push(session.id),
            }
        }
        if unreadable.is_empty() { Ok(of_subject(calls, rows, sessions)) } else { Err(unreadable.into()) }
    }

    /// Rows of the value. Every row is decrypted, since the keys that made its token may be gone.
    async fn rows_of(&self, value: &SensitiveText, unreadable: &mut Unreadable) -> Result<Vec<RowKey>, StoreError> {
        let (mut found, mut after) = (Vec::new(), None);
        let mut sought = Sought::new(value.expose(), reading(self.clock));
        loop {
            let rows = self.store.vault().page(after, STEP).await?;
            let Some((last, _)) = rows.last() else { return Ok(found) };
            after = Some(last.clone());
            let (minters, value) = (self.minters.clone(), value.clone());
            let look = move || {
                let seen = look_at(rows.into_iter().map(|(row, _)| row), &minters, value.expose(), &mut sought);
                (sought, seen)
            };
            let (back, (keys, closed)) = tokio::task::spawn_blocking(look).await.map_err(|_| StoreError::Closed)?;
            sought = back;
            found.extend(keys);
            closed.into_iter().for_each(|kid| *unreadable.values.entry(kid).or_default() += 1);
        }
    }

    /// Sessions whose stored texts contain the value.
    async fn sessions_that_say(
        &self,
        value: SensitiveText,
        unreadable: &mut Unreadable,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let (mut found, mut after) = (Vec::new(), None);
        let value = Arc::new(value);
        loop {
            let kept = self.store.kept_payloads(after).await?;
            let Some((last, _)) = kept.last() else { return Ok(found) };
            after = Some(last.id);
            let (key, value) = (self.payload_key.clone(), value.clone());
            // Searching a long text takes milliseconds.
            let look = move || {
                let (mut found, mut closed) = (Vec::new(), 0);
                for (session, sealed) in kept {
                    match key.open(&session, &sealed) {
                        Some(texts) if says(&texts, value.expose()) => found.push(session),
                        Some(_) => {}
                        None => closed += 1,
                    }
                }
                (found, closed)
            };
            let (sessions, closed) = tokio::task::spawn_blocking(look).await.map_err(|_| StoreError::Closed)?;
            found.extend(sessions);
            unreadable.texts += closed;
        }
    }

    /// Calls with this id, at most one per agent: the platform's id, or the one in session rows.
    async fn calls_named(&self, name: &SensitiveText) -> Result<HashSet<Place>, EraseError> {
        self.check_secret().await?;
        let sought = self.call_names.sought(name.expose().trim());
        let mut calls = HashSet::new();
        for agent in self.store.agent_owners().await?.into_keys() {
            let given = std::iter::once(sought.given().to_owned());
            for scope in sought.ids(agent).chain(given).filter_map(|id| call_scope(&id)) {
                let texts = Texts::Of { calls: vec![(agent, scope)], sessions: Vec::new() };
                if self.store.vault().has_of_call((agent, scope), None).await?
                    || self.store.count_texts(&texts).await? > 0
                {
                    calls.insert((agent, scope));
                }
            }
        }
        Ok(calls)
    }

    /// Call ids are hashed with the session secret. With a different one, no call would be found.
    async fn check_secret(&self) -> Result<(), EraseError> {
        let kept = self.store.kept_payloads(None).await?;
        let closed = kept.first().is_some_and(|(session, sealed)| self.payload_key.open(session, sealed).is_none());
        let is_known = self.store.is_key_seen("sign_in", "MASKER_SESSION_SECRET", self.secret_check.clone()).await?;
        let unreadable = Unreadable { secret: closed || !is_known, ..Unreadable::default() };
        if unreadable.is_empty() { Ok(()) } else { Err(unreadable.into()) }
    }

    /// Texts of calls that used a kid: its policy names it, or the vault has a row of it. For sessions without a call
    /// id: those of every agent that used the kid in such sessions.
    async fn texts_of_kid(&self, kid: &Kid) -> Result<Texts, StoreError> {
        let (mut calls, mut sessions, mut after) = (HashSet::new(), Vec::new(), None);
        let (mut in_vault, mut by_policy) = (HashMap::new(), HashMap::new());
        loop {
            let rows = self.store.sessions_with_texts(after).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.id);
            for session in rows {
                let call = named_call(&session);
                let place = call.unwrap_or((session.agent_id, [0; 16]));
                let has_rows = match in_vault.entry(place) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(new) => *new.insert(self.store.vault().has_of_call(place, Some(kid.clone())).await?),
                };
                if has_rows || self.policy_has(&session, kid, &mut by_policy).await? {
                    match call {
                        Some(call) => drop(calls.insert(call)),
                        None => sessions.push(session.id),
                    }
                }
            }
        }
        Ok(Texts::Of { calls: calls.into_iter().collect(), sessions })
    }

    /// Whether the policy of a session names the kid. Of an agent's own policy only the latest version is known.
    async fn policy_has(&self, session: &SessionRow, kid: &Kid, known: &mut ByPolicy) -> Result<bool, StoreError> {
        let (account, agent, version) = (session.account_id, session.agent_id, session.policy_version);
        let key = (account, agent, session.policy_name.clone(), version);
        if let Some(has) = known.get(&key) {
            return Ok(*has);
        }
        let documents = self.store.policy_documents(account, agent, session.policy_name.to_string(), version).await?;
        let has = documents.iter().any(|text| Policy::parse(text).is_ok_and(|policy| policy.kid == *kid));
        known.insert(key, has);
        Ok(has)
    }

    async fn texts_of_agent(&self, agent: AgentId) -> Result<Texts, StoreError> {
        let (mut sessions, mut after) = (Vec::<SessionId>::new(), None);
        loop {
            let rows = self.store.sessions_with_texts(after).await?;
            let Some(last) = rows.last() else { return Ok(Texts::Of { calls: Vec::new(), sessions }) };
            after = Some(last.id);
            sessions.extend(rows.iter().filter(|session| session.agent_id == agent).map(|session| session.id));
        }
    }
}

type ByPolicy = HashMap<(AccountId, AgentId, Arc<str>, u32), bool>;

fn of_subject(
    calls: HashSet<Place>,
    rows: HashSet<RowKey>,
    sessions: Vec<SessionId>,
) -> (Option<PurgeSelector>, Texts) {
    let texts = Texts::Of { calls: calls.iter().copied().collect(), sessions };
    (Some(PurgeSelector::Subject(Subject { calls, rows })), texts)
}

fn named_call(session: &SessionRow) -> Option<Place> {
    Some((session.agent_id, session.call_id.as_deref().and_then(call_scope)?))
}

/// The rows of a value, and the kids of rows that cannot be decrypted.
fn look_at(
    rows: impl Iterator<Item = VaultRow>,
    minters: &Minters,
    value: &str,
    sought: &mut Sought,
) -> (Vec<RowKey>, Vec<Kid>) {
    let (mut opened, mut closed) = (Vec::new(), Vec::new());
    for row in rows {
        match minters.open_row(&row) {
            Ok(original) => opened.push((row, original)),
            Err(_) => closed.push(row.sealed_by.unwrap_or(row.kid)),
        }
    }
    // A value spoken digit by digit has a row of its own.
    let said = are(opened.iter().map(|(_, original)| original.text.expose().as_str()), value);
    let mut is_wanted = |row: &VaultRow, original: &Original| {
        sought.is(&row.kind, original) || row.scope == [0; 16] && sought.has_word(&row.kind, original)
    };
    let of_value = opened.iter().zip(said).filter(|((row, original), said)| *said || is_wanted(row, original));
    (of_value.map(|((row, _), _)| row.key()).collect(), closed)
}
