//! Bounds the cost of a policy's own patterns before a plugin compiles them.
//!
//! The pass `regex` builds an automaton of each pattern, and a short pattern can produce a large one:
//! `[ab]*a[ab]{20}` has two million states. This module builds the same automata under limits and discards them.
//! Finding one transition takes at most as many steps as the NFA of its pattern has states, so bounding the total
//! steps over all patterns bounds the time, on any machine.

use std::error::Error;

use regex_automata::Input;
use regex_automata::dfa::regex::{self, Regex};
use regex_automata::dfa::{StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;

use super::error::{ErrorCode, PolicyError, Problems};
use super::{Pattern, Policy};

/// Size limit of one pattern's automaton, in bytes, in either direction.
const AUTOMATON: usize = 256 << 10;
/// Size limit of one pattern's NFA, in bytes.
const NFA: usize = 128 << 10;
/// Memory limit for building one automaton, in bytes.
const BUILDING: usize = 1 << 20;
/// Size limit of all automata of a policy together, in bytes.
const AUTOMATA: usize = 2 << 20;
/// Step limit for building all of them: a few tenths of a second.
const STEPS: usize = 1 << 27;
/// Bytes of one transition.
const TRANSITION: usize = 4;

/// Returns the patterns that cannot be used. `cancelled` is polled between patterns and ends the check early.
pub(super) fn check(policy: &Policy, cancelled: &dyn Fn() -> bool) -> Vec<PolicyError> {
    let mut problems = Problems::new(&policy.lines);
    let mut budget = Budget { bytes: AUTOMATA, steps: STEPS };
    let enabled = policy.entities.iter().filter(|(_, entity)| entity.enabled);
    let patterns = enabled.flat_map(|(kind, entity)| entity.patterns.iter().enumerate().map(move |at| (kind, at)));
    for (kind, (index, pattern)) in patterns {
        if cancelled() {
            problems.add(ErrorCode::PolicyYamlInvalid, "", "the check was cancelled before its end");
            break;
        }
        let path = format!("entities.{kind}.patterns[{index}].regex");
        match budget.build(pattern) {
            Ok(()) => {}
            Err(Unfit::Itself(why)) => problems.invalid(path, format!("the pattern {} {why}", pattern.name)),
            Err(Unfit::Together) => {
                let name = &pattern.name;
                problems.invalid(
                    path,
                    format!("with the pattern {name} the patterns of this policy are too large together: {SMALLER}"),
                );
                break;
            }
        }
    }
    problems.into_errors()
}

const SMALLER: &str = "use smaller counters (`{1,40}` instead of `{1,500}`), or fewer patterns";

/// Remaining budget for the patterns of a policy.
struct Budget {
    bytes: usize,
    steps: usize,
}

/// Why a pattern is rejected.
enum Unfit {
    /// The pattern alone is invalid or too large.
    Itself(String),
    /// The patterns before it used up the shared budget.
    Together,
}

impl Budget {
    fn build(&mut self, pattern: &Pattern) -> Result<(), Unfit> {
        let text = &pattern.regex;
        let states = thompson::Compiler::new().syntax(syntax()).configure(thompson()).build(text);
        let states = states.map_err(|error| Unfit::Itself(why(&error)))?.states().len().max(1);
        let affordable = self.steps / states * TRANSITION;
        let limit = AUTOMATON.min(affordable);
        let built = builder(limit).build(text);
        let bytes = built
            .as_ref()
            .map_or(limit, |automaton| automaton.forward().memory_usage().max(automaton.reverse().memory_usage()));
        self.steps = self.steps.saturating_sub(bytes / TRANSITION * states);
        match built {
            Err(_) if affordable < AUTOMATON => Err(Unfit::Together),
            Err(error) => Err(Unfit::Itself(why(&error))),
            Ok(automaton) if matches_nothing(&automaton) => {
                Err(Unfit::Itself("matches the empty string: require at least one character".into()))
            }
            Ok(_) => {
                self.bytes = self.bytes.checked_sub(bytes).ok_or(Unfit::Together)?;
                Ok(())
            }
        }
    }
}

fn matches_nothing(automaton: &Regex) -> bool {
    automaton.is_match(Input::new(""))
}

/// Same settings as the pass `regex`, plus the limits.
fn builder(limit: usize) -> regex::Builder {
    let mut builder = Regex::builder();
    builder.syntax(syntax()).thompson(thompson()).dense(
        dense::Config::new()
            .start_kind(StartKind::Both)
            .minimize(false)
            .dfa_size_limit(Some(limit))
            .determinize_size_limit(Some(BUILDING)),
    );
    builder
}

fn syntax() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false)
}

fn thompson() -> thompson::Config {
    thompson::Config::new().nfa_size_limit(Some(NFA))
}

/// The library's error message without the pattern, which it repeats over several lines.
fn why(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let said = innermost.to_string();
    let said = said.lines().last().unwrap_or_default();
    match said.strip_prefix("error: ") {
        Some(mistake) => format!("cannot be read: {mistake}"),
        None if said.contains("limit") => format!("is too large: {SMALLER}"),
        None => format!("cannot be used: {said}"),
    }
}
