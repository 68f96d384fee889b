//! Classifies an upstream response: a stream, a whole answer, or an error in one of its many forms.
//!
//! Only errors are processed here: they are converted to OpenAI's format, without tokens. Answers are passed on
//! unread.

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, StatusCode};

use super::error::PipelineError;
use super::resolve::scrub;
use super::response::{Answer, read};
use crate::chat::error::{Scrubbed, UpstreamError};
use crate::chat::surrogate;
use crate::upstream::{UpstreamFault, UpstreamResponse};

/// The largest error body that is read, in bytes.
const MAX_ERROR: usize = 1 << 20;
/// Leading white space allowed before the first significant byte.
const MAX_BLANK: usize = 64 << 10;

type Pieces = BoxStream<'static, Result<Bytes, UpstreamFault>>;

/// A classified response.
pub(super) enum Incoming {
    /// Server-sent events.
    Stream(Pieces),
    /// A whole body of any content, and the headers that accompany an error in it.
    Whole(Pieces, ErrorHeaders),
    /// The upstream's own error.
    Error(Answer),
}

/// Classifies a response by its head, and by its first bytes if the head is not conclusive.
pub(super) async fn sort(answer: UpstreamResponse, asked_for_stream: bool) -> Result<Incoming, PipelineError> {
    let headers = ErrorHeaders::of(&answer.headers);
    if !answer.status.is_success() {
        return error(answer.status, answer.body, headers).await.map(Incoming::Error);
    }
    if is_event_stream(&answer.headers) {
        return Ok(Incoming::Stream(answer.body));
    }
    if !asked_for_stream {
        return Ok(Incoming::Whole(answer.body, headers));
    }
    // Some servers stream as `text/plain`, as JSON or without a content type, and some do not stream.
    let (first, body) = first_byte(answer.body).await?;
    Ok(match first {
        // A field, a comment, or the UTF-8 byte order mark.
        Some(b'd' | b'e' | b'i' | b'r' | b':' | 0xef) => Incoming::Stream(body),
        _ => Incoming::Whole(body, headers),
    })
}

/// The error in a body sent instead of an answer, with the status named by the body.
pub(super) fn error_in_answer(bytes: &[u8], headers: ErrorHeaders) -> Option<Answer> {
    let text = surrogate::replace(std::str::from_utf8(bytes).ok()?);
    let error = UpstreamError::in_answer(&serde_json::from_str(&text).ok()?)?;
    let status = error.status().and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::BAD_GATEWAY);
    Some(headers.with(status, error))
}

/// An error that may be sent as an event of a stream.
pub(super) fn scrubbed(error: UpstreamError) -> Scrubbed {
    error.scrubbed(scrub)
}

async fn error(status: StatusCode, body: Pieces, headers: ErrorHeaders) -> Result<Answer, PipelineError> {
    // Anything else, above all a redirect, must not reach a caller: the client would follow it.
    if !status.is_client_error() && !status.is_server_error() {
        return Err(PipelineError::UpstreamGarbage);
    }
    let body = read(body, MAX_ERROR).await.unwrap_or_default();
    match UpstreamError::parse(&body) {
        Some(error) => Ok(headers.with(status, error)),
        None if status == StatusCode::TOO_MANY_REQUESTS => {
            let error = UpstreamError::ours("the LLM provider is rate limiting", "rate_limit_error", "rate_limited");
            Ok(headers.with(status, error))
        }
        None => Err(PipelineError::UpstreamGarbage),
    }
}

/// Upstream headers passed to the caller with an error: those the official clients read before a retry. A header is
/// kept only if it matches a closed format that has no room for text.
#[derive(Default)]
pub(super) struct ErrorHeaders(HeaderMap);

impl ErrorHeaders {
    fn of(from: &HeaderMap) -> Self {
        let mut headers = HeaderMap::new();
        let mut keep = |name: &'static str, fits: fn(&str) -> bool| {
            if let Some(value) = from.get(name).filter(|value| value.to_str().is_ok_and(fits)) {
                headers.insert(name, value.clone());
            }
        };
        keep(RETRY_AFTER.as_str(), |text| is_number(text) || is_date(text));
        keep("retry-after-ms", is_number);
        keep("x-should-retry", |text| matches!(text, "true" | "false"));
        Self(headers)
    }

    fn with(self, status: StatusCode, error: UpstreamError) -> Answer {
        Answer::UpstreamError { status, error: Box::new(scrubbed(error)), headers: self.0 }
    }
}

fn is_number(text: &str) -> bool {
    text.len() <= 20 && text.parse::<f64>().is_ok_and(|number| number >= 0.0) && !text.contains(char::is_alphabetic)
}

fn is_date(text: &str) -> bool {
    // A comment in parentheses is part of the format.
    text.len() <= 40 && !text.contains('(') && chrono::DateTime::parse_from_rfc2822(text).is_ok()
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default().trim_ascii_start();
    let name = b"text/event-stream";
    content_type.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
}

/// The first byte of a body that is not white space, and the unchanged body.
async fn first_byte(mut body: Pieces) -> Result<(Option<u8>, Pieces), PipelineError> {
    let mut seen: Vec<Result<Bytes, UpstreamFault>> = Vec::new();
    let mut first = None;
    let mut blank = 0;
    while first.is_none() && blank < MAX_BLANK {
        let Some(piece) = body.next().await else { break };
        let piece = piece?;
        blank += piece.len();
        first = piece.iter().copied().find(|byte| !byte.is_ascii_whitespace());
        seen.push(Ok(piece));
    }
    Ok((first, stream::iter(seen).chain(body).boxed()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    /// Names that have a meaning somewhere in an error, and others.
    const KEYS: [&str; 26] = [
        "error",
        "errors",
        "message",
        "msg",
        "detail",
        "fault",
        "faultstring",
        "title",
        "type",
        "error_type",
        "__type",
        "code",
        "error_code",
        "param",
        "status",
        "innererror",
        "content_filter_result",
        "loc",
        "object",
        "reason",
        "description",
        "metadata",
        "failed_generation",
        "choices",
        "x",
        "",
    ];
    const TOKENS: [&str; 6] = [
        "MSKV1.NAME.K_HEALTHCARE.AAAQEAYEAUDAOCAJBIFQYDIOB4",
        "MSK1.PHONE.K_HEALTHCARE.AAAQEAYEAUDAOCAJBIFQYDIOB4AAAQEAYEAUDAOCAJBIFQYDIOB4",
        "mskv1.name.k_healthcare.aaaqeayeaudaocajbifqydiob4",
        "MSKV1.NAME.K_HEALTHCARE.AAAQEAYE",
        "[NAME_1]",
        "[PHONE_12]",
    ];

    /// A text with a token in it: alone, so that it could be a protocol keyword, or among words.
    fn text() -> impl Strategy<Value = String> {
        let around = prop::sample::select(vec!["", "", " ", "'", "bad:", "the value ", "\n", "é", "."]);
        (around.clone(), prop::sample::select(TOKENS.to_vec()), around)
            .prop_map(|(before, token, behind)| format!("{before}{token}{behind}"))
    }

    fn body() -> impl Strategy<Value = Value> {
        let key = prop_oneof![8 => prop::sample::select(KEYS.to_vec()).prop_map(str::to_owned), 1 => text()];
        let leaf = prop_oneof![6 => text().prop_map(Value::String), 1 => Just(json!(429)), 1 => Just(Value::Null), 1 => Just(json!("error"))];
        leaf.prop_recursive(5, 40, 5, move |inner| {
            let object = prop::collection::vec((key.clone(), inner.clone()), 0..6);
            prop_oneof![
                4 => object.prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
                1 => prop::collection::vec(inner, 0..4).prop_map(Value::Array),
            ]
        })
    }

    #[track_caller]
    fn holds_no_token(answer: Answer) {
        let Answer::UpstreamError { error, .. } = answer else { panic!("an error") };
        let body = error.into_body("id").to_string();
        let upper = body.to_uppercase();
        assert!(!upper.contains("MSK") && !upper.contains("[NAME_") && !upper.contains("[PHONE_"), "{body}");
    }

    proptest! {
        #[test]
        fn no_error_lets_a_token_out(body in body()) {
            let text = body.to_string();
            if let Some(error) = UpstreamError::parse(text.as_bytes()) {
                holds_no_token(ErrorHeaders::default().with(StatusCode::BAD_REQUEST, error));
            }
            if let Some(answer) = error_in_answer(text.as_bytes(), ErrorHeaders::default()) {
                holds_no_token(answer);
            }
        }
    }

    #[test]
    fn closed_words_of_a_protocol_stay() {
        let words = [
            "invalid_request_error",
            "messages[1].content",
            "messages.0.content",
            "tools[0].function.parameters",
            "context_length_exceeded",
            "RESOURCE_EXHAUSTED",
            "BadRequestError",
            "400",
            "response_format",
        ];
        for word in words {
            let error = json!({"error": {"message": "m", "type": word, "param": word, "code": word}});
            let error = UpstreamError::parse(error.to_string().as_bytes()).expect("an error");
            let body = scrubbed(error).into_body("id");
            for field in ["type", "param", "code"] {
                assert_eq!(body["error"][field], word);
            }
        }
    }

    #[test]
    fn headers_of_an_error_are_closed_words() {
        let kept = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(value).expect("a value"));
            ErrorHeaders::of(&headers).0.contains_key(name)
        };
        let date = "Wed, 21 Oct 2026 07:28:00 GMT";
        for (name, value) in [
            ("retry-after", "7"),
            ("retry-after", "0.5"),
            ("retry-after", date),
            ("retry-after-ms", "250"),
            ("x-should-retry", "true"),
            ("x-should-retry", "false"),
        ] {
            assert!(kept(name, value), "{name}: {value}");
        }
        for (name, value) in [
            ("retry-after", "soon"),
            ("retry-after", "inf"),
            ("retry-after", "-1"),
            ("retry-after", "[NAME_1]"),
            ("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT ([NAME_1])"),
            ("retry-after-ms", date),
            ("x-should-retry", "maybe"),
            ("location", "https://x.example"),
            ("set-cookie", "a=b"),
        ] {
            assert!(!kept(name, value), "{name}: {value}");
        }
    }

    #[tokio::test]
    async fn what_was_asked_for_as_a_stream_is_known_by_its_first_byte() {
        let sorted = async |content_type: &str, asked: bool, pieces: &[&'static str]| {
            let mut headers = HeaderMap::new();
            if !content_type.is_empty() {
                headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).expect("a value"));
            }
            let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from(*piece))).collect();
            let body = stream::iter(pieces).boxed();
            let answer = UpstreamResponse { status: StatusCode::OK, headers, body };
            let (kind, body) = match sort(answer, asked).await.expect("sorted") {
                Incoming::Stream(body) => ("stream", body),
                Incoming::Whole(body, _) => ("whole", body),
                Incoming::Error(_) => panic!("no error"),
            };
            (kind, String::from_utf8(read(body, 1 << 20).await.expect("a body")).expect("text"))
        };
        let table: [(&str, bool, &[&'static str], &str); 15] = [
            ("text/event-stream", true, &["{\"choices\""], "stream"),
            ("Text/Event-Stream; charset=utf-8", false, &["data: 1\n\n"], "stream"),
            ("", true, &["data: 1\n\n"], "stream"),
            ("text/plain; charset=utf-8", true, &["data: 1\n\n"], "stream"),
            ("application/octet-stream", true, &["\n", "\n", ": hi\n\n"], "stream"),
            ("application/json", true, &["event: x\ndata: 1\n\n"], "stream"),
            ("", true, &["\u{feff}data: 1\n\n"], "stream"),
            ("application/json", true, &["  ", "\n{\"choices\": []}"], "whole"),
            ("text/plain", true, &["{\"error\": 1}"], "whole"),
            ("", true, &["[{\"error\": 1}]"], "whole"),
            ("text/html", true, &["<html>"], "whole"),
            ("text/plain", true, &["Not today"], "whole"),
            ("text/plain", true, &[], "whole"),
            ("", false, &["data: 1\n\n"], "whole"),
            ("application/json", false, &["{}"], "whole"),
        ];
        for (content_type, asked, pieces, wanted) in table {
            let (kind, body) = sorted(content_type, asked, pieces).await;
            assert_eq!((kind, body), (wanted, pieces.concat()), "{content_type} {pieces:?}");
        }
    }
}
