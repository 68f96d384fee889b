//! The replayed call: sends each turn of the caller to an agent's proxy, as a voice platform does.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Request, StatusCode};
use masker_client::client::HttpClient;
use masker_client::exit::{self, Failure};
use masker_core::sensitive::SensitiveText;
use serde_json::{Value, json};

/// Timeout for a complete response.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A call in progress.
pub struct Call<'a> {
    /// URL of the agent's proxy, up to `/chat/completions`. It is a credential and never in an error.
    pub url: String,
    /// Key, if the agent requires one.
    pub proxy_key: Option<SensitiveText>,
    /// Call ID that groups the turns.
    pub id: String,
    /// The conversation so far.
    pub messages: Vec<Value>,
    /// HTTP client.
    pub client: &'a HttpClient,
}

/// A response.
pub struct Answer {
    /// Text that the caller would hear.
    pub text: String,
    /// Time to the first chunk.
    pub first_token: Duration,
    /// Time to the end.
    pub whole: Duration,
}

impl Call<'_> {
    /// Sends one turn and returns the response.
    pub async fn say(&mut self, text: &str) -> Result<Answer, Failure> {
        self.messages.push(json!({"role": "user", "content": text}));
        let answer = tokio::time::timeout(TIMEOUT, self.answer()).await;
        answer.map_err(|_| Failure::new(exit::UNREACHABLE, format!("no response within {TIMEOUT:?}")))?
    }

    async fn answer(&self) -> Result<Answer, Failure> {
        let begun = Instant::now();
        let broken = || Failure::new(exit::UNREACHABLE, "the server cannot be reached, or the connection was lost");
        let response = self.client.request(self.request()?).await.map_err(|_| broken())?;
        let status = response.status();
        let mut body = response.into_body();
        if !status.is_success() {
            let body = body.collect().await.map_err(|_| broken())?.to_bytes();
            return Err(refused(status, &body));
        }
        let mut decoder = sse_core::SseDecoder::with_limit(const { std::num::NonZeroUsize::new(1 << 20).unwrap() });
        let (mut text, mut first_token) = (String::new(), None);
        while let Some(frame) = body.frame().await {
            let Ok(mut bytes) = frame.map_err(|_| broken())?.into_data() else { continue };
            while let Some(event) = decoder.next(&mut bytes) {
                let Ok(sse_core::SseEvent::Message(event)) = event else { continue };
                let chunk: Value = serde_json::from_str(&event.data).unwrap_or_default();
                if chunk.get("error").is_some() {
                    return Err(refused(StatusCode::BAD_GATEWAY, event.data.as_bytes()));
                }
                let piece = chunk.pointer("/choices/0/delta/content").and_then(Value::as_str).unwrap_or_default();
                if !piece.is_empty() {
                    first_token.get_or_insert_with(|| begun.elapsed());
                    text.push_str(piece);
                }
            }
        }
        let whole = begun.elapsed();
        Ok(Answer { text, first_token: first_token.unwrap_or(whole), whole })
    }

    fn request(&self) -> Result<Request<Full<Bytes>>, Failure> {
        let wrong = || Failure::new(exit::USAGE, "the agent or the proxy key contains invalid characters");
        let body = json!({"stream": true, "messages": self.messages}).to_string();
        let mut request = Request::post(format!("{}/chat/completions", self.url))
            .header(CONTENT_TYPE, "application/json")
            .header("masker-session-id", &self.id);
        if let Some(key) = &self.proxy_key {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose())).map_err(|_| wrong())?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        request.body(Full::from(body)).map_err(|_| wrong())
    }
}

/// Formats an error of the proxy, which has OpenAI's format, with the request ID for finding its log lines.
fn refused(status: StatusCode, body: &[u8]) -> Failure {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |at: &str| json.pointer(at).and_then(Value::as_str).unwrap_or("unknown").to_owned();
    let code = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => exit::AUTH,
        _ => exit::COMMAND,
    };
    Failure::new(
        code,
        format!("the agent returned {}: {} ({})", status.as_u16(), text("/error/message"), text("/error/code")),
    )
}
