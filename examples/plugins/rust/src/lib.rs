//! A plugin for Masker: finds the medical record numbers of one hospital.
//!
//! A number has eight digits, the last of them a Luhn check digit, after a prefix of letters: `LK-1234-5674`. Without
//! the prefix it counts only near a word that announces it, or right after the question.

use masker_plugin_sdk::dfa::Pattern;
use masker_plugin_sdk::{Error, Finding, Manifest, Message, OffsetUnit, Pass, checksums, context};

const KIND: &str = "MRN";

/// One of these words near a number, or in the question before it, makes it a record number.
const WORDS: &[&str] = &["mrn", "record", "chart"];

masker_plugin_sdk::settings! {
    /// What a policy may write under `config`.
    pub struct Settings {
        /// The letters before the digits.
        #[schemars(regex(pattern = "^[A-Z]{1,4}$"))]
        pub prefix: String = "LK".into(),
    }
}

/// The pass: built by `configure`; every request starts from it.
pub struct HospitalMrn {
    full: Pattern,
    digits: Pattern,
}

impl Pass for HospitalMrn {
    type Settings = Settings;

    fn manifest() -> Manifest {
        Manifest {
            name: "hospital-mrn",
            version: env!("CARGO_PKG_VERSION"),
            description: "Finds the medical record numbers of our hospital.",
            kinds: &[KIND],
            offset_unit: OffsetUnit::Utf8,
        }
    }

    fn configure(settings: Settings) -> Result<Self, Error> {
        let pattern = |text: String| Pattern::new(&text).map_err(Error::internal);
        let prefix = settings.prefix;
        Ok(Self {
            full: pattern(format!(r"\b{prefix}-?[0-9]{{4}}-?[0-9]{{4}}\b"))?,
            digits: pattern(r"\b[0-9]{4}-?[0-9]{4}\b".into())?,
        })
    }

    fn detect(&self, messages: &[Message], _earlier: &[Finding]) -> Result<Vec<Finding>, Error> {
        let mut findings = Vec::new();
        for (at, message) in messages.iter().enumerate().filter(|(_, message)| message.search) {
            let text = &message.text;
            let sound = |span: &std::ops::Range<usize>| {
                let digits: Vec<u8> = text[span.clone()].bytes().filter(u8::is_ascii_digit).collect();
                checksums::luhn(&digits)
            };
            let full: Vec<_> = self.full.find_iter(text).filter(sound).collect();
            let asked = context::asked(messages, at, 2, WORDS);
            for span in self.digits.find_iter(text).filter(sound) {
                let within = full.iter().any(|found| found.start <= span.start && span.end <= found.end);
                if !within && (asked || context::near(text, span.clone(), 5, WORDS)) {
                    findings.push(Finding::new(at, span, KIND, 0.9));
                }
            }
            findings.extend(full.into_iter().map(|span| Finding::new(at, span, KIND, 0.98)));
        }
        Ok(findings)
    }
}

// Only in the component: native linkers reject its export names.
#[cfg(target_family = "wasm")]
masker_plugin_sdk::register_pass!(HospitalMrn);
