//! Reads numbers, letters and signs from a sequence of words, starting at the first.
//!
//! Words are the text between blanks, including inner hyphens. If words can be read in two ways, the longer number
//! wins: "four hundred five" is 405 and not 400 and 5. The caller decides whether the other reading was meant.

use crate::{Class, Folded, Language, Number, atoms, find, letters, likeners, of, signs, spelling};

/// The value read, and the number of words it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read<T> {
    /// The value.
    pub value: T,
    /// The number of words.
    pub words: usize,
}

/// The longest cardinal number at the beginning.
pub fn number<'w>(language: Language, words: impl IntoIterator<Item = &'w str>) -> Option<Read<u64>> {
    let (mut number, mut found) = (Number::new(language), None);
    for (at, word) in words.into_iter().enumerate() {
        let mut parts = atoms(language, word).peekable();
        if parts.peek().is_none() || !parts.all(|atom| !atom.ordinal && number.push(atom)) {
            break;
        }
        found = number.value().map(|value| Read { value, words: at + 1 }).or(found);
    }
    found
}

/// The longest ordinal number at the beginning: "twenty first", "one hundred and third".
pub fn ordinal<'w>(language: Language, words: impl IntoIterator<Item = &'w str>) -> Option<Read<u64>> {
    let (mut number, mut found) = (Number::new(language), None);
    for (at, word) in words.into_iter().enumerate() {
        let (mut ordinal, mut fits) = (false, true);
        for atom in atoms(language, word) {
            fits = fits && (!ordinal || of!(language, ORDINALS_CHAIN)) && number.push(atom);
            ordinal = atom.ordinal;
        }
        match number.value().filter(|_| fits) {
            Some(value) if ordinal => found = Some(Read { value, words: at + 1 }),
            _ => {}
        }
        if !fits || ordinal && !of!(language, ORDINALS_CHAIN) {
            break;
        }
    }
    found
}

/// A year from 1000 to 2999: "nineteen eighty two", "twenty oh five", "two thousand and four".
pub fn year<'w, W>(language: Language, words: W) -> Option<Read<u32>>
where
    W: IntoIterator<Item = &'w str, IntoIter: Clone>,
{
    let words = words.into_iter();
    let first = number(language, words.clone())?;
    let year = |value: u64, words| u32::try_from(value).ok().map(|value| Read { value, words });
    match first.value {
        1_000..=2_999 => year(first.value, first.words),
        10..=29 => {
            let rest = words.skip(first.words);
            let second = said_unit(language, rest.clone())
                .or_else(|| number(language, rest).filter(|rest| (10..=99).contains(&rest.value)))?;
            year(first.value * 100 + second.value, first.words + second.words)
        }
        _ => None,
    }
}

/// "Oh five".
fn said_unit<'w>(language: Language, mut words: impl Iterator<Item = &'w str>) -> Option<Read<u64>> {
    let mut atom = || {
        let mut atoms = atoms(language, words.next()?);
        atoms.next().filter(|_| atoms.next().is_none())
    };
    let (zero, unit) = (atom()?, atom()?);
    let is_zero = matches!(zero.class, Class::Digit | Class::Unit) && zero.value == 0;
    let is_unit = unit.class == Class::Unit && unit.value > 0 && !unit.ordinal;
    (is_zero && is_unit).then(|| Read { value: unit.value.into(), words: 2 })
}

/// A letter in lower case: "b", "bee", "double u", "bravo", "b as in bravo", "b for bravo".
///
/// A single letter is read as itself, including "a" and "i". Words that only sound like a letter are not read, and of
/// "b as in delta" only the b is.
pub fn letter<'w, W>(language: Language, words: W) -> Option<Read<char>>
where
    W: IntoIterator<Item = &'w str, IntoIter: Clone>,
{
    let words = words.into_iter();
    let first = words.clone().next()?;
    let named = named(letters(language), words.clone());
    let own = || Folded::new(first).and_then(|word| word.only_letter()).map(|value| Read { value, words: 1 });
    let Some(letter) = named.or_else(own) else {
        return spelling(language, first).map(|value| Read { value, words: 1 });
    };
    let after = words.skip(letter.words);
    let likened = likened(language, after).filter(|likened| likened.value == letter.value);
    Some(Read { words: letter.words + likened.map_or(0, |likened| likened.words), ..letter })
}

/// "As in bravo": the letter and the number of words.
fn likened<'w>(language: Language, mut words: impl Iterator<Item = &'w str> + Clone) -> Option<Read<char>> {
    let between = named(likeners(language), words.clone())?;
    let word = words.nth(between.words)?;
    let first = Folded::new(word).filter(|word| word.as_bytes().len() > 1)?.as_bytes().first().copied()?;
    Some(Read { value: char::from(first), words: between.words + 1 })
}

/// A spoken sign as its ASCII character: "dash", "at sign", "guion bajo".
pub fn sign<'w, W>(language: Language, words: W) -> Option<Read<char>>
where
    W: IntoIterator<Item = &'w str, IntoIter: Clone>,
{
    named(signs(language), words.into_iter())
}

/// The entry with the longest name at the beginning, of at most three words.
fn named<'w, T: Copy>(table: crate::Table<T>, words: impl Iterator<Item = &'w str>) -> Option<Read<T>> {
    let (mut name, mut found) = (Folded::EMPTY, None);
    for (at, word) in words.take(3).enumerate() {
        let added = if at == 0 { name.add(word) } else { name.add_word(word) };
        if !added {
            break;
        }
        found = find(table, name.as_bytes()).map(|value| Read { value, words: at + 1 }).or(found);
    }
    found
}
