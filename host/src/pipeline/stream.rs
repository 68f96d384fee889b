//! Back, while it is being written: a stream of server-sent events with the originals put back.
//!
//! What a caller's parser may rely on (VOICE.md section 7): a text and a tool call that were apart stay apart, a held
//! text comes before the chunk that finishes its choice, the usage chunk stays last, nothing empty is sent where
//! something was held back.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use serde_json::{Map, Value};
use sse_core::{SseDecoder, SseEvent};

use super::Pipeline;
use super::agent::ReadyAgent;
use super::incoming;
use super::keep_alive::{self, Comments};
use super::reader::{Read, Reader};
use super::request::Masked;
use super::resolve::Resolver;
use crate::chat::answer::{ChunkHead, Field, is_cut_short, is_whole, visit_message};
use crate::chat::error;
use crate::chat::plain_chunk::PlainChunk;
use crate::policy::TokenStyle;
use crate::session::Status;
use crate::tokens::mint::Scope;
use crate::tokens::scan::{FinishReason, Piece, ScanMode};
use crate::upstream::UpstreamFault;

/// The largest event that is read, in bytes.
const MAX_EVENT: NonZeroUsize = NonZeroUsize::new(4 << 20).expect("4 MiB is not zero");

/// How long the end of a body may take once the answer is complete.
const LAST_BYTES: Duration = Duration::from_secs(1);

/// An answer on its way. Dropping it tells the upstream to stop and records the session as `partial`.
pub struct AnswerStream {
    pipeline: Arc<Pipeline>,
    agent: Arc<ReadyAgent>,
    masked: Masked,
    call_id: Option<String>,
    upstream: BoxStream<'static, Result<Bytes, UpstreamFault>>,
    decoder: SseDecoder,
    comments: Comments,
    head: ChunkHead,
    choices: HashMap<u64, Choice>,
    request_id: String,
    /// What remains to be said, and then nothing.
    ended: bool,
    began: Instant,
    rehydrating: f64,
    failures: usize,
}

#[derive(Default)]
struct Choice {
    scanners: HashMap<Field, Reader>,
    /// A token stood in it: its log probabilities are not passed on any more.
    has_token: bool,
    finished: bool,
}

/// What is left of one choice of a chunk.
enum Kept {
    /// All of it, as it came.
    Same,
    /// Something else.
    Changed,
    /// Nothing: it was held back.
    Nothing,
}

/// Why a stream ends before its end.
enum Broken {
    Upstream(UpstreamFault),
    Garbage,
    Unfinished,
    /// The upstream's own error event, scrubbed.
    Theirs(Value),
}

impl AnswerStream {
    pub(super) fn new(
        pipeline: Arc<Pipeline>,
        agent: Arc<ReadyAgent>,
        masked: Masked,
        call_id: Option<String>,
        upstream: BoxStream<'static, Result<Bytes, UpstreamFault>>,
    ) -> Self {
        Self {
            pipeline,
            agent,
            masked,
            call_id,
            upstream,
            decoder: SseDecoder::with_limit(MAX_EVENT),
            comments: Comments::default(),
            head: ChunkHead::default(),
            choices: HashMap::new(),
            request_id: String::new(),
            ended: false,
            began: Instant::now(),
            rehydrating: 0.0,
            failures: 0,
        }
    }

    /// The request's id, for an error in the stream.
    pub fn set_request_id(&mut self, request_id: String) {
        self.request_id = request_id;
    }

    /// The next bytes for the caller: all that one read from upstream decides. `None` at the end.
    pub async fn next(&mut self) -> Option<Bytes> {
        let mut out = String::new();
        while !self.ended && out.is_empty() {
            match self.upstream.next().await {
                Some(Ok(bytes)) => {
                    let started = Instant::now();
                    let result = self.take(bytes, &mut out).await;
                    self.rehydrating += started.elapsed().as_secs_f64() * 1000.0;
                    if let Err(broken) = result {
                        self.break_off(broken, &mut out);
                    }
                }
                Some(Err(fault)) => self.break_off(Broken::Upstream(fault), &mut out),
                // Some servers end without [DONE]; a finished answer is an answer.
                None if self.is_finished() => self.end(Status::Ok, &out),
                None => self.break_off(Broken::Unfinished, &mut out),
            }
        }
        if !self.ended {
            self.keep(&out);
        }
        (!out.is_empty()).then(|| Bytes::from(out))
    }

    async fn take(&mut self, mut bytes: Bytes, out: &mut String) -> Result<(), Broken> {
        if self.comments.end_in(&bytes) {
            out.push_str(keep_alive::COMMENT);
        }
        while let Some(event) = self.decoder.next(&mut bytes) {
            match event {
                Ok(SseEvent::Message(message)) => self.event(&message.data, out).await?,
                Ok(SseEvent::Retry(_)) => {}
                Err(_too_large) => return Err(Broken::Garbage),
            }
            if self.ended {
                break;
            }
        }
        Ok(())
    }

    async fn event(&mut self, data: &str, out: &mut String) -> Result<(), Broken> {
        if data.trim() == "[DONE]" {
            for choice in self.unfinished() {
                self.flush(choice, FinishReason::Stop, out).await;
            }
            push_event(out, "[DONE]");
            self.end(Status::Ok, out);
            return Ok(());
        }
        if self.passes(data) {
            push_event(out, data);
            return Ok(());
        }
        let mut chunk: Map<String, Value> = serde_json::from_str(data).map_err(|_| Broken::Garbage)?;
        // Some servers write `"error": null` into every chunk.
        if chunk.get("error").is_some_and(|error| !error.is_null()) {
            return Err(match error::UpstreamError::parse(data.as_bytes()) {
                Some(error) => Broken::Theirs(incoming::scrubbed(error).into_body(&self.request_id)),
                None => Broken::Garbage,
            });
        }
        self.head.read(&chunk);
        // Length padding of the original text: it would tell the length of what was replaced.
        let mut changed = chunk.shift_remove("obfuscation").is_some();
        let had_choices = chunk.get("choices").and_then(Value::as_array).is_some_and(|choices| !choices.is_empty());
        let mut kept = Vec::new();
        if let Some(Value::Array(choices)) = chunk.get_mut("choices") {
            for mut choice in std::mem::take(choices) {
                match self.choice(&mut choice, out).await {
                    Kept::Same => kept.push(choice),
                    Kept::Changed => {
                        changed = true;
                        kept.push(choice);
                    }
                    Kept::Nothing => changed = true,
                }
            }
        }
        let nothing_left = had_choices && kept.is_empty() && chunk.get("usage").is_none_or(Value::is_null);
        if let Some(Value::Array(choices)) = chunk.get_mut("choices") {
            *choices = kept;
        }
        // Most chunks of most answers hold nothing of ours: they go on as they came, which costs half as much.
        if !changed && !data.contains('\n') {
            push_event(out, data);
        } else if !nothing_left {
            push_json(out, &chunk);
        }
        Ok(())
    }

    /// Whether a chunk holds nothing but text that goes on as it came: most chunks of most answers. Decided without
    /// parsing more of it than that takes. Otherwise nothing has happened.
    fn passes(&mut self, data: &str) -> bool {
        // The first chunk tells what those that we make ourselves must look like.
        if !self.head.is_known() || data.contains('\n') {
            return false;
        }
        let Some(chunk) = PlainChunk::parse(data) else { return false };
        let Some(choice) = self.choices.get_mut(&chunk.choice) else { return false };
        choice.scanners.get_mut(&Field::content()).is_some_and(|scanner| scanner.passes(&chunk.content))
    }

    /// Puts originals into one choice of a chunk.
    async fn choice(&mut self, choice: &mut Value, out: &mut String) -> Kept {
        let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
        let finish = choice.get("finish_reason").and_then(Value::as_str).map(|reason| match is_cut_short(reason) {
            true => FinishReason::Length,
            false => FinishReason::Stop,
        });
        let mut texts = Vec::new();
        let delta = choice.get_mut("delta").and_then(Value::as_object_mut);
        if let Some(delta) = delta {
            visit_message(delta, &mut |field, text| {
                if let Value::String(text) = text {
                    texts.push((field, std::mem::take(text)));
                }
            });
        }
        let had_texts = texts.iter().any(|(_, text)| !text.is_empty());
        let mut printed = Vec::with_capacity(texts.len());
        let mut changed = false;
        for (field, text) in texts {
            let new = self.rewrite(index, &field, &text).await;
            changed |= new != text;
            printed.push((!text.is_empty() && new.is_empty(), field, new));
        }
        if let Some(reason) = finish {
            let written: usize = printed.iter().map(|(_, _, text)| text.len()).sum();
            self.finish_choice(index, reason, &mut printed, out).await;
            changed |= printed.iter().map(|(_, _, text)| text.len()).sum::<usize>() != written;
        }
        let state = self.choices.entry(index).or_default();
        if (state.has_token || state.scanners.values().any(Reader::is_holding))
            && let Some(logprobs) = choice.get_mut("logprobs")
        {
            changed |= !logprobs.is_null();
            *logprobs = Value::Null;
        }
        let same = if changed { Kept::Changed } else { Kept::Same };
        let Some(delta) = choice.get_mut("delta").and_then(Value::as_object_mut) else { return same };
        let held_any = printed.iter().any(|(held, ..)| *held);
        let mut printed = printed.into_iter();
        visit_message(delta, &mut |_, value| {
            if let (Value::String(text), Some((held, _, new))) = (&mut *value, printed.next()) {
                if held && new.is_empty() {
                    *value = Value::Null;
                } else {
                    *text = new;
                }
            }
        });
        if held_any {
            prune(delta);
        }
        if had_texts && held_any && delta.is_empty() && finish.is_none() { Kept::Nothing } else { same }
    }

    /// The tails of a choice that is over: behind the text they belong to, or in a chunk of their own before this one.
    async fn finish_choice(
        &mut self,
        index: u64,
        reason: FinishReason,
        printed: &mut [(bool, Field, String)],
        out: &mut String,
    ) {
        for (field, tail) in self.tails(index, reason).await {
            match printed.iter_mut().rev().find(|(_, own, _)| *own == field) {
                Some((held, _, text)) => {
                    text.push_str(&tail);
                    *held = text.is_empty();
                }
                None => push_json(out, &self.head.chunk(index, &field, &tail)),
            }
        }
        self.choices.entry(index).or_default().finished = true;
    }

    async fn rewrite(&mut self, index: u64, field: &Field, text: &str) -> String {
        let compact = self.agent.policy.token_style == TokenStyle::Compact;
        let mode = ScanMode { json: field.is_json(), compact };
        let surrogates = self.masked.table.surrogates();
        let choice = self.choices.entry(index).or_default();
        let pieces = if matches!(field, Field::Text(name) if is_whole(name)) {
            let mut scanner = Reader::new(mode, surrogates);
            let mut pieces = scanner.push(text);
            pieces.extend(scanner.finish(FinishReason::Stop));
            pieces
        } else {
            match choice.scanners.get_mut(field) {
                Some(scanner) => scanner.push(text),
                None => {
                    choice.scanners.entry(field.clone()).or_insert_with(|| Reader::new(mode, surrogates)).push(text)
                }
            }
        };
        // Most pieces of most answers: one text, as it came.
        match pieces.as_slice() {
            [] => String::new(),
            [Read::Piece(Piece::Text(text))] => text.clone(),
            _ => self.print(index, field, &pieces).await,
        }
    }

    async fn print(&mut self, index: u64, field: &Field, pieces: &[Read]) -> String {
        if !pieces.iter().all(Read::is_text) {
            self.choices.entry(index).or_default().has_token = true;
        }
        let scope = Scope { agent: self.agent.id, call: self.call_id.as_deref() };
        let mut resolver = Resolver {
            pipeline: &self.pipeline,
            agent: &self.agent,
            scope,
            table: &mut self.masked.table,
            failures: 0,
        };
        resolver.look_up(pieces).await;
        let text = resolver.print(pieces, field.is_json());
        self.failures += resolver.failures;
        text
    }

    /// What a choice's scanners still held, decided.
    async fn tails(&mut self, index: u64, reason: FinishReason) -> Vec<(Field, String)> {
        let Some(choice) = self.choices.get_mut(&index) else { return Vec::new() };
        let mut held: Vec<(Field, Vec<Read>)> =
            choice.scanners.drain().map(|(field, mut scanner)| (field, scanner.finish(reason))).collect();
        held.retain(|(_, pieces)| !pieces.is_empty());
        let mut tails = Vec::new();
        for (field, pieces) in held {
            let text = self.print(index, &field, &pieces).await;
            if !text.is_empty() {
                tails.push((field, text));
            }
        }
        tails
    }

    async fn flush(&mut self, index: u64, reason: FinishReason, out: &mut String) {
        for (field, tail) in self.tails(index, reason).await {
            push_json(out, &self.head.chunk(index, &field, &tail));
        }
    }

    fn unfinished(&self) -> Vec<u64> {
        let unfinished = self.choices.iter().filter(|(_, choice)| !choice.finished);
        let mut indexes: Vec<u64> = unfinished.map(|(index, _)| *index).collect();
        indexes.sort_unstable();
        indexes
    }

    fn is_finished(&self) -> bool {
        !self.choices.is_empty() && self.choices.values().all(|choice| choice.finished)
    }

    /// Ends a stream that cannot go on: in words, where the policy has some, or with an error event. What was held back
    /// is not released: it is part of a token.
    fn break_off(&mut self, broken: Broken, out: &mut String) {
        if let Some(text) = self.agent.policy.failure_text.clone() {
            let mut unfinished = self.unfinished();
            if self.choices.is_empty() {
                unfinished.push(0);
            }
            for choice in unfinished {
                push_json(out, &self.head.chunk(choice, &Field::content(), &text));
                push_json(out, &self.head.finish(choice));
            }
            push_event(out, "[DONE]");
        } else {
            let ours = |message: &str, code| error::body(message, "upstream_error", None, code, &self.request_id);
            let body = match broken {
                Broken::Theirs(body) => body,
                Broken::Upstream(UpstreamFault::Timeout) => ours("the LLM provider stalled", "upstream_timeout"),
                Broken::Upstream(_) => ours("the connection to the LLM provider broke", "upstream_error"),
                Broken::Garbage => ours("the LLM provider sent something that is not a chunk", "upstream_error"),
                Broken::Unfinished => ours("the LLM provider ended the stream before the answer", "upstream_error"),
            };
            push_event(out, &body.to_string());
        }
        self.end(Status::Partial, out);
    }

    /// Ends with these bytes as the last.
    fn end(&mut self, status: Status, out: &str) {
        self.ended = true;
        self.keep(out);
        let upstream = self.began.elapsed().as_secs_f64() * 1000.0 - self.rehydrating;
        let stages = self.masked.recorder.stages();
        stages.upstream += upstream.max(0.0);
        stages.rehydrate = self.rehydrating;
        self.masked.recorder.rehydration_failed(self.failures);
        self.masked.recorder.complete(status, self.masked.table.returned());
        let upstream = std::mem::replace(&mut self.upstream, futures_util::stream::empty().boxed());
        if status == Status::Ok {
            read_to_end(upstream);
        }
    }

    /// Keeps what goes to the caller, where the policy wants it kept.
    fn keep(&mut self, out: &str) {
        if let Some(payloads) = self.masked.recorder.payloads() {
            payloads.add_response(out.as_bytes());
        }
    }
}

/// Reads what comes behind `[DONE]`, usually the end of the body: only a connection that was read to its end can be used
/// again. An upstream that goes on is cut off.
fn read_to_end(mut upstream: BoxStream<'static, Result<Bytes, UpstreamFault>>) {
    if let Some(None) = upstream.next().now_or_never() {
        return;
    }
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(tokio::time::timeout(LAST_BYTES, async move { upstream.next().await }));
    }
}

/// Removes what was held back, and what is left empty by it.
fn prune(delta: &mut Map<String, Value>) {
    let texts: Vec<String> = delta
        .iter()
        .filter(|(key, value)| value.is_null() && !matches!(key.as_str(), "role"))
        .map(|(key, _)| key.clone())
        .collect();
    for key in texts {
        delta.shift_remove(&key);
    }
    if let Some(Value::Array(calls)) = delta.get_mut("tool_calls") {
        for call in calls.iter_mut() {
            for (object, key) in [("function", "arguments"), ("custom", "input")] {
                let Some(Value::Object(map)) = call.get_mut(object) else { continue };
                if map.get(key).is_some_and(Value::is_null) {
                    map.shift_remove(key);
                }
                if map.is_empty()
                    && let Some(call) = call.as_object_mut()
                {
                    call.shift_remove(object);
                }
            }
        }
        calls.retain(|call| call.as_object().is_none_or(|call| call.keys().any(|key| key != "index" && key != "type")));
        if calls.is_empty() {
            delta.shift_remove("tool_calls");
        }
    }
    for (object, key) in [("function_call", "arguments"), ("audio", "transcript")] {
        if let Some(Value::Object(map)) = delta.get_mut(object) {
            if map.get(key).is_some_and(Value::is_null) {
                map.shift_remove(key);
            }
            if map.is_empty() {
                delta.shift_remove(object);
            }
        }
    }
}

fn push_json(out: &mut String, value: &impl serde::Serialize) {
    // A value that was parsed, or made here, can be written.
    push_event(out, &serde_json::to_string(value).unwrap_or_default());
}

fn push_event(out: &mut String, data: &str) {
    out.push_str("data: ");
    out.push_str(data);
    out.push_str("\n\n");
}
