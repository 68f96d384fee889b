//! Outgoing direction: from a caller's request to a masked request that may be sent.

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
use crate::passes::DeferredDrops;
use crate::tokens::call_name::CallName;
use crate::tokens::mint::Scope;
use crate::values::Reading;

/// Error of a request that is refused because the pass threads are overloaded.
pub(super) const BUSY: &str = "too many requests wait for their passes";

/// A body up to this many bytes is masked on the thread that read it: a handover takes longer. A longer one is
/// processed by a pass thread from its texts to the egress check, so that no other call waits for it.
const SHORT: usize = 32 << 10;

/// A masked and recorded request that may be sent.
pub struct Masked {
    /// The body.
    pub body: Vec<u8>,
    /// Maps its tokens to originals.
    pub table: TokenTable,
    /// Working memory of masking. Freeing its many allocations takes a moment, best spent after the request has been
    /// sent.
    pub spent: DeferredDrop,
    /// The session, already open.
    pub recorder: Recorder,
    /// The tools that the answer may call.
    pub tools: Tools,
}

/// A request that may be sent, before it is combined with its record.
struct Leaving {
    body: Vec<u8>,
    table: TokenTable,
    tools: Tools,
    spent: DeferredDrop,
}

/// See [`Masked::spent`].
pub type DeferredDrop = Box<dyn Send>;

impl Pipeline {
    /// Parses a body; a long one on a pass thread.
    ///
    /// # Errors
    /// The body is not a valid request, or too many requests are queued for these threads.
    pub async fn read(&self, body: &Bytes, platform: Platform) -> Result<ChatRequest, PipelineError> {
        if body.len() <= SHORT {
            return Ok(ChatRequest::parse(body, platform)?);
        }
        let body = body.clone();
        let read = self.pool.run(move || (ChatRequest::parse(&body, platform), ())).await;
        Ok(read.map_err(|_| PipelineError::MaskingUnavailable(BUSY))??)
    }

    /// Masks a request and records it, so that it may be sent.
    ///
    /// Passes, memory, tokens, egress check, events: if one of them fails, nothing is sent.
    pub async fn mask(
        self: &Arc<Self>,
        agent: &Arc<ReadyAgent>,
        request: ChatRequest,
        name: Option<&CallName>,
    ) -> Result<Masked, PipelineError> {
        let scope = CallName::scope(agent.id, name);
        let mut recorder = Recorder::new(self.clone(), agent.clone(), name.map(|_| scope.id()));
        let call = name.map(|_| self.calls.get(scope, agent.account));
        let reading = super::reading(&self.clock);
        if let Some(call) = &call
            && let Err(error) = self.calls.read(scope, call, &self.store, &self.minters, &reading).await
        {
            recorder.refuse()?;
            return Err(error);
        }
        let is_short = request.length <= SHORT;
        let (pipeline, agent) = (self.clone(), agent.clone());
        let job = Job { pipeline, agent, scope, reading, call, recorder, stage: Stage::Read(Box::new(request)) };
        if is_short { job.run_here().await } else { job.run_on_pass_thread().await }
    }
}

/// A request during masking, with everything the steps need.
struct Job {
    pipeline: Arc<Pipeline>,
    agent: Arc<ReadyAgent>,
    scope: Scope,
    reading: Reading,
    call: Option<Arc<Call>>,
    recorder: Recorder,
    stage: Stage,
}

/// The step reached.
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
    /// Only the passes run on a pass thread.
    async fn run_here(mut self) -> Result<Masked, PipelineError> {
        if let Err(error) = self.begin() {
            return Err(self.refuse(error));
        }
        let asks = matches!(&self.stage, Stage::Detecting(detection) if detection.masking.has_questions());
        let (mut job, detected) =
            if asks { self.on_pass_thread(|job| ((), job.detect())).await } else { (self, Ok(())) };
        let result = match detected {
            Ok(()) => job.finish().await,
            Err(error) => Err(error),
        };
        job.settle(result)
    }

    /// Everything runs on a pass thread.
    async fn run_on_pass_thread(self) -> Result<Masked, PipelineError> {
        let runtime = Handle::current();
        let all = move |job: &mut Self| {
            let begun = job.begin();
            let remains = job.detect();
            // The only wait in it is for the vault.
            (begun.and_then(|()| runtime.block_on(job.finish())), remains)
        };
        let (job, result) = self.on_pass_thread(all).await;
        job.settle(result.flatten())
    }

    /// Runs a step of the job on a pass thread. The job is returned also if the step fails, because it has to be
    /// recorded.
    async fn on_pass_thread<T: Send + 'static>(
        self,
        part: impl FnOnce(&mut Self) -> (T, DeferredDrops) + Send + 'static,
    ) -> (Self, Result<T, PipelineError>) {
        let pool = self.pipeline.pool.clone();
        let place = Arc::new(Mutex::new(Some(self)));
        let there = place.clone();
        let runtime = Handle::try_current().ok();
        let work = move || {
            // If the caller hung up, the job is dropped on this thread, and an open session is recorded from here.
            let _entered = runtime.as_ref().map(Handle::enter);
            let there = there;
            let done = lock(&there).as_mut().map(part);
            done.map_or_else(|| (None, DeferredDrops::new()), |(result, remains)| (Some(result), remains))
        };
        let result = pool.run(work).await.ok().flatten();
        let job = lock(&place).take().expect("the job was put there, and only borrowed since");
        (job, result.ok_or(PipelineError::MaskingUnavailable(BUSY)))
    }

    /// Collects the texts and looks up cached decisions.
    fn begin(&mut self) -> Result<(), PipelineError> {
        let Stage::Read(request) = std::mem::replace(&mut self.stage, Stage::Over) else { return Ok(()) };
        if let Some(payloads) = self.recorder.payloads() {
            payloads.set_request(&request.to_bytes());
        }
        let tools = Tools::read(&request.body);
        let started = Instant::now();
        let known = Remembering { memo: &self.pipeline.memo, call: self.scope.id() };
        let masking = Masking::begin(&self.agent, *request, Some(known))?;
        self.stage = Stage::Detecting(Box::new(Detection { started, tools, masking }));
        Ok(())
    }

    /// Runs the passes over new texts.
    fn detect(&mut self) -> DeferredDrops {
        let Self { pipeline, agent, stage: Stage::Detecting(detection), .. } = self else {
            return DeferredDrops::new();
        };
        detection.masking.detect(agent, Some(&pipeline.memo), pipeline.detection_timeout)
    }

    /// The remaining steps, up to the events.
    async fn finish(&mut self) -> Result<Leaving, PipelineError> {
        let Stage::Detecting(detection) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(PipelineError::MaskingUnavailable("the texts were not read"));
        };
        let Detection { started, mut tools, masking } = *detection;
        self.recorder.passes(masking.reports());
        let mut decided = masking.decide(self.call.as_deref())?;
        self.recorder.stages().detection = millis(started);

        let started = Instant::now();
        let tokenized = self.tokenize(&mut decided).await?;
        let Tokenized { placed, table, values, renamed, .. } = tokenized;
        for (name, sent) in &renamed {
            tools.rename(name, sent);
        }
        let Decided { mut request, pieces, decisions, withheld } = decided;
        egress::check(&mut request, &values)?;
        let body = request.to_bytes();
        if let Some(payloads) = self.recorder.payloads() {
            payloads.set_masked(&body);
        }
        if let Some(call) = self.call.as_ref().filter(|call| call.remember(&values)) {
            self.pipeline.calls.weigh(self.scope, call);
        }
        self.recorder.open(Opening { pieces: &pieces, placed: &placed, withheld })?;
        self.recorder.stages().tokenize = millis(started);
        let spent = Box::new((request, pieces, decisions, placed, values));
        Ok(Leaving { body, table, tools, spent })
    }

    /// Replaces values by tokens. Completes when the vault has stored their originals, so that no token is sent that
    /// the vault does not know.
    async fn tokenize(&self, decided: &mut Decided) -> Result<Tokenized, PipelineError> {
        let Self { pipeline, agent, scope, reading, call, .. } = self;
        let minter = pipeline
            .minters
            .get(&agent.policy.kid)
            .ok_or(PipelineError::MaskingUnavailable("the policy's key is not known"))?;
        let tokens = || {
            let is_stored = |row: &_| pipeline.calls.is_stored(row);
            decided.tokens(&Tokenizer {
                agent,
                minter,
                scope: *scope,
                call: call.as_deref(),
                is_stored: &is_stored,
                reading: *reading,
                shows_replacements: false,
            })
        };
        let settled = pipeline.calls.settle(*scope, call.as_ref(), &pipeline.store, &pipeline.minters, reading, tokens);
        let mut tokenized = settled.await?;
        decided.put(&mut tokenized)?;
        Ok(tokenized)
    }

    fn settle(self, result: Result<Leaving, PipelineError>) -> Result<Masked, PipelineError> {
        match result {
            Ok(Leaving { body, table, tools, spent }) => {
                Ok(Masked { body, table, tools, spent, recorder: self.recorder })
            }
            Err(error) => Err(self.refuse(error)),
        }
    }

    /// A refusal that is not the caller's fault is recorded as a session too, so that the operator sees it.
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
    // A step that panicked leaves a job that can still be refused.
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
