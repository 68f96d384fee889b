//! A run, or a part of one, as the rules see it.

use crate::runs::Run;
use crate::tokens::Class;
use crate::turn::Turn;
use crate::words::flag;

/// Characters that may be an identifier.
#[derive(Debug, Clone, Copy)]
pub struct Code<'a, 't> {
    turn: &'a Turn<'t>,
    from: usize,
    to: usize,
    /// It contains a word such as "thousand" or a grouping comma.
    pub quantity: bool,
    /// A unit follows it.
    pub unit_after: bool,
}

/// Lengths of the pieces in which a code was written or spoken.
#[derive(Debug, Clone, Copy, Default)]
pub struct Groups {
    lengths: [u8; 20],
    count: usize,
}

impl Groups {
    /// The lengths; empty when there are more than twenty pieces.
    pub fn as_slice(&self) -> &[u8] {
        self.lengths.get(..self.count).unwrap_or(&[])
    }
}

impl<'a, 't> Code<'a, 't> {
    /// All of a run.
    pub fn of(turn: &'a Turn<'t>, run: &Run) -> Self {
        Self {
            turn,
            from: run.chars.start as usize,
            to: run.chars.end as usize,
            quantity: run.quantity,
            unit_after: run.unit_after,
        }
    }

    /// The longest sequence of digits: "415 555 0100 a" is a number and a word.
    pub fn core(&self) -> Option<Self> {
        let chars = self.chars();
        let (mut best, mut at) = (0..0, 0);
        while at < chars.len() {
            let width = chars[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if width > best.len() {
                best = at..at + width;
            }
            at += width + 1;
        }
        let unit_after = self.unit_after && best.end == chars.len();
        let part = Self { from: self.from + best.start, to: self.from + best.end, unit_after, ..*self };
        (best.len() > 2 && best.len() < chars.len()).then_some(part)
    }

    /// What follows the last restart: in "four one no four five one ..." the number after "no".
    pub fn corrected(&self) -> Option<Self> {
        let restarted = |at: usize| {
            let (before, here) = (self.turn.source[at - 1].1 as usize, self.turn.source[at].0 as usize);
            (before + 1..here).any(|at| self.turn.at(at).is(flag::RESTART))
        };
        let from = (self.from + 1..self.to).rev().find(|at| restarted(*at))?;
        Some(Self { from, ..*self })
    }

    /// The characters: digits, upper-case letters, `?` for what is neither.
    pub fn chars(&self) -> &'a [u8] {
        &self.turn.chars[self.from..self.to]
    }

    /// Number of characters.
    pub fn len(&self) -> usize {
        self.to - self.from
    }

    /// Number of digits.
    pub fn digits(&self) -> usize {
        self.chars().iter().filter(|byte| byte.is_ascii_digit()).count()
    }

    /// Whether there are only digits.
    pub fn is_number(&self) -> bool {
        self.chars().iter().all(u8::is_ascii_digit)
    }

    /// First and last token.
    pub fn tokens(&self) -> (usize, usize) {
        let first = self.turn.source.get(self.from).map_or(0, |source| source.0);
        let last = self.turn.source.get(self.to.wrapping_sub(1)).map_or(0, |source| source.1);
        (first as usize, last as usize)
    }

    /// The turn that contains it.
    pub fn turn(&self) -> &'a Turn<'t> {
        self.turn
    }

    /// Whether every character is written as a digit or letter, none spoken as a word.
    pub fn is_written(&self) -> bool {
        self.sources().all(|(first, _)| !self.turn.at(first as usize).is(flag::NUMBER | flag::REPEAT))
    }

    /// Whether it is one piece without blanks.
    pub fn is_unbroken(&self) -> bool {
        let (first, last) = self.tokens();
        (first + 1..=last).all(|at| self.turn.at(at).is_glued())
    }

    /// Whether the sign occurs between its characters.
    pub fn has_sign(&self, signs: &[u8]) -> bool {
        let (first, last) = self.tokens();
        (first..=last).any(|at| self.turn.at(at).is_sign_of(signs))
    }

    /// Digits that were spoken or written one by one.
    pub fn singles(&self) -> usize {
        self.sources()
            .filter(|(first, last)| {
                let token = self.turn.at(*first as usize);
                token.is(flag::DIGIT | flag::REPEAT) && first.abs_diff(*last) <= 1
                    || token.is_letter()
                    || token.is_digits() && token.len() == 1
            })
            .count()
    }

    /// Lengths of its pieces; adjoining pieces of one code ("AB12") count as one.
    pub fn groups(&self) -> Groups {
        let mut groups = Groups::default();
        let mut previous = None;
        for source in self.turn.source[self.from..self.to].iter() {
            let joined = previous.is_some_and(|before: (u32, u32)| {
                before == *source || (before.1 + 1 == source.0 && self.turn.at(source.0 as usize).is_glued())
            });
            if !joined {
                groups.count += 1;
            }
            if let Some(length) = groups.lengths.get_mut(groups.count.wrapping_sub(1)) {
                *length = length.saturating_add(1);
            }
            previous = Some(*source);
        }
        groups
    }

    /// Whether its text contains a number word.
    pub fn has_spoken(&self) -> bool {
        self.sources().any(|(first, _)| {
            let token = self.turn.at(first as usize);
            token.class == Class::Word && token.is(flag::NUMBER | flag::REPEAT)
        })
    }

    fn sources(&self) -> impl Iterator<Item = (u32, u32)> + 'a {
        self.turn.source[self.from..self.to].iter().copied()
    }
}
