//! One call of a prepared pass: a fresh instance, limits, the call, and nothing left behind.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Store, Trap};

use super::engine::Engine;
use super::findings::{self, RawFinding};
use super::limits::{self, Limits};
use super::prepare::{FUEL, new_store};
use super::registry::{Manifest, first_line};
use super::v0_1::{self, FindingParam, MessageParam};
use crate::kind::Kind;
use crate::passes::finding::Finding;
use crate::passes::{FaultKind, Message, PassFault, PassRunner, Remains};

/// What a call used.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    /// Linear memory of the instance at its end, in bytes.
    pub memory: usize,
    /// Fuel, on an engine that counts it.
    pub fuel: Option<u64>,
}

/// A plugin with its configuration, ready to be instantiated.
pub struct PreparedPass {
    engine: Arc<Engine>,
    pre: v0_1::PluginPre<Limits>,
    manifest: Arc<Manifest>,
    kinds: Vec<Kind>,
    /// Given to `configure` in every instance; `None` when the snapshot holds it.
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

    /// Whether every request pays for `configure`, because the guest cannot be snapshotted.
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
        remains: &mut Remains,
    ) -> Result<Vec<Finding>, PassFault> {
        let (found, store) = self.run_in_store(messages, earlier, limit);
        remains.push(Box::new(store));
        found
    }
}

impl PreparedPass {
    /// [`PassRunner::run`], and what the call used.
    pub fn run_measured(
        &self,
        messages: &[Message],
        earlier: &[Finding],
        limit: Duration,
    ) -> (Result<Vec<Finding>, PassFault>, Used) {
        let (found, store) = self.run_in_store(messages, earlier, limit);
        let used = Used { memory: store.data().memory, fuel: store.get_fuel().ok().map(|left| FUEL - left) };
        (found, used)
    }

    /// Runs in a store of its own, which it leaves.
    fn run_in_store(
        &self,
        messages: &[Message],
        earlier: &[Finding],
        limit: Duration,
    ) -> (Result<Vec<Finding>, PassFault>, Store<Limits>) {
        let unit = self.manifest.offset_unit;
        let shown: Vec<MessageParam<'_>> = messages
            .iter()
            .map(|message| MessageParam { role: message.role, text: message.text.expose(), search: message.search })
            .collect();
        let earlier: Vec<FindingParam<'_>> = earlier
            .iter()
            .map(|finding| {
                let (start, end) = unit.from_bytes(messages[finding.message].text.expose(), finding.span);
                FindingParam {
                    message: finding.message as u32,
                    start: start as u32,
                    end: end as u32,
                    kind: finding.kind.as_str(),
                    confidence: finding.confidence,
                    action: None,
                    replacement: None,
                }
            })
            .collect();
        let _ticking = self.engine.ticking();
        let mut store = new_store(&self.engine.run, limit);
        let found = self.call(&mut store, &shown, &earlier).map_err(|error| error.into_fault(store.data(), limit));
        (found.and_then(|found| findings::check(found, messages, &self.kinds, unit)), store)
    }
}

enum CallError {
    Start(wasmtime::Error),
    Trap(wasmtime::Error),
    Plugin(v0_1::Error),
}

impl CallError {
    /// The fault as the operator sees it. A guest's own words are not repeated: it has seen the caller's text.
    fn into_fault(self, used: &Limits, limit: Duration) -> PassFault {
        let fault = |kind, detail: String| PassFault { kind, detail };
        match self {
            CallError::Start(error) => fault(FaultKind::Start, first_line(&error)),
            CallError::Plugin(error) => {
                fault(FaultKind::Plugin, format!("detect() answered with an error of {} bytes", error.message.len()))
            }
            CallError::Trap(error) => match error.downcast_ref::<Trap>() {
                Some(Trap::Interrupt) => fault(FaultKind::Timeout, format!("not done within {} ms", limit.as_millis())),
                Some(Trap::StackOverflow) => {
                    fault(FaultKind::Trap, format!("more than {} KiB of stack", limits::STACK >> 10))
                }
                _ if used.memory_refused => {
                    fault(FaultKind::Memory, format!("more than {} MiB of memory", limits::MEMORY >> 20))
                }
                Some(trap) => fault(FaultKind::Trap, trap.to_string()),
                None => fault(FaultKind::Output, first_line(&error)),
            },
        }
    }
}
