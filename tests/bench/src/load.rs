//! The load generator: callers in a closed loop, each on its own connection.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::check::check;
use crate::http1::{Wire, find};
use crate::model::Model;
use crate::usage;
use crate::workload::{Planted, Shape, mix, write_body};

/// A target of measurement: the model itself, the floor, or Masker.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its address.
    pub address: SocketAddr,
    /// Its path for chat completions.
    pub path: String,
    /// Whether it must mask.
    pub masks: bool,
    /// The process to read CPU time from; the model has none of its own.
    pub pid: Option<u32>,
}

/// When callers stop.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After this many requests of all callers together.
    Requests(u64),
    /// After this time.
    Elapsed(Duration),
}

/// One run against one target.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Number of callers.
    pub callers: u64,
    /// The shape of their requests.
    pub shape: Shape,
    /// How long.
    pub until: Until,
    /// Check one answer in this many. The check is outside the measured time, but runs on the load's core.
    pub check_every: u64,
    /// Callers begin at random moments within this time.
    pub stagger: Duration,
}

impl Plan {
    /// One caller, every answer checked.
    pub fn one_caller(shape: Shape, requests: u64) -> Self {
        Self { callers: 1, shape, until: Until::Requests(requests), check_every: 1, stagger: Duration::ZERO }
    }
}

/// One request's times, in milliseconds, without the model's delay.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Until the complete answer.
    pub whole: f64,
    /// Until the first word, for streams only.
    pub first_word: f64,
}

/// The result of a run.
#[derive(Debug)]
pub struct Outcome {
    /// One for each request.
    pub samples: Vec<Sample>,
    /// Wall time, in seconds.
    pub elapsed: f64,
    /// CPU time of the target's process, in seconds.
    pub cpu: f64,
}

impl Outcome {
    /// Requests per second.
    pub fn rate(&self) -> f64 {
        self.samples.len() as f64 / self.elapsed
    }

    /// CPU seconds for 1,000 requests.
    pub fn cpu_per_thousand(&self) -> f64 {
        self.cpu * 1_000.0 / self.samples.len().max(1) as f64
    }
}

/// Sends requests, each unique within a run of the program.
#[derive(Debug)]
pub struct Load {
    /// The upstream of every target.
    pub model: Model,
    next: Cell<u64>,
    /// Turns of one call; 0 sends no call id, like a plain OpenAI client.
    turns_per_call: u64,
}

impl Load {
    /// A load generator for targets whose upstream is `model`.
    pub fn new(model: Model, turns_per_call: u64) -> Self {
        Self { model, next: Cell::new(1), turns_per_call }
    }

    /// Runs a plan against a target.
    pub async fn run(self: &Rc<Self>, target: &Target, plan: Plan) -> Result<Outcome> {
        let cpu = |pid: Option<u32>| pid.map_or(Ok(0.0), usage::cpu_seconds);
        let cpu_before = cpu(target.pid)?;
        let started = Instant::now();
        let left = Rc::new(Cell::new(match plan.until {
            Until::Requests(count) => count,
            Until::Elapsed(_) => u64::MAX,
        }));
        let mut callers = Vec::new();
        for number in 0..plan.callers {
            let caller = Caller::connect(Rc::clone(self), target.clone(), plan.shape).await?;
            let left = Rc::clone(&left);
            let run = caller.run(number, plan, started, left);
            callers.push(tokio::task::spawn_local(run));
        }
        let mut samples = Vec::new();
        for caller in callers {
            samples.extend(caller.await.context("a caller panicked")??);
        }
        Ok(Outcome { elapsed: started.elapsed().as_secs_f64(), cpu: cpu(target.pid)? - cpu_before, samples })
    }

    fn take_number(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }
}

struct Caller {
    load: Rc<Load>,
    target: Target,
    shape: Shape,
    wire: Wire,
    /// Buffers reused for every request.
    body: String,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Caller {
    async fn connect(load: Rc<Load>, target: Target, shape: Shape) -> Result<Self> {
        Ok(Self {
            wire: Wire::connect(target.address).await?,
            load,
            target,
            shape,
            body: String::new(),
            request: Vec::new(),
            answer: Vec::new(),
        })
    }

    async fn run(mut self, caller: u64, plan: Plan, started: Instant, left: Rc<Cell<u64>>) -> Result<Vec<Sample>> {
        let stagger = plan.stagger.as_micros() as u64;
        if stagger > 0 {
            let offset = mix(caller) % stagger;
            tokio::time::sleep(Duration::from_micros(offset)).await;
        }
        let mut samples = Vec::new();
        while left.get() > 0 {
            if matches!(plan.until, Until::Elapsed(limit) if started.elapsed() >= limit) {
                break;
            }
            left.set(left.get() - 1);
            let turn = samples.len() as u64;
            samples.push(self.call(caller, turn, turn.is_multiple_of(plan.check_every)).await?);
        }
        Ok(samples)
    }

    async fn call(&mut self, caller: u64, turn: u64, checked: bool) -> Result<Sample> {
        let number = self.load.take_number();
        let planted = Planted::new(number);
        write_body(number, &planted, self.shape, &mut self.body);
        let call_id = turn.checked_div(self.load.turns_per_call);
        self.write_request(call_id.map(|call| (caller, call)));

        self.answer.clear();
        let sent = Instant::now();
        self.wire.write(&self.request).await?;
        let head = self.wire.read_head().await?;
        let head = head.context("the server closed the connection instead of answering")?;
        let mut first_word = FirstWord::default();
        let streamed = self.shape.streamed;
        self.wire
            .read_body(head.length, &mut self.answer, |answer| {
                if streamed {
                    first_word.look(answer, sent);
                }
            })
            .await?;
        let whole = sent.elapsed();

        ensure!(
            head.first_line.starts_with("HTTP/1.1 200"),
            "{}: {}",
            head.first_line,
            String::from_utf8_lossy(&self.answer)
        );
        let seen = self.load.model.take_seen(&self.answer)?;
        if checked {
            let masked = self.target.masks.then_some(seen.body.as_slice());
            check(&planted, self.shape, &self.answer, masked)?;
        }
        let without_model = |time: Duration| time.saturating_sub(seen.held).as_secs_f64() * 1e3;
        Ok(Sample { whole: without_model(whole), first_word: first_word.after.map_or(f64::NAN, without_model) })
    }

    fn write_request(&mut self, call: Option<(u64, u64)>) {
        let call_id =
            call.map_or(String::new(), |(caller, call)| format!("masker-session-id: bench-{caller}-{call}\r\n"));
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n{call_id}content-length: {}\r\n\r\n",
            self.target.path,
            self.target.address,
            self.body.len()
        );
        self.request.clear();
        self.request.extend_from_slice(head.as_bytes());
        self.request.extend_from_slice(self.body.as_bytes());
    }
}

/// Watches a stream for the first event with text.
#[derive(Default)]
struct FirstWord {
    searched: usize,
    after: Option<Duration>,
}

impl FirstWord {
    fn look(&mut self, answer: &[u8], sent: Instant) {
        const KEY: &[u8] = br#""content":""#;
        while self.after.is_none() {
            let Some(at) = find(&answer[self.searched..], KEY) else {
                return;
            };
            let value = self.searched + at + KEY.len();
            match answer.get(value) {
                None => return,
                Some(b'"') => self.searched = value,
                Some(_) => self.after = Some(sent.elapsed()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_is_not_the_empty_text_beside_the_role() {
        let mut first_word = FirstWord::default();
        first_word.look(br#"{"role":"assistant","content":""}"#, Instant::now());
        assert!(first_word.after.is_none());
        let more = br#"{"role":"assistant","content":""} {"content":"Hello"}"#;
        first_word.look(&more[..46], Instant::now());
        assert!(first_word.after.is_none());
        first_word.look(more, Instant::now());
        assert!(first_word.after.is_some());
    }
}
