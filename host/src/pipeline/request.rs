//! Out: from a caller's request to one that may leave.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::Pipeline;
use super::agent::ReadyAgent;
use super::calls::Call;
use super::detect::Remembering;
use super::egress;
use super::error::PipelineError;
use super::masking::{Decided, Masking};
use super::record::{Opening, Recorder};
use super::tokenize::{TokenTable, Tokenized, Tokenizer};
use crate::chat::Platform;
use crate::chat::request::ChatRequest;
use crate::chat::tools::Tools;
use crate::passes::Remains;
use crate::policy::TokenStyle;
use crate::tokens::mint::{Scope, VaultRow};

/// The threads of the passes have too much to do.
pub(super) const BUSY: &str = "too many requests wait for their passes";

/// A body of so many bytes is masked where its request was read: to hand it over takes longer. A longer one is worked on by a
/// pass thread from its texts to its last look, so that no other call waits for it.
const SHORT: usize = 32 << 10;

/// A request that may leave, recorded.
pub struct Masked {
    /// The body.
    pub body: Vec<u8>,
    /// What its tokens stand for.
    pub table: TokenTable,
    /// Rows that the vault must have before the answer begins.
    pub rows: Vec<VaultRow>,
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
    rows: Vec<VaultRow>,
    spent: Spent,
}

/// See [`Masked::spent`].
pub type Spent = Box<dyn Send>;

impl Pipeline {
    /// Reads a body; a long one on a thread of the passes.
    ///
    /// # Errors
    /// It is no request, or too many others wait for these threads.
    pub async fn read(&self, body: &Bytes, platform: Platform) -> Result<ChatRequest, PipelineError> {
        if body.len() <= SHORT {
            return Ok(ChatRequest::parse(body, platform)?);
        }
        let body = body.clone();
        let read = self.pool.run(move || (ChatRequest::parse(&body, platform), ())).await;
        Ok(read.map_err(|_| PipelineError::MaskingUnavailable(BUSY))??)
    }

    /// Masks a request and records it, so that it may leave.
    ///
    /// Passes, memory, tokens, egress check, events: when one of them fails, nothing leaves.
    pub async fn mask(
        self: &Arc<Self>,
        agent: &Arc<ReadyAgent>,
        request: ChatRequest,
        call_id: Option<&str>,
    ) -> Result<Masked, PipelineError> {
        let scope = Scope { agent: agent.id, call: call_id };
        let mut recorder = Recorder::new(self.clone(), agent.clone(), call_id.map(|_| scope.id()));
        let call = call_id.map(|_| self.calls.get(agent.id, scope.id()));
        if let (Some(call), TokenStyle::Compact) = (&call, agent.policy.token_style)
            && call.load_labels(&self.store, agent.id, scope.id()).await.is_err()
        {
            recorder.refuse()?;
            return Err(PipelineError::MaskingUnavailable("the vault cannot be read"));
        }
        let is_short = request.length <= SHORT;
        let (pipeline, agent, call_id) = (self.clone(), agent.clone(), call_id.map(str::to_owned));
        let job = Job { pipeline, agent, call_id, call, recorder, stage: Stage::Read(Box::new(request)) };
        if is_short { job.run_here().await } else { job.run_on_pass_thread().await }
    }
}

/// A request on its way through masking, with all that the way takes.
struct Job {
    pipeline: Arc<Pipeline>,
    agent: Arc<ReadyAgent>,
    call_id: Option<String>,
    call: Option<Arc<Call>>,
    recorder: Recorder,
    stage: Stage,
}

/// How far it has come.
enum Stage {
    Read(Box<ChatRequest>),
    Detecting(Box<Detection>),
    Over,
}

struct Detection {
    started: Instant,
    tools: Tools,
    masking: Masking,
}

impl Job {
    /// Only the passes run on one of their threads.
    async fn run_here(mut self) -> Result<Masked, PipelineError> {
        if let Err(error) = self.begin() {
            return Err(self.refuse(error));
        }
        let asks = matches!(&self.stage, Stage::Detecting(detection) if detection.masking.has_questions());
        let (mut job, detected) =
            if asks { self.on_pass_thread(|job| ((), job.detect())).await } else { (self, Ok(())) };
        let result = detected.and_then(|()| job.finish());
        job.settle(result)
    }

    /// All of it runs on one of the threads of the passes.
    async fn run_on_pass_thread(self) -> Result<Masked, PipelineError> {
        let all = |job: &mut Self| {
            let begun = job.begin();
            let remains = job.detect();
            (begun.and_then(|()| job.finish()), remains)
        };
        let (job, result) = self.on_pass_thread(all).await;
        job.settle(result.flatten())
    }

    /// Does a part of the job on a thread of the passes. The job comes back also where that fails: it has to be recorded.
    async fn on_pass_thread<T: Send + 'static>(
        self,
        part: impl FnOnce(&mut Self) -> (T, Remains) + Send + 'static,
    ) -> (Self, Result<T, PipelineError>) {
        let pool = self.pipeline.pool.clone();
        let place = Arc::new(Mutex::new(Some(self)));
        let there = place.clone();
        let runtime = Handle::try_current().ok();
        let work = move || {
            // Where the caller hung up, the job ends here, and what was opened is recorded from here.
            let _entered = runtime.as_ref().map(Handle::enter);
            let there = there;
            let done = lock(&there).as_mut().map(part);
            done.map_or_else(|| (None, Remains::new()), |(result, remains)| (Some(result), remains))
        };
        let result = pool.run(work).await.ok().flatten();
        let job = lock(&place).take().expect("the job was put there, and only borrowed since");
        (job, result.ok_or(PipelineError::MaskingUnavailable(BUSY)))
    }

    /// Takes the texts, and what is remembered of them.
    fn begin(&mut self) -> Result<(), PipelineError> {
        let Stage::Read(request) = std::mem::replace(&mut self.stage, Stage::Over) else { return Ok(()) };
        if let Some(payloads) = self.recorder.payloads() {
            payloads.set_request(&request.to_bytes());
        }
        let tools = Tools::read(&request.body);
        let started = Instant::now();
        let known = Remembering { memo: &self.pipeline.memo, call: self.scope().id() };
        let masking = Masking::begin(&self.agent, *request, Some(known))?;
        self.stage = Stage::Detecting(Box::new(Detection { started, tools, masking }));
        Ok(())
    }

    /// Runs the passes over what is new.
    fn detect(&mut self) -> Remains {
        let Self { pipeline, agent, stage: Stage::Detecting(detection), .. } = self else { return Remains::new() };
        detection.masking.detect(agent, Some(&pipeline.memo), pipeline.detection_timeout)
    }

    /// Everything else, to the events.
    fn finish(&mut self) -> Result<Leaving, PipelineError> {
        let Stage::Detecting(detection) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(PipelineError::MaskingUnavailable("the texts were not read"));
        };
        let Detection { started, mut tools, masking } = *detection;
        self.recorder.passes(masking.reports());
        let mut decided = masking.decide(self.call.as_deref())?;
        self.recorder.stages().detection = millis(started);

        let started = Instant::now();
        let Tokenized { placed, table, rows, values, renamed, .. } = self.tokenize(&mut decided)?;
        for (name, sent) in &renamed {
            tools.rename(name, sent);
        }
        let Decided { mut request, pieces, decisions, withheld } = decided;
        egress::check(&mut request, &values)?;
        let body = request.to_bytes();
        if let Some(payloads) = self.recorder.payloads() {
            payloads.set_masked(&body);
        }
        if let Some(call) = &self.call {
            call.remember(&values);
        }
        self.recorder.open(Opening { pieces: &pieces, placed: &placed, withheld })?;
        self.recorder.stages().tokenize = millis(started);
        let spent = Box::new((request, pieces, decisions, placed, values));
        Ok(Leaving { body, table, tools, rows, spent })
    }

    fn tokenize(&self, decided: &mut Decided) -> Result<Tokenized, PipelineError> {
        let Self { pipeline, agent, .. } = self;
        let minter = pipeline
            .minters
            .get(&agent.policy.kid)
            .ok_or(PipelineError::MaskingUnavailable("the policy's key is not known"))?;
        let is_stored = |row: &VaultRow| pipeline.stored_before(row);
        decided.tokenize(&Tokenizer {
            agent,
            minter,
            scope: self.scope(),
            call: self.call.as_deref(),
            is_stored: &is_stored,
            shows_replacements: false,
        })
    }

    fn scope(&self) -> Scope<'_> {
        Scope { agent: self.agent.id, call: self.call_id.as_deref() }
    }

    fn settle(self, result: Result<Leaving, PipelineError>) -> Result<Masked, PipelineError> {
        match result {
            Ok(Leaving { body, table, tools, rows, spent }) => {
                Ok(Masked { body, table, tools, rows, spent, recorder: self.recorder })
            }
            Err(error) => Err(self.refuse(error)),
        }
    }

    /// What is refused through no fault of the caller's is a session too, and the operator sees it.
    fn refuse(mut self, error: PipelineError) -> PipelineError {
        if matches!(error, PipelineError::MaskingUnavailable(egress::STILL_THERE)) {
            self.recorder.egress_blocked();
        }
        match error {
            PipelineError::PassFailed { .. } | PipelineError::MaskingUnavailable(_) => {
                self.recorder.refuse().err().unwrap_or(error)
            }
            error => error,
        }
    }
}

fn lock<T>(place: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A part that panicked leaves a job that can still be refused.
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
