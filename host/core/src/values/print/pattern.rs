//! A tool's own `pattern`, with limits: JSON Schema uses the syntax of ECMA-262, supported here without look-around.

use regex_automata::nfa::thompson;
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::util::syntax;

/// Maximum size of one compiled pattern in bytes.
const PROGRAM: usize = 32 << 10;
/// Step limit for all patterns of an argument: bytes of a form times states of a pattern.
const STEPS: usize = 100_000;

/// Maximum number of patterns per argument.
const MAX_PATTERNS: usize = 4;

/// The first of these forms that matches one of these patterns, in the order of the patterns.
pub(super) fn first(patterns: &[&str], forms: &[String]) -> Option<usize> {
    let mut steps = STEPS;
    patterns.iter().take(MAX_PATTERNS).find_map(|pattern| {
        let engine = compiled(pattern)?;
        let (states, mut cache) = (engine.get_nfa().states().len(), engine.create_cache());
        forms.iter().position(|form| {
            let Some(left) = steps.checked_sub(states.saturating_mul(form.len() + 1)) else { return false };
            steps = left;
            engine.is_match(&mut cache, form.as_str())
        })
    })
}

/// `\d` matches ASCII digits only, as in ECMA-262; `\p{L}` needs Unicode.
fn compiled(pattern: &str) -> Option<PikeVM> {
    let build = |unicode: bool| {
        let syntax = syntax::Config::new().unicode(unicode).utf8(unicode).nest_limit(32);
        let program = thompson::Config::new().nfa_size_limit(Some(PROGRAM)).utf8(unicode);
        PikeVM::builder().syntax(syntax).thompson(program).build(pattern).ok()
    };
    build(false).or_else(|| pattern.contains(r"\p").then(|| build(true))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, forms: &[&str], expected: Option<usize>) {
        let forms: Vec<String> = forms.iter().map(|form| (*form).to_owned()).collect();
        assert_eq!(first(&[pattern], &forms), expected, "{pattern}");
    }

    #[test]
    fn the_first_form_that_matches_is_taken() {
        check(r"^\d{10}$", &["+14155550134", "4155550134", "415-555-0134"], Some(1));
        check(r"^\+1\d{10}$", &["4155550134", "+14155550134"], Some(1));
        check(r"^[A-Z]{3}\d{7}$", &["abc1234567", "ABC1234567"], Some(1));
        check(r"^\d{4}\/\d{2}\/\d{2}$", &["1982-03-14", "1982/03/14"], Some(1));
        check(r"^\p{L}+$", &["12", "Peña"], Some(1));
    }

    #[test]
    fn an_evil_pattern_is_bounded_and_matches_nothing() {
        for pattern in
            [r"^(a+)+$", r"^(([0-9])+.)+\1$", r"(?=x)", "(", r"^(\d{1,1000}){1,1000}$", r"(a|aa)*b", &"(".repeat(400)]
        {
            check(pattern, &["1982-03-14"], None);
        }
        check(r"^(\d+)+x$", &[&"1".repeat(64)], None);
    }
}
