//! Builds a ready agent from its row.

use std::sync::Arc;

use super::super::lanes::Cancel;
use super::super::{App, Catalog};
use super::AgentError;
use super::draft::parse_tokenization;
use crate::chat::Platform;
use crate::passes::ReadyPass;
use crate::pipeline::ReadyAgent;
use crate::pipeline::agent::InboundAuth;
use crate::policy::{CompiledPass, CompiledPolicy, OnError};
use crate::store::agents::Agent;
use crate::tokens::rehydrate::Fallback;
use crate::upstream::Upstream;
use crate::wasm::{Plugin, PrepareError, PreparedPass, Registry, Wasm};

impl App {
    /// Compiles an agent's policy and prepares its passes. It may take seconds: run it in a lane.
    pub(in crate::app) fn prepare_agent(
        &self,
        catalog: &Catalog,
        agent: &Agent,
        cancel: &Cancel,
    ) -> Result<ReadyAgent, AgentError> {
        let policy = match &agent.policy_yaml {
            Some(document) => catalog.compile(document, agent.policy_version),
            None => {
                let named = catalog.policy(agent.account_id, &agent.policy_name).ok_or(AgentError::UnknownPolicy)?;
                catalog.compile(&named.document, named.version)
            }
        };
        self.prepare_with(catalog, agent, policy.map_err(AgentError::Policy)?, cancel)
    }

    /// Prepares the passes of a policy that is already compiled.
    pub(super) fn prepare_with(
        &self,
        catalog: &Catalog,
        agent: &Agent,
        policy: CompiledPolicy,
        cancel: &Cancel,
    ) -> Result<ReadyAgent, AgentError> {
        let passes = self.prepare_passes(catalog, &policy, cancel)?;
        Ok(self.ready(agent, policy, passes))
    }

    /// Prepares the passes of a policy, in order.
    pub(super) fn prepare_passes(
        &self,
        catalog: &Catalog,
        policy: &CompiledPolicy,
        cancel: &Cancel,
    ) -> Result<Arc<[ReadyPass]>, AgentError> {
        let plugins = catalog.shelf().plugins();
        passes_of(plugins, policy, cancel, |plugin, pass| {
            self.wasm.prepare(plugin, &pass.config_json, &pass.pattern_kinds)
        })
    }

    /// Assembles a ready agent.
    pub(super) fn ready(&self, agent: &Agent, mut policy: CompiledPolicy, passes: Arc<[ReadyPass]>) -> ReadyAgent {
        if let Some(tokenization) = parse_tokenization(&agent.tokenization) {
            policy.tokenization = tokenization;
        }
        let (model, upstream) = match agent.upstream.split_once(':') {
            Some((_, model)) => (model, self.upstream.clone()),
            None => ("stub", Upstream::Stub),
        };
        ReadyAgent {
            id: agent.id,
            account: agent.account_id,
            name: agent.name.as_str().into(),
            model: model.into(),
            upstream,
            platform: Platform::parse(&agent.platform).unwrap_or_default(),
            fallback: policy
                .fallback_text
                .as_deref()
                .map_or(Fallback::Redacted, |text| Fallback::Text(text.to_owned())),
            passes,
            policy: Arc::new(policy),
            generation: ReadyAgent::next_generation(),
            door: InboundAuth {
                proxy_key_hash: agent.proxy_key_hash,
                require_signature: agent.require_signature,
                assistant: agent.assistant.as_deref().map(Arc::from),
                assistant_callback_url: agent.assistant_callback_url.as_deref().map(Arc::from),
            },
        }
    }
}

/// Prepares the passes of a policy for the command line.
pub(crate) fn prepare_passes(
    wasm: &Wasm,
    plugins: &Registry,
    policy: &CompiledPolicy,
) -> Result<Arc<[ReadyPass]>, AgentError> {
    let prepare = |plugin: &Plugin, pass: &CompiledPass| wasm.prepare(plugin, &pass.config_json, &pass.pattern_kinds);
    passes_of(plugins, policy, &Cancel::never(), prepare)
}

/// The passes of a policy, in order, with runners created by `prepare`.
pub(super) fn passes_of(
    plugins: &Registry,
    policy: &CompiledPolicy,
    cancel: &Cancel,
    prepare: impl Fn(&Plugin, &CompiledPass) -> Result<Arc<PreparedPass>, PrepareError>,
) -> Result<Arc<[ReadyPass]>, AgentError> {
    let prepared = policy.passes.iter().map(|pass| {
        cancel.check()?;
        // The policy was compiled against this registry; if the plugin is missing, nothing can be masked.
        let plugin = plugins.get(&pass.plugin).ok_or(AgentError::UnknownPolicy)?;
        Ok(ReadyPass {
            name: pass.plugin.clone(),
            runner: prepare(plugin, pass)?,
            may_skip: pass.on_error == OnError::Skip,
            limit: pass.timeout,
            may_replace: pass.may_replace,
        })
    });
    prepared.collect::<Result<Vec<_>, AgentError>>().map(Into::into)
}
