//! The upstream of the bench: a model that repeats the last message.
//!
//! The echo makes the figures honest: the tokens for the five values in the last message are in the answer too, so a
//! proxy that masks must restore all five, in one piece of JSON or split over 65 events. The model stores each request
//! under a number that is part of the answer's `id`; the load generator finds it by that.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpStream};

use crate::http1::{Wire, find, find_last};
use crate::workload::mix;

/// Events of one streamed answer, including role, finish and `[DONE]`.
pub const EVENTS: usize = 65;

/// Events that carry text.
const TEXT_EVENTS: usize = EVENTS - 3;

/// The prefix of every answer's `id`.
const ID: &str = "chatcmpl-bench-";

/// The response times of the model.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// Until the answer or its first word.
    pub thinking: Duration,
    /// Spread evenly around `thinking`, so that callers do not synchronise.
    pub jitter: Duration,
    /// Between two events of a stream.
    pub gap: Duration,
}

/// The model's record of one request.
#[derive(Debug)]
pub struct Seen {
    /// From the complete request to the answer or its first word: the part of a latency that is not the proxy's.
    pub held: Duration,
    /// The request's body.
    pub body: Vec<u8>,
}

/// The running model. It lives on the thread of the load generator.
#[derive(Clone, Debug)]
pub struct Model {
    address: SocketAddr,
    state: Rc<State>,
}

#[derive(Debug, Default)]
struct State {
    pace: Cell<Pace>,
    answered: Cell<u64>,
    seen: RefCell<HashMap<u64, Seen>>,
}

impl Model {
    /// Listens on a free loopback port. Must be called inside a `LocalSet`.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let model = Self { address: listener.local_addr()?, state: Rc::default() };
        let state = Rc::clone(&model.state);
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Rc::clone(&state);
                // A broken connection is noticed by the caller that waits for its answer.
                tokio::task::spawn_local(async move { drop(serve(stream, &state).await) });
            }
        });
        Ok(model)
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers at this pace from now on.
    pub fn set_pace(&self, pace: Pace) {
        self.state.pace.set(pace);
    }

    /// Takes the record of the request that this is the answer to.
    pub fn take_seen(&self, answer: &[u8]) -> Result<Seen> {
        let number = answer_number(answer).context("the answer's id is not the model's")?;
        let seen = self.state.seen.borrow_mut().remove(&number);
        seen.context("the model gave no answer of this id, or it was delivered twice")
    }
}

fn answer_number(answer: &[u8]) -> Option<u64> {
    let start = find(answer, ID.as_bytes())? + ID.len();
    let digits = answer[start..].split(|byte| !byte.is_ascii_digit()).next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

async fn serve(stream: TcpStream, state: &State) -> Result<()> {
    let mut wire = Wire::new(stream)?;
    while let Some(head) = wire.read_head().await? {
        let mut body = Vec::with_capacity(4096);
        wire.read_body(head.length, &mut body, |_| ()).await?;
        let arrived = Instant::now();
        let number = state.answered.replace(state.answered.get() + 1);
        let streamed = wants_stream(&body);
        let text = last_content(&body);
        let pace = state.pace.get();
        wait(pace, number).await;
        let record = |held| {
            state.seen.borrow_mut().insert(number, Seen { held, body });
        };
        if streamed {
            let events = events(number, &text);
            record(arrived.elapsed());
            play(&mut wire, &events, pace.gap).await?;
        } else {
            let answer = whole(number, &text);
            record(arrived.elapsed());
            wire.write(answer.as_bytes()).await?;
        }
    }
    Ok(())
}

fn wants_stream(body: &[u8]) -> bool {
    let key = br#""stream":"#;
    let value = find(body, key).map(|at| body[at + key.len()..].trim_ascii_start());
    value.is_some_and(|value| value.starts_with(b"true"))
}

async fn wait(pace: Pace, number: u64) {
    let spread = pace.jitter.as_micros() as u64;
    let offset = if spread > 0 { mix(number) % (2 * spread) } else { 0 };
    let wait = (pace.thinking + Duration::from_micros(offset)).saturating_sub(pace.jitter);
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
}

/// The last message's text as it is in the JSON, with escapes, ready to be inserted into JSON again.
fn last_content(body: &[u8]) -> String {
    let key = br#""content":""#;
    let Some(start) = find_last(body, key).map(|at| at + key.len()) else {
        return slow_last_content(body);
    };
    let mut end = start;
    while end < body.len() && body[end] != b'"' {
        end += if body[end] == b'\\' { 2 } else { 1 };
    }
    String::from_utf8_lossy(&body[start..end.min(body.len())]).into_owned()
}

/// For a proxy that writes JSON with spaces, or the content as parts.
fn slow_last_content(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let last = body["messages"].as_array().and_then(|all| all.last());
    let content = last.map(|message| &message["content"]);
    let text = content.and_then(|content| content.as_str().or(content[0]["text"].as_str()));
    let quoted = serde_json::Value::from(text.unwrap_or_default()).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// The model's answer to a last message.
pub fn answer_text(echoed: &str) -> String {
    format!(
        "Thank you very much. Let me read that back to you before I book it: {echoed} Is that right, and is there \
         anything else you would like to add?"
    )
}

fn whole(number: u64, echoed: &str) -> String {
    let body = format!(
        r#"{{"id":"{ID}{number}","object":"chat.completion","created":1777000000,"model":"gpt-4o-mini-2024-07-18","choices":[{{"index":0,"message":{{"role":"assistant","content":"{}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":520,"completion_tokens":120,"total_tokens":640}},"service_tier":"default","system_fingerprint":"fp_bench"}}"#,
        answer_text(echoed)
    );
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// The answer as chunks of a chunked body, one event in each.
fn events(number: u64, echoed: &str) -> Vec<String> {
    let event = |delta: &str, finish: &str| {
        chunk(&format!(
            r#"{{"id":"{ID}{number}","object":"chat.completion.chunk","created":1777000000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_bench","choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]}}"#
        ))
    };
    let role = event(r#"{"role":"assistant","content":"","refusal":null}"#, "null");
    let text = answer_text(echoed);
    let pieces = cut(&text).into_iter();
    let pieces = pieces.map(|piece| event(&format!(r#"{{"content":"{piece}"}}"#), "null"));
    let end = [event("{}", r#""stop""#), chunk("[DONE]")];
    std::iter::once(role).chain(pieces).chain(end).collect()
}

/// Splits the text into as many equal pieces as a stream has; tokens may be split anywhere, escapes and characters
/// never.
fn cut(text: &str) -> Vec<&str> {
    let mut pieces = Vec::with_capacity(TEXT_EVENTS);
    let mut start = 0;
    for piece in 1..=TEXT_EVENTS {
        let mut end = text.len() * piece / TEXT_EVENTS;
        while !text.is_char_boundary(end) || text[..end].ends_with('\\') {
            end += 1;
        }
        pieces.push(&text[start..end.max(start)]);
        start = end.max(start);
    }
    pieces
}

fn chunk(data: &str) -> String {
    format!("{:x}\r\ndata: {data}\n\n\r\n", data.len() + 8)
}

/// Writes each event separately, like a model's words; role and first word together, as real models do.
async fn play(wire: &mut Wire, events: &[String], gap: Duration) -> Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
                transfer-encoding: chunked\r\n\r\n";
    wire.write(format!("{head}{}{}", events[0], events[1]).as_bytes()).await?;
    for event in &events[2..] {
        if gap.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(gap).await;
        }
        wire.write(event.as_bytes()).await?;
    }
    wire.write(b"0\r\n\r\n").await
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::workload::{Planted, Shape, write_body};

    #[test]
    fn the_last_content_is_found_with_its_escapes() {
        let body = br#"{"messages":[{"content":"a"},{"role":"user","content":"say \"b\" \\"}],"x":1}"#;
        assert_eq!(last_content(body), r#"say \"b\" \\"#);
        let spaced = br#"{"messages": [{"content": "a \"b\""}]}"#;
        assert_eq!(last_content(spaced), r#"a \"b\""#);
    }

    #[test]
    fn a_stream_has_65_events_and_says_what_the_whole_answer_says() {
        let events = events(12, r#"I am \"Ida\" Ågot"#);
        assert_eq!(events.len(), EVENTS);
        let mut text = String::new();
        for event in &events[..EVENTS - 1] {
            let json = event.split_once("data: ").unwrap().1.trim();
            let json: Value = serde_json::from_str(json).unwrap();
            text += json["choices"][0]["delta"]["content"].as_str().unwrap_or("");
        }
        let whole = whole(12, r#"I am \"Ida\" Ågot"#);
        let whole: Value = serde_json::from_str(whole.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!(whole["choices"][0]["message"]["content"], text.as_str());
        assert_eq!(answer_number(events[3].as_bytes()), Some(12));
    }

    #[test]
    fn the_echo_holds_what_was_planted() {
        let planted = Planted::new(5);
        let mut body = String::new();
        write_body(5, &planted, Shape::default(), &mut body);
        let answer = whole(1, &last_content(body.as_bytes()));
        assert!(planted.values().iter().all(|value| answer.contains(value)));
    }
}
