//! Spoken corrections: "four seven, no sorry, four eight" is split into the part before and the part after.

use super::surface::{Piece, Sort};

/// The type of text to search: a name may be "No".
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Among {
    /// Digits, letters and dates.
    Numbers,
    /// Names, mail addresses and streets.
    Words,
}

/// Phrases that retract previous words, longest first.
const PHRASES: [&[&str]; 30] = [
    &["let", "me", "correct", "that"],
    &["let", "me", "start", "over"],
    &["no", "i", "am", "sorry"],
    &["no", "im", "sorry"],
    &["no", "i", "mean"],
    &["no", "i", "meant"],
    &["no", "no"],
    &["no", "wait"],
    &["no", "sorry"],
    &["oh", "sorry"],
    &["im", "sorry"],
    &["i", "am", "sorry"],
    &["i", "mean"],
    &["i", "meant"],
    &["make", "that"],
    &["scratch", "that"],
    &["strike", "that"],
    &["wait", "no"],
    &["no", "perdon"],
    &["no", "espera"],
    &["perdon", "no"],
    &["mejor", "dicho"],
    &["quiero", "decir"],
    &["quise", "decir"],
    &["sorry"],
    &["correction"],
    &["actually"],
    &["perdon"],
    &["digo"],
    &["disculpe"],
];

/// Whether a word belongs to a correction or connects it, and so to no value.
pub(super) fn is_said_between(word: &str) -> bool {
    const JOINING: [&str; 8] = ["it", "is", "its", "that", "thats", "rather", "and", "y"];
    let word = super::fold::fold(word).replace(super::surface::is_apostrophe, "");
    JOINING.contains(&word.as_str()) || PHRASES.iter().any(|phrase| phrase.contains(&word.as_str()))
}

/// The pieces before and after the last correction, both without surrounding punctuation.
pub(super) fn split<'p, 't>(pieces: &'p [Piece<'t>], among: Among) -> Option<(&'p [Piece<'t>], &'p [Piece<'t>])> {
    let looked_at = if pieces.len() > MAX_PIECES { 0 } else { pieces.len() };
    (0..looked_at).rev().find_map(|at| {
        let end = at + phrase(&pieces[at..], among)?;
        // "sorry" may be the end of "no, I'm sorry".
        let reaches = |start: &usize| phrase(&pieces[*start..], among).is_some_and(|length| start + length >= end);
        let start = (at.saturating_sub(LONGEST_PHRASE)..at).find(reaches).unwrap_or(at);
        let after = without_lead(without_signs(&pieces[end..]));
        (!after.is_empty()).then(|| (without_signs(&pieces[..start]), after))
    })
}

/// Maximum length of a text that is searched for corrections: every phrase is compared at every position.
const MAX_PIECES: usize = 96;

/// Maximum number of pieces of a phrase before its last, signs included.
const LONGEST_PHRASE: usize = 5;

/// Number of pieces of the phrase at this position.
fn phrase(pieces: &[Piece], among: Among) -> Option<usize> {
    let first = pieces.first().filter(|piece| piece.sort == Sort::Letters)?;
    let by_list = PHRASES.iter().filter(|phrase| first.folded == phrase[0]).find_map(|phrase| {
        let mut words = pieces.iter().enumerate().filter(|(_, piece)| piece.sort == Sort::Letters);
        phrase
            .iter()
            .try_fold(0, |_, word| words.next().filter(|(_, piece)| piece.folded == **word).map(|(at, _)| at + 1))
    });
    let bare = || (among == Among::Numbers && matches!(&*first.folded, "no" | "wait" | "nope")).then_some(1);
    by_list.or_else(bare)
}

fn without_signs<'p, 't>(pieces: &'p [Piece<'t>]) -> &'p [Piece<'t>] {
    let is_sign = |piece: &Piece| matches!(piece.sort, Sort::Sign(',' | '.' | ';' | '-' | '…' | '!' | '?' | ':'));
    let start = pieces.iter().position(|piece| !is_sign(piece)).unwrap_or(pieces.len());
    let end = pieces.iter().rposition(|piece| !is_sign(piece)).map_or(start, |end| end + 1);
    &pieces[start..end]
}

/// Strips a leading "it's" and the like.
fn without_lead<'p, 't>(mut pieces: &'p [Piece<'t>]) -> &'p [Piece<'t>] {
    const LEADS: [&str; 10] = ["its", "it", "is", "thats", "that", "es", "was", "should", "be", "sorry"];
    while let Some((first, rest)) = pieces.split_first()
        && LEADS.iter().any(|word| first.is_word(word))
    {
        pieces = without_signs(rest);
    }
    pieces
}

/// Merges the characters of a number before and after a correction: the corrected end replaces the old one. `whole`
/// is the length of such a number, if known.
pub(super) fn joined(before: &str, after: &str, whole: &[usize]) -> String {
    let fits = |length: usize| whole.contains(&length);
    if before.is_empty() || fits(after.len()) {
        return after.to_owned();
    }
    let kept = match whole.iter().find(|length| **length > after.len() && **length - after.len() <= before.len()) {
        // The end was repeated, or the missing part was said with it.
        Some(length) => length - after.len(),
        None => again_from(before, after),
    };
    format!("{}{after}", &before[..kept])
}

/// The position at which the repeated part begins in the original: speakers return to the beginning of a group.
fn again_from(before: &str, after: &str) -> usize {
    if after.len() >= before.len() {
        let letters = before.bytes().take_while(u8::is_ascii_alphabetic).count();
        let has_letters = after.bytes().next().is_some_and(|first| first.is_ascii_alphabetic());
        return if has_letters { 0 } else { letters };
    }
    let common = |at: usize| before.as_bytes()[at..].iter().zip(after.as_bytes()).take_while(|(a, b)| a == b).count();
    let latest = before.len() - after.len();
    let start = (latest..before.len()).rev().max_by_key(|at| common(*at)).unwrap_or(latest);
    if common(start) * 2 >= before.len() - start { start.min(before.len()) } else { latest }
}

#[cfg(test)]
mod tests {
    use super::super::reading::BOTH;
    use super::super::surface::pieces;
    use super::*;

    fn check(said: &str, before: &str, after: &str) {
        let pieces = pieces(said, BOTH);
        let text = |pieces: &[Piece]| pieces.iter().map(|piece| &*piece.folded).collect::<Vec<_>>().join(" ");
        let split = split(&pieces, Among::Numbers).map(|(before, after)| (text(before), text(after)));
        assert_eq!(split, Some((before.to_owned(), after.to_owned())), "{said}");
    }

    #[test]
    fn the_last_correction_counts() {
        check("four seven, no sorry, four eight", "four seven", "four eight");
        check("four seven. Sorry, it's four eight", "four seven", "four eight");
        check("four seven, no, I mean four eight", "four seven", "four eight");
        check("cuatro siete perdón cuatro ocho", "cuatro siete", "cuatro ocho");
        check("one, no two, wait, no, three", "one , no two", "three");
        assert!(split(&pieces("Ali No", BOTH), Among::Words).is_none());
        assert!(split(&pieces("four seven sorry", BOTH), Among::Numbers).is_none(), "nothing is said anew");
    }

    #[test]
    fn a_corrected_end_takes_the_place_of_the_old_one() {
        assert_eq!(joined("4155550147", "48", &[10]), "4155550148");
        assert_eq!(joined("415556", "5550134", &[10]), "4155550134");
        assert_eq!(joined("47", "48", &[10]), "48");
        assert_eq!(joined("QWW2079", "2089902", &[]), "QWW2089902");
        assert_eq!(joined("", "48", &[10]), "48");
    }
}
