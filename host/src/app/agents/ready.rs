//! From an agent's row to one that serves.

use std::sync::Arc;

use super::super::{App, Catalog};
use super::AgentError;
use super::draft::parse_tokenization;
use crate::chat::Platform;
use crate::passes::ReadyPass;
use crate::pipeline::ReadyAgent;
use crate::pipeline::agent::Door;
use crate::policy::{CompiledPolicy, OnError};
use crate::store::agents::Agent;
use crate::tokens::rehydrate::Fallback;
use crate::upstream::Upstream;

impl App {
    /// Compiles an agent's policy and prepares its passes. Off the request path: it may take seconds.
    pub(in crate::app) fn prepare_agent(&self, catalog: &Catalog, agent: &Agent) -> Result<ReadyAgent, AgentError> {
        let policy = match &agent.policy_yaml {
            Some(document) => catalog.compile(document, agent.policy_version),
            None => {
                let named = catalog.policy(agent.account_id, &agent.policy_name).ok_or(AgentError::UnknownPolicy)?;
                catalog.compile(&named.document, named.version)
            }
        };
        let mut policy = policy.map_err(AgentError::Policy)?;
        if let Some(tokenization) = parse_tokenization(&agent.tokenization) {
            policy.tokenization = tokenization;
        }
        let passes = self.prepare_passes(catalog, &policy)?;
        let (model, upstream) = match agent.upstream.split_once(':') {
            Some((_, model)) => (model, self.upstream.clone()),
            None => ("stub", Upstream::Stub),
        };
        Ok(ReadyAgent {
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
            door: Door {
                proxy_key_hash: agent.proxy_key_hash,
                require_signature: agent.require_signature,
                assistant: agent.assistant.as_deref().map(Arc::from),
                assistant_callback_url: agent.assistant_callback_url.as_deref().map(Arc::from),
            },
        })
    }

    /// Prepares the passes of a policy, in its order.
    pub fn prepare_passes(&self, catalog: &Catalog, policy: &CompiledPolicy) -> Result<Arc<[ReadyPass]>, AgentError> {
        prepare_passes(&self.wasm, catalog.shelf().plugins(), policy)
    }
}

/// Prepares the passes of a policy, in its order.
pub(crate) fn prepare_passes(
    wasm: &crate::wasm::Wasm,
    plugins: &crate::wasm::Registry,
    policy: &CompiledPolicy,
) -> Result<Arc<[ReadyPass]>, AgentError> {
    let prepared = policy.passes.iter().map(|pass| {
        // The policy was compiled against this registry; were the plugin gone, there is nothing to mask with.
        let plugin = plugins.get(&pass.plugin).ok_or(AgentError::UnknownPolicy)?;
        let runner = wasm.prepare(plugin, &pass.config_json, &pass.pattern_kinds)?;
        Ok(ReadyPass {
            name: pass.plugin.clone(),
            runner,
            may_skip: pass.on_error == OnError::Skip,
            limit: pass.timeout,
            may_replace: pass.may_replace,
        })
    });
    prepared.collect::<Result<Vec<_>, AgentError>>().map(Into::into)
}
