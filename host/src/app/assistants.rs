//! Which assistant answers a call of an agent.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::App;
use crate::pipeline::ReadyAgent;

impl App {
    /// The callback's assistant, else the static one, else an empty one. A callback that fails is logged: the call goes on.
    pub async fn assistant(&self, agent: &ReadyAgent, message: Bytes) -> Map<String, Value> {
        if let Some(url) = &agent.door.assistant_callback_url {
            match self.callbacks.assistant(url, message).await {
                Ok(assistant) => return assistant,
                Err(fault) => {
                    tracing::warn!(agent = &*agent.name, %fault, "the assistant callback failed; the static assistant answers");
                }
            }
        }
        // It was an object when it was written.
        let fixed = agent.door.assistant.as_deref().and_then(|text| serde_json::from_str(text).ok());
        fixed.unwrap_or_default()
    }
}
