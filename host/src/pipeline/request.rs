//! Out: from a caller's request to one that may leave.

use std::sync::Arc;
use std::time::Instant;

use super::Pipeline;
use super::agent::ReadyAgent;
use super::calls::{Call, CallName};
use super::detect::detect;
use super::error::PipelineError;
use super::pieces::{self, Piece};
use super::record::{Opening, Recorder};
use super::tokenize::{Placed, TokenTable, Tokenized, Tokenizer};
use crate::chat::position::{Edit, Place, Search, Visitor};
use crate::chat::request::ChatRequest;
use crate::chat::tools::Tools;
use crate::chat::walk::{Media, walk, withhold_media};
use crate::passes::finding::Decision;
use crate::passes::memory::{Remembered, Searched, contains_whole, is_known_at, recall};
use crate::policy;
use crate::sensitive::SensitiveText;
use crate::text::CharSpan;
use crate::tokens::call_name::CallName;
use crate::tokens::mint::Scope;

/// A request that may leave, recorded.
pub struct Masked {
    /// The body.
    pub body: Vec<u8>,
    /// What its tokens stand for.
    pub table: TokenTable,
    /// What masking is done with. To give its many pieces of memory back takes a moment, which is best taken once the
    /// request is on its way.
    pub spent: Spent,
    /// The session; it has been opened.
    pub recorder: Recorder,
    /// The tools that the answer may call.
    pub tools: Tools,
}

/// A request that may leave, before it is put together with its record.
struct Leaving {
    body: Vec<u8>,
    table: TokenTable,
    tools: Tools,
    spent: Spent,
}

/// See [`Masked::spent`].
pub type Spent = Box<dyn Send>;

impl Pipeline {
    /// Masks a request and records it, so that it may leave.
    ///
    /// Passes, memory, tokens, egress check, events: when one of them fails, nothing leaves.
    pub async fn mask(
        self: &Arc<Self>,
        agent: &Arc<ReadyAgent>,
        request: ChatRequest,
        call: Option<&CallName>,
    ) -> Result<Masked, PipelineError> {
        let scope = CallName::scope(agent.id, call);
        let mut recorder = Recorder::new(self.clone(), agent.clone(), call.map(|_| scope.id()));
        match self.mask_recorded(agent, request, scope, &mut recorder).await {
            Ok(Leaving { body, table, tools, spent }) => Ok(Masked { body, table, tools, spent, recorder }),
            Err(error) => {
                if matches!(error, PipelineError::MaskingUnavailable(STILL_THERE)) {
                    recorder.egress_blocked();
                }
                // What is refused through no fault of the caller's is a session too, and the operator sees it.
                if matches!(error, PipelineError::PassFailed { .. } | PipelineError::MaskingUnavailable(_)) {
                    recorder.refuse()?;
                }
                Err(error)
            }
        }
    }

    async fn mask_recorded(
        &self,
        agent: &Arc<ReadyAgent>,
        mut request: ChatRequest,
        scope: Scope<'_>,
        recorder: &mut Recorder,
    ) -> Result<Leaving, PipelineError> {
        let scope_id = scope.id();
        if let Some(payloads) = recorder.payloads() {
            payloads.set_request(&request.to_bytes());
        }
        let mut tools = Tools::read(&request.body);
        let started = Instant::now();
        let withheld = withhold_media(&mut request, media(&agent.policy));
        let pieces = pieces::collect(&mut request)?;
        let name = (agent.id, scope_id);
        let call = scope.call.map(|_| self.calls.get(name, agent.account));
        // What the vault has of the call is read while the passes run.
        let (detected, read) =
            tokio::join!(detect(self, agent, scope_id, &pieces), self.read_call(name, call.as_ref()));
        let detected = detected?;
        read?;
        recorder.passes(&detected.reports);
        if let Some(report) = &detected.blocked_by {
            let fault = report.fault.as_ref().map_or("failed", |fault| fault.kind.as_str());
            return Err(PipelineError::PassFailed { pass: report.name.to_string(), fault });
        }
        let decisions = remembered(&pieces, detected.decisions, call.as_deref());
        recorder.stages().detection = millis(started);

        let started = Instant::now();
        let tokenized = self.tokenize(agent, scope, call.as_ref(), &pieces, &decisions).await?;
        let Tokenized { edits, mut placed, table, values, renamed, .. } = tokenized;
        for (name, sent) in &renamed {
            tools.rename(name, sent);
        }
        pieces::replace(&mut request, edits, &mut |index, span| locate(&mut placed, index, span))?;
        check_egress(&mut request, &values)?;
        let body = request.to_bytes();
        if let Some(payloads) = recorder.payloads() {
            payloads.set_masked(&body);
        }
        if let Some(call) = call.filter(|call| call.remember(&values)) {
            self.calls.weigh(name, &call);
        }
        recorder.open(Opening { pieces: &pieces, placed: &placed, withheld })?;
        recorder.stages().tokenize = millis(started);
        let spent = Box::new((request, pieces, decisions, placed, values));
        Ok(Leaving { body, table, tools, spent })
    }

    /// Puts tokens in the places of values. Ends when the vault has what they stand for, so that nothing leaves of which the
    /// vault does not know.
    async fn tokenize(
        &self,
        agent: &ReadyAgent,
        scope: Scope<'_>,
        call: Option<&Arc<Call>>,
        pieces: &[Piece],
        decisions: &[Arc<[Decision]>],
    ) -> Result<Tokenized, PipelineError> {
        let minter = self
            .minters
            .get(&agent.policy.kid)
            .ok_or(PipelineError::MaskingUnavailable("the policy's key is not known"))?;
        let known = call.map(|call| &**call);
        let tokenize = || {
            let is_stored = |row: &_| self.calls.is_stored(row);
            Tokenizer { agent, minter, scope, call: known, is_stored: &is_stored, shows_replacements: false }
                .run(pieces, decisions)
        };
        self.calls.settle((agent.id, scope.id()), call, &self.store, &self.minters, tokenize).await
    }

    async fn read_call(&self, name: CallName, call: Option<&Arc<Call>>) -> Result<(), PipelineError> {
        let Some(call) = call else { return Ok(()) };
        self.calls.read(name, call, &self.store, &self.minters).await
    }
}

pub(super) fn media(policy: &policy::CompiledPolicy) -> Media {
    match policy.media {
        policy::Media::Block => Media::Block,
        policy::Media::Pass => Media::Pass,
    }
}

/// Adds what the call remembers: its earlier values, and those of this request in its other texts.
pub(super) fn remembered(
    pieces: &[Piece],
    mut decisions: Vec<Arc<[Decision]>>,
    call: Option<&Call>,
) -> Vec<Arc<[Decision]>> {
    let mut values = call.map(Call::values).unwrap_or_default();
    for (piece, decisions) in pieces.iter().zip(&decisions) {
        values.extend(decisions.iter().filter(|decision| &*decision.pass != "host").map(|decision| Remembered {
            text: piece.text.expose()[decision.span.range()].into(),
            kind: decision.kind.clone(),
            action: decision.action,
        }));
    }
    let texts: Vec<Searched<'_>> =
        pieces.iter().map(|piece| Searched { text: piece.text.expose(), search: piece.search }).collect();
    recall(&texts, &mut decisions, &values);
    decisions
}

const STILL_THERE: &str = "a masked value still stands in the finished request";

/// The last look before text leaves: none of the values just masked is left in the finished request, in any position in
/// which it is looked for. The positions are the walk's own; the search is a plain one, that shares nothing with masking.
/// Short values and plain words may be part of other words, and are not looked for here.
fn check_egress(request: &mut ChatRequest, values: &[Remembered]) -> Result<(), PipelineError> {
    let is_plain = |text: &str| {
        text.len() >= 7 && (text.contains(['@', ' ']) || text.bytes().filter(u8::is_ascii_digit).count() >= 5)
    };
    let values: Vec<&Remembered> = values.iter().filter(|value| is_plain(value.text.expose())).collect();
    if values.is_empty() {
        return Ok(());
    }
    let mut left = Left::default();
    walk(request, &mut left)?;
    let is_left = |value: &&Remembered| {
        let text = value.text.expose();
        let in_names = is_known_at(Search::Name, value) && contains_whole(left.names.expose(), text);
        in_names || contains_whole(left.texts.expose(), text)
    };
    match values.iter().any(is_left) {
        true => Err(PipelineError::MaskingUnavailable(STILL_THERE)),
        false => Ok(()),
    }
}

/// What leaves, by what is looked for there.
#[derive(Default)]
struct Left {
    texts: SensitiveText,
    names: SensitiveText,
}

impl Visitor for Left {
    fn leaf(&mut self, place: &Place<'_>, text: &str) -> Vec<Edit> {
        let kept = match place.search {
            Search::Speech | Search::Field | Search::Static => self.texts.expose_mut(),
            Search::Setting | Search::Word | Search::Name | Search::Known => self.names.expose_mut(),
        };
        kept.push_str(text);
        kept.push('\0');
        Vec::new()
    }
}

/// Notes where a replacement was made.
pub(super) fn locate(placed: &mut [Placed], index: u32, span: CharSpan) {
    if let Some(placed) = usize::try_from(index).ok().and_then(|index| placed.get_mut(index)) {
        placed.span = span;
    }
}

pub(super) fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
