//! Return direction, streamed: restores the originals in a stream of server-sent events.
//!
//! Guarantees for a caller's parser: separate texts and tool calls stay separate, held text is sent before the chunk
//! that finishes its choice, the usage chunk stays last, and no empty chunk is sent instead of one that was held back.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use serde_json::{Map, Value, json};
use sse_core::{SseDecoder, SseEvent};

use self::calls::Calls;
use super::Pipeline;
use super::agent::ReadyAgent;
use super::incoming;
use super::keep_alive::{self, Comments};
use super::positions::Positions;
use super::reader::{Read, Reader};
use super::request::Masked;
use super::resolve::Resolver;
use super::texts::Texts;
use crate::chat::answer::{ChunkHead, Fate, Field, says_more, visit_top};
use crate::chat::plain_chunk::PlainChunk;
use crate::chat::{error, surrogate};
use crate::session::Status;
use crate::tokens::call_name::CallName;
use crate::tokens::scan::FinishReason;
use crate::upstream::UpstreamFault;

mod calls;
mod choice;

/// The largest event that is read, in bytes.
const MAX_EVENT: NonZeroUsize = NonZeroUsize::new(4 << 20).expect("4 MiB is not zero");

/// Timeout for the end of the body after the answer is complete.
const LAST_BYTES: Duration = Duration::from_secs(1);

/// An answer in progress. Dropping it cancels the upstream request and records the session as `partial`.
pub struct AnswerStream {
    pipeline: Arc<Pipeline>,
    agent: Arc<ReadyAgent>,
    masked: Masked,
    call: Option<CallName>,
    upstream: BoxStream<'static, Result<Bytes, UpstreamFault>>,
    decoder: SseDecoder,
    comments: Comments,
    head: ChunkHead,
    texts: Texts,
    /// Whether anything was replaced in the request; if not, every text passes unchanged.
    is_masked: bool,
    choices: HashMap<u64, Choice>,
    /// Unpaired UTF-16 surrogates were received, so rewritten text may contain some.
    has_halves: bool,
    request_id: String,
    /// The pending output is the last; the stream ends after it.
    ended: bool,
    began: Instant,
    rehydrating: f64,
    failures: usize,
}

#[derive(Default)]
struct Choice {
    readers: Vec<(Field, Reader)>,
    /// Position changes of the content.
    said: Positions,
    /// The called tools as the model names them, by call index; `None` is the legacy function call.
    tools: HashMap<Option<u64>, String>,
    calls: Calls,
    /// It contained a token, so its log probabilities are dropped.
    has_token: bool,
    finished: bool,
}

/// The remainder of one choice of a chunk.
enum Kept {
    /// The choice is unchanged.
    Same,
    /// The choice was modified.
    Changed,
    /// Everything was held back.
    Nothing,
}

/// Why a stream ends early.
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
        mut masked: Masked,
        call: Option<CallName>,
        upstream: BoxStream<'static, Result<Bytes, UpstreamFault>>,
    ) -> Self {
        let texts = Texts::of(&mut masked, agent.policy.token_style);
        let is_masked = !masked.table.is_empty() || masked.table.surrogates().is_some();
        Self {
            pipeline,
            agent,
            masked,
            call,
            upstream,
            decoder: SseDecoder::with_limit(MAX_EVENT),
            comments: Comments::default(),
            head: ChunkHead::default(),
            texts,
            is_masked,
            choices: HashMap::new(),
            has_halves: false,
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

    /// The next bytes for the caller: everything decided by one read from the upstream. `None` at the end.
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
                // Some servers end without [DONE]; a finished answer is complete anyway.
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
                Ok(SseEvent::Message(message)) if message.event == "error" => return Err(self.theirs(&message.data)),
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
        let mut chunk = self.parse(data)?;
        // Some servers write `"error": null` into every chunk.
        let is_error = chunk.get("error").is_some_and(|error| !error.is_null());
        if is_error || chunk.get("object").is_some_and(|object| object == "error") {
            return Err(self.theirs(data));
        }
        self.head.read(&chunk);
        // Length padding for the original text; it would reveal the length of the replaced value.
        let mut changed = chunk.shift_remove("obfuscation").is_some();
        changed |= self.top(&mut chunk).await;
        let had_choices = chunk.get("choices").and_then(Value::as_array).is_some_and(|choices| !choices.is_empty());
        // Fields beside a held text are sent at once.
        let says_more = says_more(&chunk);
        let mut kept = Vec::new();
        if let Some(Value::Array(choices)) = chunk.get_mut("choices") {
            for mut choice in std::mem::take(choices) {
                match self.choice(&mut choice, out).await? {
                    Kept::Same => kept.push(choice),
                    Kept::Changed => {
                        changed = true;
                        kept.push(choice);
                    }
                    Kept::Nothing => {
                        changed = true;
                        kept.extend(says_more.then_some(choice));
                    }
                }
            }
        }
        let nothing_left = had_choices && kept.is_empty() && chunk.get("usage").is_none_or(Value::is_null);
        if let Some(Value::Array(choices)) = chunk.get_mut("choices") {
            *choices = kept;
        }
        // Most chunks of most answers need no change: they pass as received, at half the cost.
        if !changed && !data.contains('\n') {
            push_event(out, data);
        } else if !nothing_left {
            self.push_json(out, &chunk);
        }
        Ok(())
    }

    fn parse(&mut self, data: &str) -> Result<Map<String, Value>, Broken> {
        if let Ok(chunk) = serde_json::from_str(data) {
            return Ok(chunk);
        }
        self.has_halves = true;
        serde_json::from_str(&surrogate::mend(data)).map_err(|_| Broken::Garbage)
    }

    /// An upstream's error, in any form.
    fn theirs(&self, data: &str) -> Broken {
        let data: Value = serde_json::from_str(data).unwrap_or_else(|_| data.into());
        let body = if data.get("error").is_some() { data } else { json!({ "error": data }) };
        match error::UpstreamError::parse(body.to_string().as_bytes()) {
            Some(error) => Broken::Theirs(incoming::scrubbed(error).into_body(&self.request_id)),
            None => Broken::Garbage,
        }
    }

    /// Restores originals in the fields beside the choices. Returns whether it changed any.
    async fn top(&mut self, chunk: &mut Map<String, Value>) -> bool {
        let (texts, mut read) = (&self.texts, Vec::new());
        visit_top(chunk, &mut |leaf, value| {
            read.push(value.as_str().and_then(|text| texts.read_whole(leaf, text, FinishReason::Stop)));
            Fate::Keep
        });
        if read.iter().all(Option::is_none) {
            return false;
        }
        let mut printed = Vec::with_capacity(read.len());
        for read in read {
            printed.push(match read {
                Some(read) => Some(self.print(&read, None, None).await),
                None => None,
            });
        }
        let mut printed = printed.into_iter();
        visit_top(chunk, &mut |_, value| {
            if let Some(text) = printed.next().flatten() {
                *value = text.into();
            }
            Fate::Keep
        });
        true
    }

    /// Whether a chunk contains only text that passes unchanged, as most chunks of most answers do. Parses no more of
    /// it than needed. If the result is negative, no state has changed.
    fn passes(&mut self, data: &str) -> bool {
        // The first chunk is the template for chunks created here.
        if !self.head.is_known() || data.contains('\n') {
            return false;
        }
        let Some(chunk) = PlainChunk::parse(data) else { return false };
        let Some(choice) = self.choices.get_mut(&chunk.choice) else { return false };
        let reader = choice.readers.iter_mut().find(|(field, _)| field.is_content());
        let passes = reader.is_some_and(|(_, reader)| reader.passes(&chunk.content));
        if passes {
            choice.said.same(chunk.content.chars().count());
        }
        passes
    }

    /// Prints the text read, with the originals restored. `tool` is the tool whose arguments it is, `said` the choice
    /// whose content it is.
    async fn print(&mut self, read: &[Read], tool: Option<&str>, said: Option<u64>) -> String {
        let call = self.call.as_ref();
        let table = &mut self.masked.table;
        let mut resolver = Resolver { pipeline: &self.pipeline, agent: &self.agent, call, table, failures: 0 };
        resolver.look_up(read).await;
        let positions = said.and_then(|index| self.choices.get_mut(&index)).map(|choice| &mut choice.said);
        let tools = &self.texts.tools;
        let text = resolver.print(read, &|path| tools.wanted(tool, path), positions);
        self.failures += resolver.failures;
        text
    }

    fn resolver(&mut self) -> Resolver<'_> {
        let call = self.call.as_ref();
        let table = &mut self.masked.table;
        Resolver { pipeline: &self.pipeline, agent: &self.agent, call, table, failures: 0 }
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

    /// Ends a stream that cannot continue: with the policy's text, if it has one, or with an error event. Held text is
    /// not released, because it is part of a token.
    fn break_off(&mut self, broken: Broken, out: &mut String) {
        if let Some(text) = self.agent.policy.failure_text.clone() {
            let mut unfinished = self.unfinished();
            if self.choices.is_empty() {
                unfinished.push(0);
            }
            for choice in unfinished {
                self.push_json(out, &self.head.chunk(choice, &Field::content(), &text));
                self.push_json(out, &self.head.finish(choice));
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

    /// Appends an event created here.
    fn push_json(&self, out: &mut String, value: &impl serde::Serialize) {
        // A value that was parsed, or built here, always serialises.
        let json = serde_json::to_string(value).unwrap_or_default();
        match self.has_halves {
            true => push_event(out, &surrogate::restore(&json)),
            false => push_event(out, &json),
        }
    }

    /// Ends the stream with these bytes.
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

    /// Keeps the text sent to the caller, if the policy requires it.
    fn keep(&mut self, out: &str) {
        if let Some(payloads) = self.masked.recorder.payloads() {
            payloads.add_response(out.as_bytes());
        }
    }
}

/// Reads the rest after `[DONE]`, usually the end of the body: only a connection that was read to its end can be
/// reused. An upstream that keeps sending is disconnected.
fn read_to_end(mut upstream: BoxStream<'static, Result<Bytes, UpstreamFault>>) {
    if let Some(None) = upstream.next().now_or_never() {
        return;
    }
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(tokio::time::timeout(LAST_BYTES, async move { upstream.next().await }));
    }
}

fn push_event(out: &mut String, data: &str) {
    out.push_str("data: ");
    out.push_str(data);
    out.push_str("\n\n");
}
