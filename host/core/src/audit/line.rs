//! Parses lines of a journal. Parsing checks the form only; [`super::verify`] checks authenticity.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::chain::{Hash, from_hex};
use super::event::{
    CallerToken, Completed, Detail, Event, EventKind, Maker, NamedToken, Opened, PlatformId, StageDurations, Started,
    Status, TokenKind, Word,
};
use crate::action::Action;
use crate::clock::Timestamp;
use crate::keys::Kid;
use crate::kind::Kind;
use crate::text::CharSpan;

/// An event with its hash, as stored in the journal.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// The event.
    pub event: Event,
    /// Its `this_hash`.
    pub hash: Hash,
}

impl Line {
    /// Parses a line; `None` when it does not have the form of an event.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let raw: Raw = serde_json::from_slice(line).ok()?;
        let hash = from_hex(&raw.this_hash)?;
        Some(Self { event: raw.into_event()?, hash })
    }
}

#[derive(Deserialize)]
struct Raw {
    account_id: Option<String>,
    action: Option<Action>,
    agent_id: Option<String>,
    assistant_id: Option<String>,
    call_id: Option<String>,
    caller: Option<String>,
    carried: Option<u32>,
    carried_by_kind: Option<BTreeMap<String, u32>>,
    confidence: Option<f32>,
    detail: Option<RawDetail>,
    entity_kind: Option<String>,
    event_id: String,
    field: Option<String>,
    kid: Option<String>,
    kind: String,
    message: Option<u32>,
    model: Option<String>,
    pass: Option<String>,
    policy_name: Option<String>,
    policy_version: Option<u32>,
    redactions_by_kind: Option<BTreeMap<String, u32>>,
    rehydrated: Option<Vec<u32>>,
    request: Option<String>,
    session_id: Option<String>,
    span: Option<(usize, usize)>,
    stages_us: Option<RawStages>,
    status: Option<String>,
    this_hash: String,
    token: Option<RawToken>,
    token_kind: Option<String>,
    ts: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawDetail {
    Word(String),
    Count(u64),
}

#[derive(Deserialize)]
struct RawToken {
    id: String,
    maker: Option<String>,
    name: String,
    scopes: Vec<String>,
}

#[derive(Deserialize)]
struct RawStages {
    detection: u32,
    rehydrate: u32,
    tokenize: u32,
    upstream: u32,
}

impl Raw {
    fn into_event(self) -> Option<Event> {
        let completed = self.completed()?;
        let kind = EventKind::from_word(&self.kind)?;
        let (mut model, mut started): (Option<Arc<str>>, _) = (self.model.map(Into::into), None);
        if kind == EventKind::CallStarted {
            started = Some(Box::new(Started {
                assistant_id: checked(self.assistant_id, PlatformId::new)?,
                model: model.take()?,
                caller: checked(self.caller, |text| CallerToken::new(text.to_owned()))?,
            }));
        }
        let policy_name: Option<Arc<str>> = self.policy_name.map(Into::into);
        let carried_by_kind = kinds(&self.carried_by_kind.unwrap_or_default())?;
        let (opened, policy_name) = match model {
            Some(model) => {
                let opened = policy_name.map(|policy_name| Box::new(Opened { model, policy_name, carried_by_kind }));
                (opened, None)
            }
            None => (None, policy_name),
        };
        let ts = chrono::DateTime::parse_from_rfc3339(&self.ts).ok()?.timestamp_millis();
        Some(Event {
            ts: Timestamp::from_millis(ts),
            event_id: self.event_id.parse().ok()?,
            session_id: self.session_id.map(|id| id.parse()).transpose().ok()?,
            agent_id: self.agent_id.map(|id| id.parse()).transpose().ok()?,
            account_id: self.account_id.map(|id| id.parse()).transpose().ok()?,
            kind,
            pass: self.pass.map(Into::into),
            entity_kind: checked(self.entity_kind, Kind::new)?,
            span: self.span.map(|(start, end)| CharSpan { start, end }),
            message: self.message,
            field: self.field.map(Word::from_journal),
            action: self.action,
            confidence: self.confidence,
            token_kind: checked(self.token_kind, TokenKind::from_word)?,
            kid: checked(self.kid, Kid::new)?,
            policy_version: self.policy_version,
            policy_name,
            call_id: self.call_id,
            detail: self.detail.map(|detail| match detail {
                RawDetail::Word(word) => Detail::Word(Word::from_journal(word)),
                RawDetail::Count(count) => Detail::Count(count),
            }),
            opened,
            completed,
            started,
            request: self.request.map(|id| id.parse()).transpose().ok()?,
            token: match self.token {
                Some(token) => Some(Box::new(token.into_named()?)),
                None => None,
            },
        })
    }

    /// `Some(None)` when the event does not complete a session.
    fn completed(&self) -> Option<Option<Box<Completed>>> {
        let (Some(status), Some(stages), Some(counts)) = (&self.status, &self.stages_us, &self.redactions_by_kind)
        else {
            return Some(None);
        };
        let millis = |micros: u32| f64::from(micros) / 1000.0;
        Some(Some(Box::new(Completed {
            status: Status::from_word(status)?,
            redactions_by_kind: kinds(counts)?,
            carried: self.carried.unwrap_or_default(),
            stages: StageDurations {
                detection: millis(stages.detection),
                tokenize: millis(stages.tokenize),
                upstream: millis(stages.upstream),
                rehydrate: millis(stages.rehydrate),
            },
            rehydrated: self.rehydrated.clone().unwrap_or_default(),
        })))
    }
}

impl RawToken {
    fn into_named(self) -> Option<NamedToken> {
        Some(NamedToken {
            id: self.id.parse().ok()?,
            name: self.name.into(),
            scopes: self.scopes.into_iter().map(Word::from_journal).collect(),
            maker: checked(self.maker, Maker::from_text)?,
        })
    }
}

fn kinds(counts: &BTreeMap<String, u32>) -> Option<BTreeMap<Kind, u32>> {
    counts.iter().map(|(kind, count)| Some((Kind::new(kind)?, *count))).collect()
}

/// `None` when the text is invalid, `Some(None)` when it is absent.
fn checked<T>(text: Option<String>, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    match text {
        Some(text) => read(&text).map(Some),
        None => Some(None),
    }
}
