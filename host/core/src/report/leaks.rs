//! Lists the incidents of a report's sessions from their events.

use std::collections::HashMap;

use super::document::{Incident, LeakDetection};
use crate::audit::event::{Detail, Event, EventKind};
use crate::ids::SessionId;
use crate::session::figures::{Figure, Figures, tokens};

/// Limit of listed incidents per type; the rest is counted.
pub const LISTED: usize = 200;

/// The lists.
pub struct Leaks {
    /// The turn of each session in its call.
    turns: HashMap<SessionId, u64>,
    found: LeakDetection,
}

impl Leaks {
    /// Collects for these sessions, each with its turn.
    pub fn new(turns: HashMap<SessionId, u64>) -> Self {
        Self { turns, found: LeakDetection::default() }
    }

    /// Adds the event to a list when it is an incident in one of the sessions and the list has room.
    pub fn look(&mut self, event: &Event) {
        let Some((session, turn)) = event.session_id.and_then(|id| Some((id, *self.turns.get(&id)?))) else { return };
        let list = match event.kind {
            EventKind::RehydrationFailed => &mut self.found.rehydration_failures,
            EventKind::EgressBlocked => &mut self.found.egress_blocked,
            EventKind::PluginFailed => &mut self.found.failed_passes,
            _ => return,
        };
        if list.len() < LISTED {
            list.push(incident(event, session, turn));
        }
    }

    /// The lists; `figures` has the total number of incidents.
    pub fn finish(self, figures: &Figures) -> LeakDetection {
        let LeakDetection { rehydration_failures, egress_blocked, failed_passes, .. } = &self.found;
        let listed = rehydration_failures.len() + egress_blocked.len() + failed_passes.len();
        let not_listed = figures.sum(Figure::Incidents).saturating_sub(listed as u64);
        LeakDetection { not_listed, ..self.found }
    }
}

fn incident(event: &Event, session: SessionId, turn: u64) -> Incident {
    Incident {
        session_id: session.text(),
        turn,
        at: event.ts.to_string(),
        event_id: event.event_id.text(),
        count: tokens(event),
        pass: event.pass.as_deref().map(str::to_owned),
        outcome: event.field.as_ref().filter(|_| event.kind == EventKind::PluginFailed).map(|f| f.as_str().to_owned()),
        reason: match &event.detail {
            Some(Detail::Word(word)) => Some(word.as_str().to_owned()),
            Some(Detail::Count(_)) | None => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn event(kind: EventKind, session: SessionId) -> Event {
        Event { session_id: Some(session), pass: Some("regex".into()), ..Event::new(kind, Timestamp::from_millis(0)) }
    }

    #[test]
    fn incidents_of_the_sessions_are_listed_with_their_turn() {
        let (own, other) = (SessionId::generate(), SessionId::generate());
        let mut leaks = Leaks::new(HashMap::from([(own, 3)]));
        let failed = Event {
            field: Some("skipped".into()),
            detail: Some("timeout".into()),
            ..event(EventKind::PluginFailed, own)
        };
        let unresolved = Event { detail: Some(Detail::Count(2)), ..event(EventKind::RehydrationFailed, own) };
        let events = [failed, unresolved, event(EventKind::EgressBlocked, other), event(EventKind::Redaction, own)];
        let mut figures = Figures::default();
        for event in &events {
            leaks.look(event);
            figures.count(event);
        }
        let leaks = leaks.finish(&figures);
        let failed = &leaks.failed_passes[0];
        assert_eq!(
            (failed.turn, failed.outcome.as_deref(), failed.reason.as_deref()),
            (3, Some("skipped"), Some("timeout"))
        );
        assert_eq!((leaks.rehydration_failures[0].count, leaks.egress_blocked.len(), leaks.not_listed), (2, 0, 1));
    }

    #[test]
    fn more_than_fit_are_counted() {
        let session = SessionId::generate();
        let mut leaks = Leaks::new(HashMap::from([(session, 1)]));
        let mut figures = Figures::default();
        for _ in 0..LISTED + 7 {
            let event = event(EventKind::EgressBlocked, session);
            leaks.look(&event);
            figures.count(&event);
        }
        let leaks = leaks.finish(&figures);
        assert_eq!((leaks.egress_blocked.len(), leaks.not_listed), (LISTED, 7));
    }
}
