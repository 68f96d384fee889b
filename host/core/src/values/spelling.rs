//! Spoken letters: "g o n", "g as in golf", "double l", "whiskey".

use super::lexicon::Word;
use super::surface::{Piece, Sort};

/// A spoken letter, and the number of pieces it took.
pub(super) struct Letter {
    /// Number of repetitions.
    pub times: u8,
    pub letter: char,
    pub length: usize,
}

/// The letter at this position: "w", "double l", "double u", "w as in whiskey".
pub(super) fn letter(pieces: &[Piece]) -> Option<Letter> {
    let first = pieces.first()?;
    if let Word::Repeat(times) = first.word {
        let letter = pieces.get(1)?.letter()?;
        let double_u = times == 2 && letter == 'u';
        let (times, letter) = if double_u { (1, 'w') } else { (times, letter) };
        return Some(Letter { times, letter, length: 2 + likened(letter, &pieces[2..]) });
    }
    let letter = first.letter()?;
    Some(Letter { times: 1, letter, length: 1 + likened(letter, &pieces[1..]) })
}

/// Number of pieces that explain a letter by a word: "as in whiskey", "for mary", "de walter".
fn likened(letter: char, pieces: &[Piece]) -> usize {
    let begins = |at: usize| {
        let word = pieces.get(at).filter(|piece| piece.sort == Sort::Letters && piece.letter().is_none());
        word.is_some_and(|word| word.folded.starts_with(letter))
    };
    let is =
        |at: usize, words: &[&str]| pieces.get(at).is_some_and(|piece| words.iter().any(|word| piece.is_word(word)));
    match () {
        () if is(0, &["as"]) && is(1, &["in"]) && begins(2) => 3,
        () if is(0, &["for", "like", "as", "de", "como", "is"]) && begins(1) => 2,
        () => 0,
    }
}

/// The letter for a word of the international telephone alphabet.
pub(super) fn alphabet(word: &str) -> Option<char> {
    masker_words::nato().binary_search_by(|(known, ())| (*known).cmp(word)).ok()?;
    word.chars().next()
}

/// A run of at least `least` letters that spell a word, and the number of pieces it takes. It includes signs and
/// fillers between them; "then" begins another word.
pub(super) fn word(pieces: &[Piece], least: usize) -> Option<(String, usize)> {
    let (mut spelled, mut count, mut at, mut end) = (String::new(), 0, 0, 0);
    loop {
        if let Some(found) = letter(&pieces[at..]) {
            (0..found.times).for_each(|_| spelled.push(found.letter));
            count += usize::from(found.times);
            at += found.length;
            end = at;
        } else if pieces.get(at).is_some_and(|piece| at > 0 && is_between(piece)) {
            at += 1;
        } else {
            break;
        }
    }
    (count >= least).then_some((spelled, end))
}

/// The leading letters, up to the first separator.
pub(super) fn letters(pieces: &[Piece]) -> Option<(String, usize)> {
    let (mut spelled, mut at) = (String::new(), 0);
    while let Some(found) = letter(&pieces[at..]) {
        (0..found.times).for_each(|_| spelled.push(found.letter));
        at += found.length;
    }
    (at > 0).then_some((spelled, at))
}

fn is_between(piece: &Piece) -> bool {
    matches!(piece.sort, Sort::Sign('-' | '.' | ','))
        || piece.word == Word::Sign('-')
        || piece.word == Word::Filler && !piece.is_word("then")
}

#[cfg(test)]
mod tests {
    use super::super::reading::BOTH;
    use super::super::surface::pieces;
    use super::*;

    #[test]
    fn letters_make_a_word_however_they_are_said() {
        for said in [
            "g o n z a l e z",
            "G-O-N-Z-A-L-E-Z",
            "G.O.N.Z.A.L.E.Z.",
            "g as in golf o n as in november z a l e z",
            "g for george o n z as in zebra, a, l, e, z as in zulu",
            "G, O, N, Z, A, L, E, Z",
            "g o n uh z a l e z",
            "g de gato o n z a l e z",
        ] {
            let pieces = pieces(said, BOTH);
            assert_eq!(word(&pieces, 3).map(|(word, _)| word).as_deref(), Some("gonzalez"), "{said}");
        }
        let spelled = |said| word(&pieces(said, BOTH), 2);
        assert_eq!(spelled("m i double l e r"), Some(("miller".into(), 6)));
        assert_eq!(spelled("double u u"), Some(("wu".into(), 3)));
        assert_eq!(spelled("maria"), None);
    }
}
