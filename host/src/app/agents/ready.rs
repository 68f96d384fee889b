//! From an agent's row to one that serves.

use std::sync::Arc;

use super::super::App;
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
    pub(super) fn prepare_agent(&self, agent: &Agent) -> Result<ReadyAgent, AgentError> {
        let document = match &agent.policy_yaml {
            Some(document) => Arc::from(document.as_str()),
            None => self.policies.document(&agent.policy_name).ok_or(AgentError::UnknownPolicy)?,
        };
        let mut policy = self.policies.compile(&document).map_err(AgentError::Policy)?;
        if agent.policy_yaml.is_some() {
            policy.version_number = agent.policy_version;
        }
        if let Some(tokenization) = parse_tokenization(&agent.tokenization) {
            policy.tokenization = tokenization;
        }
        let passes = self.prepare_passes(&policy)?;
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
    pub fn prepare_passes(&self, policy: &CompiledPolicy) -> Result<Arc<[ReadyPass]>, AgentError> {
        prepare_passes(&self.wasm, &self.plugins, policy)
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
