//! BIOMETRIC: identifiers of fingerprints, voiceprints and scans, by key word.

use super::{Rule, is_plausible};
use crate::kinds::Kind;

/// The rule. A print itself cannot appear in text; its template number can.
pub static RULE: Rule = Rule {
    strong: &[
        "fingerprint id",
        "fingerprint template",
        "fingerprint number",
        "fingerprint hash",
        "fingerprint code",
        "voiceprint",
        "voiceprint id",
        "voice print",
        "voice print id",
        "faceprint",
        "face id",
        "face id template",
        "facial recognition id",
        "retina scan",
        "retina scan id",
        "retinal scan id",
        "iris scan",
        "iris scan id",
        "iris id",
        "iris template",
        "biometric",
        "biometric id",
        "biometric template",
        "biometric hash",
        "biometric identifier",
        "palm scan id",
        "palm print id",
        "dna profile id",
        "dna sample id",
    ],
    weak: &["fingerprint", "fingerprints"],
    cued: |code, _| is_plausible(code, 4, 64).then_some(0.9),
    ..Rule::new(Kind::Biometric)
};
