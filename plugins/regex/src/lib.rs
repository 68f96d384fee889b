//! The `regex` pass: HIPAA identifiers with a recognisable format, written or spoken. Names and organisations belong
//! to the `ner` pass.
//!
//! [`tokens`] splits a message once; [`keywords`] finds phrases such as "member id"; rules with a search of their own
//! ([`rules`]: addresses, dates, e-mail) claim their tokens; [`runs`] flattens the remaining digits, number words and
//! spelled letters to characters; [`judge`] assigns each run to a rule by key phrase, by an earlier question
//! ([`context`]) or by shape. Nothing is built at request time: `configure` builds the word table, which is part of
//! the snapshot.

mod answer;
mod characters;
mod code;
mod context;
mod detect;
mod field;
mod joints;
mod judge;
mod keywords;
mod kinds;
mod lexicon;
mod lists;
mod measures;
mod numbers;
mod parts;
mod patterns;
mod reach;
mod rules;
mod runs;
mod settings;
mod steps;
mod tokens;
mod turn;
mod words;

use masker_plugin_sdk::{Error, Finding, Manifest, Message, OffsetUnit, Pass, register_pass};

pub use settings::{PatternSettings, Settings};

/// The pass.
#[derive(Debug)]
pub struct Plugin {
    words: words::Words,
    keywords: keywords::Keywords,
    kinds: kinds::KindSet,
    patterns: Vec<patterns::Pattern>,
}

impl Pass for Plugin {
    type Settings = Settings;

    fn manifest() -> Manifest {
        Manifest {
            name: "regex",
            version: env!("CARGO_PKG_VERSION"),
            description: "Finds structured identifiers, written and spoken: numbers, codes, dates and addresses.",
            kinds: kinds::NAMES,
            offset_unit: OffsetUnit::Utf8,
        }
    }

    fn configure(settings: Settings) -> Result<Self, Error> {
        let mut words = words::Words::new();
        let keywords = keywords::Keywords::new(&mut words);
        Ok(Self { words, keywords, kinds: settings.kind_set()?, patterns: settings.compile()? })
    }

    fn detect(&self, messages: &[Message], _: &[Finding]) -> Result<Vec<Finding>, Error> {
        Ok(detect::detect(self, messages))
    }
}

register_pass!(Plugin);
