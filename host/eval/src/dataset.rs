//! Labelled messages in files of JSON lines.
//!
//! Positions are counted in characters. Every label repeats its text, which detects files with positions in another
//! unit. Errors name the file, line and field, and never contain message text.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use masker_core::kind::Kind;
use masker_core::sensitive::SensitiveText;
use masker_core::text::ByteSpan;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::EvalError;

/// A file of labelled messages.
pub struct Dataset {
    /// File name without its folder.
    pub name: String,
    /// SHA-256 of the uncompressed lines, in hexadecimal.
    pub digest: String,
    /// The messages.
    pub records: Vec<Record>,
}

impl Dataset {
    /// Number of whitespace-separated words in all messages.
    pub fn words(&self) -> usize {
        self.records.iter().map(Record::words).sum()
    }
}

/// One labelled message.
pub struct Record {
    /// ID in the set.
    pub id: String,
    /// Line in the file.
    pub line: usize,
    /// `written`, `conversational` or `asr`; empty if the set does not specify it.
    pub style: String,
    /// The message.
    pub text: Arc<SensitiveText>,
    /// Spans that must be masked, in order, without overlaps.
    pub entities: Vec<(ByteSpan, Kind)>,
    /// Spans where masking is neither required nor wrong.
    pub optional: Vec<ByteSpan>,
    /// Position in a conversation.
    pub meta: Meta,
}

impl Record {
    /// Number of words of the message.
    pub fn words(&self) -> usize {
        self.text.expose().split_whitespace().count()
    }
}

/// A message's position in a conversation.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct Meta {
    /// ID of the conversation.
    pub dialogue: Option<String>,
    /// Order in the conversation.
    pub turn: Option<u64>,
    /// `user`, or `system` for the other party.
    pub speaker: Option<String>,
    /// Question that the message answers: `name`, `dob`, `postcode`.
    pub item: Option<String>,
    /// The same as a list; may be empty.
    pub requested: Vec<String>,
}

/// A line in its serialized form.
#[derive(Deserialize)]
struct Line {
    id: String,
    #[serde(default)]
    style: String,
    text: String,
    entities: Vec<Label>,
    #[serde(default)]
    optional: Vec<Label>,
    #[serde(default)]
    meta: Meta,
}

#[derive(Deserialize)]
struct Label {
    start: usize,
    end: usize,
    kind: String,
    text: String,
}

/// Reads a file, decompressing it if its name ends in `.gz`.
///
/// # Errors
/// The file cannot be read, or a line is invalid.
pub fn read(path: &Path) -> Result<Dataset, EvalError> {
    let shown = path.display();
    let file = File::open(path).map_err(|error| EvalError::new(&shown, &error))?;
    let packed = path.extension().is_some_and(|extension| extension == "gz");
    let source: Box<dyn Read> = if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut digest = Sha256::new();
    let mut records = Vec::new();
    let mut reader = BufReader::new(source);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let at = |what: &dyn std::fmt::Display| EvalError::new(&format_args!("{shown}:{number}"), what);
        if reader.read_until(b'\n', &mut line).map_err(|error| at(&error))? == 0 {
            break;
        }
        digest.update(&line);
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        records.push(record(&line, number).map_err(|what| at(&what))?);
    }
    if records.is_empty() {
        return Err(EvalError::new(&shown, &"the file contains no messages"));
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok(Dataset { name, digest: data_encoding::HEXLOWER.encode(&digest.finalize()), records })
}

fn record(line: &[u8], number: usize) -> Result<Record, String> {
    let mut json = serde_json::Deserializer::from_slice(line);
    let line: Line = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        // The message of serde repeats the invalid value, which may be message text.
        let what = match error.inner().classify() {
            serde_json::error::Category::Data => "missing or of the wrong type".to_owned(),
            _ => format!("not a JSON object at column {}", error.inner().column()),
        };
        if path == "." { what } else { format!("{path}: {what}") }
    })?;
    let starts: Vec<usize> = line.text.char_indices().map(|(at, _)| at).chain([line.text.len()]).collect();
    let mut entities = Vec::with_capacity(line.entities.len());
    for (index, label) in line.entities.iter().enumerate() {
        entities.push(labelled(label, &line.text, &starts).map_err(|what| format!("entities[{index}].{what}"))?);
    }
    entities.sort_unstable_by_key(|(span, _)| *span);
    if let Some(pair) = entities.windows(2).find(|pair| pair[0].0.overlaps(pair[1].0)) {
        let start = pair[1].0.to_chars(&line.text).start;
        return Err(format!("entities: the one that starts at {start} overlaps the previous one"));
    }
    let mut optional = Vec::with_capacity(line.optional.len());
    for (index, label) in line.optional.iter().enumerate() {
        optional.push(labelled(label, &line.text, &starts).map_err(|what| format!("optional[{index}].{what}"))?.0);
    }
    let text = Arc::new(SensitiveText::from(line.text));
    Ok(Record { id: line.id, line: number, style: line.style, text, entities, optional, meta: line.meta })
}

/// A label's span in bytes and its kind.
fn labelled(label: &Label, text: &str, starts: &[usize]) -> Result<(ByteSpan, Kind), String> {
    let last = starts.len() - 1;
    if label.end > last {
        return Err(format!("end: {} is past the end of the text ({last} characters)", label.end));
    }
    if label.start >= label.end {
        return Err(format!("start: {} is not before end {}", label.start, label.end));
    }
    let span = ByteSpan::new(starts[label.start], starts[label.end]);
    if text[span.range()] != label.text {
        return Err("text: does not match the text at these positions (in characters)".to_owned());
    }
    let kind = Kind::new(&label.kind).ok_or("kind: must have the form [A-Z][A-Z0-9_]{0,63}")?;
    Ok((span, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(line: &str) -> String {
        record(line.as_bytes(), 1).err().expect("an error")
    }

    #[test]
    fn characters_become_bytes() {
        let line = r#"{"id":"a","text":"é José","entities":[{"start":2,"end":6,"kind":"NAME","text":"José"}]}"#;
        let record = record(line.as_bytes(), 7).expect("a record");
        assert_eq!((record.entities[0].0, record.line, record.words()), (ByteSpan::new(3, 8), 7, 2));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field_and_without_text() {
        let label = |label: &str| error(&format!(r#"{{"id":"a","text":"secret","entities":[{label}]}}"#));
        let ok = r#""kind":"NAME","text":"secret""#;
        for (line, expected) in [
            (error("{"), "column"),
            (error("[]"), "type"),
            (error(r#"{"id":"a","text":"x"}"#), "missing"),
            (error(r#"{"id":"a","text":5,"entities":[]}"#), "text: "),
            (label(r#"{"start":0}"#), "entities[0]"),
            (label(&format!(r#"{{"start":0,"end":7,{ok}}}"#)), "entities[0].end: 7 is past the end"),
            (label(&format!(r#"{{"start":3,"end":3,{ok}}}"#)), "entities[0].start: 3 is not before"),
            (label(&format!(r#"{{"start":1,"end":6,{ok}}}"#)), "entities[0].text: "),
            (label(r#"{"start":0,"end":6,"kind":"name","text":"secret"}"#), "entities[0].kind: "),
            (
                label(&format!(r#"{{"start":0,"end":6,{ok}}},{{"start":1,"end":2,"kind":"NAME","text":"e"}}"#)),
                "starts at 1 overlaps",
            ),
        ] {
            assert!(line.contains(expected), "{line} does not say {expected}");
            assert!(!line.contains("secret"), "{line}");
        }
    }
}
