//! The words of a name, each with its span.

use super::super::correction::{self, Among};
use super::super::fold::capitalised;
use super::super::lexicon::Word;
use super::super::sound;
use super::super::spelling;
use super::super::surface::{Piece, Sort, is_apostrophe};
use super::NameWord;

/// Titles before a name.
const TITLES: [&str; 24] = [
    "mr",
    "mrs",
    "ms",
    "miss",
    "mister",
    "missus",
    "dr",
    "doctor",
    "prof",
    "professor",
    "sir",
    "madam",
    "rev",
    "fr",
    "sr",
    "sra",
    "srta",
    "senor",
    "senora",
    "senorita",
    "doctora",
    "dra",
    "ing",
    "lic",
];
/// Suffixes after a name.
const DEGREES: [&str; 8] = ["md", "phd", "rn", "np", "esq", "dds", "lpn", "pharmd"];
/// Particles that belong to the word after them.
const PARTICLES: [&str; 25] = [
    "de", "del", "della", "di", "da", "dos", "das", "do", "la", "las", "los", "le", "van", "von", "der", "den", "ter",
    "ten", "el", "bin", "ibn", "mc", "st", "y", "o",
];
/// Minimum number of letters in a run that spell a word; fewer are initials.
const SPELLED: usize = 3;

/// The intended words, given names first; `None` if there is a number or no word.
pub(super) fn meant(surface: &str, pieces: &[Piece]) -> Option<Vec<NameWord>> {
    let Some((before, after)) = correction::split(pieces, Among::Words) else { return plain(surface, pieces) };
    let (mut words, after) = (meant(surface, before).unwrap_or_default(), plain(surface, after)?);
    // The last words were repeated as a correction.
    words.truncate(words.len().saturating_sub(after.len()));
    words.extend(after);
    Some(words)
}

/// Every word, including retracted ones.
pub(super) fn all(surface: &str, pieces: &[Piece]) -> Option<Vec<NameWord>> {
    let Some((before, after)) = correction::split(pieces, Among::Words) else { return plain(surface, pieces) };
    let mut words = all(surface, before).unwrap_or_default();
    words.extend(plain(surface, after)?);
    Some(words)
}

fn plain(surface: &str, pieces: &[Piece]) -> Option<Vec<NameWord>> {
    let mut found: Vec<NameWord> = Vec::new();
    // Words before it are the family name.
    let mut family = None;
    let mut at = 0;
    let mut start = None;
    while let Some(piece) = pieces.get(at) {
        let begin = start.unwrap_or(at);
        if let Some((spelled, length)) = spelled(&pieces[at..], at == 0) {
            let end = pieces[at + length - 1].range.end;
            add_spelled(
                &mut found,
                NameWord {
                    shown: capitalised(&spelled),
                    letters: spelled,
                    range: pieces[begin].range.start..end,
                    is_spelled: true,
                },
            );
            (at, start) = (at + length, None);
            continue;
        }
        match said_sign(piece) {
            Sort::Digits => return None,
            Sort::Sign(sign) => {
                let separates = matches!(sign, ',' | '^') && !found.is_empty() && family.is_none();
                if separates && !only_a_suffix_follows(&pieces[at + 1..]) {
                    family = Some(found.len());
                }
                if !matches!(
                    sign,
                    ',' | '^'
                        | '.'
                        | '-'
                        | '~'
                        | '&'
                        | '\''
                        | '"'
                        | '“'
                        | '”'
                        | '('
                        | ')'
                        | ';'
                        | ':'
                        | '!'
                        | '?'
                        | '/'
                        | '|'
                ) {
                    return None;
                }
            }
            Sort::Letters if is_silent(pieces, at, found.is_empty()) => {}
            Sort::Letters if goes_with_next(pieces, at) => start = start.or(Some(at)),
            Sort::Letters => {
                found.push(word(surface, &pieces[begin..=at]));
                start = None;
            }
        }
        at += 1;
    }
    if let Some(family) = family {
        found.rotate_left(family);
    }
    (!found.is_empty()).then_some(found)
}

/// "comma" and "dash" between names are punctuation.
fn said_sign(piece: &Piece) -> Sort {
    match &*piece.folded {
        "comma" | "coma" => Sort::Sign(','),
        "dash" | "hyphen" | "guion" => Sort::Sign('-'),
        _ => piece.sort,
    }
}

/// The word of these pieces; all pieces but the last are titles and particles.
fn word(surface: &str, pieces: &[Piece]) -> NameWord {
    let mut letters = String::new();
    let mut shown_from = None;
    let last = pieces.len() - 1;
    let words = pieces
        .iter()
        .enumerate()
        .filter(|(at, piece)| piece.sort == Sort::Letters && (*at == last || !is_title(piece)));
    for (_, piece) in words {
        let possessive = piece.raw.len() > 3
            && piece.raw.chars().rev().nth(1).is_some_and(is_apostrophe)
            && piece.folded.ends_with('s');
        letters.push_str(if possessive { &piece.folded[..piece.folded.len() - 1] } else { &piece.folded });
        shown_from = shown_from.or(Some(piece.range.start));
    }
    let (start, end) = (pieces[0].range.start, pieces[pieces.len() - 1].range.end);
    let shown = surface.get(shown_from.unwrap_or(start)..end).unwrap_or_default().to_owned();
    NameWord { letters, shown, range: start..end, is_spelled: false }
}

fn is_title(piece: &Piece) -> bool {
    TITLES.iter().any(|title| piece.is_word(title))
}

/// Whether this piece is a title or a particle with a word after it.
fn goes_with_next(pieces: &[Piece], at: usize) -> bool {
    let piece = &pieces[at];
    let next = pieces[at + 1..].iter().find(|next| !matches!(next.sort, Sort::Sign('.')));
    let Some(next) = next.filter(|next| next.sort == Sort::Letters) else { return false };
    // `Maria O. Diaz` has an initial, `Sean O Brien` does not.
    let initial = piece.letter().is_some() && pieces.get(at + 1).is_some_and(|next| next.sort == Sort::Sign('.'));
    let particle = PARTICLES.iter().any(|particle| piece.is_word(particle)) && !initial && next.letter().is_none();
    is_title(piece) || particle
}

/// Whether a word is ignored here: fillers, "spelled", degrees.
fn is_silent(pieces: &[Piece], at: usize, is_first: bool) -> bool {
    const WORDS: [&str; 9] = ["spelled", "spelling", "spelt", "thats", "its", "se", "escribe", "deletreado", "and"];
    let piece = &pieces[at];
    let degree = !is_first
        && (DEGREES.iter().any(|degree| piece.is_word(degree))
            || piece.folded != "sr" && is_title(piece) && !goes_with_next(pieces, at));
    let filler = piece.word == Word::Filler && !matches!(&*piece.folded, "el" | "la" | "este" | "pues" | "so" | "like");
    degree || filler || piece.is_word("then") || WORDS.iter().any(|word| piece.is_word(word)) && pieces.len() > 1
}

/// Whether a word is a generational suffix.
pub(super) fn is_suffix(word: &str) -> bool {
    ["jr", "sr", "ii", "iii", "iv", "junior"].contains(&word)
}

/// "Smith, Jr." has no given name after the comma.
fn only_a_suffix_follows(pieces: &[Piece]) -> bool {
    let mut words = pieces.iter().filter(|piece| piece.sort == Sort::Letters);
    words.all(|piece| is_suffix(&piece.folded) || DEGREES.iter().any(|degree| piece.is_word(degree)))
}

/// A spelled word at the beginning of these pieces, and the number of pieces it takes. `is_all`: nothing precedes
/// them.
fn spelled(pieces: &[Piece], is_all: bool) -> Option<(String, usize)> {
    // `J. K. Rowling` has initials.
    let (spelled, length) = spelling::word(pieces, 2)?;
    let rest = pieces[length..].iter().any(|piece| piece.sort == Sort::Letters);
    (spelled.chars().count() >= SPELLED || is_all && !rest).then_some((spelled, length))
}

/// A word that is said and then spelled is one word, and the spelling wins.
fn add_spelled(found: &mut Vec<NameWord>, spelled: NameWord) {
    let is_again =
        |said: &&mut NameWord| said.letters == spelled.letters || sound::is_similar(&said.letters, &spelled.letters);
    match found.last_mut().filter(is_again) {
        Some(said) => {
            let shown = if said.letters == spelled.letters { said.shown.clone() } else { spelled.shown.clone() };
            *said = NameWord {
                range: said.range.start..spelled.range.end,
                shown,
                is_spelled: said.letters != spelled.letters,
                ..spelled
            };
        }
        None => found.push(spelled),
    }
}
