//! Egress check: verifies that no value just masked is left in the finished request, in any position that is searched.
//!
//! The positions are those of the walk; the search is a plain one that shares no code with masking. Short values and
//! plain words can be part of other words and are not searched for here.

use std::collections::HashSet;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use memchr::memmem;

use super::error::PipelineError;
use crate::chat::position::{Edit, Place, Search, Visitor};
use crate::chat::request::ChatRequest;
use crate::chat::walk::walk;
use crate::passes::memory::{Remembered, is_known_at};
use crate::policy::words::begins;
use crate::sensitive::SensitiveText;

/// Error recorded with a refused request.
pub(super) const STILL_THERE: &str = "a masked value still stands in the finished request";

/// Up to this many values are searched for one by one, which is faster than building an automaton.
const FEW: usize = 16;
/// Bytes of values in one automaton, which takes about thirty times as much memory.
const AT_ONCE: usize = 1 << 20;

/// Fails if one of the values is left.
pub(super) fn check(request: &mut ChatRequest, values: &[Remembered]) -> Result<(), PipelineError> {
    let mut seen = HashSet::new();
    let plain = values.iter().filter(|value| is_plain(value.text.expose()));
    let values: Vec<&Remembered> = plain.filter(|value| seen.insert(value.text.expose().as_str())).collect();
    if values.is_empty() {
        return Ok(());
    }
    let mut left = Left::default();
    walk(request, &mut left)?;
    let is_left =
        if values.len() <= FEW { values.iter().any(|value| left.holds(value)) } else { left.holds_any(&values) };
    if is_left { Err(PipelineError::MaskingUnavailable(STILL_THERE)) } else { Ok(()) }
}

fn is_plain(text: &str) -> bool {
    text.len() >= 7 && (text.contains(['@', ' ']) || text.bytes().filter(u8::is_ascii_digit).count() >= 5)
}

/// The outgoing texts, grouped by what is searched for in them.
#[derive(Default)]
struct Left {
    texts: SensitiveText,
    names: SensitiveText,
}

impl Left {
    fn holds(&self, value: &Remembered) -> bool {
        let needle = value.text.expose();
        let stands_in = |text: &str| {
            memmem::find_iter(text.as_bytes(), needle.as_bytes()).any(|at| is_whole(text, at, at + needle.len()))
        };
        stands_in(self.texts.expose()) || is_known_at(Search::Name, value) && stands_in(self.names.expose())
    }

    /// The same for many values, in one search.
    fn holds_any(&self, values: &[&Remembered]) -> bool {
        let mut rest = values;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |value: &&&Remembered| {
                bytes += value.text.expose().len();
                bytes <= AT_ONCE
            };
            let (now, later) = rest.split_at(rest.iter().take_while(fits).count().max(1));
            rest = later;
            let texts = now.iter().map(|value| value.text.expose().as_bytes());
            let kind = Some(AhoCorasickKind::NoncontiguousNFA);
            // Values that cannot be searched for count as present.
            let Ok(finder) = AhoCorasick::builder().kind(kind).build(texts) else { return true };
            let stands_in = |text: &str, counts: &dyn Fn(&Remembered) -> bool| {
                finder
                    .find_overlapping_iter(text)
                    .any(|found| is_whole(text, found.start(), found.end()) && counts(now[found.pattern().as_usize()]))
            };
            if stands_in(self.texts.expose(), &|_| true)
                || stands_in(self.names.expose(), &|value| is_known_at(Search::Name, value))
            {
                return true;
            }
        }
        false
    }
}

fn is_whole(text: &str, start: usize, end: usize) -> bool {
    begins(text, start) && begins(text, end)
}

impl Visitor for Left {
    fn leaf(&mut self, place: &Place<'_>, text: &str) -> Vec<Edit> {
        let kept = match place.search {
            Search::Speech | Search::Field | Search::Static => self.texts.expose_mut(),
            Search::Setting | Search::Word | Search::Name | Search::Known => self.names.expose_mut(),
        };
        kept.push_str(text);
        kept.push('\0');
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action;
    use crate::chat::Platform;
    use crate::pipeline::fixtures::kind;

    fn passes(said: &str, values: &[String]) -> bool {
        let body = serde_json::json!({"messages": [{"role": "user", "content": said}]}).to_string();
        let mut request = ChatRequest::parse(body.as_bytes(), Platform::Custom).expect("a request");
        let value =
            |text: &String| Remembered { text: text.as_str().into(), kind: kind("NAME"), action: Action::Tokenize };
        check(&mut request, &values.iter().map(value).collect::<Vec<_>>()).is_ok()
    }

    #[test]
    fn a_value_that_is_left_is_seen_among_few_and_among_many() {
        for count in [1, FEW + 1, 4 * FEW] {
            let values: Vec<String> = (0..count).map(|index| format!("Caller {index:05}")).collect();
            let last = values.last().expect("a value");
            assert!(!passes(&format!("so {last}, yes"), &values), "{count}");
            assert!(passes(&format!("so {last}7, yes"), &values), "part of a longer word");
            assert!(passes("nothing", &values));
        }
    }

    #[test]
    fn many_long_values_are_looked_for_in_turns() {
        let values: Vec<String> = (0..40).map(|index| format!("{index:07} {}", "x".repeat(AT_ONCE / 16))).collect();
        assert!(!passes(&values[39], &values));
        assert!(passes("x x", &values));
    }
}
