//! Composes the atoms of a cardinal number, one by one.

use crate::{Atom, Class, Language};

/// A cardinal number under construction. Atoms are pushed until one does not fit.
///
/// ```
/// use masker_words::{Language::English, Number, atoms};
///
/// let mut number = Number::new(English);
/// for word in ["four", "hundred", "and", "forty-two"] {
///     assert!(atoms(English, word).all(|atom| number.push(atom)));
/// }
/// assert_eq!(number.value(), Some(442));
/// // "Forty-two six" is two numbers.
/// assert!(!atoms(English, "six").all(|atom| number.push(atom)));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Number {
    language: Language,
    /// The sum of the completed scales.
    total: u64,
    /// The value since the last scale.
    group: u64,
    /// The last scale.
    scale: u64,
    last: Last,
    /// "And" was the last atom, after `last`.
    and: bool,
}

/// The last atom with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Nothing,
    Zero,
    Unit,
    Teen,
    Ten,
    Hundred,
    Scale,
}

/// The largest value before a scale; prevents overflow.
const MOST: u64 = 1_000_000_000;

impl Number {
    /// Before the first atom.
    pub fn new(language: Language) -> Self {
        Self { language, total: 0, group: 0, scale: u64::MAX, last: Last::Nothing, and: false }
    }

    /// The value, unless nothing or only half of a number was pushed.
    pub fn value(&self) -> Option<u64> {
        (self.last != Last::Nothing && !self.and).then_some(self.total + self.group)
    }

    /// Accepts an atom that continues the number; otherwise returns false and leaves the number unchanged.
    pub fn push(&mut self, atom: Atom) -> bool {
        let mut next = Self { and: false, ..*self };
        let fits = match atom.class {
            Class::And => next.and(self.and),
            _ => next.add(atom, self.and).is_some(),
        };
        if fits {
            *self = next;
        }
        fits
    }

    fn and(&mut self, twice: bool) -> bool {
        self.and = !twice && self.may_join();
        self.and
    }

    /// Whether "and" may follow.
    fn may_join(&self) -> bool {
        match self.language {
            Language::English | Language::Italian => matches!(self.last, Last::Hundred | Last::Scale),
            Language::Spanish => self.last == Last::Ten || self.is_ten(),
            Language::French => self.last == Last::Ten,
            Language::German => matches!(self.last, Last::Unit | Last::Hundred | Last::Scale),
            Language::Portuguese => matches!(self.last, Last::Ten | Last::Hundred | Last::Scale),
        }
    }

    /// Whether the last atom was ten and nothing more.
    fn is_ten(&self) -> bool {
        self.last == Last::Teen && self.group % 100 == 10
    }

    fn add(&mut self, atom: Atom, and: bool) -> Option<()> {
        let value = u64::from(atom.value);
        let opens = matches!(self.last, Last::Nothing | Last::Hundred | Last::Scale);
        match atom.class {
            Class::Unit if value == 0 => {
                (self.last == Last::Nothing).then_some(())?;
                self.last = Last::Zero;
            }
            Class::Unit => {
                (opens || self.unit_follows(atom, and)).then_some(())?;
                self.group += value;
                self.last = Last::Unit;
            }
            Class::Teen => {
                // "Soixante-dix", "quatre-vingt-douze".
                let french = self.language == Language::French && self.last == Last::Ten && value < 20;
                (opens || french && matches!(self.group % 100, 60 | 80)).then_some(())?;
                self.group += value;
                self.last = Last::Teen;
            }
            Class::Ten => {
                self.group += match (self.language, self.last) {
                    _ if opens => value,
                    // "Zweiundzwanzig".
                    (Language::German, Last::Unit) if and => value,
                    // "Quatre-vingts".
                    (Language::French, Last::Unit) if value == 20 && self.group % 100 == 4 => 76,
                    _ => return None,
                };
                self.last = Last::Ten;
            }
            Class::Hundred => self.add_hundreds(value, and)?,
            Class::Scale => self.multiply(value, and)?,
            Class::And | Class::Digit | Class::Repeat => return None,
        }
        Some(())
    }

    /// Whether a unit may follow something other than a hundred or a scale.
    fn unit_follows(&self, unit: Atom, and: bool) -> bool {
        let tens = self.group % 100;
        match (self.language, self.last) {
            (Language::German, _) => false,
            (_, Last::Ten) => true,
            // "Dix-sept", "soixante-dix-sept".
            (Language::French, Last::Teen) => unit.value >= 7 && matches!(tens, 10 | 70 | 90),
            // "Diez y seis".
            (Language::Spanish, Last::Teen) if and => unit.value >= 6,
            // "Décimo cuarto".
            (Language::Spanish | Language::Portuguese | Language::Italian, _) => unit.ordinal && self.is_ten(),
            _ => false,
        }
    }

    fn add_hundreds(&mut self, value: u64, and: bool) -> Option<()> {
        let times = match self.last {
            Last::Nothing | Last::Scale => 0,
            Last::Unit | Last::Teen | Last::Ten if value == 100 && !and && self.is_hundreds() => self.group,
            _ => return None,
        };
        self.group = if times == 0 { value } else { times * value };
        self.last = Last::Hundred;
        Some(())
    }

    /// Whether this many hundreds are idiomatic: "four hundred", "nineteen hundred".
    fn is_hundreds(&self) -> bool {
        match self.language {
            Language::English | Language::French | Language::German => {
                self.group < 10 || self.total == 0 && self.group < 100 && self.group % 10 > 0
            }
            Language::Spanish | Language::Portuguese | Language::Italian => (2..10).contains(&self.group),
        }
    }

    /// "Thousand" multiplies the value since the last larger scale; "two thousand million" is two scales.
    fn multiply(&mut self, scale: u64, and: bool) -> Option<()> {
        (!and && self.last != Last::Zero && self.group < 1_000).then_some(())?;
        if scale < self.scale {
            let alone = self.last == Last::Nothing || self.last == Last::Scale && self.is_scale_alone();
            (self.group > 0 || alone).then_some(())?;
            self.total += self.group.max(1) * scale;
        } else {
            let before = self.total + self.group;
            (scale > self.scale && before < scale.min(MOST)).then_some(())?;
            self.total = before * scale;
        }
        (self.group, self.scale, self.last) = (0, scale, Last::Scale);
        Some(())
    }

    /// Whether a scale within a number needs no "one" before it.
    fn is_scale_alone(&self) -> bool {
        self.language != Language::English
    }
}
