//! The weights: a table of features, transitions between labels and a calibration; and the sums over them.
//!
//! The model is a linear-chain conditional random field over seven labels. The table holds the features worth keeping,
//! eight bytes each: seven one-byte weights and a tag. A feature's hash selects a bucket of two rows, and the tag
//! identifies its row; an unknown feature is recognised with probability 254/255 and contributes nothing. So the table
//! needs no room for the millions of features that carry little information.
//!
//! All bytes are used in place: nothing is copied, built or written at request time.

use crate::lexicon::{BUCKET_BITS, Lexicon};

/// Number of labels: outside, then begin and inside of each kind.
pub const LABELS: usize = 7;
/// No finding.
pub const OUTSIDE: usize = 0;

/// The kinds, in the order of their labels: `1 + 2 * kind` begins a span, `2 + 2 * kind` continues it.
pub const KINDS: [&str; 3] = ["NAME", "ADDRESS", "ORGANIZATION"];

/// The value of one unit of a weight in the table.
pub const UNIT: f32 = 1.0 / 16.0;

/// A missing row, and the zero of every lane: weights are stored with 128 added.
const ZERO: u64 = 0x0080_8080_8080_8080;
const EVEN: u64 = 0x00ff_00ff_00ff_00ff;

/// Identifies a model file and its layout.
pub const MAGIC: [u8; 8] = *b"MASKNER1";

/// The fixed part of the file: magic, table bits, feature version, lexicon entries, reserved, transitions,
/// calibration.
pub const HEADER_BYTES: usize = 8 + 4 * 4 + 64 * 2 + KINDS.len() * 2 * 4 + 8;

/// A model over its file's bytes.
#[derive(Debug, Clone, Copy)]
pub struct Model<'m> {
    table: &'m [u8],
    /// The shift that reduces a hash to its bucket index.
    shift: u32,
    /// Score of a transition from one label to the next, `from * 8 + to`, in [`UNIT`]s.
    pub transitions: [i16; 64],
    /// Slope and offset that calibrate the log odds of a span of each kind.
    pub calibration: [(f32, f32); KINDS.len()],
    /// The word lists.
    pub lexicon: Lexicon<'m>,
}

impl<'m> Model<'m> {
    /// Reads a model file. `None` when it is invalid or was trained with other features.
    pub fn new(bytes: &'m [u8], features: u32) -> Option<Self> {
        let (header, rest) = bytes.split_at_checked(HEADER_BYTES)?;
        let mut reader = Reader(header);
        let magic = reader.take::<8>()?;
        let table_bits = u32::from_le_bytes(reader.take()?);
        let version = u32::from_le_bytes(reader.take()?);
        let entries = u32::from_le_bytes(reader.take()?) as usize;
        reader.take::<4>()?;
        if magic != MAGIC || version != features || !(4..=24).contains(&table_bits) {
            return None;
        }
        let mut transitions = [0; 64];
        for value in &mut transitions {
            *value = i16::from_le_bytes(reader.take()?);
        }
        let mut calibration = [(0.0, 0.0); KINDS.len()];
        for (slope, offset) in &mut calibration {
            *slope = f32::from_le_bytes(reader.take()?);
            *offset = f32::from_le_bytes(reader.take()?);
        }
        let (table, rest) = rest.split_at_checked(16 << table_bits)?;
        let (starts, listed) = rest.split_at_checked(((1 << BUCKET_BITS) + 1) * 4)?;
        let lexicon = Lexicon::new(starts, listed.get(..entries * 4)?)?;
        Some(Self { table, shift: 64 - table_bits, transitions, calibration, lexicon })
    }

    /// The row of a feature, [`ZERO`] when it is not in the table.
    #[inline(always)]
    fn row(&self, feature: u64) -> u64 {
        let at = (feature >> self.shift) as usize * 16;
        let tag = tag(feature);
        let Some(bucket) = self.table.get(at..at + 16) else { return ZERO };
        let [first, second] = [0, 8].map(|from| {
            let mut row = [0; 8];
            row.copy_from_slice(&bucket[from..from + 8]);
            u64::from_le_bytes(row)
        });
        // Branch-free: whether a feature is known is unpredictable.
        let other = if second >> 56 == tag { second } else { ZERO };
        if first >> 56 == tag { first } else { other }
    }
}

/// The tag of a feature in its bucket: 1 to 255, 0 is an empty row.
#[inline(always)]
pub fn tag(feature: u64) -> u64 {
    (feature & 0xff).max(1)
}

/// The bucket of a feature in a table of 2^`bits` buckets.
pub fn bucket(feature: u64, bits: u32) -> usize {
    (feature >> (64 - bits)) as usize
}

/// Adds up the rows of one token's features. Seven lanes in two words: 16 bits hold the sum of 256 one-byte weights.
#[derive(Debug)]
pub struct Sum {
    even: u64,
    odd: u64,
    count: i32,
}

impl Sum {
    /// An empty sum.
    #[inline(always)]
    pub fn new() -> Self {
        Self { even: 0, odd: 0, count: 0 }
    }

    /// Adds a feature's weights.
    #[inline(always)]
    pub fn add(&mut self, model: &Model, feature: u64) {
        let row = model.row(feature);
        self.even += row & EVEN;
        self.odd += row >> 8 & EVEN;
        self.count += 1;
    }

    /// The score of each label, in [`UNIT`]s; the last lane holds the tags and is zeroed.
    #[inline(always)]
    pub fn scores(&self) -> [i32; 8] {
        let mut scores = [0; 8];
        for lane in 0..4 {
            scores[2 * lane] = (self.even >> (16 * lane) & 0xffff) as i32 - 128 * self.count;
            scores[2 * lane + 1] = (self.odd >> (16 * lane) & 0xffff) as i32 - 128 * self.count;
        }
        scores[7] = 0;
        scores
    }
}

impl Default for Sum {
    fn default() -> Self {
        Self::new()
    }
}

/// Takes fixed-size pieces off the front.
struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (piece, rest) = self.0.split_at_checked(N)?;
        self.0 = rest;
        piece.try_into().ok()
    }
}
