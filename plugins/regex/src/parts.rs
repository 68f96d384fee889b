//! The parts of a run that no rule accepts as a whole: "2 512-10-2462", "my social is 512-10-2462 oh", where an
//! adjacent word or number of the sentence was taken for the value's first or last digits.
//!
//! A run is cut only where a value may end: between written digits and number words, and at blanks. At most [`MOST`]
//! such places are considered, which bounds the number of parts.

use crate::runs::Run;
use crate::tokens::{Class, Gap, Token};
use crate::turn::Turn;
use crate::words::flag;

/// The most places where a run is cut. A run with more is a sequence of numbers.
pub const MOST: usize = 10;

/// A place between two characters of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    /// The first character after it, in [`Turn::chars`].
    pub at: u32,
    /// The notation changes here: words after digits, or a blank beside dashes. At an ordinary blank, only a part that
    /// is certain by itself counts as a value.
    pub telling: bool,
}

/// The places of one run, its ends included.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    places: [Place; MOST + 2],
    count: usize,
}

impl Places {
    /// The places where `run` may be cut. In a sequence of many blanks the text between them is pieces, not values:
    /// there only the telling places count.
    pub fn of(turn: &Turn<'_>, run: &Run) -> Self {
        let start = Place { at: run.chars.start, telling: true };
        let (mut all, mut telling) = (Self::at(start), Self::at(start));
        let mut add = |at: u32, joint: Joint, left: Option<Joint>, right: Option<Joint>| {
            let place = Place { at, telling: is_telling(turn, at, joint, left, right) };
            if joint != Joint::Glued {
                all.add(place);
                if place.telling {
                    telling.add(place);
                }
            }
        };
        let mut before: Option<(u32, Joint, Option<Joint>)> = None;
        for at in run.chars.start + 1..run.chars.end {
            let Some(joint) = joint_at(turn, at) else { continue };
            if let Some((at, before, left)) = before {
                add(at, before, left, Some(joint));
            }
            before = Some((at, joint, before.map(|(_, joint, _)| joint)));
        }
        if let Some((at, joint, left)) = before {
            add(at, joint, left, None);
        }
        let end = Place { at: run.chars.end, telling: true };
        [all, telling].into_iter().find_map(|places| places.ended(end)).unwrap_or_else(|| Self::at(start))
    }

    /// The places, in order, from the run's first character to its end; the first alone when there are too many.
    pub fn as_slice(&self) -> &[Place] {
        self.places.get(..self.count).unwrap_or(&[])
    }

    /// Whether the notation changes anywhere in the run.
    pub fn any_telling(&self) -> bool {
        self.as_slice()
            .get(1..self.count.saturating_sub(1))
            .is_some_and(|inner| inner.iter().any(|place| place.telling))
    }

    fn at(start: Place) -> Self {
        let mut places = [Place::default(); MOST + 2];
        places[0] = start;
        Self { places, count: 1 }
    }

    /// Adds a place; beyond the limit, only records the overflow.
    fn add(&mut self, place: Place) {
        if let Some(slot) = self.places.get_mut(self.count) {
            *slot = place;
            self.count += 1;
        }
    }

    fn ended(mut self, end: Place) -> Option<Self> {
        self.add(end);
        (self.as_slice().last()?.at == end.at).then_some(self)
    }
}

/// Whether a run with these two adjacent tokens may have to be cut: separate digits, or a word and a code.
pub fn may_part(turn: &Turn<'_>, last: usize, next: usize) -> bool {
    let (before, here) = (turn.at(last), turn.at(next));
    if is_said(before) && is_said(here) {
        return false;
    }
    let spelled = before.is_letter() || here.is_letter() && !turn.at(next + 1).is_glued();
    before.is_digits() || here.is_digits() || is_said(before) != is_said(here) && !spelled
}

/// The part of a run from one place to another.
pub fn part(turn: &Turn<'_>, run: &Run, from: Place, to: Place) -> Run {
    let first = turn.source[from.at as usize].0;
    let last = turn.source[to.at as usize - 1].1;
    let quantity = run.quantity
        && (first..=last).any(|at| {
            let token = turn.at(at as usize);
            token.is(flag::SCALE) || token.is_sign(b',')
        });
    Run { first, last, chars: from.at..to.at, quantity, unit_after: turn.is_unit(last as usize + 1), in_parts: false }
}

/// Whether the notation changes at the joint before character `at`, given the joints on either side.
fn is_telling(turn: &Turn<'_>, at: u32, joint: Joint, left: Option<Joint>, right: Option<Joint>) -> bool {
    match joint {
        Joint::Ways => true,
        Joint::Glued => false,
        Joint::Blank => {
            left == Some(Joint::Glued) || right == Some(Joint::Glued) || is_count_beside_value(turn, at as usize)
        }
    }
}

/// "2 4155550134": a small number and a long one.
fn is_count_beside_value(turn: &Turn<'_>, at: usize) -> bool {
    let widths = [turn.source[at - 1].1, turn.source[at].0].map(|token| turn.width_at(token as usize));
    let (least, most) = (widths[0].min(widths[1]), widths[0].max(widths[1]));
    least <= 2 && most >= 7
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joint {
    /// Between a written and a spoken piece.
    Ways,
    /// A blank between written pieces.
    Blank,
    /// A sign, or nothing.
    Glued,
}

/// How the characters before and at `at` are joined; `None` within a word or a sequence of digits, and between words.
fn joint_at(turn: &Turn<'_>, at: u32) -> Option<Joint> {
    let (left, right) = (turn.source[at as usize - 1], turn.source[at as usize]);
    if left == right {
        return None;
    }
    let (first, second) = (turn.at(left.0 as usize), turn.at(right.0 as usize));
    let adjacent = left.1 + 1 == right.0;
    if adjacent && second.is_glued() || !adjacent && !is_said(first) && !is_said(second) {
        return Some(Joint::Glued);
    }
    // Letters are spelled between words and written between digits; "X1234" is written.
    let spelled = |at: u32| turn.at(at as usize).is_letter() && !turn.at(at as usize + 1).is_glued();
    match (is_said(first) || spelled(left.0) && is_said(second), is_said(second) || spelled(right.0) && is_said(first))
    {
        (true, true) => None,
        (true, false) | (false, true) => Some(Joint::Ways),
        (false, false) => Some(if second.gap == Gap::Space { Joint::Blank } else { Joint::Glued }),
    }
}

fn is_said(token: &Token) -> bool {
    token.class == Class::Word && token.is(flag::NUMBER | flag::REPEAT) && !token.is_letter()
}
