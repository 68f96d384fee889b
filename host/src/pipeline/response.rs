//! Back: a whole answer, or an error instead of one.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use hyper::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::Pipeline;
use super::agent::ReadyAgent;
use super::error::PipelineError;
use super::reader::{Read, Reader};
use super::request::{Masked, millis};
use super::resolve::{Resolver, scrub};
use super::stream::AnswerStream;
use crate::chat::answer::{Field, is_cut_short, visit_message, visit_strings};
use crate::chat::error::UpstreamError;
use crate::policy::TokenStyle;
use crate::session::Status;
use crate::store::vault::Ticket;
use crate::tokens::mint::Scope;
use crate::tokens::scan::{FinishReason, ScanMode};
use crate::upstream::{UpstreamFault, UpstreamRequest, UpstreamResponse};

/// The largest whole answer that is read, in bytes.
const MAX_ANSWER: usize = 32 << 20;
/// The largest error body that is read.
const MAX_ERROR: usize = 1 << 20;

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
        error: Box<UpstreamError>,
        /// Its message without tokens.
        message: String,
        /// Its `Retry-After`.
        retry_after: Option<hyper::header::HeaderValue>,
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
        let result = match answer {
            Ok(answer) if !answer.status.is_success() => self.pass_error(answer).await,
            Ok(answer) if is_event_stream(&answer.headers) => {
                kept.await?;
                let stream = AnswerStream::new(self.clone(), agent.clone(), masked, call_id, answer.body);
                return Ok(Answer::Stream(Box::new(stream)));
            }
            Ok(answer) => {
                let whole = read(answer.body, MAX_ANSWER).await;
                masked.recorder.stages().upstream = millis(started);
                match whole {
                    Ok(bytes) => self.rehydrate(agent, &mut masked, call_id.as_deref(), &bytes).await,
                    Err(error) => Err(error),
                }
            }
            Err(fault) => Err(fault.into()),
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

    async fn pass_error(&self, answer: UpstreamResponse) -> Result<Answer, PipelineError> {
        let retry_after = answer.headers.get(RETRY_AFTER).cloned();
        let status = answer.status;
        let body = read(answer.body, MAX_ERROR).await.unwrap_or_default();
        match UpstreamError::parse(&body) {
            Some(error) => {
                let message = scrub(&error.message);
                Ok(Answer::UpstreamError { status, error: Box::new(error), message, retry_after })
            }
            None if status == StatusCode::TOO_MANY_REQUESTS => Err(PipelineError::UpstreamRateLimited { retry_after }),
            None => Err(PipelineError::UpstreamGarbage),
        }
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
        if !matches!(answer.get("choices"), Some(Value::Array(_))) {
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

fn is_event_stream(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.trim_start().to_ascii_lowercase().starts_with("text/event-stream")
}

async fn read(
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
