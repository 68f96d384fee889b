//! Reads the labelled sets and splits them.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use masker_plugin_ner::tokens::{shape, tokenize};
use masker_plugin_sdk::Message;
use serde::Deserialize;

use crate::rng::{Rng, hash};

/// The label of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// This kind (an index into the plugin's kinds).
    Kind(usize),
    /// This kind or nothing: trained as whichever the model finds likelier, never counted as an error.
    Maybe(usize),
    /// Anything: the set does not label words of this sort. Not used for training, but an error when found.
    Unknown,
    /// No kind of this pass, but not an error either (a date that `regex` finds, a handle).
    Ignored,
}

/// A labelled range of text, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last.
    pub end: usize,
    /// What it is.
    pub truth: Truth,
}

/// A message with its labels and the messages before it.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Role and text of the messages before it.
    pub context: Vec<(String, String)>,
    /// The role of the speaker.
    pub role: String,
    /// What is said.
    pub text: String,
    /// In order, without overlap.
    pub spans: Vec<Span>,
    /// Its weight in training.
    pub weight: f32,
}

impl Sample {
    /// The messages as the plugin gets them.
    pub fn messages(&self) -> Vec<Message> {
        let message = |role: &str, text: &str, search| Message { role: role.into(), text: text.into(), search };
        let mut messages: Vec<_> = self.context.iter().map(|(role, text)| message(role, text, false)).collect();
        messages.push(message(&self.role, &self.text, true));
        messages
    }
}

/// What a record is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// For training.
    Train,
    /// For choosing settings and for calibration.
    Tune,
    /// For reporting only.
    Report,
}

#[derive(Deserialize)]
struct Record {
    id: String,
    text: String,
    entities: Vec<Entity>,
    optional: Vec<Entity>,
    #[serde(default)]
    meta: Meta,
}

#[derive(Deserialize)]
struct Entity {
    start: usize,
    end: usize,
    kind: String,
    #[serde(default)]
    why: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Meta {
    dialogue: Option<String>,
    speaker: Option<String>,
    item: Option<String>,
    requested: Vec<String>,
}

/// Reads a file of the data folder.
pub fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    File::open(path)?.read_to_end(&mut raw)?;
    Ok(raw)
}

/// The lines of a file, decompressed if its name says so.
pub fn lines(path: &Path) -> std::io::Result<Vec<String>> {
    let file = File::open(path)?;
    if path.extension().is_some_and(|extension| extension == "gz") {
        BufReader::new(GzDecoder::new(file)).lines().collect()
    } else {
        BufReader::new(file).lines().collect()
    }
}

/// How a set is split: tenths for tuning and for reporting.
#[derive(Clone, Copy)]
pub struct Split {
    /// Tenths of the records kept for the report.
    pub report: u64,
    /// Tenths kept for tuning.
    pub tune: u64,
}

/// Reads a set. `with_questions`: put a generated question before an answer if the set says what was asked.
pub fn read(path: &Path, split: Split, with_questions: bool) -> std::io::Result<Vec<(Use, Sample)>> {
    let set = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut rng = Rng::new(hash(&set));
    let mut samples = Vec::new();
    let mut before: Vec<(String, String)> = Vec::new();
    let mut dialogue = String::new();
    for line in lines(path)? {
        let record: Record = serde_json::from_str(&line).map_err(std::io::Error::other)?;
        let unit = record.meta.dialogue.clone().unwrap_or_else(|| record.id.clone());
        let part = match hash(&unit) % 10 {
            tenth if tenth < split.report => Use::Report,
            tenth if tenth < split.report + split.tune => Use::Tune,
            _ => Use::Train,
        };
        if set.starts_with("mts") {
            samples.extend(talk(&record, &mut rng).into_iter().map(|sample| (part, sample)));
            continue;
        }
        if unit != dialogue {
            before.clear();
            dialogue = unit;
        }
        let role = match record.meta.speaker.as_deref() {
            Some("system" | "assistant" | "agent") => "assistant",
            _ => "user",
        };
        let mut sample = Sample {
            context: Vec::new(),
            role: role.into(),
            spans: spans(&record, &set),
            text: record.text,
            weight: 1.0,
        };
        if record.meta.speaker.is_some() {
            sample.context = before.clone();
            before.push((sample.role.clone(), sample.text.clone()));
            if before.len() > 4 {
                before.remove(0);
            }
        } else {
            let asked =
                if with_questions { question(&record.meta.item, &record.meta.requested, &mut rng) } else { None };
            sample.context.extend(asked.map(|question| ("assistant".into(), question.into())));
        }
        samples.push((part, sample));
    }
    Ok(samples)
}

/// A doctor-patient dialogue as its turns.
fn talk(record: &Record, rng: &mut Rng) -> Vec<Sample> {
    let turns: Vec<&str> = record.text.split('\n').collect();
    let mut samples = Vec::new();
    for (at, turn) in turns.iter().enumerate() {
        let mut context = Vec::new();
        if at > 0 && rng.chance(0.8) {
            context.push(("assistant".into(), turns[at - 1].to_string()));
        }
        let role = if rng.chance(0.15) { "assistant" } else { "user" };
        samples.push(Sample { context, role: role.into(), text: turn.to_string(), spans: Vec::new(), weight: 1.0 });
    }
    samples
}

fn spans(record: &Record, set: &str) -> Vec<Span> {
    let starts: Vec<usize> = record.text.char_indices().map(|(at, _)| at).chain([record.text.len()]).collect();
    let mut spans: Vec<Span> = Vec::new();
    for entity in &record.entities {
        let truth = match entity.kind.as_str() {
            "NAME" => Truth::Kind(0),
            "ADDRESS" => Truth::Kind(1),
            _ => Truth::Ignored,
        };
        spans.push(Span { start: starts[entity.start], end: starts[entity.end], truth });
    }
    for entity in &record.optional {
        let truth = match entity.why.as_str() {
            // In SLURP "organization" is an event name or a business without a name: ignored.
            "organization" if set.starts_with("slurp") => Truth::Ignored,
            // The Broad Twitter Corpus labels only organisations as such; the other sets mix in works and groups.
            "organization" if set.starts_with("btc") => Truth::Kind(2),
            "organization" => Truth::Maybe(2),
            "public_figure" => Truth::Maybe(0),
            "facility" | "generic_place" => Truth::Maybe(1),
            _ => Truth::Ignored,
        };
        spans.push(Span { start: starts[entity.start], end: starts[entity.end], truth });
    }
    if set.starts_with("rest8k") {
        unlabelled_places(&record.text, &mut spans);
    }
    spans.sort_by_key(|span| (span.start, span.end));
    let mut end = 0;
    spans.retain(|span| {
        let apart = span.start >= end;
        end = end.max(span.end);
        apart
    });
    spans
}

/// Restaurant-8k labels names but not the districts and restaurants that callers ask for: words with a capital inside
/// a sentence are not examples of ordinary words.
fn unlabelled_places(text: &str, spans: &mut Vec<Span>) {
    let mut tokens = Vec::new();
    tokenize(text, &mut tokens);
    for token in tokens.iter().filter(|token| token.shape == shape::TITLE && !token.gap.ends_sentence()) {
        let (start, end) = (token.start as usize, token.end as usize);
        if !spans.iter().any(|span| span.start < end && start < span.end) {
            spans.push(Span { start, end, truth: Truth::Unknown });
        }
    }
}

const ASK_NAME: [&str; 12] = [
    "What is your full name?",
    "Could you tell me your name please?",
    "Can I take your first and last name?",
    "what's your name",
    "May I have your name?",
    "Please tell me your full name.",
    "And your name is?",
    "Can you please spell your name for me?",
    "What's the name on the account?",
    "Sorry, I didn't get that. Could you repeat your full name?",
    "Who am I speaking to?",
    "And what name should that be under?",
];
const ASK_POSTCODE: [&str; 8] = [
    "What is your postcode?",
    "Could you give me your postcode please?",
    "And the postcode?",
    "Can I take your postcode?",
    "Please tell me your post code and address.",
    "what's your zip code or postcode",
    "Sorry, could you repeat the postcode?",
    "Where do you live? The postcode is enough.",
];
const ASK_OTHER: [&str; 10] = [
    "What is your date of birth?",
    "When were you born?",
    "And your date of birth please?",
    "What time would you like to come?",
    "How many of you are there?",
    "What day suits you?",
    "How can I help you?",
    "Is there anything else?",
    "Can I have a phone number?",
    "Shall I put that down for you?",
];

fn question(item: &Option<String>, requested: &[String], rng: &mut Rng) -> Option<&'static str> {
    let item = item.as_deref().or(requested.first().map(String::as_str))?;
    Some(*match item {
        "name" | "first_name" | "last_name" => rng.pick(&ASK_NAME),
        "postcode" => rng.pick(&ASK_POSTCODE),
        _ => rng.pick(&ASK_OTHER),
    })
}
