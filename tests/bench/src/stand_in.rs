//! A stand-in for Masker that recognises only the bench's own conversation. It validates the bench: that it measures
//! what it claims, and that it prints no figures for a proxy that leaks or does not restore. It is not a real masker.
//!
//! A "token" is a word in hexadecimal, so no state is needed. `STAND_IN=leak` forwards everything unchanged,
//! `STAND_IN=forget` never restores.

use std::env;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::workload::is_name_part;

const TOKEN: &str = "MSKV1.X.K.";

#[derive(Clone)]
struct StandIn {
    client: Client<HttpConnector, Full<Bytes>>,
    upstream: String,
    leaks: bool,
    forgets: bool,
}

/// `serve`, with the variables that the bench sets for Masker.
pub async fn serve() -> Result<()> {
    let listen: SocketAddr = env::var("MASKER_LISTEN_ADDR")?.parse()?;
    let mode = env::var("STAND_IN").unwrap_or_default();
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let stand_in = StandIn {
        client: Client::builder(TokioExecutor::new()).build(connector),
        upstream: env::var("MASKER_OPENAI_BASE_URL")? + "/chat/completions",
        leaks: mode == "leak",
        forgets: mode == "forget",
    };
    let agent = json!({"agent": {"id": "agt_1", "proxy_base_url": format!("http://{listen}/proxy/agt_1/v1")}});
    let routes = Router::new()
        .route("/health", get(|| async { "ok" }))
        .route("/api/v1/agents", post(async || (StatusCode::CREATED, Json(agent))))
        .route("/proxy/agt_1/v1/chat/completions", post(proxy))
        .with_state(stand_in);
    let listener = TcpListener::bind(listen).await.context("listen")?;
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, routes).await?)
}

async fn proxy(State(stand_in): State<StandIn>, body: Bytes) -> Result<Response, StatusCode> {
    let mut chat: Value = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    if !stand_in.leaks {
        mask_strings(&mut chat["messages"]);
    }
    let request = Request::post(&stand_in.upstream)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::from(chat.to_string()))
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let answer = stand_in.client.request(request).await;
    let answer = answer.map_err(|_| StatusCode::BAD_GATEWAY)?;
    if stand_in.forgets {
        return Ok(answer.map(Body::new).into_response());
    }
    let (head, mut body) = answer.into_parts();
    let content_type = [(header::CONTENT_TYPE, head.headers[header::CONTENT_TYPE].clone())];
    if chat["stream"] != true {
        let bytes = body.collect().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
        let text = String::from_utf8_lossy(&bytes.to_bytes()).into_owned();
        return Ok((content_type, restore(&text).0).into_response());
    }
    let (events, receiver) = tokio::sync::mpsc::channel::<Bytes>(64);
    tokio::spawn(async move {
        let mut stream = StreamRestorer::default();
        while let Some(Ok(frame)) = body.frame().await {
            let data = frame.into_data().unwrap_or_default();
            if events.send(stream.push(&data).into()).await.is_err() {
                return;
            }
        }
    });
    Ok((content_type, Body::new(ChannelBody(receiver))).into_response())
}

/// A body fed by a channel.
struct ChannelBody(tokio::sync::mpsc::Receiver<Bytes>);

impl hyper::body::Body for ChannelBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(cx).map(|bytes| bytes.map(hyper::body::Frame::data).map(Ok))
    }
}

fn mask_strings(value: &mut Value) {
    match value {
        Value::String(text) => *text = mask(text),
        Value::Array(items) => items.iter_mut().for_each(mask_strings),
        Value::Object(fields) => {
            let closed = ["role", "type", "id", "tool_call_id"];
            let open = fields.iter_mut().filter(|(key, _)| !closed.contains(&key.as_str()));
            open.for_each(|(_, value)| mask_strings(value));
        }
        _ => {}
    }
}

/// Replaces every word with a digit or an at sign, and every name of the bench, with a token.
fn mask(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        let word = rest[..end].trim_end_matches(['.', '-']);
        if word.contains(|c: char| c.is_ascii_digit() || c == '@') || is_name_part(word) {
            let hex = word.bytes().map(|byte| format!("{byte:02X}"));
            masked += &format!("{TOKEN}{}_", hex.collect::<String>());
        } else {
            masked += word;
        }
        let next = rest[word.len()..].chars().next();
        masked.extend(next);
        rest = &rest[word.len() + next.map_or(0, char::len_utf8)..];
    }
    masked
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "@.-+".contains(c)
}

/// The text with its tokens resolved, and the tail that may still become one.
fn restore(text: &str) -> (String, &str) {
    let mut restored = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('M') {
        restored += &rest[..start];
        rest = &rest[start..];
        let Some(hex) = rest.strip_prefix(TOKEN) else {
            if TOKEN.starts_with(rest) {
                return (restored, rest);
            }
            restored.push('M');
            rest = &rest[1..];
            continue;
        };
        let Some((hex, after)) = hex.split_once('_') else {
            return (restored, rest);
        };
        let bytes = (0..hex.len() / 2).filter_map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok());
        restored += &String::from_utf8_lossy(&bytes.collect::<Vec<_>>());
        rest = after;
    }
    (restored + rest, "")
}

/// Restores text and tool arguments of a stream of events.
#[derive(Default)]
struct StreamRestorer {
    unread: Vec<u8>,
    held: String,
}

impl StreamRestorer {
    fn push(&mut self, data: &[u8]) -> String {
        self.unread.extend_from_slice(data);
        let mut out = String::new();
        while let Some(end) = crate::http1::find(&self.unread, b"\n\n") {
            let event: Vec<u8> = self.unread.drain(..end + 2).collect();
            let event = String::from_utf8_lossy(&event);
            out += &self.event(&event);
        }
        out
    }

    fn event(&mut self, event: &str) -> String {
        let Some(Ok(mut json)) = event.strip_prefix("data: ").map(serde_json::from_str::<Value>) else {
            return event.to_owned();
        };
        let delta = "/choices/0/delta";
        let places = [format!("{delta}/content"), format!("{delta}/tool_calls/0/function/arguments")];
        for place in places {
            if let Some(Value::String(text)) = json.pointer_mut(&place) {
                let joined = std::mem::take(&mut self.held) + text;
                let (restored, held) = restore(&joined);
                self.held = held.to_owned();
                *text = restored;
            }
        }
        format!("data: {json}\n\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_masked_comes_back_however_it_is_cut() {
        let text = "I am Ingrid Halvorsen, M, (312) 555-0147, ingrid@example.com.";
        let masked = mask(text);
        assert!(!masked.contains("Ingrid") && !masked.contains("0147"), "{masked}");
        assert_eq!(restore(&masked), (text.to_owned(), ""));
        for cut in 0..masked.len() {
            let (start, held) = restore(&masked[..cut]);
            let joined = format!("{held}{}", &masked[cut..]);
            assert_eq!(start + &restore(&joined).0, text);
        }
    }
}
