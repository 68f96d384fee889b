//! Positions in a request: how a value at a position is masked, and what is searched for there.
//!
//! Every text that [`super::walk`] visits carries both answers in its [`Place`]. Detection, memory, replacement and
//! the egress check all depend on these two values only.

use crate::text::ByteSpan;

/// How a masked value is written at its position.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Form {
    /// Text: spans of it are replaced.
    Text,
    /// A number inside JSON: replaced whole by a string, and restored as a number.
    Number,
    /// A key inside JSON: spans of it are replaced.
    Key,
    /// An identifier with limits set by the provider: replaced whole by a short digest.
    Identifier,
    /// The name of a tool, which the provider matches exactly: replaced by another valid name.
    ToolName,
}

/// What is searched for at a position.
///
/// [`Search::Field`] and [`Search::Setting`] describe unknown fields in the walk; a visitor never sees them, because
/// each text of such a field resolves to another variant (see [`Search::of_text`]).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Search {
    /// All findings of the passes, and every value known in this call.
    Speech,
    /// An unknown field of a message: like speech, but constants are names and opaque state is skipped.
    Field,
    /// An unknown field of the request: words and numbers are names, free text is speech.
    Setting,
    /// Static text of the operator (tools, schemas): `deny`, values known in this call, and formats that the host can
    /// check.
    Static,
    /// Names and keys: like [`Search::Static`], but only values of six or more characters that are not ordinary
    /// words.
    Name,
    /// A word in a setting: like [`Search::Name`], plus names said in this call, in the same spelling.
    Word,
    /// Numbers in settings and long encoded data: `deny` and values known in this call.
    Known,
}

impl Search {
    /// Resolves the search for one text of a position.
    pub(super) fn of_text(self, text: &str) -> Self {
        match self {
            Search::Speech | Search::Field if is_time_zone(text) => Search::Name,
            Search::Field if is_encoded(text) => Search::Known,
            Search::Field => Search::Speech,
            Search::Setting if is_encoded(text) => Search::Known,
            Search::Setting if is_free_text(text) => Search::Speech,
            Search::Setting => Search::Word,
            other => other,
        }
    }

    /// Resolves the search for one number of a position.
    pub(super) fn of_number(self) -> Self {
        match self {
            Search::Field => Search::Speech,
            Search::Setting => Search::Known,
            other => other,
        }
    }

    /// Whether passes run on it: elsewhere a finding counts only if the host can check its format.
    pub fn is_speech(self) -> bool {
        self == Search::Speech
    }
}

/// Location of a text.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// How a value there is masked.
    pub form: Form,
    /// What is searched for there.
    pub search: Search,
    /// Author: `system`, `developer`, `user`, `assistant`, `tool`, or `field` outside the conversation.
    pub role: &'static str,
    /// The key of this value, as context for detection. Caller text when it is a key of a tool's arguments.
    pub field: Option<&'a str>,
    /// The number as written, when that is more than its digits.
    pub written: Option<&'a str>,
    /// The protocol's name of the position, for errors and the journal.
    pub name: &'static str,
    /// Index of its message.
    pub message: Option<usize>,
}

impl Place<'_> {
    /// The path in error messages: `messages[3].content`.
    pub fn path(&self) -> String {
        match self.message {
            Some(index) => format!("messages[{index}].{}", self.name),
            None => self.name.to_owned(),
        }
    }
}

/// A change to a text: replaces a span.
#[derive(Clone, PartialEq, Eq)]
pub struct Edit {
    /// Span in the text as visited.
    pub span: ByteSpan,
    /// Replacement.
    pub text: String,
    /// Which of the request's replacements it is, counted from 0. `None` for an edit that belongs to another one.
    pub placed: Option<u32>,
}

impl std::fmt::Debug for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Omits the replacement: a token, or text that may resemble a caller's.
        write!(f, "Edit({}..{})", self.span.start, self.span.end)
    }
}

/// Visits every text of a request, in a fixed order.
pub trait Visitor {
    /// Visits a decoded text. Returns the edits to apply, in order and without overlaps.
    fn leaf(&mut self, place: &Place<'_>, text: &str) -> Vec<Edit>;

    /// Limit of JSON values in a text. A text over the limit is reported to `too_large` and visited as plain text.
    fn room(&self) -> usize {
        usize::MAX
    }

    /// Called when the JSON at this place exceeds the limit.
    fn too_large(&mut self, place: &Place<'_>) {
        let _ = place;
    }

    /// Called before edits are applied; they are now spans of the field's text.
    fn applied(&mut self, edits: &[Edit], text: &str) {
        let _ = (edits, text);
    }
}

/// Applies edits to a text.
pub fn apply(text: &str, edits: &[Edit]) -> String {
    let added: usize = edits.iter().map(|edit| edit.text.len()).sum();
    let mut out = String::with_capacity(text.len() + added);
    let mut at = 0;
    for edit in edits {
        out.push_str(&text[at..edit.span.start]);
        out.push_str(&edit.text);
        at = edit.span.end;
    }
    out.push_str(&text[at..]);
    out
}

/// Words separated by spaces.
fn is_free_text(text: &str) -> bool {
    let text = text.trim();
    text.contains(' ') && text.chars().any(char::is_alphabetic)
}

/// An IANA time zone name, and nothing else: `America/New_York`.
fn is_time_zone(text: &str) -> bool {
    const AREAS: [&str; 11] = [
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
        "Etc",
    ];
    text.split_once('/').is_some_and(|(area, place)| {
        AREAS.contains(&area)
            && !place.is_empty()
            && place.len() <= 32
            && place.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b'/'))
    })
}

/// Long base64 or hexadecimal data: not speech, whatever letters it contains.
fn is_encoded(text: &str) -> bool {
    const SHORTEST: usize = 64;
    text.len() >= SHORTEST
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'='))
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Ids and constants such as `auto`, `call_a1B2`, `gpt-4o`: one word of at most 64 characters, not only digits and
/// dashes.
pub(super) fn is_closed_word(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':' | b'/' | b'#' | b'$');
    text.len() <= 64 && text.bytes().all(word) && (text.is_empty() || text.bytes().any(|b| b.is_ascii_alphabetic()))
}

/// Keys of protocol objects and of JSON Schema: they never contain caller data.
#[rustfmt::skip] // One item per line would fill a page.
pub(super) fn is_protocol_key(key: &str) -> bool {
    matches!(
        key,
        "messages" | "model" | "stream" | "stream_options" | "include_usage" | "temperature" | "top_p"
            | "max_tokens" | "max_completion_tokens" | "n" | "seed" | "stop" | "user" | "metadata" | "tools"
            | "tool_choice" | "parallel_tool_calls" | "response_format" | "functions" | "function_call" | "role"
            | "content" | "name" | "tool_calls" | "tool_call_id" | "id" | "type" | "index" | "function" | "custom"
            | "arguments" | "input" | "text" | "refusal" | "image_url" | "url" | "detail" | "input_audio" | "data"
            | "format" | "file" | "filename" | "file_data" | "file_id" | "description" | "parameters" | "strict"
            | "json_schema" | "schema" | "properties" | "required" | "additionalProperties" | "items" | "enum"
            | "const" | "default" | "examples" | "example" | "title" | "pattern" | "anyOf" | "oneOf" | "allOf"
            | "not" | "$ref" | "$defs" | "$schema" | "$id" | "definitions" | "maximum" | "minimum" | "maxLength"
            | "minLength" | "maxItems" | "minItems" | "frequency_penalty" | "presence_penalty" | "logprobs"
            | "top_logprobs" | "logit_bias" | "reasoning_effort" | "service_tier" | "prediction"
            | "reasoning_content" | "safety_identifier" | "prompt_cache_key" | "prompt_cache_retention"
            | "modalities" | "audio" | "verbosity" | "store" | "web_search_options" | "moderation" | "thinking"
            | "signature" | "thought_signature" | "reasoning" | "reasoning_details" | "cache_control"
            | "exclusiveMaximum" | "exclusiveMinimum" | "multipleOf" | "grammar" | "definition" | "syntax"
    )
}

/// Constants that the protocol and JSON Schema use as types, roles and choices.
#[rustfmt::skip] // One item per line would fill a page.
pub(super) fn is_protocol_word(word: &str) -> bool {
    matches!(
        word,
        "" | "text" | "refusal" | "thinking" | "redacted_thinking" | "image_url" | "input_audio" | "file"
            | "function" | "custom" | "auto" | "none" | "required" | "any" | "content" | "json_object"
            | "json_schema" | "object" | "array" | "string" | "number" | "integer" | "boolean" | "null" | "date"
            | "date-time" | "time" | "email" | "uri" | "uuid" | "phone"
    )
}

/// An id that carries provider state: longer than other ids, or with base64 characters.
pub(super) fn is_sealed_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/#$+=|~".contains(&byte);
    text.bytes().all(allowed)
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && (text.len() > 64 || text.contains(['+', '=', '|', '~']))
}

/// Fields of protocol objects whose values are constants or ids.
pub(super) fn is_word_field(key: &str) -> bool {
    matches!(key, "type" | "id" | "index" | "format" | "object" | "status" | "role" | "mode" | "phase" | "detail")
}

/// Fields for opaque provider state, sealed or signed: it must be sent back byte for byte, or the provider refuses
/// the conversation (Gemini's `thought_signature`, Anthropic's `signature` and `data`, OpenAI's `encrypted_content`).
/// A value counts as sealed when it has the alphabet of sealed data and is long, or contains a character that no
/// identifier has; any other value is treated as a name.
pub(super) fn is_opaque(key: &str, value: &str) -> bool {
    const SHORTEST: usize = 24;
    let sealed = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=' | b'.' | b':' | b'~')
    };
    matches!(
        key,
        "thought_signature"
            | "thought_signatures"
            | "thoughtSignature"
            | "signature"
            | "signatures"
            | "data"
            | "encrypted_content"
            | "reasoning_opaque"
    ) && value.bytes().all(sealed)
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
        && (value.len() >= SHORTEST || value.contains(['+', '/', '=']))
}

/// The same fields: their values are never speech.
pub(super) fn is_opaque_field(key: &str) -> bool {
    matches!(key, "thought_signature" | "thoughtSignature" | "signature" | "encrypted_content" | "reasoning_opaque")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_made_in_order_and_the_rest_stays() {
        let edit = |start, end, text: &str| Edit { span: ByteSpan::new(start, end), text: text.into(), placed: None };
        assert_eq!(apply("I am José.", &[edit(0, 1, "You"), edit(5, 10, "X"), edit(11, 11, "!")]), "You am X.!");
        assert_eq!(apply("same", &[]), "same");
    }

    #[test]
    fn the_texts_of_a_setting_are_words_or_speech() {
        for (text, expected) in [
            ("fallback", Search::Word),
            ("America/Chicago", Search::Word),
            ("DeepInfra", Search::Word),
            ("", Search::Word),
            (" json ", Search::Word),
            ("asked for by Karen", Search::Speech),
            ("1 2", Search::Word),
        ] {
            assert_eq!(Search::Setting.of_text(text), expected, "{text}");
        }
        let sealed = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3ODk=";
        assert_eq!(Search::Setting.of_text(sealed), Search::Known);
        assert_eq!(Search::Field.of_text(sealed), Search::Known);
        assert_eq!(Search::Field.of_text("Karen"), Search::Speech);
        assert_eq!(Search::Setting.of_number(), Search::Known);
        for (text, expected) in [("America/Argentina/Buenos_Aires", Search::Name), ("America/Jane Doe", Search::Speech)]
        {
            assert_eq!(Search::Speech.of_text(text), expected);
        }
    }

    #[test]
    fn only_sealed_state_is_opaque() {
        assert!(is_opaque("thought_signature", "CsYBAVSoXO4="));
        assert!(!is_opaque("signature", "Ingrid Halvorsen"));
        assert!(!is_opaque("data", "415-555-0134"));
        assert!(!is_opaque("note", "CsYBAVSoXO4="));
        assert!(!is_opaque("signature", "E-12345"));
    }
}
