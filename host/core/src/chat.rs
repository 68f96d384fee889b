//! OpenAI chat completions: which parts of a body Masker interprets, and which pass unchanged. The only module that
//! knows this JSON format.
//!
//! [`request`] parses a request, [`walk`] visits every string in it that may hold caller data, [`answer`] does the
//! same for responses, and [`error`] handles errors, the provider's and our own.

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

/// The voice platform of an agent: it determines which request fields are the platform's own and not OpenAI's.
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
    /// The name in the API.
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

    /// Parses the name in the API.
    pub fn parse(text: &str) -> Option<Self> {
        use Platform::*;
        [Vapi, Retell, Bolna, Elevenlabs, Twilio, Custom].into_iter().find(|platform| platform.as_str() == text)
    }
}
