//! What is to be masked in a request: passes on what is new, the memo for what was seen before, then the memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use quick_cache::sync::Cache;

use super::agent::ReadyAgent;
use super::pieces::Piece;
use super::{Pipeline, PipelineError};
use crate::chat::position::Search;
use crate::kind::Kind;
use crate::passes::finding::{Action, Decision};
use crate::passes::forms;
use crate::passes::{Detection, Message, PassReport, merge, run_passes};
use crate::policy::TokenStyle;
use crate::sensitive::SensitiveText;
use crate::text::ByteSpan;
use crate::tokens::scan::find_lookalikes;

/// How many messages before one are its context; the contract promises no more (`wit/v0.1`).
const CONTEXT: usize = 4;
/// Messages whose findings are remembered, over all calls.
const MEMO: usize = 6144;

/// Decisions of messages seen before. It holds spans, not text; its keys are keyed hashes.
pub struct Memo {
    key: [u8; 32],
    decisions: Cache<[u8; 16], Arc<[Decision]>>,
}

impl Memo {
    /// An empty memo with a key of its own.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self { key, decisions: Cache::new(MEMO) })
    }

    fn hash(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut hash = [0; 16];
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        hash
    }
}

/// What the passes did and what follows from it.
pub struct Detected {
    /// One list per piece.
    pub decisions: Vec<Arc<[Decision]>>,
    /// What each pass did; empty when nothing was new.
    pub reports: Vec<PassReport>,
    /// The pass without which the request must not go on.
    pub blocked_by: Option<PassReport>,
}

/// Runs the passes over what is new in these pieces.
pub async fn detect(
    pipeline: &Pipeline,
    agent: &Arc<ReadyAgent>,
    scope: [u8; 16],
    pieces: &[Piece],
) -> Result<Detected, PipelineError> {
    let keys = memo_keys(&pipeline.memo, agent, scope, pieces);
    let nothing: Arc<[Decision]> = Arc::from(Vec::new());
    let mut decisions = vec![nothing; pieces.len()];
    let mut new = BTreeSet::new();
    for (index, piece) in pieces.iter().enumerate() {
        if !piece.text.expose().chars().any(char::is_alphanumeric) {
            continue;
        }
        if !is_for_passes(piece) {
            decisions[index] = decided_by_host(agent, piece);
            continue;
        }
        match pipeline.memo.decisions.get(&keys[index]) {
            Some(known) => decisions[index] = known,
            None => {
                new.insert(index);
            }
        }
    }
    if new.is_empty() {
        return Ok(Detected { decisions, reports: Vec::new(), blocked_by: None });
    }
    let (detection, found) = search_new(pipeline, agent, pieces, &new).await?;
    if let Some(report) = detection.blocked_by(&agent.passes).cloned() {
        return Ok(Detected { decisions, reports: detection.reports, blocked_by: Some(report) });
    }
    let complete = detection.reports.iter().all(|report| report.fault.is_none());
    for (index, found) in found {
        decisions[index] = found.into();
        // What a skipped pass did not find may be found the next time.
        if complete {
            pipeline.memo.decisions.insert(keys[index], decisions[index].clone());
        }
    }
    Ok(Detected { decisions, reports: detection.reports, blocked_by: None })
}

/// Runs the passes over all of these pieces. Nothing is looked up in the memo, and nothing is kept there.
pub async fn detect_once(
    pipeline: &Pipeline,
    agent: &Arc<ReadyAgent>,
    pieces: &[Piece],
) -> Result<Vec<Arc<[Decision]>>, PipelineError> {
    let mut decisions: Vec<Arc<[Decision]>> = pieces.iter().map(|piece| decided_by_host(agent, piece)).collect();
    let all: BTreeSet<usize> = (0..pieces.len()).filter(|index| is_for_passes(&pieces[*index])).collect();
    let (detection, found) = search_new(pipeline, agent, pieces, &all).await?;
    if let Some(report) = detection.blocked_by(&agent.passes) {
        let fault = report.fault.as_ref().map_or("failed", |fault| fault.kind.as_str());
        return Err(PipelineError::PassFailed { pass: report.name.to_string(), fault });
    }
    for (index, found) in found {
        decisions[index] = found.into();
    }
    Ok(decisions)
}

/// Whether passes have to look at a piece: all speech, and of the rest what may hold a form that can be checked.
fn is_for_passes(piece: &Piece) -> bool {
    match piece.search {
        Search::Speech => true,
        Search::Known => false,
        _ => forms::may_hold(piece.text.expose()),
    }
}

/// What is decided about a piece without any pass: the policy's `deny`, and what looks like a token.
fn decided_by_host(agent: &ReadyAgent, piece: &Piece) -> Arc<[Decision]> {
    let text = piece.text.expose();
    let denies = !agent.policy.deny.is_empty();
    let mut decisions = denies.then(|| merge::merge(&[], &[text], &agent.policy).pop()).flatten().unwrap_or_default();
    escape_lookalikes(&piece.text, agent.policy.token_style == TokenStyle::Compact, &mut decisions);
    decisions.into()
}

/// What the passes did, and what is decided about each of the new pieces.
async fn search_new(
    pipeline: &Pipeline,
    agent: &Arc<ReadyAgent>,
    pieces: &[Piece],
    new: &BTreeSet<usize>,
) -> Result<(Detection, Vec<(usize, Vec<Decision>)>), PipelineError> {
    let (messages, places) = conversation(pieces, new);
    let believed = places.iter().map(|place| place.is_none_or(|at| pieces[at].search.is_speech())).collect();
    let budget = pipeline.detection_timeout;
    let job_agent = agent.clone();
    let (detection, found) = pipeline
        .pool
        .run(move || {
            let (mut detection, found) = search(&job_agent, &messages, believed, budget);
            let remains = std::mem::take(&mut detection.remains);
            ((detection, found), remains)
        })
        .await
        .map_err(|_| PipelineError::MaskingUnavailable("too many requests wait for their passes"))?;
    let found = places.into_iter().zip(found).filter_map(|(place, found)| Some((place?, found)));
    Ok((detection, found.collect()))
}

/// The messages for the passes: what is new, with its context before it. Beside them the pieces they are, for those
/// that are searched.
fn conversation(pieces: &[Piece], new: &BTreeSet<usize>) -> (Vec<Message>, Vec<Option<usize>>) {
    let mut wanted: BTreeSet<usize> = new.clone();
    for index in new {
        wanted.extend(context(pieces, *index));
    }
    let mut messages = Vec::with_capacity(wanted.len());
    let mut places = Vec::with_capacity(wanted.len());
    for index in wanted {
        let piece = &pieces[index];
        let search = new.contains(&index);
        if let (true, Some(field)) = (search, &piece.field) {
            messages.push(Message { role: "field", text: field.clone(), search: false });
            places.push(None);
        }
        messages.push(Message { role: piece.role, text: piece.text.clone(), search });
        places.push(search.then_some(index));
    }
    (messages, places)
}

/// The pieces that were said before one, nearest first.
fn context(pieces: &[Piece], index: usize) -> impl Iterator<Item = usize> + '_ {
    let in_conversation = pieces[index].is_conversation();
    (0..index).rev().filter(move |_| in_conversation).filter(|at| pieces[*at].is_conversation()).take(CONTEXT)
}

fn memo_keys(memo: &Memo, agent: &ReadyAgent, scope: [u8; 16], pieces: &[Piece]) -> Vec<[u8; 16]> {
    let own: Vec<[u8; 16]> = pieces
        .iter()
        .map(|piece| {
            let field = piece.field.as_ref().map_or("", |field| field.expose().as_str());
            let search = [u8::from(piece.search.is_speech())];
            memo.hash(&[piece.role.as_bytes(), &search, field.as_bytes(), piece.text.expose().as_bytes()])
        })
        .collect();
    let generation = agent.generation.to_le_bytes();
    let mut key = Vec::with_capacity(8 + 16 * (CONTEXT + 2));
    (0..pieces.len())
        .map(|index| {
            key.clear();
            key.extend_from_slice(&generation);
            key.extend_from_slice(&scope);
            key.extend_from_slice(&own[index]);
            context(pieces, index).for_each(|at| key.extend_from_slice(&own[at]));
            memo.hash(&[&key])
        })
        .collect()
}

/// On a pass thread: runs the passes and decides. Of a message in which passes are not believed only findings count whose
/// form can be checked.
fn search(
    agent: &ReadyAgent,
    messages: &[Message],
    believed: Vec<bool>,
    budget: std::time::Duration,
) -> (Detection, Vec<Vec<Decision>>) {
    let mut detection = run_passes(&agent.passes, messages, budget);
    detection.findings.retain(|finding| {
        believed.get(finding.message).is_none_or(|believed| *believed)
            || messages[finding.message]
                .text
                .expose()
                .get(finding.span.range())
                .is_some_and(|text| forms::is_checked(&finding.kind, text))
    });
    let texts: Vec<&str> = messages.iter().map(|message| message.text.expose().as_str()).collect();
    let mut decisions = merge::merge(&detection.findings, &texts, &agent.policy);
    let compact = agent.policy.token_style == TokenStyle::Compact;
    for (message, decisions) in messages.iter().zip(&mut decisions).filter(|(message, _)| message.search) {
        escape_lookalikes(&message.text, compact, decisions);
    }
    (detection, decisions)
}

/// What looks like a token in the caller's own words is data, and gets a token of its own.
fn escape_lookalikes(text: &SensitiveText, compact: bool, decisions: &mut Vec<Decision>) {
    for mut span in find_lookalikes(text.expose(), compact) {
        let (mut confidence, mut action) = (1.0, Action::Tokenize);
        decisions.retain(|decision| {
            let overlaps = decision.span.overlaps(span);
            if overlaps {
                span = ByteSpan::new(span.start.min(decision.span.start), span.end.max(decision.span.end));
                confidence = decision.confidence;
                // What must never come back does not come back as part of something longer either.
                action = action.max(decision.action);
            }
            !overlaps
        });
        let Some(kind) = Kind::new("OTHER_ID") else { continue };
        decisions.push(Decision { span, kind, confidence, action, pass: Arc::from("host"), replacement: None });
    }
    decisions.sort_by_key(|decision| decision.span);
}

#[cfg(test)]
mod tests;
