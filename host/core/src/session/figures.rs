//! Sums over sessions: the numbers of a report. A session has figures, and a day has the sum of its sessions; a
//! report adds up whole days plus the sessions at its edges.

use std::collections::BTreeMap;

use super::SessionRow;
use crate::action::Action;
use crate::audit::event::{Detail, Event, EventKind};

/// The pass that checks the Luhn digit of every card.
const LUHN_PASS: &str = "regex";

/// A counted quantity. Some are counted by name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Figure {
    /// Sessions, by status.
    Sessions,
    /// Calls, by their first session.
    Calls,
    /// Sessions, by policy ([`policy_name`]).
    Policies,
    /// Masked spans by kind, including those in the history.
    Kinds,
    /// How many of them were restored in an answer.
    Restored,
    /// How many of them an earlier turn of the call recorded.
    Carried,
    /// Events.
    Events,
    /// Recorded spans by the pass that found them.
    Passes,
    /// Cards, by outcome.
    Cards,
    /// Incident events, by kind.
    Incidents,
    /// Tokens that did not resolve.
    Unresolved,
}

/// Names for [`Figure::Cards`].
pub mod cards {
    /// All of them.
    pub const FOUND: &str = "found";
    /// Found by a pass that checks the Luhn digit.
    pub const LUHN: &str = "luhn";
    /// Replaced by a token.
    pub const TOKENIZED: &str = "tokenized";
    /// Removed permanently.
    pub const REDACTED: &str = "redacted";
    /// Left unchanged.
    pub const PASSED: &str = "passed_through";
}

/// Event kinds counted under [`Figure::Incidents`].
pub const INCIDENTS: [EventKind; 3] = [EventKind::RehydrationFailed, EventKind::EgressBlocked, EventKind::PluginFailed];

impl Figure {
    const ALL: [Self; 11] = [
        Self::Sessions,
        Self::Calls,
        Self::Policies,
        Self::Kinds,
        Self::Restored,
        Self::Carried,
        Self::Events,
        Self::Passes,
        Self::Cards,
        Self::Incidents,
        Self::Unresolved,
    ];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Calls => "calls",
            Self::Policies => "policies",
            Self::Kinds => "kinds",
            Self::Restored => "restored",
            Self::Carried => "carried",
            Self::Events => "events",
            Self::Passes => "passes",
            Self::Cards => "cards",
            Self::Incidents => "incidents",
            Self::Unresolved => "unresolved",
        }
    }

    /// Parses [`Self::as_str`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|figure| figure.as_str() == word)
    }
}

/// Counts by figure and name; a figure without names uses the empty name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Figures(BTreeMap<(Figure, String), u64>);

impl Figures {
    /// Adds to a count.
    pub fn add(&mut self, figure: Figure, name: &str, count: u64) {
        if count > 0 {
            *self.0.entry((figure, name.to_owned())).or_default() += count;
        }
    }

    /// Adds all counts of `other`.
    pub fn add_all(&mut self, other: &Self) {
        for ((figure, name), count) in &other.0 {
            self.add(*figure, name, *count);
        }
    }

    /// Subtracts all counts of `other`.
    pub fn take_all(&mut self, other: &Self) {
        for (key, count) in &other.0 {
            if let Some(own) = self.0.get_mut(key) {
                *own = own.saturating_sub(*count);
            }
        }
        self.0.retain(|_, count| *count > 0);
    }

    /// Adds an event of a session.
    pub fn count(&mut self, event: &Event) {
        self.add(Figure::Events, "", 1);
        match event.kind {
            EventKind::Redaction => self.redaction(event),
            EventKind::RehydrationFailed => self.add(Figure::Unresolved, "", tokens(event)),
            EventKind::SessionCompleted => {
                let carried = event.completed.as_ref().map_or(0, |completed| completed.carried);
                self.add(Figure::Carried, "", carried.into());
            }
            _ => {}
        }
        if INCIDENTS.contains(&event.kind) {
            self.add(Figure::Incidents, event.kind.as_str(), 1);
        }
    }

    fn redaction(&mut self, event: &Event) {
        // Media have no kind; the digest of an identifier counts with its span.
        let Some(kind) = &event.entity_kind else { return };
        let pass = event.pass.as_deref().unwrap_or("host");
        self.add(Figure::Passes, pass, 1);
        if kind.as_str() != "CREDIT_CARD" {
            return;
        }
        self.add(Figure::Cards, cards::FOUND, 1);
        self.add(Figure::Cards, cards::LUHN, u64::from(pass == LUHN_PASS));
        let outcome = match event.action {
            Some(Action::Redact) => cards::REDACTED,
            Some(Action::Passthrough) => cards::PASSED,
            Some(Action::Tokenize) | None => cards::TOKENIZED,
        };
        self.add(Figure::Cards, outcome, 1);
    }

    /// The figures of a session: those of its events and those of its row. Only the store knows whether it begins its
    /// call.
    pub fn of(row: &SessionRow, begins_call: bool) -> Self {
        let mut figures = row.counted.clone();
        figures.add(Figure::Sessions, row.status.as_str(), 1);
        figures.add(Figure::Calls, "", u64::from(begins_call));
        figures.add(Figure::Policies, &policy_name(&row.policy_name, row.policy_version), 1);
        for (kind, count) in &row.redactions_by_kind {
            figures.add(Figure::Kinds, kind.as_str(), u64::from(*count));
        }
        figures.add(Figure::Restored, "", row.rehydrated.len() as u64);
        figures
    }

    /// A count; zero when absent.
    pub fn get(&self, figure: Figure, name: &str) -> u64 {
        self.0.get(&(figure, name.to_owned())).copied().unwrap_or_default()
    }

    /// The sum over all names.
    pub fn sum(&self, figure: Figure) -> u64 {
        self.named(figure).map(|(_, count)| count).sum()
    }

    /// The counts of a figure, by name.
    pub fn named(&self, figure: Figure) -> impl Iterator<Item = (&str, u64)> {
        let own = self.0.range((figure, String::new())..).take_while(move |((own, _), _)| *own == figure);
        own.map(|((_, name), count)| (name.as_str(), *count))
    }

    /// Tokens that did not resolve, requests blocked at egress, and failed passes.
    pub fn incidents(&self) -> u64 {
        let others = self.named(Figure::Incidents).filter(|(kind, _)| *kind != EventKind::RehydrationFailed.as_str());
        self.sum(Figure::Unresolved) + others.map(|(_, count)| count).sum::<u64>()
    }

    /// All counts.
    pub fn iter(&self) -> impl Iterator<Item = (Figure, &str, u64)> {
        self.0.iter().map(|((figure, name), count)| (*figure, name.as_str(), *count))
    }

    /// Serialises to a list of figure, name and count.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(
            &self.iter().map(|(figure, name, count)| (figure.as_str(), name, count)).collect::<Vec<_>>(),
        )
    }

    /// Parses [`Self::to_json`]; `None` for any other text.
    pub fn from_json(text: &str) -> Option<Self> {
        let list: Vec<(String, String, u64)> = serde_json::from_str(text).ok()?;
        let mut figures = Self::default();
        for (figure, name, count) in list {
            figures.add(Figure::from_word(&figure)?, &name, count);
        }
        Some(figures)
    }
}

/// Number of tokens in a `rehydration_failed` event.
pub fn tokens(event: &Event) -> u64 {
    match event.detail {
        Some(Detail::Count(count)) => count,
        Some(Detail::Word(_)) | None => 1,
    }
}

/// A policy and its version as one name for [`Figure::Policies`].
pub fn policy_name(name: &str, version: u32) -> String {
    format!("{version} {name}")
}

/// Splits a name made by [`policy_name`].
pub fn policy_of(text: &str) -> Option<(&str, u32)> {
    let (version, name) = text.split_once(' ')?;
    Some((name, version.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::ids::SessionId;
    use crate::kind::Kind;
    use crate::session::tests::row;

    fn event(kind: EventKind) -> Event {
        Event {
            session_id: Some(SessionId::generate()),
            pass: Some("regex".into()),
            entity_kind: Kind::new("CREDIT_CARD"),
            ..Event::new(kind, Timestamp::from_millis(0))
        }
    }

    #[test]
    fn every_event_counts_where_it_belongs() {
        let mut figures = Figures::default();
        for action in [Action::Tokenize, Action::Redact, Action::Passthrough] {
            figures.count(&Event { action: Some(action), ..event(EventKind::Redaction) });
        }
        figures.count(&Event { pass: Some("ner".into()), ..event(EventKind::Redaction) });
        figures.count(&Event { entity_kind: None, ..event(EventKind::Redaction) });
        figures.count(&Event { detail: Some(Detail::Count(2)), ..event(EventKind::RehydrationFailed) });
        figures.count(&Event { detail: Some("timeout".into()), ..event(EventKind::PluginFailed) });
        figures.count(&event(EventKind::EgressBlocked));
        let cards = [cards::FOUND, cards::LUHN, cards::TOKENIZED, cards::REDACTED, cards::PASSED];
        assert_eq!(cards.map(|name| figures.get(Figure::Cards, name)), [4, 3, 2, 1, 1]);
        assert_eq!((figures.sum(Figure::Events), figures.incidents(), figures.sum(Figure::Incidents)), (8, 4, 3));
        assert_eq!(figures.named(Figure::Passes).collect::<Vec<_>>(), [("ner", 1), ("regex", 3)]);
    }

    #[test]
    fn a_sessions_figures_are_those_of_its_row_and_its_events_and_read_back() {
        let mut row = row();
        row.counted.count(&event(EventKind::Redaction));
        let figures = Figures::of(&row, true);
        for (figure, name, count) in [
            (Figure::Sessions, "ok", 1),
            (Figure::Calls, "", 1),
            (Figure::Policies, "3 healthcare-default", 1),
            (Figure::Kinds, "NAME", 2),
            (Figure::Restored, "", 1),
            (Figure::Passes, "regex", 1),
        ] {
            assert_eq!(figures.get(figure, name), count, "{figure:?}");
        }
        assert_eq!(policy_of("3 healthcare-default"), Some(("healthcare-default", 3)));
        assert_eq!(Figures::from_json(&figures.to_json().unwrap()), Some(figures.clone()));
        assert_eq!(Figures::from_json("[[\"never\",\"\",1]]"), None);
        let mut twice = figures.clone();
        twice.add_all(&figures);
        assert_eq!(twice.get(Figure::Kinds, "NAME"), 4);
        twice.take_all(&figures);
        assert_eq!(twice, figures);
        assert!(Figure::ALL.into_iter().all(|figure| Figure::from_word(figure.as_str()) == Some(figure)));
    }
}
