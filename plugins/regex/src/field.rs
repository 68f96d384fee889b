//! Fields: the name of a JSON key as a key phrase, and its value as a whole.

use crate::Plugin;
use crate::context::{Carried, Summary};
use crate::kinds::Kind;
use crate::measures;
use crate::rules::RULES;
use crate::tokens::Class;
use crate::turn::Turn;

/// A longer value is prose.
const MOST_BYTES: usize = 120;

/// What a field name says about its value. "memberId" and "member_id" are the words "member id".
pub fn summary(plugin: &Plugin, name: &str) -> Summary {
    let mut words = String::with_capacity(name.len() + 8);
    let mut previous = ' ';
    for c in name.chars().take(128) {
        if c.is_ascii_uppercase() && previous.is_ascii_lowercase() {
            words.push(' ');
        }
        words.push(if c.is_alphanumeric() { c } else { ' ' });
        previous = c;
    }
    let mut turn = Turn::default();
    turn.read(&plugin.words, &plugin.keywords, &words, Carried::default());
    let mut summary = Summary::of(&turn, "field");
    summary.measure = measures::is_measure(&turn);
    if summary.measure {
        summary.ask_nothing();
    }
    summary
}

/// Masks the whole value of a field when its name asks for a kind whose values may be arbitrary words, or when nothing
/// in the value was recognised although it holds digits.
pub fn whole_value(turn: &mut Turn<'_>) {
    if !turn.carried.is_field_value() || turn.text.len() > MOST_BYTES || turn.tokens.is_empty() {
        return;
    }
    let Some((asked, 1)) = turn.carried.asked() else { return };
    let Some(rule) = asked.rules().next().and_then(|rule| RULES.get(usize::from(rule))) else { return };
    let digits =
        turn.tokens.iter().filter(|token| token.class == Class::Digits).map(|token| token.len()).sum::<usize>();
    let any_words = matches!(rule.kind, Kind::Username | Kind::Address);
    let short = turn.tokens.len() <= 12;
    let least = if asked.vague { 5 } else { 3 };
    let code =
        !matches!(rule.kind, Kind::Age | Kind::Url | Kind::Email) && turn.hits.is_empty() && short && digits >= least;
    if any_words || code {
        turn.hits.clear();
        turn.found(0, turn.tokens.len() - 1, rule.kind, 0.85);
    }
}
