//! Patterns are rejected by cost; the error gives name and location.

use super::*;
use crate::policy::check;

fn pattern(at: usize, regex: &str) -> String {
    format!("{{name: p{at}, regex: '{regex}', confidence: 1}}")
}

fn document_of(regexes: &[&str]) -> String {
    let patterns: Vec<String> = regexes.iter().enumerate().map(|(at, regex)| pattern(at, regex)).collect();
    document(&format!("entities: {{MRN: {{patterns: [{}]}}}}", patterns.join(", ")))
}

fn errors_of(regexes: &[&str]) -> Vec<String> {
    let install = Install::new(&[]);
    let checked = check(&document_of(regexes), 1, &install.environment(), &|| false);
    let errors = checked.err().unwrap_or_default();
    errors.iter().map(|error| format!("{} {}: {}", error.code.as_str(), error.path, error.message)).collect()
}

#[test]
fn patterns_as_people_write_them_are_taken() {
    let usual = ["B-[0-9]{6}", r"(?i)\bEMP[- ]?[0-9]{5,8}\b", r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,10}"];
    let many: Vec<&str> = usual.into_iter().cycle().take(64).collect();
    assert_eq!(errors_of(&many), [""; 0]);
}

#[test]
fn a_pattern_that_cannot_be_used_is_named() {
    let at = "policy_yaml_invalid entities.MRN.patterns[1].regex: the pattern p1";
    for (regex, expected) in [
        ("[ab]*a[ab]{20}", "is too large"),
        ("((a{1,100}){1,100}){1,100}", "is too large"),
        ("(unclosed", "cannot be read: unclosed group"),
        ("(?=x)y", "cannot be read: look-around"),
        ("a*", "matches the empty string"),
    ] {
        let errors = errors_of(&["fine", regex, "fine too"]);
        assert!(errors.len() == 1 && errors[0].starts_with(&format!("{at} {expected}")), "{regex}: {errors:?}");
    }
}

#[test]
fn patterns_share_one_budget() {
    // Each is accepted alone.
    let large: Vec<String> = (0..64).map(|at| format!("x{at}[ab]*a[ab]{{9}}")).collect();
    let large: Vec<&str> = large.iter().map(String::as_str).collect();
    assert_eq!(errors_of(&large[..2]), [""; 0]);
    let errors = errors_of(&large);
    assert!(errors.len() == 1 && errors[0].contains("too large together"), "{errors:?}");
    // A rejected pattern uses budget too.
    let refused: Vec<String> = (0..64).map(|at| format!("x{at}(a|b[^c]){{1,180}}[ab]*a[ab]{{20}}")).collect();
    let refused: Vec<&str> = refused.iter().map(String::as_str).collect();
    let errors = errors_of(&refused);
    assert!(errors.len() < 64 && errors.last().is_some_and(|last| last.contains("together")), "{errors:?}");
}

#[test]
fn a_check_that_nobody_waits_for_ends() {
    let asked = std::cell::Cell::new(0);
    let cancelled = || {
        asked.set(asked.get() + 1);
        asked.get() > 2
    };
    let install = Install::new(&[]);
    let checked = check(&document_of(&["a", "b", "c", "d"]), 1, &install.environment(), &cancelled);
    assert!(checked.is_err());
    assert_eq!(asked.get(), 3);
}

#[test]
fn more_patterns_than_the_pass_takes_are_refused_before_it_is_asked() {
    let errors = errors_of(&["a"; 65]);
    assert!(errors.iter().any(|error| error.contains("more than 64 patterns")), "{errors:?}");
}
