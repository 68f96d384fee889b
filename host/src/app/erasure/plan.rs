//! The stored plan of an erasure: rows and calls by their keyed hashes, never the requested value. An erasure can be
//! resumed from it without the value and without the keys that found it.

use std::collections::HashSet;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::{Erase, ErasurePreview};
use crate::app::jobs::read;
use crate::clock::Timestamp;
use crate::ids::{AgentId, EventId};
use crate::keys::Kid;
use crate::kind::Kind;
use crate::store::StoreError;
use crate::store::erasures::Texts;
use crate::store::vault::{Place, PurgeSelector, Subject};
use crate::tokens::mint::RowKey;

/// The plan of an erasure.
#[derive(Serialize, Deserialize, Default)]
pub(crate) struct Plan {
    what: What,
    /// For [`What::Before`] and [`What::Retention`], in milliseconds since 1970.
    before: Option<i64>,
    kid: Option<String>,
    agent: Option<String>,
    /// Agent and call: all their texts are erased, and their rows unless this is [`What::Kid`].
    calls: Vec<(String, String)>,
    /// Rows of calls without an id: agent, kid, kind and mac.
    rows: Vec<(String, String, String, String)>,
    /// Sessions of calls without an id.
    sessions: Vec<String>,
    /// The ids of the events that record the result.
    events: (String, String),
}

/// The selector of the request.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    #[default]
    Before,
    Kid,
    Subject,
    Call,
    Agent,
    Retention,
}

impl What {
    pub fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Kid => "kid",
            Self::Subject => "subject",
            Self::Call => "call",
            Self::Agent => "agent",
            Self::Retention => "retention",
        }
    }
}

impl Plan {
    pub(super) fn new(erase: &Erase, found: ErasurePreview) -> Self {
        let (mut calls, mut rows, mut sessions) = (HashSet::new(), HashSet::new(), Vec::new());
        if let Texts::Of { calls: of, sessions: single } = found.texts {
            (calls, sessions) = (of.into_iter().collect(), single);
        }
        if let Some(PurgeSelector::Subject(subject)) = found.doomed {
            calls.extend(subject.calls);
            rows = subject.rows;
        }
        let row = |key: RowKey| {
            (key.agent.text(), key.kid.to_string(), key.kind.as_str().to_owned(), HEXLOWER.encode(&key.mac))
        };
        let before = match erase {
            Erase::Before(moment) | Erase::Retention(moment) => Some(moment.millis()),
            _ => None,
        };
        Self {
            what: erase.what(),
            before,
            kid: if let Erase::Kid(kid) = erase { Some(kid.to_string()) } else { None },
            agent: if let Erase::Agent(agent) = erase { Some(agent.text()) } else { None },
            calls: calls.into_iter().map(|(agent, scope)| (agent.text(), HEXLOWER.encode(&scope))).collect(),
            rows: rows.into_iter().map(row).collect(),
            sessions: sessions.into_iter().map(|id| id.text()).collect(),
            events: (EventId::generate().text(), EventId::generate().text()),
        }
    }

    pub(super) fn what(&self) -> What {
        self.what
    }

    pub(super) fn kid(&self) -> Result<Option<Kid>, StoreError> {
        self.kid.as_deref().map(|kid| read(kid, Kid::new)).transpose()
    }

    pub(super) fn agent(&self) -> Result<Option<AgentId>, StoreError> {
        self.agent.as_deref().map(agent_of).transpose()
    }

    /// The ids of the events for erased rows and erased texts.
    pub(super) fn events(&self) -> Result<(EventId, EventId), StoreError> {
        let id = |text: &str| read(text, |text| text.parse().ok());
        Ok((id(&self.events.0)?, id(&self.events.1)?))
    }

    /// Calls that are erased completely.
    pub(super) fn calls(&self) -> Result<Vec<Place>, StoreError> {
        self.calls.iter().map(|(agent, scope)| Ok((agent_of(agent)?, bytes_of(scope)?))).collect()
    }

    /// Rows to erase, if any.
    pub(super) fn doomed(&self) -> Result<Option<PurgeSelector>, StoreError> {
        let missing = || StoreError::BadRow("jobs");
        Ok(Some(match self.what {
            What::Before => PurgeSelector::Before(self.moment()?),
            What::Kid => PurgeSelector::Kid(self.kid()?.ok_or_else(missing)?),
            What::Agent => PurgeSelector::Agent(self.agent()?.ok_or_else(missing)?),
            What::Subject | What::Call => {
                let rows = self.rows.iter().map(|(agent, kid, kind, mac)| {
                    Ok(RowKey {
                        agent: agent_of(agent)?,
                        scope: [0; 16],
                        kid: read(kid, Kid::new)?,
                        kind: read(kind, Kind::new)?,
                        mac: bytes_of(mac)?,
                    })
                });
                let rows = rows.collect::<Result<_, StoreError>>()?;
                PurgeSelector::Subject(Subject { calls: self.calls()?.into_iter().collect(), rows })
            }
            What::Retention => return Ok(None),
        }))
    }

    /// Texts to erase.
    pub(super) fn texts(&self) -> Result<Texts, StoreError> {
        Ok(match self.what {
            What::Before | What::Retention => Texts::KeptBefore(self.moment()?),
            What::Kid | What::Agent | What::Subject | What::Call => {
                let session = |text: &String| read(text, |text| text.parse().ok());
                let sessions = self.sessions.iter().map(session).collect::<Result<_, _>>()?;
                Texts::Of { calls: self.calls()?, sessions }
            }
        })
    }

    fn moment(&self) -> Result<Timestamp, StoreError> {
        self.before.map(Timestamp::from_millis).ok_or(StoreError::BadRow("jobs"))
    }
}

fn agent_of(text: &str) -> Result<AgentId, StoreError> {
    read(text, |text| text.parse().ok())
}

fn bytes_of(text: &str) -> Result<[u8; 16], StoreError> {
    read(text, call_scope)
}

/// A call id as stored in session rows.
pub(super) fn call_scope(text: &str) -> Option<[u8; 16]> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}
