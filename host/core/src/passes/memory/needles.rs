//! Multi-pattern search in a single sweep.
//!
//! Needles are sorted, and each links to the longest other needle that is its prefix. The needles that a text begins
//! with are then the last needle not greater than the text, or prefixes of it: one binary search per position of the
//! text, regardless of the number of needles.

use zeroize::Zeroize;

use crate::text::work;

/// Search texts, each with a number.
#[derive(Default)]
pub(super) struct Needles {
    /// Sorted and unique. An empty one is never found.
    needles: Vec<(Vec<u8>, u32)>,
    /// For each needle, the longest other needle that is its prefix.
    within: Vec<Option<usize>>,
    beginnings: Beginnings,
}

/// A bitmap of the byte pairs that needles begin with, so that few positions need a binary search. Some pairs share a
/// bit.
struct Beginnings([u32; 64]);

impl Default for Beginnings {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl Beginnings {
    fn add(&mut self, needle: &[u8]) {
        match *needle {
            [first] => self.0[Self::word(first)] = u32::MAX,
            [first, second, ..] => self.0[Self::word(first)] |= Self::bit(second),
            [] => {}
        }
    }

    fn may_hold(&self, text: &[u8]) -> bool {
        match *text {
            [first] => self.0[Self::word(first)] == u32::MAX,
            [first, second, ..] => self.0[Self::word(first)] & Self::bit(second) != 0,
            [] => false,
        }
    }

    fn word(first: u8) -> usize {
        usize::from(first & 63)
    }

    fn bit(second: u8) -> u32 {
        1 << (second & 31)
    }
}

impl Drop for Needles {
    fn drop(&mut self) {
        self.needles.iter_mut().for_each(|(needle, _)| needle.zeroize());
    }
}

impl Needles {
    /// Builds the set. Of equal needles the lowest number wins.
    pub fn new(mut needles: Vec<(Vec<u8>, u32)>) -> Self {
        needles.retain(|(needle, _)| !needle.is_empty());
        needles.sort_unstable();
        needles.dedup_by(|next, kept| next.0 == kept.0);
        let mut beginnings = Beginnings::default();
        let mut within = Vec::with_capacity(needles.len());
        // The prefixes of the previous needle, longest last.
        let mut open: Vec<usize> = Vec::new();
        for (index, (needle, _)) in needles.iter().enumerate() {
            beginnings.add(needle);
            while open.last().is_some_and(|last| !needle.starts_with(&needles[*last].0)) {
                open.pop();
            }
            within.push(open.last().copied());
            open.push(index);
        }
        Self { needles, within, beginnings }
    }

    /// Whether a needle may match at the start of a text.
    pub fn may_begin(&self, text: &[u8]) -> bool {
        self.beginnings.may_hold(text)
    }

    /// The needles that are prefixes of a text, longest first: length and number.
    pub fn beginning<'n>(&'n self, text: &'n [u8]) -> impl Iterator<Item = (usize, u32)> + 'n {
        let last = self.may_begin(text).then(|| self.last_up_to(text)).flatten();
        let shared = last.map_or(0, |at| shared_length(&self.needles[at].0, text));
        let chain = std::iter::successors(last, |at| self.within[*at]);
        let found = chain.inspect(|_| work::steps(1)).skip_while(move |at| self.needles[*at].0.len() > shared);
        found.map(|at| (self.needles[at].0.len(), self.needles[at].1))
    }

    fn last_up_to(&self, text: &[u8]) -> Option<usize> {
        work::steps(1 + self.needles.len().ilog2() as usize);
        self.needles.partition_point(|(needle, _)| needle.as_slice() <= text).checked_sub(1)
    }
}

/// Length of the common prefix of two texts, in bytes.
fn shared_length(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn of_equal_needles_the_first_counts_and_an_empty_one_is_never_found() {
        let needles = Needles::new(vec![(b"ann".to_vec(), 3), (b"ann".to_vec(), 1), (Vec::new(), 0)]);
        assert_eq!(needles.beginning(b"anna").collect::<Vec<_>>(), [(3, 1)]);
        assert_eq!(needles.beginning(b"").count(), 0);
    }

    proptest! {
        #[test]
        fn it_finds_what_a_plain_search_finds(needles in proptest::collection::vec("[ab]{0,4}", 0..12), text in "[abc]{0,8}") {
            let numbered: Vec<(Vec<u8>, u32)> = (0..).zip(&needles).map(|(index, needle)| (needle.clone().into_bytes(), index)).collect();
            let found: Vec<usize> = Needles::new(numbered).beginning(text.as_bytes()).map(|(length, _)| length).collect();
            let mut plain: Vec<usize> = needles.iter().filter(|needle| !needle.is_empty() && text.starts_with(needle.as_str())).map(String::len).collect();
            plain.sort_unstable_by(|a, b| b.cmp(a));
            plain.dedup();
            prop_assert_eq!(found, plain);
        }
    }
}
