//! Runs the passes on every message, on several threads, and measures the time of each.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use masker_core::passes::Message;

use crate::dataset::{Dataset, Record};
use crate::{EvalError, Masked, Setup, conversation};

/// Messages per batch of a thread.
const CHUNK: usize = 64;
/// Interval of progress messages.
const PROGRESS: Duration = Duration::from_secs(3);

/// Findings and cost of one message.
#[derive(Clone, Default)]
pub struct Outcome {
    /// Masked spans, in order, without overlaps.
    pub masked: Masked,
    /// CPU time of the thread: fresh instances, all passes, merging.
    pub cpu: Duration,
    /// Wall-clock time.
    pub wall: Duration,
}

/// A measurement.
pub struct Run<'a> {
    /// The configuration to measure.
    pub setup: &'a Setup<'a>,
    /// Number of threads.
    pub threads: usize,
    /// Whether messages have their conversation as context.
    pub context: bool,
    /// Whether to suppress progress messages.
    pub quiet: bool,
}

impl Run<'_> {
    /// Returns one outcome per record, in one list per set.
    ///
    /// # Errors
    /// A pass failed.
    pub fn all(&self, sets: &[Dataset]) -> Result<Vec<Vec<Outcome>>, EvalError> {
        sets.iter().map(|set| self.one(set)).collect()
    }

    fn one(&self, set: &Dataset) -> Result<Vec<Outcome>, EvalError> {
        let messages = conversation::messages(&set.records, self.context);
        let next = AtomicUsize::new(0);
        let (send, receive) = crossbeam_channel::unbounded();
        std::thread::scope(|scope| {
            for _ in 0..self.threads {
                let (send, next, messages) = (send.clone(), &next, &messages);
                scope.spawn(move || self.work(set, messages, next, &send));
            }
            drop(send);
            self.gather(set, &receive)
        })
    }

    fn work(&self, set: &Dataset, messages: &[Vec<Message>], next: &AtomicUsize, send: &Sender) {
        loop {
            let start = next.fetch_add(CHUNK, Ordering::Relaxed);
            let end = messages.len().min(start + CHUNK);
            if start >= end {
                return;
            }
            let outcomes = (start..end).map(|at| self.search(set, &set.records[at], &messages[at])).collect();
            // The receiver is dropped once another thread has failed.
            if send.send((start, outcomes)).is_err() {
                return;
            }
        }
    }

    fn gather(&self, set: &Dataset, receive: &Receiver) -> Result<Vec<Outcome>, EvalError> {
        let mut all = vec![Outcome::default(); set.records.len()];
        let mut done = 0;
        let mut said = Instant::now();
        for (start, outcomes) in receive {
            for (slot, outcome) in all[start..].iter_mut().zip(outcomes?) {
                *slot = outcome;
                done += 1;
            }
            if !self.quiet && said.elapsed() >= PROGRESS {
                said = Instant::now();
                let title = self.setup.title();
                let _ = writeln!(std::io::stderr(), "{}: {done} of {} messages, {title}", set.name, set.records.len());
            }
        }
        Ok(all)
    }

    fn search(&self, set: &Dataset, record: &Record, messages: &[Message]) -> Result<Outcome, EvalError> {
        let (clock, cpu) = (Instant::now(), ThreadTime::now());
        let found = self.setup.search.search(messages);
        let (cpu, wall) = (cpu.elapsed(), clock.elapsed());
        let masked = found.map_err(|what| EvalError::new(&format_args!("{}:{}", set.name, record.line), &what))?;
        Ok(Outcome { masked, cpu, wall })
    }
}

type Chunk = (usize, Result<Vec<Outcome>, EvalError>);
type Sender = crossbeam_channel::Sender<Chunk>;
type Receiver = crossbeam_channel::Receiver<Chunk>;
