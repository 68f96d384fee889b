//! Names that differ in one word that may be misheard for another.

use super::super::name::Name;
use super::super::{Canonical, Value, sound};
use super::MAX_WORDS;

/// Whether these are two names that differ in one word that may be misheard for another.
pub(super) fn is_similar(a: &Value, b: &Value) -> bool {
    let (Canonical::Name(a), Canonical::Name(b)) = (&a.canonical, &b.canonical) else { return false };
    if a.words.len() != b.words.len() || a.words.len() > MAX_WORDS {
        return false;
    }
    let without = |these: &Name, those: &Name| {
        let mut rest: Vec<String> = those.words.iter().map(|word| word.letters.clone()).collect();
        let others = these.words.iter().filter(|word| match rest.iter().position(|other| *other == word.letters) {
            Some(at) => {
                rest.swap_remove(at);
                false
            }
            None => true,
        });
        others.map(|word| word.letters.clone()).collect::<Vec<_>>()
    };
    match (&without(a, b)[..], &without(b, a)[..]) {
        ([a], [b]) => sound::is_similar(a, b),
        _ => false,
    }
}

/// Bucket keys: two similar names share at least one.
pub(super) fn buckets(value: &Value) -> Vec<String> {
    let Canonical::Name(name) = &value.canonical else { return Vec::new() };
    if name.words.len() > MAX_WORDS {
        return Vec::new();
    }
    let mut words: Vec<&str> = name.words.iter().map(|word| &*word.letters).collect();
    words.sort_unstable();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let others = [&words[..at], &words[at + 1..]].concat().join(" ");
        found.extend(sound::variants(word).into_iter().map(|variant| format!("{others}|{variant}")));
    }
    found
}
