//! Speech recognition over HTTP, by two hosted services or a local server.
//!
//! APIs: Deepgram's "Pre-recorded audio" (`POST /v1/listen`), OpenAI's "Create transcription"
//! (`POST /v1/audio/transcriptions`, `verbose_json`) and the whisper.cpp server (`POST /inference`, `verbose_json`).

use std::time::Duration;

use bytes::Bytes;
use clap::ValueEnum;
use form_urlencoded::byte_serialize;
use http_body_util::{BodyExt, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Request, StatusCode};
use masker_client::client::HttpClient;
use masker_client::exit::{self, Failure};
use masker_core::sensitive::SensitiveText;
use serde_json::Value;

/// Timeout of a request; transcribing an hour of audio takes minutes.
const TIMEOUT: Duration = Duration::from_secs(600);
/// Maximum length of a provider's error message, in characters.
const LONGEST_ERROR: usize = 300;

/// Speech recognition provider.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Provider {
    /// Deepgram, with the key in DEEPGRAM_API_KEY.
    Deepgram,
    /// OpenAI or a compatible API, with the key in OPENAI_API_KEY.
    Openai,
    /// A whisper.cpp server on this machine. The recording does not leave the machine.
    WhisperLocal,
}

impl Provider {
    /// Default base URL.
    pub fn url(self) -> &'static str {
        match self {
            Self::Deepgram => "https://api.deepgram.com",
            Self::Openai => "https://api.openai.com",
            Self::WhisperLocal => "http://127.0.0.1:8080",
        }
    }

    /// The variable that contains its key, if it needs one.
    pub fn key_variable(self) -> Option<&'static str> {
        match self {
            Self::Deepgram => Some("DEEPGRAM_API_KEY"),
            Self::Openai => Some("OPENAI_API_KEY"),
            Self::WhisperLocal => None,
        }
    }
}

/// A segment of speech.
#[derive(Clone, PartialEq, Debug)]
pub struct Segment {
    /// Start, in seconds from the beginning.
    pub start: f64,
    /// End, in seconds from the beginning.
    pub end: f64,
    /// Recognised text.
    pub text: String,
}

/// A configured provider.
pub struct Recogniser<'a> {
    /// Provider.
    pub provider: Provider,
    /// Base URL, without a trailing slash.
    pub url: String,
    /// API key.
    pub key: Option<SensitiveText>,
    /// Model; the provider's default if not set.
    pub model: Option<String>,
    /// HTTP client.
    pub client: &'a HttpClient,
}

impl Recogniser<'_> {
    /// Transcribes a WAV file.
    pub async fn recognise(&self, wav: Vec<u8>) -> Result<Vec<Segment>, Failure> {
        let request = self.request(wav)?;
        let unreachable =
            || Failure::new(exit::UNREACHABLE, format!("{} cannot be reached, or the connection was lost", self.url));
        let answer = async {
            let (head, body) = self.client.request(request).await.map_err(|_| unreachable())?.into_parts();
            let body = body.collect().await.map_err(|_| unreachable())?.to_bytes();
            Ok::<_, Failure>((head.status, body))
        };
        let late = |_| Failure::new(exit::UNREACHABLE, format!("{} took longer than {TIMEOUT:?}", self.url));
        let (status, body) = tokio::time::timeout(TIMEOUT, answer).await.map_err(late)??;
        if !status.is_success() {
            return Err(self.refused(status, &body));
        }
        let strange = || Failure::new(exit::GENERIC, format!("{} returned no transcript", self.url));
        segments(self.provider, &serde_json::from_slice(&body).map_err(|_| strange())?).ok_or_else(strange)
    }

    fn request(&self, wav: Vec<u8>) -> Result<Request<Full<Bytes>>, Failure> {
        let model = self.model.as_deref();
        let (path, kind, body) = match self.provider {
            Provider::Deepgram => {
                let model =
                    model.map(|model| format!("&model={}", byte_serialize(model.as_bytes()).collect::<String>()));
                let path = format!("/v1/listen?utterances=true&punctuate=true{}", model.unwrap_or_default());
                (path, "audio/wav".to_owned(), wav)
            }
            Provider::Openai => {
                // The only OpenAI model with timestamps.
                let fields = [("model", model.unwrap_or("whisper-1")), ("response_format", "verbose_json")];
                let (kind, body) = multipart(&fields, &wav)?;
                ("/v1/audio/transcriptions".to_owned(), kind, body)
            }
            Provider::WhisperLocal => {
                let (kind, body) = multipart(&[("response_format", "verbose_json"), ("temperature", "0")], &wav)?;
                ("/inference".to_owned(), kind, body)
            }
        };
        let wrong = |_| Failure::new(exit::USAGE, "the provider's URL or key contains invalid characters");
        let mut request = Request::post(format!("{}{path}", self.url)).header(CONTENT_TYPE, kind);
        if let Some(key) = &self.key {
            let scheme = if self.provider == Provider::Deepgram { "Token" } else { "Bearer" };
            let value = HeaderValue::from_str(&format!("{scheme} {}", key.expose()));
            let mut value = value.map_err(|_| Failure::new(exit::USAGE, "the provider's key is invalid"))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        request.body(Full::from(body)).map_err(wrong)
    }

    /// Formats a provider's error, without the key, which some providers repeat, and without terminal control
    /// characters.
    fn refused(&self, status: StatusCode, body: &[u8]) -> Failure {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let said =
            ["/error/message", "/err_msg", "/message", "/error"].iter().find_map(|at| json.pointer(at)?.as_str());
        let mut said = said.unwrap_or_default().to_owned();
        if let Some(key) = &self.key {
            said = said.replace(key.expose().as_str(), "...");
        }
        let said: String = said.chars().filter(|c| !c.is_control()).take(LONGEST_ERROR).collect();
        let code = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => exit::AUTH,
            _ => exit::COMMAND,
        };
        Failure::new(code, format!("{} returned {}: {said}", self.url, status.as_u16()))
    }
}

fn segments(provider: Provider, answer: &Value) -> Option<Vec<Segment>> {
    let (list, text) = match provider {
        Provider::Deepgram => (answer.pointer("/results/utterances"), "transcript"),
        Provider::Openai | Provider::WhisperLocal => (answer.get("segments"), "text"),
    };
    let segment = |one: &Value| {
        let text = one.get(text)?.as_str()?.trim();
        let (start, end) = (one.get("start")?.as_f64()?, one.get("end")?.as_f64()?);
        Some(Segment { start, end, text: text.split_whitespace().collect::<Vec<_>>().join(" ") })
    };
    let all: Option<Vec<Segment>> = list?.as_array()?.iter().map(segment).collect();
    // Whisper models write music and noise in brackets; silence is an empty text.
    let is_noise = |text: &str| text.is_empty() || (text.starts_with(['[', '(']) && text.ends_with([']', ')']));
    all.map(|all| all.into_iter().filter(|segment| !is_noise(&segment.text)).collect())
}

/// Builds a multipart body (RFC 7578) with a random boundary, which no file contains by chance.
fn multipart(fields: &[(&str, &str)], wav: &[u8]) -> Result<(String, Vec<u8>), Failure> {
    let mut random = [0; 18];
    getrandom::fill(&mut random).map_err(|error| Failure::new(exit::GENERIC, error.to_string()))?;
    let boundary = data_encoding::HEXLOWER.encode(&random);
    let mut body = Vec::with_capacity(wav.len() + 1024);
    for (name, value) in fields {
        let part = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let head = "Content-Disposition: form-data; name=\"file\"; filename=\"call.wav\"\r\nContent-Type: audio/wav";
    body.extend_from_slice(format!("--{boundary}\r\n{head}\r\n\r\n").as_bytes());
    body.extend_from_slice(wav);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    Ok((format!("multipart/form-data; boundary={boundary}"), body))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_each_provider_answers_becomes_segments() {
        let expected = [Segment { start: 0.5, end: 1.0, text: "hello there".into() }];
        let deepgram = json!({"results": {"utterances": [
            {"start": 0.5, "end": 1.0, "transcript": " hello  there", "channel": 0},
            {"start": 2, "end": 3, "transcript": ""},
        ]}});
        let whisper = json!({"text": "x", "segments": [
            {"start": 0.5, "end": 1, "text": " hello there\n"},
            {"start": 2, "end": 3, "text": " [BLANK_AUDIO]"},
        ]});
        assert_eq!(segments(Provider::Deepgram, &deepgram).as_deref(), Some(&expected[..]));
        for provider in [Provider::Openai, Provider::WhisperLocal] {
            assert_eq!(segments(provider, &whisper).as_deref(), Some(&expected[..]));
            assert_eq!(segments(provider, &json!({"text": "no times"})), None);
        }
        assert_eq!(segments(Provider::Deepgram, &whisper), None);
    }
}
