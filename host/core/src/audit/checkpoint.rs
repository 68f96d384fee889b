//! The verified state of a journal, authenticated with a key of its own, so that a start continues from it instead of
//! reading everything again. It says nothing about who wrote the lines, only that this install read and verified
//! them.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::chain::{Hash, from_hex, hex_text};
use super::verify::Verified;
use crate::clock::Timestamp;
use crate::keys::SecretKey;

/// State of the checks of a journal.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Checkpoint {
    /// The verified part, unless the journal is broken.
    pub checked: Option<Checked>,
    /// The last check of the whole journal.
    pub whole: Option<WholeCheck>,
    /// Offset of the first bad line found.
    pub broken_at: Option<u64>,
    /// Lines that a start found missing at the end.
    pub lost: Option<Lost>,
}

/// A verified part of a journal, from its first line on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checked {
    /// Its events and hashes.
    pub verified: Verified,
    /// Offset at which the journal began.
    pub begins: u64,
    /// Offset up to which it was verified.
    pub end: u64,
}

/// Result of a check of the whole journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WholeCheck {
    /// Time of the check, in milliseconds since the epoch.
    at: i64,
    /// Whether every line was genuine and in order.
    pub sound: bool,
    /// Number of events; for a broken journal, those before the first bad line.
    pub events: u64,
}

impl WholeCheck {
    /// A check that ended at `at`.
    pub fn new(at: Timestamp, sound: bool, events: u64) -> Self {
        Self { at: at.millis(), sound, events }
    }

    /// Time of the check.
    pub fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.at)
    }
}

/// A missing end of a journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Lost {
    /// Offset of the first missing byte.
    pub offset: u64,
    /// Number of missing bytes.
    pub bytes: u64,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes are missing from offset {}", self.bytes, self.offset)
    }
}

/// Serialised form.
#[derive(Serialize, Deserialize)]
struct CheckpointLine {
    checked: Option<CheckedForm>,
    whole: Option<WholeCheck>,
    broken_at: Option<u64>,
    lost: Option<Lost>,
}

#[derive(Serialize, Deserialize)]
struct CheckedForm {
    events: u64,
    start_hash: String,
    end_hash: String,
    begins: u64,
    end: u64,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    checkpoint: CheckpointLine,
    mac: String,
}

impl Checkpoint {
    /// The content of the checkpoint file.
    pub fn seal(&self, audit_key: &SecretKey) -> Vec<u8> {
        let checkpoint = self.form();
        let mac = hex_text(&mac_of(&checkpoint, audit_key));
        serde_json::to_vec(&Sealed { checkpoint, mac }).unwrap_or_default()
    }

    /// Parses a checkpoint file; `None` unless it was sealed with this key.
    pub fn open(text: &[u8], audit_key: &SecretKey) -> Option<Self> {
        let Sealed { checkpoint, mac } = serde_json::from_slice(text).ok()?;
        let (expected, mac) = (mac_of(&checkpoint, audit_key), from_hex(&mac)?);
        if !bool::from(subtle::ConstantTimeEq::ct_eq(&expected[..], &mac[..])) {
            return None;
        }
        let checked = match checkpoint.checked {
            Some(form) => Some(Checked {
                verified: Verified {
                    events: form.events,
                    start_hash: from_hex(&form.start_hash)?,
                    end_hash: from_hex(&form.end_hash)?,
                },
                begins: form.begins,
                end: form.end,
            }),
            None => None,
        };
        let CheckpointLine { whole, broken_at, lost, .. } = checkpoint;
        Some(Self { checked, whole, broken_at, lost })
    }

    fn form(&self) -> CheckpointLine {
        let checked = self.checked.map(|Checked { verified, begins, end }| CheckedForm {
            events: verified.events,
            start_hash: hex_text(&verified.start_hash),
            end_hash: hex_text(&verified.end_hash),
            begins,
            end,
        });
        CheckpointLine { checked, whole: self.whole, broken_at: self.broken_at, lost: self.lost }
    }
}

/// MAC over the serialised form, which always has the same fields in the same order.
fn mac_of(form: &CheckpointLine, audit_key: &SecretKey) -> Hash {
    let key = audit_key.derive("masker journal checkpoint v1");
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).expect("HMAC takes keys of any length");
    mac.update(&serde_json::to_vec(form).unwrap_or_default());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_reads_back_and_a_changed_one_does_not() {
        let key = SecretKey::new([7; 32]);
        let full = Checkpoint {
            checked: Some(Checked {
                verified: Verified { events: 12, start_hash: [1; 32], end_hash: [2; 32] },
                begins: 3,
                end: 4567,
            }),
            whole: Some(WholeCheck::new(Timestamp::from_millis(9), true, 8)),
            broken_at: Some(77),
            lost: Some(Lost { offset: 1, bytes: 2 }),
        };
        for checkpoint in [full.clone(), Checkpoint { checked: None, ..full }, Checkpoint::default()] {
            let text = checkpoint.seal(&key);
            assert_eq!(Checkpoint::open(&text, &key), Some(checkpoint.clone()));
            assert_eq!(Checkpoint::open(&text, &SecretKey::new([8; 32])), None);
            for at in 0..text.len() {
                let mut changed = text.clone();
                changed[at] ^= 1;
                assert!(Checkpoint::open(&changed, &key).is_none_or(|same| same == checkpoint), "byte {at}");
            }
        }
    }
}
