//! Text in the caller's own words that looks like a token is treated as data and gets a token of its own.

use std::sync::Arc;

use crate::action::Action;
use crate::kind::Kind;
use crate::passes::finding::Decision;
use crate::text::work;
use crate::tokens::scan::find_lookalikes;

/// Merges look-alikes into a text's decisions, which are sorted and disjoint. A look-alike absorbs the decisions it
/// overlaps.
pub fn escape(text: &str, compact: bool, decisions: Vec<Decision>) -> Vec<Decision> {
    let lookalikes = find_lookalikes(text, compact);
    let Some(kind) = Kind::new("OTHER_ID").filter(|_| !lookalikes.is_empty()) else { return decisions };
    let pass: Arc<str> = Arc::from("host");
    let lookalikes = lookalikes.into_iter().map(|span| {
        let (kind, pass) = (kind.clone(), pass.clone());
        Decision { span, kind, confidence: 1.0, action: Action::Tokenize, pass, replacement: None }
    });
    let mut all: Vec<Decision> = decisions.into_iter().chain(lookalikes).collect();
    // The sort is stable: of two at one position the pass's own comes first.
    all.sort_by_key(|decision| decision.span.start);
    let mut merged: Vec<Decision> = Vec::with_capacity(all.len());
    for next in all {
        work::steps(1);
        match merged.last_mut().filter(|last| last.span.overlaps(next.span)) {
            // Of two that overlap, one is a look-alike.
            Some(last) => {
                let confidence = if *next.pass == *pass { last.confidence } else { next.confidence };
                // A redacted part stays redacted inside a longer span.
                let action = last.action.max(next.action);
                last.span.end = last.span.end.max(next.span.end);
                *last = Decision {
                    span: last.span,
                    kind: kind.clone(),
                    confidence,
                    action,
                    pass: pass.clone(),
                    replacement: None,
                };
            }
            None => merged.push(next),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::ByteSpan;

    const LOOKALIKE: &str = "MSKV1.NAME.K_TEST.AAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn decision(text: &str, part: &str, name: &str, action: Action) -> Decision {
        let start = text.find(part).expect("the part stands in the text");
        let span = ByteSpan::new(start, start + part.len());
        let kind = Kind::new(name).expect("a kind");
        Decision { span, kind, confidence: 0.9, action, pass: "regex".into(), replacement: None }
    }

    fn escaped(text: &str, decisions: Vec<Decision>) -> Vec<(String, String, Action)> {
        let shown = escape(text, false, decisions).into_iter().map(|decision| {
            (text[decision.span.range()].to_owned(), decision.kind.as_str().to_owned(), decision.action)
        });
        shown.collect()
    }

    #[test]
    fn what_looks_like_a_token_is_data_with_a_token_of_its_own() {
        let other = |action| vec![(LOOKALIKE.to_owned(), "OTHER_ID".to_owned(), action)];
        let text = format!("I am {LOOKALIKE}");
        assert_eq!(escaped(&text, vec![]), other(Action::Tokenize));
        let inside = decision(&text, "AAAAAAA", "NAME", Action::Tokenize);
        assert_eq!(escaped(&text, vec![inside]), other(Action::Tokenize));
    }

    #[test]
    fn a_redacted_value_inside_a_lookalike_does_not_come_back() {
        let text = format!("I am {LOOKALIKE}");
        let inside = decision(&text, "AAAAAAA", "NAME", Action::Redact);
        assert_eq!(escaped(&text, vec![inside]), [(LOOKALIKE.to_owned(), "OTHER_ID".to_owned(), Action::Redact)]);
    }

    #[test]
    fn a_decision_that_reaches_into_two_lookalikes_joins_them() {
        let text = format!("{LOOKALIKE} {LOOKALIKE} x");
        let between = decision(&text, "A MSKV1", "NAME", Action::Redact);
        let both = text[..text.len() - 2].to_owned();
        assert_eq!(escaped(&text, vec![between]), [(both, "OTHER_ID".to_owned(), Action::Redact)]);
    }

    #[test]
    fn other_decisions_stay_and_are_in_order() {
        let text = format!("{LOOKALIKE} Ann");
        let ann = decision(&text, "Ann", "NAME", Action::Tokenize);
        let kinds: Vec<String> = escaped(&text, vec![ann]).into_iter().map(|(_, kind, _)| kind).collect();
        assert_eq!(kinds, ["OTHER_ID", "NAME"]);
    }

    #[test]
    fn many_lookalikes_take_linear_time() {
        work::assert_linear(500, |count| {
            let text = format!("{LOOKALIKE} or Ann, ").repeat(count);
            let anns = text.match_indices("Ann").map(|(at, _)| Decision {
                span: ByteSpan::new(at, at + 3),
                ..decision("Ann", "Ann", "NAME", Action::Tokenize)
            });
            assert_eq!(escape(&text, false, anns.collect()).len(), 2 * count);
        });
    }
}
