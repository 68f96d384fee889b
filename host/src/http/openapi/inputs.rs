//! What callers send, for the document. Handlers read it field by field, to say everything that is wrong at once.

use serde_json::Value;
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::schema::{Object, SchemaType, Type};
use utoipa::{IntoParams, ToSchema};

/// What every list takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Rows of a page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Which agents.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AgentFilter {
    /// Part of the name, in any case.
    pub name_contains: Option<String>,
}

/// Which sessions.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SessionFilter {
    /// How long ago (`90m`, `24h`, `7d`, `2w`), or a time.
    #[param(default = "24h", example = "24h")]
    pub since: Option<String>,
    /// How they ended.
    #[param(schema_with = session_status)]
    pub status: Option<String>,
    /// At least this many spans were masked.
    #[param(minimum = 0)]
    pub min_redactions: Option<u64>,
    /// Of this phone call, by the platform's name for it or by the hash that rows show.
    #[param(min_length = 1, max_length = 256)]
    pub call_id: Option<String>,
}

fn session_status() -> Object {
    one_of(&["ok", "error", "partial"])
}

fn one_of(words: &[&str]) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.iter().copied())).build()
}

macro_rules! agent_body {
    ($(#[$about:meta])* $name:ident { $($own:tt)* }) => {
        #[derive(ToSchema)]
        #[serde(deny_unknown_fields)]
        $(#[$about])*
        pub struct $name {
            $($own)*
            /// In the place of the policy's.
            #[schema(schema_with = tokenization)]
            pub tokenization: Option<String>,
            /// A policy of this install; `healthcare-default` unless it is given.
            pub policy_name: Option<String>,
            /// A policy of its own, in the place of a name.
            pub policy_yaml: Option<String>,
            /// The voice platform; `custom` unless it is given.
            #[schema(schema_with = platform)]
            pub platform: Option<String>,
            /// The static configuration that the webhook returns.
            #[schema(value_type = Option<Object>)]
            pub assistant: Option<Value>,
            /// Who is asked for that configuration first.
            #[schema(example = "https://clinic.example/assistant")]
            pub assistant_callback_url: Option<String>,
            /// `id`: the agent's id in the URL is enough; `key`: the proxy also demands a key, shown once.
            #[schema(schema_with = proxy_auth)]
            pub proxy_auth: Option<String>,
            /// Whether the proxy demands a signature.
            pub require_signature: Option<bool>,
            /// Agreements with those who handle the agent's data, for reports: `voice_platform` and `llm_provider`, each
            /// with a `status` (`signed`, `unsigned`, `not_required`) and perhaps a `reference`.
            #[schema(value_type = Option<Object>, example = json!({"llm_provider": {"status": "signed", "reference": "contract 17"}}))]
            pub agreements: Option<Value>,
        }
    };
}

agent_body! {
    /// A new agent.
    #[schema(example = json!({"name": "front desk", "upstream": "openai:gpt-4o-mini", "platform": "vapi"}))]
    NewAgent {
        /// Unique in the account.
        #[schema(min_length = 1, max_length = 64)]
        pub name: String,
        /// `stub`, or provider and model.
        #[schema(example = "openai:gpt-4o-mini", pattern = "^(stub|openai:[A-Za-z0-9_.:/-]{1,128})$")]
        pub upstream: String,
    }
}

agent_body! {
    /// A change of an agent: what is not named stays as it is, `null` makes a field what it is when it is not given.
    #[schema(example = json!({"name": "front desk, night"}))]
    AgentChange {
        /// Unique in the account.
        #[schema(min_length = 1, max_length = 64, value_type = String, required = false)]
        pub name: Option<String>,
        /// `stub`, or provider and model.
        #[schema(value_type = String, required = false, pattern = "^(stub|openai:[A-Za-z0-9_.:/-]{1,128})$")]
        pub upstream: Option<String>,
    }
}

/// A text, a number, or null.
pub fn text_or_number() -> Object {
    let types = vec![Type::String, Type::Integer, Type::Null];
    ObjectBuilder::new().schema_type(SchemaType::Array(types)).build()
}

/// One of these, or null: as if the field were not given.
fn one_of_or_null(words: &[&str]) -> Object {
    let types = SchemaType::Array(vec![Type::String, Type::Null]);
    let values = words.iter().map(|word| Value::from(*word)).chain([Value::Null]);
    ObjectBuilder::new().schema_type(types).enum_values(Some(values)).build()
}

fn tokenization() -> Object {
    one_of_or_null(&["vault-deterministic", "reversible-aead", "synthetic"])
}

fn platform() -> Object {
    one_of_or_null(&["vapi", "retell", "bolna", "elevenlabs", "twilio", "custom"])
}

fn proxy_auth() -> Object {
    one_of_or_null(&["id", "key"])
}

/// A policy, as YAML.
#[derive(ToSchema)]
pub struct PolicyText(pub String);

/// A WebAssembly component.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct Component(pub Vec<u8>);

/// What is to be masked, and by which policy.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "My name is Jane Doe."}))]
pub struct ToMask {
    /// A text, or `messages`.
    pub text: Option<String>,
    /// Messages of a chat completion.
    #[schema(value_type = Option<Vec<Object>>)]
    pub messages: Option<Vec<Value>>,
    /// A policy of this install; `healthcare-default` unless it is given.
    pub policy_name: Option<String>,
    /// A policy, in the place of a name.
    pub policy_yaml: Option<String>,
}

/// What is to be erased: exactly one of `before`, `subject` and `kid`.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"before": "90d"}))]
pub struct Purge {
    /// What was kept before this moment: a time, or how long ago (`90d`).
    pub before: Option<String>,
    /// A value that one person alone has. Everything of the calls in which it was said goes with it; where calls have no
    /// name, only the value.
    pub subject: Option<String>,
    /// What tokens of this kid stand for.
    pub kid: Option<String>,
    /// Everything of a call, by the platform's name for it or as sessions show it.
    pub call: Option<String>,
    /// Everything that was said to an agent.
    pub agent_id: Option<String>,
    /// Only count.
    #[schema(default = false)]
    pub dry_run: Option<bool>,
}

/// What is to get surrogates, and by which policy.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "My name is Jane Doe.", "seed": "42"}))]
pub struct ToSynthesize {
    /// A text.
    pub text: String,
    /// A policy of this install; `healthcare-default` unless it is given.
    pub policy_name: Option<String>,
    /// Another word for `policy_name`.
    pub policy: Option<String>,
    /// A text of up to 256 bytes or a whole number: the same text with the same seed gets the same surrogates.
    #[schema(schema_with = text_or_number)]
    pub seed: Option<Value>,
}

/// A new API token.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "ci", "scopes": ["agents:read"], "expires_at": "2030-01-31T00:00:00Z"}))]
pub struct NewToken {
    /// What it is for.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// What it may do: `agents:read`, `agents:write`, `sessions:read`, `reports:read`, `policies:write`, `plugins:write`,
    /// `admin` (which includes all).
    #[schema(min_items = 1, example = json!(["agents:read"]))]
    pub scopes: Vec<String>,
    /// When it ends, a time that is yet to come; never unless it is given. A token created with a
    /// token expires with that one at the latest.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
}

/// A chat completion, as OpenAI's API takes it. Fields that are not named here pass through, masked, unless the platform
/// is known to add its own.
#[derive(ToSchema)]
#[schema(example = json!({"messages": [{"role": "user", "content": "My name is Jane Doe."}], "stream": true}))]
pub struct ChatCompletion {
    /// The agent's model, or a dated snapshot of it.
    pub model: Option<String>,
    /// The conversation so far.
    #[schema(value_type = Vec<Object>)]
    pub messages: Vec<Value>,
    /// Whether the answer comes in pieces.
    pub stream: Option<bool>,
}

/// What Vapi posts to a server URL; flat, or in `message` as Vapi itself sends it.
#[derive(ToSchema)]
#[schema(example = json!({"message": {"type": "assistant-request", "call": {"id": "call_1"}}}))]
pub struct ServerMessage {
    /// The wrapped message.
    pub message: Option<Value>,
    /// The event, in the flat form.
    pub r#type: Option<Value>,
    /// The call, in the flat form.
    pub call: Option<Value>,
}

/// In which form.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReportFormat {
    /// `json` or `pdf`.
    #[param(schema_with = report_format)]
    pub format: Option<String>,
}

fn report_format() -> Object {
    one_of(&["json", "pdf"])
}

/// About which time.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReportTime {
    /// How long ago it begins (`90m`, `24h`, `7d`, `2w`), or a time.
    #[param(default = "7d", example = "7d")]
    pub since: Option<String>,
}
