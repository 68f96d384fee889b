//! An agent that nobody can call, for trying a policy out.

use std::sync::Arc;

use super::super::App;
use super::{AgentError, DEFAULT_POLICY};
use crate::ids::{AccountId, AgentId};
use crate::pipeline::ReadyAgent;
use crate::store::agents::Agent;

/// Which policy is tried out.
#[derive(Clone, Debug)]
pub enum Trial {
    /// The one that agents have unless they name another.
    Default,
    /// One that the account can name.
    Named(String),
    /// A document.
    Document(String),
}

impl App {
    /// Compiles a policy and prepares its passes. It takes seconds where a plugin has not been used like this before.
    pub async fn try_policy(
        self: &Arc<Self>,
        account: AccountId,
        policy: Trial,
    ) -> Result<Arc<ReadyAgent>, AgentError> {
        let (name, document) = match policy {
            Trial::Default => (DEFAULT_POLICY.to_owned(), None),
            Trial::Named(name) => (name, None),
            Trial::Document(document) => (String::new(), Some(document)),
        };
        let agent = Agent {
            id: AgentId::generate(),
            account_id: account,
            name: String::new(),
            upstream: "stub".into(),
            // The policy's.
            tokenization: String::new(),
            policy_name: name,
            policy_yaml: document,
            policy_version: 1,
            platform: String::new(),
            assistant: None,
            assistant_callback_url: None,
            proxy_key_hash: None,
            require_signature: false,
            created_at: self.pipeline.clock.now(),
            deleted_at: None,
            agreements: None,
        };
        Ok(Arc::new(self.prepare(&self.catalog(), &agent).await?))
    }
}
