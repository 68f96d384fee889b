//! Records a request: events before its text is sent, and the session when it ends, also if it fails half way or the
//! caller hangs up.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Pipeline;
use super::agent::ReadyAgent;
use super::error::PipelineError;
use super::pieces::Piece;
use super::tokenize::Placed;
use crate::action::Action;
use crate::audit::chain::Hash;
use crate::audit::event::{Detail, Event, EventKind, TokenKind};
use crate::audit::merkle;
use crate::ids::SessionId;
use crate::kind::Kind;
use crate::passes::PassReport;
use crate::session::figures::Figures;
use crate::session::payloads::Payloads;
use crate::session::{SessionRow, StageDurations, Status};
use crate::store::journal::Receipt;
use crate::store::payloads::SealedPayloads;
use crate::telemetry::name_session;

/// The record of one session. If dropped before completion, the session is recorded as `partial`.
pub struct Recorder {
    pipeline: Arc<Pipeline>,
    agent: Arc<ReadyAgent>,
    row: SessionRow,
    /// Events created before the session is opened.
    early: Vec<Event>,
    hashes: Vec<Hash>,
    opened: Option<Receipt>,
    completed: bool,
    payloads: Option<Payloads>,
    carried: Carried,
}

/// Spans of the request that are not written, because earlier turns of the call recorded them.
#[derive(Default)]
struct Carried {
    count: u32,
    by_kind: BTreeMap<Kind, u32>,
    /// The number of each span in the session: written spans first. Empty if all are written.
    numbers: Vec<u32>,
}

/// The contents of a session's opening events.
pub struct Opening<'a> {
    /// The texts.
    pub pieces: &'a [Piece],
    /// The replacements in them.
    pub placed: &'a [Placed],
    /// Number of images, recordings and files withheld.
    pub withheld: usize,
}

impl Recorder {
    /// A session that is not open yet.
    pub fn new(pipeline: Arc<Pipeline>, agent: Arc<ReadyAgent>, call: Option<[u8; 16]>) -> Self {
        let row = SessionRow {
            id: SessionId::generate(),
            account_id: agent.account,
            agent_id: agent.id,
            agent_name: agent.name.clone(),
            call_id: call.map(|scope| data_encoding::HEXLOWER.encode(&scope)),
            started_at: pipeline.clock.now(),
            ended_at: None,
            status: Status::Partial,
            redactions_by_kind: BTreeMap::new(),
            upstream_model: agent.model.clone(),
            policy_name: agent.policy.name.clone(),
            policy_version: agent.policy.version_number,
            stages: StageDurations::default(),
            rehydrated: Vec::new(),
            merkle_root: None,
            journal: Vec::new(),
            counted: Figures::default(),
        };
        name_session(row.id);
        let keeps_payloads = agent.policy.audit.log_payloads && pipeline.payload_key.is_some();
        let payloads = keeps_payloads.then(Payloads::default);
        Self {
            pipeline,
            agent,
            row,
            early: Vec::new(),
            hashes: Vec::new(),
            opened: None,
            completed: false,
            payloads,
            carried: Carried::default(),
        }
    }

    /// The session's id.
    pub fn session(&self) -> SessionId {
        self.row.id
    }

    /// Collects the session's texts, if they are to be kept.
    pub fn payloads(&mut self) -> Option<&mut Payloads> {
        self.payloads.as_mut()
    }

    /// Duration of each stage.
    pub fn stages(&mut self) -> &mut StageDurations {
        &mut self.row.stages
    }

    /// Records the reports of the passes: counters, and an event for each failure.
    pub fn passes(&mut self, reports: &[PassReport]) {
        self.pipeline.metrics.passes(reports);
        for (report, pass) in reports.iter().zip(self.agent.passes.iter()) {
            if let Some(fault) = &report.fault {
                let (name, kind) = (&*report.name, fault.kind.as_str());
                tracing::warn!(pass = name, fault = kind, detail = %fault.detail, "a pass failed");
                self.early.push(Event {
                    pass: Some(report.name.clone()),
                    field: Some(if pass.may_skip { "skipped" } else { "blocked" }.into()),
                    detail: Some(Detail::from(fault.kind.as_str())),
                    ..self.event(EventKind::PluginFailed)
                });
            }
        }
    }

    /// Appends the events of a request that may be sent.
    pub fn open(&mut self, opening: Opening<'_>) -> Result<(), PipelineError> {
        for placed in opening.placed {
            *self.row.redactions_by_kind.entry(placed.decision.kind.clone()).or_default() += 1;
            self.pipeline.metrics.redaction(&placed.decision.kind, &placed.decision.pass);
        }
        let logs_spans = self.agent.policy.audit.log_events;
        let spans = match (logs_spans, &self.row.call_id) {
            (true, Some(call)) => self.pipeline.recorded.of_request(&self.agent, call, opening.pieces, opening.placed),
            _ => Vec::new(),
        };
        let is_carried: Vec<bool> = spans.iter().map(|span| self.pipeline.recorded.has(*span)).collect();
        self.carried = Carried::of(opening.placed, &is_carried, opening.withheld > 0);

        let mut first = self.row.opened_event();
        if let Some(opened) = &mut first.opened {
            opened.carried_by_kind = self.carried.by_kind.clone();
        }
        let mut events = vec![first];
        events.append(&mut self.early);
        if logs_spans {
            let is_carried = is_carried.iter().chain(std::iter::repeat(&false));
            let written = opening.placed.iter().zip(is_carried).filter(|(_, is_carried)| !**is_carried);
            events.extend(written.map(|(placed, _)| self.redaction(&opening.pieces[placed.piece], placed)));
        }
        // After the texts: a session numbers its replaced spans from its first one.
        if opening.withheld > 0 && logs_spans {
            events.push(self.withheld(opening.withheld));
        }
        let receipt = self.append(&events)?;
        self.opened = Some(receipt);
        self.pipeline.recorded.add(&spans);
        Ok(())
    }

    /// Records that the egress check found a value.
    pub(crate) fn egress_blocked(&mut self) {
        let event = self.event(EventKind::EgressBlocked);
        self.early.push(event);
    }

    /// Records a request that must not be sent.
    pub fn refuse(&mut self) -> Result<(), PipelineError> {
        self.open(Opening { pieces: &[], placed: &[], withheld: 0 })?;
        self.complete(Status::Error, Vec::new());
        Ok(())
    }

    /// Completes when the opening events are on disk.
    pub fn synced(&self) -> impl Future<Output = Result<(), PipelineError>> + Send + 'static + use<> {
        let synced = self.opened.as_ref().map(|receipt| self.pipeline.journal.synced(receipt));
        async move {
            match synced {
                Some(synced) => synced.await.map_err(|_| PipelineError::AuditUnavailable),
                None => Err(PipelineError::AuditUnavailable),
            }
        }
    }

    /// Records tokens of an answer that did not resolve.
    pub fn rehydration_failed(&mut self, count: usize) {
        if count > 0 {
            let event = Event { detail: Some(Detail::Count(count as u64)), ..self.event(EventKind::RehydrationFailed) };
            // The answer is already being sent; the failure to record shows in /health and blocks the next request.
            let _ = self.append(&[event]);
        }
    }

    /// Ends the session: its last event, its tree hash, its row. Only the first call has an effect.
    pub(crate) fn complete(&mut self, status: Status, rehydrated: Vec<u32>) {
        if std::mem::replace(&mut self.completed, true) || self.opened.is_none() {
            return;
        }
        self.row.status = status;
        self.row.rehydrated = self.carried.numbered(rehydrated);
        self.row.ended_at = Some(self.pipeline.clock.now());
        self.pipeline.metrics.request(&self.agent.name, status, &self.row.stages);
        let mut event = self.row.completed_event();
        if let Some(completed) = &mut event.completed {
            completed.carried = self.carried.count;
        }
        if self.append(&[event]).is_err() {
            // As a rebuild from the journal computes it.
            (self.row.status, self.row.ended_at) = (Status::Partial, None);
            (self.row.stages, self.row.rehydrated) = (StageDurations::default(), Vec::new());
        }
        self.row.merkle_root = Some(merkle::root(&self.hashes));
        let (pipeline, row, payloads) = (self.pipeline.clone(), self.row.clone(), self.payloads.take());
        // Without a runtime the process is exiting; the row is rebuilt from the journal at the next start.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let (session, agent) = (row.id, row.agent_name.clone());
                let payloads = payloads.and_then(|payloads| pipeline.seal(&row, &payloads));
                if let Err(error) = pipeline.store.record_session_with(row, payloads).await {
                    tracing::error!(%error, %session, agent = &*agent, "a session's row was not written; it will be made from the journal");
                }
            });
        }
    }

    fn append(&mut self, events: &[Event]) -> Result<Receipt, PipelineError> {
        let receipt = self.pipeline.journal.append(events).map_err(|_| PipelineError::AuditUnavailable)?;
        self.hashes.extend_from_slice(&receipt.hashes);
        self.row.journal.push(receipt.range);
        events.iter().for_each(|event| self.row.counted.count(event));
        Ok(receipt)
    }

    fn event(&self, kind: EventKind) -> Event {
        Event {
            session_id: Some(self.row.id),
            agent_id: Some(self.row.agent_id),
            policy_version: Some(self.row.policy_version),
            ..Event::new(kind, self.pipeline.clock.now())
        }
    }

    fn withheld(&self, count: usize) -> Event {
        Event {
            pass: Some(Arc::from("host")),
            field: Some("content.media".into()),
            action: Some(Action::Redact),
            token_kind: Some(TokenKind::Redacted),
            detail: Some(Detail::Count(count as u64)),
            ..self.event(EventKind::Redaction)
        }
    }

    fn redaction(&self, piece: &Piece, placed: &Placed) -> Event {
        let decision = &placed.decision;
        let keyed = !matches!(placed.token_kind, TokenKind::Redacted | TokenKind::Synthetic);
        Event {
            pass: Some(decision.pass.clone()),
            entity_kind: Some(decision.kind.clone()),
            span: Some(placed.span),
            message: piece.message.and_then(|index| u32::try_from(index).ok()),
            field: Some(piece.name.into()),
            action: Some(decision.action),
            confidence: Some(decision.confidence),
            token_kind: Some(placed.token_kind),
            kid: keyed.then(|| self.agent.policy.kid.clone()),
            ..self.event(EventKind::Redaction)
        }
    }
}

impl Carried {
    /// `is_carried` holds a flag per span, or is empty if no span is carried.
    fn of(placed: &[Placed], is_carried: &[bool], is_media_withheld: bool) -> Self {
        let mut carried = Self::default();
        if !is_carried.contains(&true) {
            return carried;
        }
        let written = is_carried.iter().filter(|is_carried| !**is_carried).count() + usize::from(is_media_withheld);
        let (mut next, mut next_carried) = (0, u32::try_from(written).unwrap_or(u32::MAX));
        for (placed, is_carried) in placed.iter().zip(is_carried) {
            let number = if *is_carried { &mut next_carried } else { &mut next };
            carried.numbers.push(*number);
            *number += 1;
            if *is_carried {
                carried.count += 1;
                *carried.by_kind.entry(placed.decision.kind.clone()).or_default() += 1;
            }
        }
        carried
    }

    /// The numbers of these spans in the session.
    fn numbered(&self, spans: Vec<u32>) -> Vec<u32> {
        if self.numbers.is_empty() {
            return spans;
        }
        let number = |span: u32| self.numbers.get(usize::try_from(span).ok()?).copied();
        let mut numbers: Vec<u32> = spans.into_iter().filter_map(number).collect();
        numbers.sort_unstable();
        numbers
    }
}

impl Pipeline {
    fn seal(&self, row: &SessionRow, payloads: &Payloads) -> Option<SealedPayloads> {
        let sealed = self.payload_key.as_ref()?.seal(row, payloads)?;
        Some(SealedPayloads { kept_since: row.started_at, sealed })
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.complete(Status::Partial, Vec::new());
    }
}
