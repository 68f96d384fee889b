//! Responses as a caller gets them.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::{HeaderMap, StatusCode};
use serde_json::Value;

/// A complete response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    pub(super) fn new(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self { status, headers, body }
    }

    /// The body as text.
    ///
    /// # Panics
    /// If it is not UTF-8, which is an error in every response.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("an answer is UTF-8")
    }

    /// Whether a token, or the beginning of one, is in the body. A request's id does not count: its random part
    /// contains `MSKV1` about once in a million.
    pub fn has_token(&self) -> bool {
        let mut parts = self.text().split("\"req_");
        let before = parts.next().unwrap_or_default();
        let shows = |text: &str| text.to_uppercase().contains("MSK");
        shows(before) || parts.any(|part| shows(part.split_once('"').unwrap_or_default().1))
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(self.text()).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }

    /// One header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The model's text, in a whole answer.
    ///
    /// # Panics
    /// If it is not a whole answer.
    pub fn content(&self) -> String {
        let json = self.json();
        let content = json["choices"][0]["message"]["content"].as_str();
        content.unwrap_or_else(|| panic!("no content in {}: {json}", self.status)).to_owned()
    }

    /// The code of an error of the proxy or of the API; empty if it is not an error.
    pub fn error_code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The data of the stream's events, in order, without its comments.
    ///
    /// # Panics
    /// If a line is not part of a server-sent event stream.
    pub fn events(&self) -> Vec<String> {
        self.text()
            .split("\n\n")
            .filter(|event| !event.is_empty() && !event.starts_with(':'))
            .map(|event| event.strip_prefix("data: ").unwrap_or_else(|| panic!("not an event: {event}")).to_owned())
            .collect()
    }

    /// The stream's chunks, in order, without `[DONE]`.
    pub fn chunks(&self) -> Vec<Value> {
        let events = self.events().into_iter().filter(|data| data != "[DONE]");
        events.map(|data| serde_json::from_str(&data).expect("an event of the stream is JSON")).collect()
    }

    /// The stream as a client assembles it.
    pub fn said(&self) -> Said {
        say_all(&self.chunks(), self.events().last().is_some_and(|last| last == "[DONE]"))
    }
}

/// A streamed answer as a client assembles it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// The text of each choice.
    pub content: BTreeMap<u64, String>,
    /// Name and arguments of each tool call, by choice and index.
    pub tools: BTreeMap<(u64, u64), (String, String)>,
    /// Why each choice ended.
    pub finished: BTreeMap<u64, String>,
    /// Whether the usage chunk came.
    pub usage: bool,
    /// The error's code, if there was one.
    pub error: Option<String>,
    /// Whether `[DONE]` came last.
    pub done: bool,
}

impl Said {
    /// The text of the first choice.
    pub fn text(&self) -> &str {
        self.content.get(&0).map_or("", String::as_str)
    }
}

/// Assembles a stream's chunks like the strictest client.
///
/// # Panics
/// If text or arguments come for a finished choice, or something follows the usage chunk: clients lose it.
pub fn say_all(chunks: &[Value], done: bool) -> Said {
    let mut said = Said { done, ..Said::default() };
    for chunk in chunks {
        assert!(!said.usage, "something follows the usage chunk: {chunk}");
        if let Some(error) = chunk.get("error") {
            said.error = Some(error["code"].as_str().unwrap_or("null").to_owned());
            continue;
        }
        let choices = chunk["choices"].as_array().expect("a chunk has choices");
        if choices.is_empty() && chunk["usage"].is_object() {
            said.usage = true;
        }
        for choice in choices {
            let index = choice["index"].as_u64().expect("a choice has an index");
            assert!(!said.finished.contains_key(&index), "text after the end of choice {index}: {chunk}");
            add(&mut said, index, &choice["delta"]);
            if let Some(reason) = choice["finish_reason"].as_str() {
                said.finished.insert(index, reason.to_owned());
            }
        }
    }
    said
}

fn add(said: &mut Said, choice: u64, delta: &Value) {
    let text = delta["content"].as_str().unwrap_or_default();
    let calls = delta["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(
        text.is_empty() || calls.is_empty(),
        "text and a tool call in one chunk, one of which clients lose: {delta}"
    );
    assert!(calls.len() < 2, "two tool calls in one chunk, one of which clients lose: {delta}");
    if !text.is_empty() {
        said.content.entry(choice).or_default().push_str(text);
    }
    for call in calls {
        let index = call["index"].as_u64().expect("a tool call has an index");
        let entry = said.tools.entry((choice, index)).or_default();
        // Some clients concatenate pieces of a name: it must come once.
        entry.0.push_str(call["function"]["name"].as_str().unwrap_or_default());
        entry.1.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_seen_and_an_id_that_looks_like_one_is_not() {
        let has_token = |body: &str| {
            Answer::new(StatusCode::OK, HeaderMap::new(), Bytes::copy_from_slice(body.as_bytes())).has_token()
        };
        assert!(!has_token(r#"{"message": "it broke", "request_id": "req_01M8AJQVGPSQ8PDX7WMSKV1SY8"}"#));
        assert!(has_token(r#"{"message": "MSKV1.NAME", "request_id": "req_01M8AJQVGPSQ8PDX7WMSKV1SY8"}"#));
        assert!(has_token(r#"{"request_id": "req_01M8AJQVGPSQ8PDX7WMSKV1SY8", "message": "you are mskv1"}"#));
    }
}
