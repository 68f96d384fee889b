//! Back: a whole answer, or an error instead of one.

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
use super::reader::{Read, Reader};
use super::request::{Masked, millis};
use super::resolve::Resolver;
use super::stream::AnswerStream;
use crate::chat::answer::{Field, is_cut_short, visit_message, visit_strings};
use crate::chat::error::Scrubbed;
use crate::policy::TokenStyle;
use crate::session::Status;
use crate::store::vault::Ticket;
use crate::tokens::mint::Scope;
use crate::tokens::scan::{FinishReason, ScanMode};
use crate::upstream::{UpstreamFault, UpstreamRequest};

/// The largest whole answer that is read, in bytes.
const MAX_ANSWER: usize = 32 << 20;

/// What goes back to the caller.
pub enum Answer {
    /// A whole answer.
    Whole(Vec<u8>),
    /// A stream of server-sent events.
    Stream(Box<AnswerStream>),
    /// The upstream's own error, scrubbed.
    UpstreamError {
        /// Its status.
        status: StatusCode,
        /// What was kept of its body.
        error: Box<Scrubbed>,
        /// What of its headers tells when to send again.
        headers: HeaderMap,
    },
}

impl Pipeline {
    /// Sends a masked request and makes the caller's answer of what comes back.
    pub async fn forward(
        self: &Arc<Self>,
        agent: &Arc<ReadyAgent>,
        mut masked: Masked,
        call_id: Option<String>,
        request: UpstreamRequest,
    ) -> Result<Answer, PipelineError> {
        let started = Instant::now();
        let asked_for_stream = request.stream;
        // Asked for before the request leaves, so that the disk works while the model thinks.
        let synced = masked.recorder.synced();
        let (rows, spent) = (std::mem::take(&mut masked.rows), std::mem::replace(&mut masked.spent, Box::new(())));
        let meanwhile = async {
            // Behind the connection's own task, which writes the request.
            tokio::task::yield_now().await;
            drop(spent);
            (!rows.is_empty()).then(|| self.put(rows))
        };
        let (answer, stored) = tokio::join!(agent.upstream.send(request), meanwhile);
        masked.recorder.stages().upstream = millis(started);
        match &answer {
            Ok(answer) if !answer.status.is_server_error() => self.metrics.upstream_answered(),
            _ => self.metrics.upstream_failed(),
        }
        // What the first byte depends on may still be on its way to the disk while a whole answer is read and made ready.
        let kept = self.kept(synced, stored);
        let incoming = match answer {
            Ok(answer) => incoming::sort(answer, asked_for_stream).await,
            Err(fault) => Err(fault.into()),
        };
        let result = match incoming {
            Ok(Incoming::Error(error)) => Ok(error),
            Ok(Incoming::Stream(body)) => {
                kept.await?;
                let stream = AnswerStream::new(self.clone(), agent.clone(), masked, call_id, body);
                return Ok(Answer::Stream(Box::new(stream)));
            }
            Ok(Incoming::Whole(body, headers)) => {
                let whole = read(body, MAX_ANSWER).await;
                masked.recorder.stages().upstream = millis(started);
                match whole {
                    Ok(bytes) => match self.rehydrate(agent, &mut masked, call_id.as_deref(), &bytes).await {
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
        kept.await?;
        let status = if matches!(result, Ok(Answer::Whole(_))) { Status::Ok } else { Status::Error };
        masked.recorder.complete(status, masked.table.returned());
        result
    }

    /// Ends when an answer may begin: the journal's events are on disk, and the vault has its rows.
    async fn kept(
        &self,
        synced: impl Future<Output = Result<(), PipelineError>>,
        stored: Option<(Ticket, Vec<u64>)>,
    ) -> Result<(), PipelineError> {
        synced.await?;
        if let Some((ticket, rows)) = stored {
            ticket.kept().await.map_err(|_| PipelineError::MaskingUnavailable("the vault cannot be written"))?;
            self.calls.stored(&rows);
        }
        Ok(())
    }

    async fn rehydrate(
        &self,
        agent: &ReadyAgent,
        masked: &mut Masked,
        call: Option<&str>,
        bytes: &[u8],
    ) -> Result<Answer, PipelineError> {
        let started = Instant::now();
        let mut answer: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|_| PipelineError::UpstreamGarbage)?;
        let no_error = answer.get("error").is_none_or(Value::is_null);
        if !matches!(answer.get("choices"), Some(Value::Array(choices)) if no_error || !choices.is_empty()) {
            return Err(PipelineError::UpstreamGarbage);
        }
        answer.shift_remove("obfuscation");
        let scope = Scope { agent: agent.id, call };
        let surrogates = masked.table.surrogates().cloned();
        let mut resolver = Resolver { pipeline: self, agent, scope, table: &mut masked.table, failures: 0 };
        let compact = agent.policy.token_style == TokenStyle::Compact;

        // Twice the same walk: what has to be looked up is looked up between the two. A text without tokens is `None`.
        let mut scanned: Vec<Option<Vec<Read>>> = Vec::new();
        visit(&mut answer, &mut |text, json, finish| {
            let reader = Reader::new(ScanMode { json, compact }, surrogates.as_ref());
            let pieces = scan(reader, text, finish);
            scanned.push((!pieces.iter().all(Read::is_text)).then_some(pieces));
            None
        });
        if scanned.iter().any(Option::is_some) {
            for pieces in scanned.iter().flatten() {
                resolver.look_up(pieces).await;
            }
            let mut scanned = scanned.into_iter();
            visit(&mut answer, &mut |_, json, _| {
                let pieces = scanned.next().flatten()?;
                Some(resolver.print(&pieces, json))
            });
        }
        let failures = resolver.failures;
        masked.recorder.rehydration_failed(failures);
        let bytes = serde_json::to_vec(&answer).map_err(|_| PipelineError::UpstreamGarbage)?;
        masked.recorder.stages().rehydrate = millis(started);
        if let Some(payloads) = masked.recorder.payloads() {
            payloads.add_response(&bytes);
        }
        Ok(Answer::Whole(bytes))
    }
}

/// Sees a text of an answer, whether it is JSON and how it ended; gives what to put in its place.
type Change<'c> = dyn FnMut(&str, bool, FinishReason) -> Option<String> + 'c;

fn visit(answer: &mut Map<String, Value>, change: &mut Change<'_>) {
    for (key, value) in answer.iter_mut() {
        match (key.as_str(), value) {
            ("id" | "object" | "created" | "model" | "system_fingerprint" | "service_tier" | "usage", _) => {}
            ("choices", Value::Array(choices)) => choices.iter_mut().for_each(|choice| visit_choice(choice, change)),
            (_, value) => visit_strings(value, &mut |text| {
                apply(text, false, FinishReason::Stop, change);
            }),
        }
    }
}

fn visit_choice(choice: &mut Value, change: &mut Change<'_>) {
    let cut = choice.get("finish_reason").and_then(Value::as_str).is_some_and(is_cut_short);
    let finish = if cut { FinishReason::Length } else { FinishReason::Stop };
    let mut changed = false;
    if let Some(Value::Object(message)) = choice.get_mut("message") {
        visit_message(message, &mut |field: Field, text| {
            changed |= apply(text, field.is_json(), finish, change);
        });
    }
    // Log probabilities spell the text out, token by token.
    if let (true, Some(logprobs)) = (changed, choice.get_mut("logprobs")) {
        *logprobs = Value::Null;
    }
}

fn apply(value: &mut Value, json: bool, finish: FinishReason, change: &mut Change<'_>) -> bool {
    let Value::String(text) = value else { return false };
    match change(text, json, finish) {
        Some(new) => {
            *text = new;
            true
        }
        None => false,
    }
}

fn scan(mut reader: Reader, text: &str, finish: FinishReason) -> Vec<Read> {
    let mut pieces = reader.push(text);
    pieces.extend(reader.finish(finish));
    pieces
}

/// Reads a body up to a limit.
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
