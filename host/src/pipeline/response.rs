//! Return direction: a whole answer, or an error.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use hyper::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::Pipeline;
use super::agent::ReadyAgent;
use super::error::PipelineError;
use super::incoming::{self, Incoming};
use super::positions::Positions;
use super::reader::Read;
use super::request::{Masked, millis};
use super::resolve::Resolver;
use super::stream::AnswerStream;
use super::texts::Texts;
use crate::chat::answer::{Fate, Leaf, Sort, is_cut_short, visit_choice, visit_top};
use crate::chat::error::Scrubbed;
use crate::chat::surrogate;
use crate::session::Status;
use crate::tokens::call_name::CallName;
use crate::tokens::scan::FinishReason;
use crate::upstream::{UpstreamFault, UpstreamRequest};

/// The largest whole answer that is read, in bytes.
const MAX_ANSWER: usize = 32 << 20;

/// The response to the caller.
pub enum Answer {
    /// A whole answer.
    Whole(Vec<u8>),
    /// A stream of server-sent events.
    Stream(Box<AnswerStream>),
    /// The upstream's own error, scrubbed.
    UpstreamError {
        /// Its status.
        status: StatusCode,
        /// The part of its body that was kept.
        error: Box<Scrubbed>,
        /// Headers that tell the client when to retry.
        headers: HeaderMap,
    },
}

impl Pipeline {
    /// Sends a masked request and turns the response into the caller's answer.
    pub async fn forward(
        self: &Arc<Self>,
        agent: &Arc<ReadyAgent>,
        mut masked: Masked,
        call: Option<CallName>,
        request: UpstreamRequest,
    ) -> Result<Answer, PipelineError> {
        let started = Instant::now();
        let asked_for_stream = request.stream;
        // Started before the request is sent, so that the disk syncs while the model thinks. It may still be running
        // while a whole answer is read and prepared.
        let synced = masked.recorder.synced();
        let synced = async { synced.await.map_err(|_| PipelineError::AnswerUnrecorded) };
        let spent = std::mem::replace(&mut masked.spent, Box::new(()));
        let meanwhile = async {
            // Runs after the connection's own task, which writes the request.
            tokio::task::yield_now().await;
            drop(spent);
        };
        let (answer, ()) = tokio::join!(agent.upstream.send(request), meanwhile);
        masked.recorder.stages().upstream = millis(started);
        match &answer {
            Ok(answer) if !answer.status.is_server_error() => self.metrics.upstream_answered(),
            _ => self.metrics.upstream_failed(),
        }
        let incoming = match answer {
            Ok(answer) => incoming::sort(answer, asked_for_stream).await,
            Err(fault) => Err(fault.into()),
        };
        let result = match incoming {
            Ok(Incoming::Error(error)) => Ok(error),
            Ok(Incoming::Stream(body)) => {
                synced.await?;
                let stream = AnswerStream::new(self.clone(), agent.clone(), masked, call, body);
                return Ok(Answer::Stream(Box::new(stream)));
            }
            Ok(Incoming::Whole(body, headers)) => {
                let whole = read(body, MAX_ANSWER).await;
                masked.recorder.stages().upstream = millis(started);
                match whole {
                    Ok(bytes) => match self.rehydrate(agent, &mut masked, call.as_ref(), &bytes).await {
                        Err(PipelineError::UpstreamGarbage) => {
                            incoming::error_in_answer(&bytes, headers).ok_or(PipelineError::UpstreamGarbage)
                        }
                        result => result,
                    },
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        };
        synced.await?;
        let status = if matches!(result, Ok(Answer::Whole(_))) { Status::Ok } else { Status::Error };
        masked.recorder.complete(status, masked.table.returned());
        result
    }

    async fn rehydrate(
        &self,
        agent: &ReadyAgent,
        masked: &mut Masked,
        call: Option<&CallName>,
        bytes: &[u8],
    ) -> Result<Answer, PipelineError> {
        let started = Instant::now();
        let (mut answer, has_halves) = parse(bytes)?;
        let no_error = answer.get("error").is_none_or(Value::is_null);
        if !matches!(answer.get("choices"), Some(Value::Array(choices)) if no_error || !choices.is_empty()) {
            return Err(PipelineError::UpstreamGarbage);
        }
        answer.shift_remove("obfuscation");
        let texts = Texts::of(masked, agent.policy.token_style);
        let mut resolver = Resolver { pipeline: self, agent, call, table: &mut masked.table, failures: 0 };
        restore(&mut answer, &texts, &mut resolver).await;
        let failures = resolver.failures;
        masked.recorder.rehydration_failed(failures);
        let mut bytes = serde_json::to_vec(&answer).map_err(|_| PipelineError::UpstreamGarbage)?;
        if has_halves {
            bytes = surrogate::restore(&String::from_utf8_lossy(&bytes)).into_owned().into_bytes();
        }
        masked.recorder.stages().rehydrate = millis(started);
        if let Some(payloads) = masked.recorder.payloads() {
            payloads.add_response(&bytes);
        }
        Ok(Answer::Whole(bytes))
    }
}

/// Parses an answer, and reports whether it contains unpaired UTF-16 surrogates.
fn parse(bytes: &[u8]) -> Result<(Map<String, Value>, bool), PipelineError> {
    if let Ok(answer) = serde_json::from_slice(bytes) {
        return Ok((answer, false));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| PipelineError::UpstreamGarbage)?;
    let mended = surrogate::mend(text);
    Ok((serde_json::from_str(&mended).map_err(|_| PipelineError::UpstreamGarbage)?, true))
}

/// Restores the originals in an answer. Walks it twice, with the lookups between the two walks.
async fn restore(answer: &mut Map<String, Value>, texts: &Texts, resolver: &mut Resolver<'_>) {
    // `None` marks a text without changes.
    let mut read: Vec<Option<Vec<Read>>> = Vec::new();
    visit(answer, &mut |leaf, value, finish| {
        read.push(value.as_str().and_then(|text| texts.read_whole(leaf, text, finish)));
        None
    });
    if read.iter().all(Option::is_none) {
        return;
    }
    for text in read.iter().flatten() {
        resolver.look_up(text).await;
    }
    let mut read = read.into_iter();
    visit(answer, &mut |leaf, value, _| {
        let text = read.next().flatten()?;
        let tool = leaf.tool;
        if leaf.sort == Sort::Argument
            && let Some(argument) = resolver.argument(&text, &texts.wanted(leaf.tool, leaf))
        {
            *value = argument;
            return Some(Positions::default());
        }
        let mut positions = Positions::default();
        *value = resolver.print(&text, &|path| texts.tools.wanted(tool, path), Some(&mut positions)).into();
        Some(positions)
    });
}

/// Receives a text of an answer and its finish reason; returns the moved positions if the text changed.
type Change<'c> = dyn FnMut(&Leaf<'_>, &mut Value, FinishReason) -> Option<Positions> + 'c;

fn visit(answer: &mut Map<String, Value>, change: &mut Change<'_>) {
    visit_top(answer, &mut |leaf, value| {
        change(leaf, value, FinishReason::Stop);
        Fate::Keep
    });
    for choice in answer.get_mut("choices").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Value::Object(choice) = choice {
            visit_one(choice, change);
        }
    }
}

fn visit_one(choice: &mut Map<String, Value>, change: &mut Change<'_>) {
    let cut = choice.get("finish_reason").and_then(Value::as_str).is_some_and(is_cut_short);
    let finish = if cut { FinishReason::Length } else { FinishReason::Stop };
    let mut moved = None;
    let mut changed = false;
    visit_choice(choice, &mut |leaf, value| {
        let positions = change(leaf, value, if leaf.whole { FinishReason::Stop } else { finish });
        changed |= positions.is_some();
        if leaf.is_content() {
            moved = positions;
        }
        Fate::Keep
    });
    if !changed {
        return;
    }
    // Log probabilities contain the text, token by token.
    if let Some(logprobs) = choice.get_mut("logprobs") {
        *logprobs = Value::Null;
    }
    if let Some(Value::Object(message)) = choice.get_mut("message") {
        correct_annotations(message, moved.as_ref());
    }
}

/// Moves the positions of annotations with the content. Annotations of other texts, whose movement is unknown, are
/// removed.
fn correct_annotations(message: &mut Map<String, Value>, moved: Option<&Positions>) {
    let is_text = message.get("content").is_some_and(Value::is_string);
    for (key, value) in message.iter_mut() {
        match (key.as_str(), moved) {
            ("annotations", Some(positions)) => {
                positions.correct(value, false);
            }
            ("annotations", None) if !is_text => {
                Positions::default().correct(value, true);
            }
            ("content", _) => {
                correct_parts(value);
            }
            _ => {}
        }
    }
}

/// Annotations inside parts.
pub(super) fn correct_parts(content: &mut Value) -> bool {
    let mut changed = false;
    for part in content.as_array_mut().into_iter().flatten() {
        if let Some(annotations) = part.get_mut("annotations") {
            changed |= Positions::default().correct(annotations, true);
        }
    }
    changed
}

/// Reads a body up to a size limit.
pub(super) async fn read(
    mut body: BoxStream<'static, Result<Bytes, UpstreamFault>>,
    most: usize,
) -> Result<Vec<u8>, PipelineError> {
    let mut whole = Vec::new();
    while let Some(piece) = body.next().await {
        let piece = piece?;
        if whole.len() + piece.len() > most {
            return Err(PipelineError::UpstreamGarbage);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole)
}
