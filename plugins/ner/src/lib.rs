//! The `ner` pass: people's names, addresses and places smaller than a state, and organisations, in written text and
//! in transcripts.
//!
//! Each message is processed on its own: `tokens` splits it into words, `lexicon` looks them up in the word lists,
//! `context` reads the question before it, `features` turns all that into hashes, `model` adds up their weights,
//! `decode` finds the best labels and their probabilities, and `spans` turns labels into findings, which `cuts` ends
//! at separators (`gaps`). `train/` beside this crate produces the weights with the same code.
//!
//! Identifiers with a recognisable format (dates, phone numbers, mail addresses) belong to the `regex` pass.

pub mod context;
mod cuts;
pub mod decode;
pub mod features;
mod gaps;
pub mod lexicon;
mod marks;
pub mod model;
pub mod settings;
pub mod spans;
pub mod tokens;

use masker_plugin_sdk::{Error, Finding, Manifest, Message, OffsetUnit, Pass};

use context::Context;
use decode::{Decoder, Scores, Tables};
use lexicon::Lexicon;
use model::{KINDS, Model, Sum};
pub use settings::Settings;
use tokens::Token;

/// The weights, written by `train/`.
static MODEL: &[u8] = include_bytes!("../model/model.bin");

/// The pass.
pub struct Ner<'m> {
    model: Model<'m>,
    tables: Tables,
    wanted: [bool; KINDS.len()],
}

impl<'m> Ner<'m> {
    /// A pass with weights other than the built-in ones; for the trainer.
    pub fn with_model(bytes: &'m [u8], settings: &Settings) -> Result<Self, Error> {
        let model = Model::new(bytes, features::VERSION)
            .ok_or_else(|| Error::internal("the weights do not fit this version of the plugin"))?;
        Ok(Self { tables: Tables::new(&model), model, wanted: settings.wanted()? })
    }

    fn search(&self, messages: &[Message], at: usize, scratch: &mut Scratch, findings: &mut Vec<Finding>) {
        let text = &messages[at].text;
        if !text.bytes().any(|byte| byte.is_ascii_alphabetic() || byte >= 0x80) {
            return;
        }
        let context = Context::of(messages, at, &self.model.lexicon, &mut scratch.tokens);
        read(text, &self.model.lexicon, &mut scratch.tokens, |_| {});
        self.score(context, scratch);
        if scratch.decoder.best(&self.model, &scratch.scores) {
            let tokens = &scratch.tokens[features::PADDING..scratch.tokens.len() - features::PADDING];
            spans::collect(
                &mut scratch.decoder,
                (&self.model, &self.tables),
                (text, tokens, &scratch.scores),
                (at, self.wanted),
                findings,
            );
        }
    }

    fn score(&self, context: Context, scratch: &mut Scratch) {
        let Scratch { tokens, scores, .. } = scratch;
        scores.clear();
        for at in features::PADDING..tokens.len() - features::PADDING {
            let mut sum = Sum::new();
            features::each(tokens, at, context, |feature| sum.add(&self.model, feature));
            scores.push(sum.scores());
        }
    }
}

/// Reads a message into annotated, padded tokens. `adjust` may change the list entries: the trainer hides some of
/// them.
pub fn read(text: &str, lexicon: &Lexicon, tokens: &mut Vec<Token>, adjust: impl FnOnce(&mut [Token])) {
    tokens.clear();
    tokens.extend([Token::EDGE; features::PADDING]);
    tokens::tokenize(text, tokens);
    let words = &mut tokens[features::PADDING..];
    lexicon::annotate(lexicon, words);
    adjust(words);
    features::prepare(words);
    tokens.extend([Token::EDGE; features::PADDING]);
}

/// Buffers of one call.
#[derive(Default)]
struct Scratch {
    tokens: Vec<Token>,
    scores: Vec<Scores>,
    decoder: Decoder,
}

impl Pass for Ner<'static> {
    type Settings = Settings;

    fn manifest() -> Manifest {
        Manifest {
            name: "ner",
            version: env!("CARGO_PKG_VERSION"),
            description: "Finds names of people, addresses and places smaller than a state, and organisations, \
                          in written text and in transcripts.",
            kinds: &KINDS,
            offset_unit: OffsetUnit::Utf8,
        }
    }

    fn configure(settings: Settings) -> Result<Self, Error> {
        Self::with_model(MODEL, &settings)
    }

    fn detect(&self, messages: &[Message], _: &[Finding]) -> Result<Vec<Finding>, Error> {
        Ok(self.find(messages))
    }
}

impl Ner<'_> {
    /// The findings of [`Pass::detect`].
    pub fn find(&self, messages: &[Message]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut scratch = Scratch::default();
        for (at, message) in messages.iter().enumerate() {
            if message.search {
                self.search(messages, at, &mut scratch, &mut findings);
            }
        }
        findings
    }
}

masker_plugin_sdk::register_pass!(Ner<'static>);
