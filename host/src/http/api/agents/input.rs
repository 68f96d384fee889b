//! What a caller says of an agent: all of a new one, or what changes.

use serde_json::{Map, Value};
use utoipa::openapi::schema::Object;

use crate::app::AgentDraft;
use crate::http::json_body::{Kept, json_body};
use crate::http::openapi::schemas::one_of_or_null;

/// Both bodies: what each has of its own, and what they have in common.
macro_rules! agent_body {
    ($(#[$about:meta])* $name:ident { $($own:tt)* }) => {
        json_body! {
            $(#[$about])*
            pub struct $name {
                $($own)*
                /// In the place of the policy's.
                #[schema(schema_with = tokenization)]
                tokenization: Option<Option<String>>,
                /// A policy of this install; `healthcare-default` unless it is given.
                policy_name: Option<Option<String>>,
                /// A policy of its own, in the place of a name.
                policy_yaml: Option<Option<String>>,
                /// The voice platform; `custom` unless it is given.
                #[schema(schema_with = platform)]
                platform: Option<Option<String>>,
                /// The static configuration that the webhook returns.
                #[schema(value_type = Option<Object>)]
                assistant: Option<Option<Map<String, Value>>>,
                /// Who is asked for that configuration first.
                #[schema(example = "https://clinic.example/assistant")]
                assistant_callback_url: Option<Option<String>>,
                /// `id`: the agent's id in the URL is enough; `key`: the proxy also demands a key, shown once.
                #[schema(schema_with = proxy_auth)]
                proxy_auth: Option<Option<String>>,
                /// Whether the proxy demands a signature.
                require_signature: Option<Option<bool>>,
                /// Agreements with those who handle the agent's data, for reports: `voice_platform` and `llm_provider`, each
                /// with a `status` (`signed`, `unsigned`, `not_required`) and perhaps a `reference`.
                #[schema(value_type = Option<Object>, example = json!({"llm_provider": {"status": "signed", "reference": "contract 17"}}))]
                agreements: Option<Option<Map<String, Value>>>,
            }
        }

        impl From<$name> for AgentDraft {
            fn from(body: $name) -> Self {
                Self {
                    name: body.name.into(),
                    upstream: body.upstream.into(),
                    tokenization: body.tokenization.into(),
                    policy_name: body.policy_name.into(),
                    policy_yaml: body.policy_yaml.into(),
                    platform: body.platform.into(),
                    assistant: body.assistant.into(),
                    assistant_callback_url: body.assistant_callback_url.into(),
                    proxy_auth: body.proxy_auth.into(),
                    require_signature: body.require_signature.into(),
                    agreements: body.agreements.into(),
                }
            }
        }
    };
}

agent_body! {
    /// A new agent.
    #[schema(example = json!({"name": "front desk", "upstream": "openai:gpt-4o-mini", "platform": "vapi"}))]
    NewAgent {
        /// Unique in the account.
        #[schema(min_length = 1, max_length = 64)]
        name: String,
        /// `stub`, or provider and model.
        #[schema(example = "openai:gpt-4o-mini", pattern = "^(stub|openai:[A-Za-z0-9_.:/-]{1,128})$")]
        upstream: String,
    }
}

agent_body! {
    /// A change of an agent: what is not named stays as it is, `null` makes a field what it is when it is not given.
    #[schema(example = json!({"name": "front desk, night"}))]
    AgentChange {
        /// Unique in the account.
        #[schema(min_length = 1, max_length = 64, value_type = String, required = false)]
        name: Kept<String>,
        /// `stub`, or provider and model.
        #[schema(value_type = String, required = false, pattern = "^(stub|openai:[A-Za-z0-9_.:/-]{1,128})$")]
        upstream: Kept<String>,
    }
}

impl From<Kept<String>> for Option<String> {
    fn from(Kept(text): Kept<String>) -> Self {
        text
    }
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
