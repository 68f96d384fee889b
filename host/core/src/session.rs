//! One finished proxied request: the row that the API lists and that reports count. Pure data.
//!
//! [`figures`] adds sessions up, [`latency`] defines the buckets for percentiles, [`payloads`] encrypts the texts,
//! where a policy records them.

pub mod figures;
pub mod latency;
pub mod payloads;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::audit::chain::Hash;
use crate::audit::event::{Completed, Event, EventKind, Opened};
use crate::clock::Timestamp;
use crate::ids::{AccountId, AgentId, SessionId};
use crate::kind::Kind;
use figures::Figures;

pub use crate::audit::event::{StageDurations, Status};

/// A range of journal bytes that covers whole lines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ByteRange {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

/// A session.
#[derive(Clone, PartialEq, Debug)]
pub struct SessionRow {
    /// Id of the session.
    pub id: SessionId,
    /// Owner of the agent.
    pub account_id: AccountId,
    /// The agent that was called.
    pub agent_id: AgentId,
    /// Name of the agent at that time.
    pub agent_name: Arc<str>,
    /// Phone call of the request, as the pipeline names it.
    pub call_id: Option<String>,
    /// Start time.
    pub started_at: Timestamp,
    /// End time; `None` when Masker stopped before the end.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub status: Status,
    /// Masked spans by kind.
    pub redactions_by_kind: BTreeMap<Kind, u32>,
    /// The upstream model.
    pub upstream_model: Arc<str>,
    /// The policy in force.
    pub policy_name: Arc<str>,
    /// Version of the policy.
    pub policy_version: u32,
    /// Duration of each stage.
    pub stages: StageDurations,
    /// Which of its `redaction` events were restored in the answer, counted from 0; numbers beyond the last event are
    /// spans that earlier turns of its call recorded.
    pub rehydrated: Vec<u32>,
    /// Tree hash over its events.
    pub merkle_root: Option<Hash>,
    /// Where its events are in the journal: the ranges of the receipts.
    pub journal: Vec<ByteRange>,
    /// Figures of its events, for reports.
    pub counted: Figures,
}

impl SessionRow {
    /// Time from the first to the last byte.
    pub fn duration_ms(&self) -> Option<i64> {
        self.ended_at.map(|end| end.millis() - self.started_at.millis())
    }

    /// Number of masked spans in the request.
    pub fn redaction_count(&self) -> u64 {
        self.redactions_by_kind.values().copied().map(u64::from).sum()
    }

    /// Drops the fields that grow with the request and that only the detail page needs: for rows cached for lists.
    pub fn for_lists(self) -> Self {
        Self { rehydrated: Vec::new(), journal: Vec::new(), counted: Figures::default(), ..self }
    }

    /// The event that is appended before the text leaves; the row can be rebuilt from it.
    pub fn opened_event(&self) -> Event {
        Event {
            call_id: self.call_id.clone(),
            opened: Some(Box::new(Opened {
                model: self.upstream_model.clone(),
                policy_name: self.policy_name.clone(),
                carried_by_kind: BTreeMap::new(),
            })),
            ..self.event(EventKind::SessionOpened, self.started_at)
        }
    }

    /// The event that closes the session.
    pub fn completed_event(&self) -> Event {
        Event {
            completed: Some(Box::new(Completed {
                status: self.status,
                redactions_by_kind: self.redactions_by_kind.clone(),
                carried: 0,
                stages: self.stages,
                rehydrated: self.rehydrated.clone(),
            })),
            ..self.event(EventKind::SessionCompleted, self.ended_at.unwrap_or(self.started_at))
        }
    }

    fn event(&self, kind: EventKind, ts: Timestamp) -> Event {
        Event {
            session_id: Some(self.id),
            agent_id: Some(self.agent_id),
            policy_version: Some(self.policy_version),
            ..Event::new(kind, ts)
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A session with something in every field.
    pub(crate) fn row() -> SessionRow {
        SessionRow {
            id: SessionId::generate(),
            account_id: AccountId::generate(),
            agent_id: AgentId::generate(),
            agent_name: "desk".into(),
            call_id: Some("digest".into()),
            started_at: Timestamp::from_millis(1000),
            ended_at: Some(Timestamp::from_millis(1005)),
            status: Status::Ok,
            redactions_by_kind: Kind::new("NAME").map(|kind| (kind, 2)).into_iter().collect(),
            upstream_model: "gpt-4o-mini".into(),
            policy_name: "healthcare-default".into(),
            policy_version: 3,
            stages: StageDurations { detection: 0.5, tokenize: 0.25, upstream: 400.0, rehydrate: 0.125 },
            rehydrated: vec![0],
            merkle_root: Some([9; 32]),
            journal: vec![ByteRange { start: 0, end: 100 }],
            counted: Figures::default(),
        }
    }
}
