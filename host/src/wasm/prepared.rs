//! One call of a prepared pass: a fresh instance, with limits, that is discarded after the call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::{Store, Trap};

use super::engine::{Engine, TICK};
use super::findings::{self, RawFinding};
use super::last_words;
use super::limits::{self, Limits};
use super::offsets::MessagePlace;
use super::prepare::{FUEL, new_store};
use super::registry::{Manifest, first_line};
use super::v0_1::{self, FindingParam, MessageParam};
use crate::kind::Kind;
use crate::passes::fault::FaultDetail;
use crate::passes::finding::Finding;
use crate::passes::{DeferredDrops, FaultKind, Message, PassFault, PassRunner};
use crate::sensitive::SensitiveText;

/// Resource usage of a call, and the plugin's message.
#[derive(Clone, Debug)]
pub struct Used {
    /// Memories and tables of the instance at the end of the call, in bytes.
    pub memory: usize,
    /// Fuel used, on an engine that counts it.
    pub fuel: Option<u64>,
    /// The plugin's message when it failed, on an engine for plugin authors.
    pub said: Option<SensitiveText>,
}

/// A plugin with its configuration, ready to be instantiated.
pub struct PreparedPass {
    engine: Arc<Engine>,
    pre: v0_1::PluginPre<Limits>,
    manifest: Arc<Manifest>,
    kinds: Vec<Kind>,
    /// Passed to `configure` in every instance; `None` when the snapshot is configured already.
    config: Option<String>,
}

impl PreparedPass {
    pub(super) fn new(
        engine: Arc<Engine>,
        pre: v0_1::PluginPre<Limits>,
        manifest: Arc<Manifest>,
        kinds: Vec<Kind>,
        config: Option<String>,
    ) -> Self {
        Self { engine, pre, manifest, kinds, config }
    }

    /// Whether `configure` runs in every request, because the guest cannot be snapshotted.
    pub fn configures_every_time(&self) -> bool {
        self.config.is_some()
    }

    fn call(
        &self,
        store: &mut Store<Limits>,
        messages: &[MessageParam<'_>],
        earlier: &[FindingParam<'_>],
    ) -> Result<Vec<RawFinding>, CallError> {
        let instance = self.pre.instantiate(&mut *store).map_err(CallError::Start)?;
        let pass = instance.masker_plugin_pass();
        if let Some(config) = &self.config {
            pass.call_configure(&mut *store, config).map_err(CallError::Trap)?.map_err(CallError::Plugin)?;
        }
        let found = pass.call_detect(&mut *store, messages, earlier).map_err(CallError::Trap)?;
        Ok(found.map_err(CallError::Plugin)?.into_iter().map(RawFinding::from).collect())
    }
}

impl PassRunner for PreparedPass {
    fn run(
        &self,
        messages: &[Message],
        earlier: &[Finding],
        limit: Duration,
        remains: &mut DeferredDrops,
    ) -> Result<Vec<Finding>, PassFault> {
        let Ran { found, store, .. } = self.run_in_store(messages, earlier, limit);
        remains.push(Box::new(store));
        found
    }
}

/// Result of a call, with its store.
struct Ran {
    found: Result<Vec<Finding>, PassFault>,
    said: Option<SensitiveText>,
    store: Store<Limits>,
}

impl PreparedPass {
    /// Same as [`PassRunner::run`], and returns the resource usage.
    pub fn run_measured(
        &self,
        messages: &[Message],
        earlier: &[Finding],
        limit: Duration,
    ) -> (Result<Vec<Finding>, PassFault>, Used) {
        let Ran { found, said, store } = self.run_in_store(messages, earlier, limit);
        (found, Used { memory: store.data().memory, fuel: store.get_fuel().ok().map(|left| FUEL - left), said })
    }

    /// Runs in a store of its own. The time limit covers everything up to the last check of the output.
    fn run_in_store(&self, messages: &[Message], earlier: &[Finding], limit: Duration) -> Ran {
        let began = Instant::now();
        let _ticking = self.engine.ticking();
        let mut store = new_store(&self.engine.run, limit);
        let shown: Vec<MessageParam<'_>> = messages
            .iter()
            .map(|message| MessageParam { role: message.role, text: message.text.expose(), search: message.search })
            .collect();
        let earlier = self.shown_findings(earlier, messages);
        let in_time = || match began.elapsed() {
            took if took > limit + TICK => Err(late(limit)),
            _ => Ok(()),
        };
        match self.call(&mut store, &shown, &earlier) {
            Ok(found) => {
                let found = findings::check(found, messages, &self.kinds, self.manifest.offset_unit, in_time);
                Ran { found, said: None, store }
            }
            Err(error) => {
                let said = self.engine.for_author.then(|| error.said(&store)).flatten();
                Ran { found: Err(error.into_fault(store.data(), limit)), said, store }
            }
        }
    }

    /// Findings of earlier passes, in this plugin's offset unit.
    fn shown_findings<'f>(&self, found: &'f [Finding], messages: &[Message]) -> Vec<FindingParam<'f>> {
        let places: Vec<MessagePlace> = found
            .iter()
            .map(|finding| MessagePlace { text: finding.message, start: finding.span.start, end: finding.span.end })
            .collect();
        let places = self.manifest.offset_unit.to_unit(&places, |message| messages[message].text.expose());
        // Findings are on character boundaries, so the conversion cannot fail.
        let with_place = found.iter().zip(places).filter_map(|(finding, place)| Some((finding, place?)));
        with_place
            .map(|(finding, place)| FindingParam {
                message: place.text as u32,
                start: place.start as u32,
                end: place.end as u32,
                kind: finding.kind.as_str(),
                confidence: finding.confidence,
                action: None,
                replacement: None,
            })
            .collect()
    }
}

enum CallError {
    Start(wasmtime::Error),
    Trap(wasmtime::Error),
    Plugin(v0_1::Error),
}

impl CallError {
    /// The plugin's own message.
    fn said(&self, store: &Store<Limits>) -> Option<SensitiveText> {
        match self {
            Self::Start(error) | Self::Trap(error) => last_words::of_trap(error, store),
            Self::Plugin(error) => Some(format!("{}: {}", error.code, error.message).into()),
        }
    }

    /// The fault as reported to the operator. The guest's message is not included: the guest has seen caller text.
    fn into_fault(self, used: &Limits, limit: Duration) -> PassFault {
        let fault = |kind, words| PassFault { kind, detail: FaultDetail::Words(words) };
        match self {
            CallError::Plugin(_) => fault(FaultKind::Plugin, "it returned an error"),
            CallError::Start(error) => {
                // No caller text is involved yet.
                tracing::warn!(error = %first_line(&error), "cannot create an instance of a plugin");
                fault(FaultKind::Start, "it could not be started")
            }
            CallError::Trap(error) => match error.downcast_ref::<Trap>() {
                Some(Trap::Interrupt) => late(limit),
                Some(Trap::StackOverflow) => fault(FaultKind::Trap, limits::OVER_STACK),
                _ if used.memory_refused => fault(FaultKind::Memory, limits::OVER_MEMORY),
                Some(trap) => fault(FaultKind::Trap, words_of(*trap)),
                None => fault(FaultKind::Output, "its output is larger than 2 MiB or does not match the contract"),
            },
        }
    }
}

fn late(limit: Duration) -> PassFault {
    PassFault { kind: FaultKind::Timeout, detail: FaultDetail::Late(limit) }
}

fn words_of(trap: Trap) -> &'static str {
    match trap {
        Trap::UnreachableCodeReached => "it panicked or aborted",
        Trap::MemoryOutOfBounds => "out-of-bounds memory access",
        Trap::IntegerDivisionByZero => "division by zero",
        Trap::IntegerOverflow => "integer overflow",
        Trap::TableOutOfBounds | Trap::IndirectCallToNull | Trap::BadSignature => {
            "call of a function that does not exist"
        }
        _ => "it trapped",
    }
}
