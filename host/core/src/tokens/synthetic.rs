//! Realistic surrogates for values: a name for a name, a number for a number, in the same format as the original.
//!
//! Check digits are valid (Luhn for cards, IBAN check digits), and surrogates come from reserved ranges where they
//! exist: 555-01xx, the SSN area 666, test cards, `example.com`, documentation addresses.
//!
//! A surrogate is derived from a key, a seed and the value: a value keeps its surrogate under the same seed, and
//! another seed gives another. Within one request two values never share a surrogate, and none occurs anywhere in the
//! request's own text. Words of names are replaced one by one, so that "Ms. Ellery" is still "Jordan Ellery".
//!
//! Dates and ages are shifted by Laplace noise, of scale `30 / epsilon` days and `1 / epsilon` years: an observer of
//! one surrogate can distinguish two dates `d` days apart with odds of at most `exp(epsilon * d / 30)`. Everything
//! else is replaced completely and reveals only its format; epsilon has no effect there.

mod dates;
mod dice;
mod lists;
mod numbers;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use dice::Dice;
use lists::{FAMILY, GIVEN, OF_ADDRESS, OF_NAME, ORGANIZATION, PLACE, STATES};
use masker_words::Language::English;
use masker_words::{month_names, weekday_names};
use numbers::{digits, like, parts, with_digits};

use super::normalise::normalise;
use crate::keys::SecretKey;
use crate::kind::Kind;
use crate::passes::memory::contains_whole;

/// Attempts after which the format is extended, and after which there is no surrogate.
const PLAIN_ATTEMPTS: u32 = 200;
const ATTEMPTS: u32 = 1000;

/// Maximum number of values with surrogates in one request: each costs search time in the answer.
const MAX_VALUES: usize = 1024;

/// No unambiguous surrogate was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many values of one form: no surrogate is left")]
pub struct Exhausted;

/// Makes the surrogates of one request.
pub struct Synthesizer {
    key: [u8; 32],
    epsilon: f64,
    /// The request's own text, in lower case, and its words.
    text: String,
    words: HashSet<String>,
    /// The attempt that produced a value's surrogate.
    attempts: HashMap<(Kind, String), u32>,
    /// Surrogates, letters and digits only.
    taken: HashSet<String>,
    /// Words of names, in lower case.
    names: HashMap<String, &'static str>,
    taken_names: HashSet<&'static str>,
}

impl Synthesizer {
    /// Surrogates for a request with these texts. Another seed gives other surrogates.
    pub fn new(key: &SecretKey, seed: &[u8], epsilon: f64, texts: &[&str]) -> Self {
        let text = texts.join("\n").to_lowercase();
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        Self {
            key: *blake3::keyed_hash(key.expose(), seed).as_bytes(),
            epsilon,
            words: words.map(str::to_owned).collect(),
            text,
            attempts: HashMap::new(),
            taken: HashSet::new(),
            names: HashMap::new(),
            taken_names: HashSet::new(),
        }
    }

    /// The surrogate of a value. Spellings of one value have surrogates that are spellings of one.
    pub fn surrogate(&mut self, kind: &Kind, original: &str) -> Result<String, Exhausted> {
        if kind.as_str() == "NAME" {
            return self.name(original);
        }
        let value = (kind.clone(), normalise(kind, original));
        if let Some(attempt) = self.attempts.get(&value) {
            return self.attempt(&value, original, *attempt).ok_or(Exhausted);
        }
        if self.attempts.len() >= MAX_VALUES {
            return Err(Exhausted);
        }
        for attempt in 0..ATTEMPTS {
            let Some(candidate) = self.attempt(&value, original, attempt) else { continue };
            if self.is_free(&candidate) && bare(&candidate) != bare(original) {
                self.taken.insert(bare(&candidate));
                self.attempts.insert(value, attempt);
                return Ok(candidate);
            }
        }
        Err(Exhausted)
    }

    /// The words of a name that have surrogates of their own, with those surrogates, as written.
    pub fn words_of<'t>(&self, name: &'t str) -> Vec<(&'t str, &'static str)> {
        let own = |word: &'t str| Some((word, *self.names.get(&word.to_lowercase())?));
        name_words(name).filter_map(own).collect()
    }

    /// Whether a text is not used as a surrogate yet and does not occur in the request.
    fn is_free(&self, candidate: &str) -> bool {
        let bare = bare(candidate);
        let lower = candidate.to_lowercase();
        let mut words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        // Few candidates consist of words of the request, so few need a search in the whole text.
        let is_said = self.words.contains(&bare)
            || words.all(|word| self.words.contains(word)) && contains_whole(&self.text, &lower);
        !bare.is_empty()
            && !is_said
            && !self.taken.contains(&bare)
            && !self.taken_names.iter().any(|name| name.eq_ignore_ascii_case(candidate))
    }

    fn dice(&self, kind: &str, value: &str, attempt: u32) -> Dice {
        Dice::new(&self.key, &[kind.as_bytes(), value.as_bytes(), &attempt.to_le_bytes()])
    }

    fn attempt(&self, (kind, value): &(Kind, String), original: &str, attempt: u32) -> Option<String> {
        let mut dice = self.dice(kind.as_str(), value, attempt);
        let mut made = self.make(kind.as_str(), &mut dice, original)?;
        if attempt >= PLAIN_ATTEMPTS {
            made.push_str(&format!(" {}", 2 + dice.below(998)));
        }
        Some(made)
    }

    fn make(&self, kind: &str, dice: &mut Dice, original: &str) -> Option<String> {
        let own = digits(original);
        let number = |new: Vec<u8>| with_digits(original, &new, str::to_owned);
        Some(match kind {
            "PHONE" | "FAX" if !own.is_empty() => {
                let is_foreign = original.trim_start().starts_with('+') && own.first() != Some(&1);
                number(numbers::phone(dice, &own, is_foreign))
            }
            "SSN" if !own.is_empty() => number(numbers::ssn(dice, &own)),
            "CREDIT_CARD" if !own.is_empty() => number(numbers::card(dice, &own)),
            "IBAN" => numbers::iban(dice, original).unwrap_or_else(|| any(dice, original)),
            "IP_ADDRESS" => numbers::ip(dice, original).unwrap_or_else(|| any(dice, original)),
            "DATE" | "DOB" => match dates::shifted(dice, original, self.epsilon) {
                Some(date) => date,
                None => unread_date(dice, original),
            },
            "AGE" => dates::aged(dice, original, self.epsilon).unwrap_or_else(|| any(dice, original)),
            "EMAIL" => email(dice, original),
            "URL" => url(dice, original),
            "USERNAME" => format!("{}{}", dice.pick(&GIVEN).to_lowercase(), 10 + dice.below(9990)),
            "ADDRESS" => address(dice, original, &own),
            "ORGANIZATION" => format!("{} {}", dice.pick(&PLACE), dice.pick(&ORGANIZATION)),
            _ => any(dice, original),
        })
    }

    /// Replaces a name word by word.
    fn name(&mut self, original: &str) -> Result<String, Exhausted> {
        let words: Vec<&str> = name_words(original).collect();
        let is_word = |word: &&&str| word.starts_with(char::is_alphabetic);
        let letters: Vec<char> = words.iter().filter(is_word).filter_map(|word| single(word)).collect();
        if letters.len() > 2 && letters.len() == words.iter().filter(is_word).count() {
            return self.spelled(&words, &letters.iter().collect::<String>());
        }
        let is_title = |word: &str| OF_NAME.contains(&&*word.to_lowercase());
        let own = |word: &&&str| is_word(word) && !is_title(word);
        let (count, mut seen, mut titled) = (words.iter().filter(own).count(), 0, false);
        let mut out = String::with_capacity(original.len());
        for word in &words {
            if !own(&word) {
                titled |= is_word(&word);
                out.push_str(word);
                continue;
            }
            seen += 1;
            let is_family = seen == count && (count > 1 || titled);
            match single(word) {
                Some(letter) => out.push(self.initial(letter)),
                None => out.push_str(&like(word, self.name_word(word, is_family)?)),
            }
        }
        if count == 0 {
            // Only titles, or no words.
            out = self.name_word(original, true)?.to_owned();
        }
        Ok(out)
    }

    fn name_word(&mut self, word: &str, is_family: bool) -> Result<&'static str, Exhausted> {
        let lower = word.to_lowercase();
        if let Some(known) = self.names.get(&lower) {
            return Ok(known);
        }
        let lists: [&[&'static str]; 3] = if is_family { [&FAMILY, &PLACE, &GIVEN] } else { [&GIVEN, &FAMILY, &PLACE] };
        for (list, attempt) in
            lists.into_iter().flat_map(|list| (0..PLAIN_ATTEMPTS).map(move |attempt| (list, attempt)))
        {
            let candidate = self.dice("NAME", &lower, attempt).pick(list);
            let lower_candidate = candidate.to_lowercase();
            let is_said = lower_candidate == lower
                || self.words.contains(&lower_candidate)
                || self.taken.contains(&lower_candidate);
            if !is_said && self.taken_names.insert(candidate) {
                self.names.insert(lower, candidate);
                return Ok(candidate);
            }
        }
        Err(Exhausted)
    }

    /// Another letter for a letter.
    fn initial(&self, letter: char) -> char {
        let start = if letter.is_lowercase() { b'a' } else { b'A' };
        let other = (0..ATTEMPTS).map(|attempt| {
            let mut dice = self.dice("initial", &letter.to_lowercase().to_string(), attempt);
            char::from(start + dice.below(26) as u8)
        });
        other.into_iter().find(|other| *other != letter).unwrap_or('x')
    }

    /// Replaces a spelled name letter by letter.
    fn spelled(&mut self, words: &[&str], name: &str) -> Result<String, Exhausted> {
        let between = words.iter().find(|word| !word.starts_with(char::is_alphabetic)).copied().unwrap_or("-");
        let new = like(name, self.name_word(name, false)?);
        let letters: Vec<String> = new.chars().map(String::from).collect();
        Ok(letters.join(between))
    }
}

/// Letters and digits, in lower case.
fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn single(word: &str) -> Option<char> {
    let mut letters = word.chars();
    letters.next().filter(|_| letters.next().is_none())
}

/// The words of a name, apostrophes included, and the separators.
fn name_words(text: &str) -> impl Iterator<Item = &str> {
    let of_word = |c: char| c.is_alphabetic() || matches!(c, '\'' | '\u{2019}');
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let is_word = first.is_alphabetic();
        let end = rest.find(|c: char| if is_word { !of_word(c) } else { c.is_alphabetic() }).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

/// Other digits and letters in the same format.
fn any(dice: &mut Dice, original: &str) -> String {
    let new = numbers::any(dice, &digits(original));
    let made = with_digits(original, &new, |word| other_word(dice, word));
    if made == original { dice.pick(&PLACE).to_owned() } else { made }
}

/// Replaces a word by a word, and a group of letters by letters.
fn other_word(dice: &mut Dice, word: &str) -> String {
    if word.chars().count() > 3 {
        return like(word, dice.pick(&PLACE));
    }
    let letter = |c: char| {
        let start = if c.is_lowercase() { b'a' } else { b'A' };
        char::from(start + dice.below(26) as u8)
    };
    word.chars().map(letter).collect()
}

/// A day expressed in words that cannot be parsed: another day, in words.
fn unread_date(dice: &mut Dice, original: &str) -> String {
    let days = weekday_names(English);
    let is_day = |word: &str| days.iter().any(|day| day.eq_ignore_ascii_case(word));
    if parts(original).any(is_day) {
        let word = |part: &str| if is_day(part) { like(part, dice.pick(days)) } else { part.to_owned() };
        return parts(original).map(word).collect();
    }
    format!("{} {}", dice.pick(month_names(English)), 1 + dice.below(28))
}

fn email(dice: &mut Dice, original: &str) -> String {
    let (given, family) = (dice.pick(&GIVEN).to_lowercase(), dice.pick(&FAMILY).to_lowercase());
    match original.contains('@') {
        true => format!("{given}.{family}@example.com"),
        false => format!("{given} dot {family} at example dot com"),
    }
}

fn url(dice: &mut Dice, original: &str) -> String {
    let place = dice.pick(&PLACE).to_lowercase();
    let page = 100 + dice.below(900);
    match original.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://www.example.com/{place}-{page}"),
        None if original.contains(' ') => format!("{place} dot example dot com"),
        None => format!("www.example.com/{place}-{page}"),
    }
}

/// Changes the digits and the words, except words for the type of a place.
fn address(dice: &mut Dice, original: &str, own: &[u8]) -> String {
    let new = numbers::any(dice, own);
    with_digits(original, &new, |word| {
        if OF_ADDRESS.contains(&&*word.to_lowercase()) || word.chars().count() == 1 {
            word.to_owned()
        } else if STATES.contains(&word) {
            dice.pick(&STATES).to_owned()
        } else {
            like(word, dice.pick(&PLACE))
        }
    })
}
