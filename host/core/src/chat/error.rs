//! Errors in OpenAI's format, and the parser for provider errors, which have many formats.
//!
//! A provider's message may quote the request, so it may contain tokens. Nothing of an [`UpstreamError`] can be sent
//! until it has been converted to a [`Scrubbed`] one.

use serde_json::{Map, Value, json};

use super::surrogate;

/// Longer provider messages are truncated, in characters.
const MAX_WORDS: usize = 4096;
/// Longer values of `type`, `param` and `code` are dropped.
const MAX_WORD: usize = 128;
/// A larger `innererror` is dropped, in bytes of JSON.
const MAX_INNER: usize = 16 << 10;
/// Depth limit for the search for a message.
const MAX_DEPTH: usize = 6;
/// Limit of errors reported from a list.
const MAX_LISTED: usize = 8;

/// Keys of an object or a list that may hold an error, the most likely first.
const NESTED: [&str; 6] = ["error", "errors", "message", "detail", "msg", "fault"];
/// Keys of an error's message, the most specific first.
const WORDS: [&str; 13] = [
    "message",
    "msg",
    "detail",
    "error_message",
    "error_msg",
    "errorMessage",
    "Message",
    "error_description",
    "description",
    "faultstring",
    "error",
    "title",
    "reason",
];
const KINDS: [&str; 3] = ["type", "error_type", "__type"];
const CODES: [&str; 3] = ["code", "error_code", "errorCode"];
const STATUSES: [&str; 5] = ["code", "status", "status_code", "statusCode", "http_status"];

/// An error body.
pub fn body(message: &str, kind: &str, param: Option<&str>, code: &str, request_id: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": param, "code": code, "request_id": request_id}})
}

/// The relevant fields of a provider's error body, as the provider wrote them.
#[derive(Default)]
pub struct UpstreamError {
    words: Option<String>,
    kind: Value,
    param: Value,
    code: Value,
    inner: Value,
    status: Option<u16>,
}

impl UpstreamError {
    /// Parses the body of a response with an error status. `None` when it is not JSON, or has no error information.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let value: Value = serde_json::from_str(&surrogate::replace(text.trim_start_matches('\u{feff}'))).ok()?;
        let says_something = match &value {
            Value::Object(_) | Value::Array(_) => true,
            Value::String(words) => !words.trim().is_empty(),
            _ => false,
        };
        let mut error = says_something.then(|| Self::read(&value, MAX_DEPTH))?;
        if error.words.is_none() {
            let mut sentences = Vec::new();
            collect_sentences("", &value, MAX_DEPTH, &mut sentences);
            error.words = (!sentences.is_empty()).then(|| sentences.join("; "));
        }
        Some(error)
    }

    /// Parses an error received instead of an answer or a chunk. `None` when `value` is not an error.
    pub fn in_answer(value: &Value) -> Option<Self> {
        let Value::Object(map) = value else {
            return matches!(value, Value::Array(_))
                .then(|| Self::read(value, MAX_DEPTH))
                .filter(|error| error.words.is_some());
        };
        let says_so = map.get("error").is_some_and(is_something) || map.get("object") == Some(&json!("error"));
        // Some servers put `"error": null` or `"message": ""` into every answer.
        let answers = map.get("choices").and_then(Value::as_array).is_some_and(|choices| !choices.is_empty());
        if answers {
            return None;
        }
        let error = Self::read(value, MAX_DEPTH);
        (says_so || error.words.is_some()).then_some(error)
    }

    /// An error of our own.
    pub fn ours(message: &str, kind: &str, code: &str) -> Self {
        Self { words: Some(message.into()), kind: kind.into(), code: code.into(), ..Self::default() }
    }

    /// The HTTP status in the body.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// Removes tokens: replaced in messages; a constant that contains one is dropped.
    pub fn scrubbed(self, scrub: impl Fn(&str) -> String) -> Scrubbed {
        let word = |value: Value| match value {
            Value::String(text) if is_word(&text) && scrub(&text) == text => Value::String(text),
            Value::Number(number) if number.to_string().len() <= MAX_WORD => Value::Number(number),
            _ => Value::Null,
        };
        let words = self.words.map(|words| scrub(&words).chars().take(MAX_WORDS).collect());
        let inner = match self.inner {
            Value::Null => Value::Null,
            inner => scrubbed(inner, &scrub),
        };
        Scrubbed {
            message: words.unwrap_or_else(|| "the LLM provider gave no message".into()),
            kind: word(self.kind),
            param: word(self.param),
            code: word(self.code),
            inner: Some(inner).filter(|inner| inner.is_object() && inner.to_string().len() <= MAX_INNER),
        }
    }

    /// Parses all formats: an error is a message, a list of errors, or an object that contains one of these.
    fn read(value: &Value, depth: usize) -> Self {
        match value {
            Value::String(words) if !words.trim().is_empty() => {
                Self { words: Some(words.trim().into()), ..Self::default() }
            }
            Value::Array(list) if depth > 0 => {
                let mut errors = list.iter().take(MAX_LISTED).map(|error| Self::read(error, depth - 1));
                let Some(first) = errors.next() else { return Self::default() };
                errors.fold(first, Self::and)
            }
            Value::Object(map) if depth > 0 => Self::read_object(map, depth),
            _ => Self::default(),
        }
    }

    fn read_object(map: &Map<String, Value>, depth: usize) -> Self {
        let first = |names: &[&str], fits: fn(&Value) -> bool| {
            names.iter().filter_map(|name| map.get(*name)).find(|value| fits(value)).cloned().unwrap_or_default()
        };
        let words = WORDS.iter().filter_map(|name| map.get(*name)?.as_str()).find(|words| !words.trim().is_empty());
        let mut own = Self {
            words: words.map(|words| words.trim().to_owned()),
            kind: first(&KINDS, Value::is_string),
            param: first(&["param"], Value::is_string),
            code: first(&CODES, |code| code.is_string() || code.is_number()),
            inner: first(&["innererror"], Value::is_object),
            status: STATUSES.iter().find_map(|name| status(map.get(*name)?)),
        };
        if own.kind.is_null() {
            // Google's servers put the error type here: "INVALID_ARGUMENT".
            own.kind = first(&["status"], |status| status.as_str().is_some_and(|text| text.parse::<u16>().is_err()));
        }
        if let Some(place) = map.get("loc").and_then(place) {
            own.words = own.words.map(|words| format!("{place}: {words}"));
            own.param = place.into();
        }
        let nested =
            NESTED.iter().filter_map(|name| map.get(*name)).filter(|value| value.is_object() || value.is_array());
        nested.rev().map(|value| Self::read(value, depth - 1)).fold(own, |rest, nested| nested.over(rest))
    }

    /// This error, with missing fields taken from `other`.
    fn over(self, other: Self) -> Self {
        let or = |own: Value, other: Value| if own.is_null() { other } else { own };
        Self {
            words: self.words.or(other.words),
            kind: or(self.kind, other.kind),
            param: or(self.param, other.param),
            code: or(self.code, other.code),
            inner: or(self.inner, other.inner),
            status: self.status.or(other.status),
        }
    }

    /// This error, with the message of the next error in its list appended.
    fn and(self, next: Self) -> Self {
        let words = match (&self.words, &next.words) {
            (Some(own), Some(next)) => Some(format!("{own}; {next}")),
            _ => None,
        };
        let joined = self.over(next);
        Self { words: words.or(joined.words), ..joined }
    }
}

/// A provider's error without tokens, safe to send.
pub struct Scrubbed {
    message: String,
    kind: Value,
    param: Value,
    code: Value,
    /// Azure's `innererror`, with the results of its content filter.
    inner: Option<Value>,
}

impl Scrubbed {
    /// The response body.
    pub fn into_body(self, request_id: &str) -> Value {
        let mut error = json!({
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
            "request_id": request_id,
        });
        if let Some(inner) = self.inner {
            error["innererror"] = inner;
        }
        json!({"error": error})
    }
}

/// Whether a field is present and not empty.
fn is_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => true,
    }
}

fn is_word(text: &str) -> bool {
    text.len() <= MAX_WORD && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn status(value: &Value) -> Option<u16> {
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.and_then(|number| u16::try_from(number).ok()).filter(|status| (400..600).contains(status))
}

/// Location of the error in the request, in the format of FastAPI servers: `["body", "messages", 0]`.
fn place(loc: &Value) -> Option<String> {
    let steps = loc.as_array()?.iter().filter_map(|step| match step {
        Value::String(name) => Some(name.clone()),
        Value::Number(index) => Some(index.to_string()),
        _ => None,
    });
    let steps: Vec<String> = steps.skip_while(|step| step == "body").collect();
    (!steps.is_empty()).then(|| steps.join("."))
}

/// Collects sentences from an unknown format, each with its key.
fn collect_sentences(name: &str, value: &Value, depth: usize, sentences: &mut Vec<String>) {
    match value {
        Value::String(text) if text.trim().contains(' ') && sentences.len() < MAX_LISTED => {
            let separator = if name.is_empty() { "" } else { ": " };
            sentences.push(format!("{name}{separator}{}", text.trim()));
        }
        Value::Array(list) if depth > 0 => {
            list.iter().for_each(|value| collect_sentences(name, value, depth - 1, sentences));
        }
        Value::Object(map) if depth > 0 => {
            map.iter().for_each(|(key, value)| collect_sentences(key, value, depth - 1, sentences));
        }
        _ => {}
    }
}

/// A value with the tokens in its keys and texts replaced.
fn scrubbed(value: Value, scrub: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(scrub(&text)),
        Value::Array(list) => list.into_iter().map(|value| scrubbed(value, scrub)).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (scrub(&key), scrubbed(value, scrub))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(value: Value) -> Value {
        let error = UpstreamError::parse(value.to_string().as_bytes()).expect("an error");
        error.scrubbed(str::to_owned).into_body("req_1")["error"].take()
    }

    /// A server's error body, and the expected message, type, param and code.
    #[test]
    fn every_form_keeps_its_words() {
        let no = Value::Null;
        let table = [
            // OpenAI and most compatible servers.
            (
                json!({"error": {"message": "too long", "type": "invalid_request_error", "param": "messages", "code": null}}),
                "too long",
                json!("invalid_request_error"),
                json!("messages"),
                no.clone(),
            ),
            (json!({"error": "words"}), "words", no.clone(), no.clone(), no.clone()),
            (
                json!({"error": "Unauthorized", "message": "The key has expired", "statusCode": 401}),
                "The key has expired",
                no.clone(),
                no.clone(),
                no.clone(),
            ),
            (json!({"error": ["one", "two"]}), "one; two", no.clone(), no.clone(), no.clone()),
            (
                json!({"error": "Input is too long", "error_type": "validation"}),
                "Input is too long",
                json!("validation"),
                no.clone(),
                no.clone(),
            ),
            // vLLM.
            (
                json!({"object": "error", "message": "too long", "type": "BadRequestError", "param": null, "code": 400}),
                "too long",
                json!("BadRequestError"),
                no.clone(),
                json!(400),
            ),
            // Gemini.
            (
                json!([{"error": {"code": 400, "message": "Invalid argument", "status": "INVALID_ARGUMENT"}}]),
                "Invalid argument",
                json!("INVALID_ARGUMENT"),
                no.clone(),
                json!(400),
            ),
            // FastAPI, and Mistral, which wraps it.
            (json!({"detail": "Not Found"}), "Not Found", no.clone(), no.clone(), no.clone()),
            (
                json!({"detail": [{"loc": ["body", "top_p"], "msg": "at most 1", "type": "value_error"}, {"loc": ["body", "messages", 0], "msg": "missing", "type": "missing"}]}),
                "top_p: at most 1; messages.0: missing",
                json!("value_error"),
                json!("top_p"),
                no.clone(),
            ),
            (
                json!({"object": "error", "message": {"detail": [{"loc": ["body", "n"], "msg": "too many", "type": "extra"}]}, "type": "invalid_request_error", "code": null}),
                "n: too many",
                json!("extra"),
                json!("n"),
                no.clone(),
            ),
            (json!({"detail": {"error": "busy"}}), "busy", no.clone(), no.clone(), no.clone()),
            // Gateways and clouds.
            (json!({"message": "no such route"}), "no such route", no.clone(), no.clone(), no.clone()),
            (
                json!({"Message": "denied", "__type": "AccessDenied"}),
                "denied",
                json!("AccessDenied"),
                no.clone(),
                no.clone(),
            ),
            (json!({"error": {"message": {"text": 1, "message": "deep"}}}), "deep", no.clone(), no.clone(), no.clone()),
            (
                json!({"success": false, "errors": [{"code": 7003, "message": "no route"}], "result": null}),
                "no route",
                no.clone(),
                no.clone(),
                json!(7003),
            ),
            (
                json!({"error_code": "BAD_REQUEST", "message": "bad"}),
                "bad",
                no.clone(),
                no.clone(),
                json!("BAD_REQUEST"),
            ),
            (
                json!({"code": "The caller is not known", "error": "wrong key"}),
                "wrong key",
                no.clone(),
                no.clone(),
                no.clone(),
            ),
            (json!({"fault": {"faultstring": "over quota"}}), "over quota", no.clone(), no.clone(), no.clone()),
            (
                json!({"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "n is too large"}),
                "n is too large",
                json!("about:blank"),
                no.clone(),
                no.clone(),
            ),
            // Anthropic.
            (
                json!({"type": "error", "error": {"type": "not_found_error", "message": "no model"}}),
                "no model",
                json!("not_found_error"),
                no.clone(),
                no.clone(),
            ),
            (json!("just words"), "just words", no.clone(), no.clone(), no.clone()),
            // Unknown formats, and empty bodies.
            (
                json!({"errors": {"top_p": ["must be at most 1"], "id": "x"}}),
                "top_p: must be at most 1",
                no.clone(),
                no.clone(),
                no.clone(),
            ),
            (json!({}), "the LLM provider gave no message", no.clone(), no.clone(), no.clone()),
            (
                json!({"error": {"type": "server_error"}}),
                "the LLM provider gave no message",
                json!("server_error"),
                no.clone(),
                no.clone(),
            ),
        ];
        for (form, message, kind, param, code) in table {
            let got = error(form.clone());
            let wanted = json!({"message": message, "type": kind, "param": param, "code": code, "request_id": "req_1"});
            assert_eq!(got, wanted, "{form}");
        }
        for form in ["", "<html>", "null", "7", "\"\"", "{\"error\""] {
            assert!(UpstreamError::parse(form.as_bytes()).is_none(), "{form}");
        }
        assert!(UpstreamError::parse(b"\xef\xbb\xbf{\"error\": \"\xff\"}").is_some());
    }

    #[test]
    fn an_answer_is_an_error_only_when_it_says_so() {
        let errors = [
            json!({"error": {"message": "busy", "code": 429}}),
            json!({"error": {"message": "busy"}, "choices": []}),
            json!({"object": "error", "message": "busy"}),
            json!({"object": "error"}),
            json!({"detail": "busy"}),
            json!([{"error": {"message": "busy"}}]),
        ];
        for value in errors {
            assert!(UpstreamError::in_answer(&value).is_some(), "{value}");
        }
        let others = [
            json!({"choices": [{"message": {"content": "hi"}}], "error": null}),
            json!({"choices": [{"message": {"content": "hi"}}], "message": "ok"}),
            json!({"choices": [], "error": null, "usage": {}}),
            json!({"choices": [], "error": "", "message": null}),
            json!({}),
            json!([]),
            json!(7),
            json!("words"),
        ];
        for value in others {
            assert!(UpstreamError::in_answer(&value).is_none(), "{value}");
        }
    }

    #[test]
    fn a_status_in_a_body_is_one_of_an_error() {
        let table = [
            (json!({"error": {"code": 429, "message": "x"}}), Some(429)),
            (json!({"error": {"code": "503", "message": "x"}}), Some(503)),
            (json!({"error": {"code": "rate_limited", "message": "x"}, "status": 429}), Some(429)),
            (json!({"statusCode": 404, "message": "x"}), Some(404)),
            (json!({"error": {"code": 200, "message": "x"}}), None),
            (json!({"error": {"code": 1113, "message": "x"}}), None),
            (json!({"error": {"code": -400, "message": "x"}}), None),
            (json!({"error": "x"}), None),
        ];
        for (value, status) in table {
            assert_eq!(UpstreamError::in_answer(&value).expect("an error").status(), status, "{value}");
        }
    }

    #[test]
    fn what_a_content_filter_found_stays() {
        let inner = json!({"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": true, "severity": "high"}}});
        let got = error(json!({"error": {"message": "filtered", "code": "content_filter", "innererror": inner}}));
        assert_eq!(got["innererror"], inner);
        let large = json!({"x": "y".repeat(MAX_INNER)});
        assert!(error(json!({"error": {"message": "filtered", "innererror": large}})).get("innererror").is_none());
    }

    #[test]
    fn long_words_are_cut_and_deep_ones_are_not_looked_for() {
        assert_eq!(
            error(json!({"message": "é".repeat(MAX_WORDS + 1)}))["message"].as_str().expect("text").chars().count(),
            MAX_WORDS
        );
        let mut deep = json!("words");
        for _ in 0..40 {
            deep = json!({"error": deep});
        }
        assert_eq!(error(deep)["message"], "the LLM provider gave no message");
    }
}
