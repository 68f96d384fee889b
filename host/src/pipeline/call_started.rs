//! Records that a platform requested the configuration of a call. The caller's number is recorded only as a token.

use super::Pipeline;
use super::agent::ReadyAgent;
use super::error::PipelineError;
use super::reading;
use crate::audit::event::{CallerToken, Event, EventKind, PlatformId, Started};
use crate::kind::Kind;
use crate::policy::Tokenization;
use crate::tokens::call_name::CallName;
use crate::tokens::format::Token;
use crate::tokens::mint::{Scope, ValueType};
use crate::vapi::IncomingCall;

impl Pipeline {
    /// Appends the event and waits until it is on disk.
    ///
    /// # Errors
    /// The journal or the vault cannot be written to, or the policy's key is unknown. The call must not start then.
    pub async fn call_started(&self, agent: &ReadyAgent, call: IncomingCall) -> Result<(), PipelineError> {
        let name = call.id.as_deref().map(|id| self.call_names.name(id));
        let scope = CallName::scope(agent.id, name.as_ref());
        let caller = match &call.caller {
            Some(number) => Some(self.token_of_caller(agent, scope, number.expose()).await?),
            None => None,
        };
        let started = Started {
            assistant_id: call.assistant_id.as_deref().and_then(PlatformId::new),
            model: agent.model.clone(),
            caller: caller.and_then(|token| CallerToken::new(token.text())),
        };
        let event = Event {
            agent_id: Some(agent.id),
            call_id: name.as_ref().map(|_| data_encoding::HEXLOWER.encode(&scope.id())),
            policy_version: Some(agent.policy.version_number),
            started: Some(Box::new(started)),
            ..Event::new(EventKind::CallStarted, self.clock.now())
        };
        let receipt = self.journal.append(&[event]).map_err(|_| PipelineError::AuditUnavailable)?;
        self.journal.synced(&receipt).await.map_err(|_| PipelineError::AuditUnavailable)
    }

    async fn token_of_caller(&self, agent: &ReadyAgent, scope: Scope, number: &str) -> Result<Token, PipelineError> {
        let unavailable = PipelineError::MaskingUnavailable;
        let minter = self.minters.get(&agent.policy.kid).ok_or(unavailable("the policy's key is not known"))?;
        let kind = Kind::new("PHONE").ok_or(unavailable("the kind is not known"))?;
        if agent.policy.tokenization == Tokenization::ReversibleAead {
            let minted = minter.mint_aead(&scope, &kind, number, ValueType::Text);
            return minted.map_err(|_| unavailable("the caller's number is too long"));
        }
        let minted = minter.mint_vault(agent.account, &scope, &kind, number, ValueType::Text, &reading(&self.clock));
        self.store.vault().put(vec![minted.row]).await.map_err(|_| unavailable("the vault cannot be written to"))?;
        Ok(minted.token)
    }
}
