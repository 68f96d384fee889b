//! Selects the features worth keeping and writes the model file.

use masker_plugin_ner::features::VERSION;
use masker_plugin_ner::model::{HEADER_BYTES, KINDS, LABELS, MAGIC, UNIT, bucket, tag};

use crate::crf::Crf;
use crate::lists::Lists;

/// The position of each feature: numbers of the features that fit, with their row in the table.
pub struct Layout {
    /// The table has 2^`bits` buckets.
    pub bits: u32,
    /// Feature number and row.
    pub placed: Vec<(u32, usize)>,
}

/// Places the most useful features first; a bucket holds two, with different tags.
pub fn choose(hashes: &[u64], counts: &[u32], crf: &Crf, bits: u32) -> Layout {
    let mut ranked: Vec<(f32, u32)> = (0..hashes.len() as u32)
        .map(|number| {
            let row = &crf.weights[number as usize][..LABELS];
            let spread = row.iter().copied().fold(f32::MIN, f32::max) - row.iter().copied().fold(f32::MAX, f32::min);
            (spread * (counts[number as usize] as f32).powf(0.4), number)
        })
        .filter(|(worth, _)| *worth > 0.2)
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut tags = vec![[0u64; 2]; 1 << bits];
    let mut placed = Vec::new();
    for (_, number) in ranked {
        let hash = hashes[number as usize];
        let bucket = bucket(hash, bits);
        let slots = &mut tags[bucket];
        if slots.contains(&tag(hash)) {
            continue;
        }
        if let Some(free) = slots.iter().position(|slot| *slot == 0) {
            slots[free] = tag(hash);
            placed.push((number, bucket * 2 + free));
        }
    }
    Layout { bits, placed }
}

/// Writes the model file.
pub fn write(
    layout: &Layout,
    hashes: &[u64],
    crf: &Crf,
    calibration: &[(f32, f32); KINDS.len()],
    lists: &Lists,
) -> Vec<u8> {
    let (starts, entries) = lists.sections();
    let mut out = Vec::with_capacity(HEADER_BYTES + (16 << layout.bits) + starts.len() + entries.len());
    out.extend(MAGIC);
    out.extend(layout.bits.to_le_bytes());
    out.extend(VERSION.to_le_bytes());
    out.extend((entries.len() as u32 / 4).to_le_bytes());
    out.extend([0; 4]);
    for from in 0..8 {
        for to in 0..8 {
            let value = if from >= LABELS || to >= LABELS || !Crf::allowed(from, to) {
                -20_000
            } else {
                (crf.transitions[from][to] / UNIT).round().clamp(-2000.0, 2000.0) as i16
            };
            out.extend(value.to_le_bytes());
        }
    }
    for (slope, offset) in calibration {
        out.extend(slope.to_le_bytes());
        out.extend(offset.to_le_bytes());
    }
    out.resize(HEADER_BYTES, 0);
    let mut table = vec![0u8; 16 << layout.bits];
    for (number, row) in &layout.placed {
        let weights = &crf.weights[*number as usize];
        // A constant added to every label has no effect; without it the weights are smaller and round better.
        let mean = weights[..LABELS].iter().sum::<f32>() / LABELS as f32;
        let at = row * 8;
        for label in 0..LABELS {
            let units = ((weights[label] - mean) / UNIT).round().clamp(-127.0, 127.0);
            table[at + label] = (units as i32 + 128) as u8;
        }
        table[at + 7] = tag(hashes[*number as usize]) as u8;
    }
    out.extend(table);
    out.extend(starts);
    out.extend(entries);
    out
}
