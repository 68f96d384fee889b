//! Selects the assistant that answers a call.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::App;
use crate::pipeline::ReadyAgent;

impl App {
    /// The callback's assistant, else the static one, else an empty one. A failing callback is logged and does not
    /// fail the call.
    pub async fn assistant(&self, agent: &ReadyAgent, message: Bytes) -> Map<String, Value> {
        if let Some(url) = &agent.door.assistant_callback_url {
            match self.callbacks.assistant(url, message).await {
                Ok(assistant) => return assistant,
                Err(fault) => {
                    tracing::warn!(agent = &*agent.name, %fault, "the assistant callback failed; the static assistant answers");
                }
            }
        }
        // It was validated as an object when it was stored.
        let fixed = agent.door.assistant.as_deref().and_then(|text| serde_json::from_str(text).ok());
        fixed.unwrap_or_default()
    }
}
