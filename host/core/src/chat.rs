//! OpenAI chat completions: what we understand of a body, and what passes untouched. The only module that knows
//! their JSON.
//!
//! [`request`] reads a body, [`walk`] visits every string in it that may carry a caller's data, [`answer`] does the
//! same for what comes back, and [`error`] for errors, theirs and ours.

pub mod answer;
pub mod error;
pub mod json_cursor;
mod leaves;
pub mod plain_chunk;
pub mod position;
pub mod request;
pub mod size;
pub mod surrogate;
pub mod tools;
pub mod walk;

/// The voice platform of an agent: which fields of a request are its own, and not OpenAI's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Vapi.
    Vapi,
    /// Retell, through the user's own WebSocket server.
    Retell,
    /// Bolna.
    Bolna,
    /// ElevenLabs agents.
    Elevenlabs,
    /// Twilio with the user's own service.
    Twilio,
    /// Anything else.
    #[default]
    Custom,
}

impl Platform {
    /// As the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Platform::Vapi => "vapi",
            Platform::Retell => "retell",
            Platform::Bolna => "bolna",
            Platform::Elevenlabs => "elevenlabs",
            Platform::Twilio => "twilio",
            Platform::Custom => "custom",
        }
    }

    /// From the API's spelling.
    pub fn parse(text: &str) -> Option<Self> {
        use Platform::*;
        [Vapi, Retell, Bolna, Elevenlabs, Twilio, Custom].into_iter().find(|platform| platform.as_str() == text)
    }
}
