//! Counts the events of a report's sessions, one by one, in the order of the journal.

use std::collections::{BTreeMap, HashMap};

use super::document::{Incident, LeakDetection, PciDss};
use crate::audit::event::{Detail, Event, EventKind};
use crate::ids::SessionId;
use crate::passes::finding::Action;

/// Incidents of one sort that are listed; more are counted.
const LISTED: usize = 200;
/// The pass that checks the Luhn digit of every card.
const LUHN_PASS: &str = "regex";

/// The counts.
#[derive(Default)]
pub struct Tally {
    /// The turn of each session in its call.
    turns: HashMap<SessionId, u64>,
    /// Events counted.
    pub events: u64,
    /// By the pass that found the span.
    pub by_pass: BTreeMap<String, u64>,
    /// Cards.
    pub cards: PciDss,
    /// What went past.
    pub leaks: LeakDetection,
    /// All incidents.
    pub incidents: u64,
}

impl Tally {
    /// For these sessions, each with its turn.
    pub fn new(turns: HashMap<SessionId, u64>) -> Self {
        Self { turns, ..Self::default() }
    }

    /// Counts an event, when it is of one of the sessions.
    pub fn count(&mut self, event: &Event) {
        let Some(session) = event.session_id else { return };
        let Some(turn) = self.turns.get(&session).copied() else { return };
        self.events += 1;
        match event.kind {
            EventKind::Redaction => self.redaction(event),
            EventKind::RehydrationFailed => {
                let incident = incident(event, session, turn);
                self.incidents += incident.count;
                list(&mut self.leaks.rehydration_failures, incident, &mut self.leaks.not_listed);
            }
            EventKind::EgressBlocked => {
                self.incidents += 1;
                let incident = incident(event, session, turn);
                list(&mut self.leaks.egress_blocked, incident, &mut self.leaks.not_listed);
            }
            EventKind::PluginFailed => {
                self.incidents += 1;
                let incident = incident(event, session, turn);
                list(&mut self.leaks.failed_passes, incident, &mut self.leaks.not_listed);
            }
            _ => {}
        }
    }

    fn redaction(&mut self, event: &Event) {
        // Media have no kind; a digest of an identifier counts with the span it was made for.
        let Some(kind) = &event.entity_kind else { return };
        let pass = event.pass.as_deref().unwrap_or("host");
        *self.by_pass.entry(pass.to_owned()).or_default() += 1;
        if kind.as_str() != "CREDIT_CARD" {
            return;
        }
        self.cards.cards_found += 1;
        self.cards.luhn_checked += u64::from(pass == LUHN_PASS);
        match event.action {
            Some(Action::Redact) => self.cards.redacted += 1,
            Some(Action::Passthrough) => self.cards.passed_through += 1,
            Some(Action::Tokenize) | None => self.cards.tokenized += 1,
        }
    }
}

fn list(incidents: &mut Vec<Incident>, incident: Incident, not_listed: &mut u64) {
    match incidents.len() < LISTED {
        true => incidents.push(incident),
        false => *not_listed += 1,
    }
}

fn incident(event: &Event, session: SessionId, turn: u64) -> Incident {
    let (count, reason) = match &event.detail {
        Some(Detail::Count(count)) => (*count, None),
        Some(Detail::Word(word)) => (1, Some(word.as_str().to_owned())),
        None => (1, None),
    };
    Incident {
        session_id: session.text(),
        turn,
        at: event.ts.to_string(),
        event_id: event.event_id.text(),
        count,
        pass: event.pass.as_deref().map(str::to_owned),
        outcome: event.field.as_ref().filter(|_| event.kind == EventKind::PluginFailed).map(|f| f.as_str().to_owned()),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::kind::Kind;

    #[test]
    fn only_events_of_the_sessions_count_and_each_where_it_belongs() {
        let (own, other) = (SessionId::generate(), SessionId::generate());
        let mut tally = Tally::new(HashMap::from([(own, 3)]));
        let event = |kind, session_id: SessionId| Event {
            session_id: Some(session_id),
            pass: Some("regex".into()),
            entity_kind: Kind::new("CREDIT_CARD"),
            ..Event::new(kind, Timestamp::from_millis(0))
        };
        for action in [Action::Tokenize, Action::Redact, Action::Passthrough] {
            tally.count(&Event { action: Some(action), ..event(EventKind::Redaction, own) });
        }
        tally.count(&Event { pass: Some("ner".into()), ..event(EventKind::Redaction, own) });
        tally.count(&event(EventKind::Redaction, other));
        tally.count(&Event { detail: Some(Detail::Count(2)), ..event(EventKind::RehydrationFailed, own) });
        tally.count(&Event {
            field: Some("skipped".into()),
            detail: Some("timeout".into()),
            ..event(EventKind::PluginFailed, own)
        });
        tally.count(&event(EventKind::EgressBlocked, own));
        let cards = &tally.cards;
        assert_eq!((cards.cards_found, cards.luhn_checked), (4, 3));
        assert_eq!((cards.tokenized, cards.redacted, cards.passed_through), (2, 1, 1));
        assert_eq!((tally.events, tally.incidents), (7, 4));
        assert_eq!(tally.by_pass, BTreeMap::from([("ner".into(), 1), ("regex".into(), 3)]));
        let failed = &tally.leaks.failed_passes[0];
        assert_eq!(
            (failed.turn, failed.outcome.as_deref(), failed.reason.as_deref()),
            (3, Some("skipped"), Some("timeout"))
        );
        assert_eq!(tally.leaks.rehydration_failures[0].count, 2);
    }
}
