//! Request bodies for creating and updating an agent.

use serde_json::{Map, Value};
use utoipa::openapi::schema::Object;

use crate::app::AgentDraft;
use crate::http::json_body::{Kept, json_body};
use crate::http::openapi::schemas::one_of_or_null;

/// Declares both bodies: the fields specific to each, and the fields they share.
macro_rules! agent_body {
    ($(#[$about:meta])* $name:ident { $($own:tt)* }) => {
        json_body! {
            $(#[$about])*
            pub struct $name {
                $($own)*
                /// Overrides the tokenization of the policy.
                #[schema(schema_with = tokenization)]
                tokenization: Option<Option<String>>,
                /// Name of a policy of this install. Defaults to `healthcare-default`.
                policy_name: Option<Option<String>>,
                /// An inline policy document, instead of `policy_name`.
                policy_yaml: Option<Option<String>>,
                /// The voice platform. Defaults to `custom`.
                #[schema(schema_with = platform)]
                platform: Option<Option<String>>,
                /// The static assistant configuration that the webhook returns.
                #[schema(value_type = Option<Object>)]
                assistant: Option<Option<Map<String, Value>>>,
                /// URL that the webhook asks for the assistant configuration first.
                #[schema(example = "https://clinic.example/assistant")]
                assistant_callback_url: Option<Option<String>>,
                /// `id`: the agent's id in the URL is sufficient. `key`: the proxy also requires a key, shown once.
                #[schema(schema_with = proxy_auth)]
                proxy_auth: Option<Option<String>>,
                /// Whether the proxy requires a signature.
                require_signature: Option<Option<bool>>,
                /// Agreements with parties that handle the agent's data, for reports: `voice_platform` and
                /// `llm_provider`, each with a `status` (`signed`, `unsigned`, `not_required`) and optionally
                /// a `reference`.
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
        /// `stub`, or a provider and a model.
        #[schema(example = "openai:gpt-4o-mini", pattern = "^(stub|openai:[A-Za-z0-9_.:/-]{1,128})$")]
        upstream: String,
    }
}

agent_body! {
    /// Changes to an agent. Fields left out are unchanged; `null` resets a field to its default.
    #[schema(example = json!({"name": "front desk, night"}))]
    AgentChange {
        /// Unique in the account.
        #[schema(min_length = 1, max_length = 64, value_type = String, required = false)]
        name: Kept<String>,
        /// `stub`, or a provider and a model.
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
