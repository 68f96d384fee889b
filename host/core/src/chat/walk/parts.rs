//! Message content: text, or a list of parts. Only the type of a part determines the meaning of its fields.

use serde_json::{Map, Value, json};

use super::Walk;
use crate::chat::position::{Form, Search, is_opaque};
use crate::chat::request::{BadRequest, ChatRequest};

/// Handling of images, audio and files.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Media {
    /// Replaced by a notice.
    #[default]
    Block,
    /// Sent unchanged.
    Pass,
}

/// Category of a part, by its type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum PartKind {
    /// Text, or a list of text parts.
    Text,
    /// A model's reasoning in a form that only its provider can read.
    Sealed,
    /// An image, audio or a file.
    Media,
    /// An unknown type.
    Unknown,
}

impl PartKind {
    fn of(part: &Map<String, Value>) -> Self {
        match part.get("type").and_then(Value::as_str) {
            Some("text" | "refusal" | "thinking" | "reasoning" | "input_text" | "output_text" | "summary_text") => {
                PartKind::Text
            }
            Some("redacted_thinking") => PartKind::Sealed,
            Some("image_url" | "input_audio" | "file") => PartKind::Media,
            _ => PartKind::Unknown,
        }
    }
}

/// Fields that hold media, in any object.
const MEDIA_FIELDS: [&str; 11] = [
    "image_url",
    "input_audio",
    "file",
    "file_data",
    "image",
    "audio",
    "video",
    "video_url",
    "input_image",
    "input_file",
    "source",
];

/// Removes media where the policy blocks them, and from text parts in any case, where they have no meaning. Call it
/// before any walk. Returns the number of removed media.
pub fn withhold_media(request: &mut ChatRequest, media: Media) -> usize {
    let Some(Value::Array(messages)) = request.body.get_mut("messages") else { return 0 };
    let contents = messages.iter_mut().filter_map(|message| message.get_mut("content"));
    contents.map(|content| withhold_in(content, media)).sum()
}

fn withhold_in(content: &mut Value, media: Media) -> usize {
    let Value::Array(parts) = content else { return 0 };
    let mut withheld = 0;
    for part in parts {
        // The walk rejects anything that is not a part.
        let Value::Object(map) = part else { continue };
        match PartKind::of(map) {
            PartKind::Text | PartKind::Sealed => withheld += withhold_fields(map, media),
            PartKind::Media | PartKind::Unknown if media == Media::Pass => {}
            kind => {
                let name = map.get("type").and_then(Value::as_str).filter(|_| kind == PartKind::Media);
                // An unknown type is caller text: do not repeat it.
                let notice = format!("[{} withheld]", name.unwrap_or("content part"));
                *part = json!({"type": "text", "text": notice});
                withheld += 1;
            }
        }
    }
    withheld
}

/// Removes media from a text part. A model's reasoning may be parts itself.
fn withhold_fields(part: &mut Map<String, Value>, media: Media) -> usize {
    let before = part.len();
    part.retain(|key, value| !(MEDIA_FIELDS.contains(&key.as_str()) || key != "text" && holds_data_url(value)));
    let nested = ["thinking", "summary", "content"]
        .into_iter()
        .filter_map(|key| part.get_mut(key).map(|value| withhold_in(value, media)));
    let nested: usize = nested.collect::<Vec<_>>().into_iter().sum();
    before - part.len() + nested
}

fn holds_data_url(value: &Value) -> bool {
    match value {
        Value::String(text) => is_data_url(text),
        Value::Array(items) => items.iter().any(holds_data_url),
        Value::Object(map) => map.values().any(holds_data_url),
        _ => false,
    }
}

/// `data:image/png;base64,...`.
fn is_data_url(text: &str) -> bool {
    text.trim_start().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) && text.contains(',')
}

impl Walk<'_> {
    pub(super) fn content(&mut self, content: &mut Value) -> Result<(), BadRequest> {
        let index = self.message.unwrap_or_default();
        match content {
            Value::Null => Ok(()),
            Value::String(text) => {
                self.leaf(Form::Text, Search::Speech, "content", None, text);
                Ok(())
            }
            Value::Array(parts) => parts.iter_mut().enumerate().try_for_each(|(at, part)| self.part(at, part)),
            _ => Err(BadRequest::shape(format!("messages[{index}].content"), "must be text, a list of parts, or null")),
        }
    }

    /// Visits a part, or a part of a part: `at` is the index of the outermost one.
    fn part(&mut self, at: usize, part: &mut Value) -> Result<(), BadRequest> {
        let Value::Object(part) = part else {
            let index = self.message.unwrap_or_default();
            return Err(BadRequest::shape(format!("messages[{index}].content[{at}]"), "a part must be an object"));
        };
        let kind = PartKind::of(part);
        let is_model = self.role == "assistant";
        let mut refused = Ok(());
        self.members("content", part, |walk, key, value| match (kind, key, &mut *value) {
            (_, "type", value) => walk.word("content.type", value),
            (PartKind::Text, "text" | "refusal", value) => walk.speech("content", value),
            (PartKind::Text, "thinking" | "summary" | "reasoning", Value::Array(parts)) => {
                refused = parts.iter_mut().try_for_each(|part| walk.part(at, part));
            }
            (PartKind::Text, "thinking" | "reasoning", value) => walk.speech("content.thinking", value),
            (PartKind::Text, "cache_control", value) => walk.all(Search::Setting, "content", None, value),
            (PartKind::Sealed, "data", Value::String(text)) if is_model && is_opaque("data", text) => {}
            (PartKind::Sealed, "data", value) if is_model => walk.word("content.data", value),
            // Only reached when the policy allows media: their data is not text, but their file name is.
            (PartKind::Media, "image_url" | "input_audio" | "file", value) => walk.media(value),
            _ => walk.field("content", key, value),
        });
        refused
    }

    /// Visits allowed media: the data is skipped, everything else is visited.
    fn media(&mut self, value: &mut Value) {
        match value {
            Value::Object(map) => self.members("content.media", map, |walk, key, value| match (key, &mut *value) {
                ("url" | "data" | "file_data", Value::String(text)) => walk.medium(text),
                ("format" | "detail" | "file_id", value) => walk.word("content.media", value),
                ("filename", value) => walk.speech("content.file", value),
                (key, value) => walk.all(Search::Field, "content.media", Some(key), value),
            }),
            Value::String(text) => self.medium(text),
            other => self.speech("content.media", other),
        }
    }

    fn medium(&mut self, text: &mut String) {
        let is_data = is_data_url(text) && text.contains(";base64,")
            || text.len() >= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte));
        if !is_data {
            self.leaf(Form::Text, Search::Field, "content.media", None, text);
        }
    }
}
