//! Samples as a corpus: the labels of the tokens, and the features of each by number.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use masker_plugin_ner::context::Context;
use masker_plugin_ner::lexicon::{Lexicon, entry};
use masker_plugin_ner::tokens::{Gap, Token, shape, tokenize};
use masker_plugin_ner::{features, read};

use crate::crf::{ANY, Corpus, Mask, Sequence};
use crate::data::{Sample, Span, Truth};
use crate::rng::Rng;
use crate::{lists, pack};

/// Feature hashes are already random.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Turns samples into numbered features.
pub struct Builder<'l> {
    lexicon: &'l Lexicon<'l>,
    common: &'l HashMap<u64, u32>,
    dictionary: &'l HashMap<u64, u16>,
    numbers: HashMap<u64, u32, BuildHasherDefault<AsIs>>,
    pub hashes: Vec<u64>,
    pub counts: Vec<u32>,
    pub corpus: Corpus,
}

impl<'l> Builder<'l> {
    /// Empty: `common` counts ordinary words, `dictionary` has the levels of those in a word list.
    pub fn new(lexicon: &'l Lexicon<'l>, common: &'l HashMap<u64, u32>, dictionary: &'l HashMap<u64, u16>) -> Self {
        Self {
            lexicon,
            common,
            dictionary,
            numbers: HashMap::default(),
            hashes: Vec::new(),
            counts: Vec::new(),
            corpus: Corpus::default(),
        }
    }

    /// `original`: the real message this is a variant of. Its own words do not count towards their frequency,
    /// otherwise no word of the training text would ever look new.
    pub fn add(&mut self, sample: &Sample, original: Option<&Sample>, rng: &mut Rng) {
        let own = original.map(ordinary).unwrap_or_default();
        let mut tokens = Vec::new();
        let messages = sample.messages();
        let context = Context::of(&messages, messages.len() - 1, self.lexicon, &mut tokens);
        let forgetful = rng.chance(0.25);
        read(&sample.text, self.lexicon, &mut tokens, |tokens| {
            for token in tokens {
                if own.binary_search(&token.word).is_ok() {
                    let count = self.common.get(&token.word).copied().unwrap_or(0);
                    let known = self.dictionary.get(&token.word).copied().unwrap_or(0);
                    let level = lists::common_level(count.saturating_sub(1)).max(known);
                    token.entry = token.entry & !(3 << entry::COMMON) | level << entry::COMMON;
                }
                // At random the lists do not know a name, as happens in practice.
                if forgetful && covering(&sample.spans, token).is_some() && rng.chance(0.5) {
                    token.entry &= !entry::NAMES;
                    token.place = 0;
                }
            }
        });
        let from = self.corpus.masks.len() as u32;
        let mut previous = None;
        for at in features::PADDING..tokens.len() - features::PADDING {
            let span = covering(&sample.spans, &tokens[at]);
            let first = span.map(|span| span.start) != previous;
            previous = span.map(|span| span.start);
            self.corpus.masks.push(mask(span, first));
            features::each(&tokens, at, context, |hash| {
                let next = self.hashes.len() as u32;
                let number = *self.numbers.entry(hash).or_insert(next);
                if number == next {
                    self.hashes.push(hash);
                    self.counts.push(0);
                }
                self.counts[number as usize] += 1;
                self.corpus.features.push(number);
            });
            self.corpus.ends.push(self.corpus.features.len() as u32);
        }
        let to = self.corpus.masks.len() as u32;
        if from < to {
            self.corpus.sequences.push(Sequence { from, to, weight: sample.weight });
        }
    }
}

fn mask(span: Option<&Span>, first: bool) -> Mask {
    match span.map(|span| span.truth) {
        None | Some(Truth::Ignored) => 1,
        Some(Truth::Unknown) => ANY,
        Some(Truth::Kind(kind)) if first => 2 << (2 * kind),
        Some(Truth::Kind(kind)) => 4 << (2 * kind),
        Some(Truth::Maybe(kind)) => (1 | 2 << (2 * kind) | 4 << (2 * kind)) & ANY,
    }
}

/// Drops features seen fewer than `least` times.
pub fn prune(corpus: &mut Corpus, hashes: &[u64], counts: &[u32], least: u32) -> (Vec<u64>, Vec<u32>) {
    let mut renumbered = vec![u32::MAX; hashes.len()];
    let (mut kept, mut kept_counts) = (Vec::new(), Vec::new());
    for (number, count) in counts.iter().enumerate().filter(|(_, count)| **count >= least) {
        renumbered[number] = kept.len() as u32;
        kept.push(hashes[number]);
        kept_counts.push(*count);
    }
    renumber(corpus, &renumbered);
    (kept, kept_counts)
}

/// Drops the features that did not fit in the table.
pub fn keep(corpus: &mut Corpus, layout: &pack::Layout, features: usize) {
    let mut renumbered = vec![u32::MAX; features];
    for (number, _) in &layout.placed {
        renumbered[*number as usize] = *number;
    }
    renumber(corpus, &renumbered);
}

fn renumber(corpus: &mut Corpus, numbers: &[u32]) {
    let (mut from, mut to) = (0, 0);
    for end in &mut corpus.ends {
        while from < *end as usize {
            let number = numbers[corpus.features[from] as usize];
            if number != u32::MAX {
                corpus.features[to] = number;
                to += 1;
            }
            from += 1;
        }
        *end = to as u32;
    }
    corpus.features.truncate(to);
}

/// In how many messages each word is an ordinary one: outside every span, and not capitalised as a name.
pub fn count_common(samples: &[Sample]) -> HashMap<u64, u32> {
    let mut counts = HashMap::new();
    for sample in samples {
        for hash in ordinary(sample) {
            *counts.entry(hash).or_insert(0) += 1;
        }
    }
    counts
}

/// The ordinary words of a message, each once.
fn ordinary(sample: &Sample) -> Vec<u64> {
    let mut tokens = Vec::new();
    tokenize(&sample.text, &mut tokens);
    let mut words: Vec<u64> = tokens
        .iter()
        .filter(|token| {
            let small = matches!(token.shape, shape::LOWER | shape::LETTER);
            let start = token.gap.ends_sentence() && token.shape == shape::TITLE;
            (small || start) && token.gap != Gap::At && covering(&sample.spans, token).is_none()
        })
        .map(|token| token.word)
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

fn covering<'s>(spans: &'s [Span], token: &Token) -> Option<&'s Span> {
    spans.iter().find(|span| span.start < token.end as usize && (token.start as usize) < span.end)
}
