//! `POST /api/v1/synthesize`: replaces the values that a policy masks with realistic surrogates. Nothing is stored.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::mask::MaskEvent;
use crate::app::{App, Trial};
use crate::chat::request::ChatRequest;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::json_body::{JsonBody, json_body};
use crate::http::openapi::schemas::text_or_number;
use crate::pipeline::PipelineError;
use crate::pipeline::preview::Preview;
use crate::store::StoreError;

/// Limit of a seed, in bytes.
const LONGEST_SEED: usize = 256;

json_body! {
    /// A text to synthesize, and the policy to apply.
    #[schema(example = json!({"text": "My name is Jane Doe.", "seed": "42"}))]
    pub struct ToSynthesize {
        /// The text.
        text: String,
        /// Name of a policy of this install. Defaults to `healthcare-default`.
        policy_name: Option<String>,
        /// Alias of `policy_name`.
        policy: Option<String>,
        /// A string of up to 256 bytes or an integer. The same text with the same seed yields the same surrogates.
        #[schema(schema_with = text_or_number)]
        seed: Option<Value>,
    }
}

/// The text with surrogates, and what was replaced.
#[derive(Serialize, ToSchema)]
pub struct SynthesizeAnswer {
    synthesized: String,
    /// The seed that reproduces these surrogates for the same text.
    seed: String,
    events: Vec<MaskEvent>,
}

/// Replaces the values that a policy masks with realistic surrogates. Nothing is stored.
#[utoipa::path(
    post, path = "/api/v1/synthesize", tag = "tools", operation_id = "synthesize",
    request_body = ToSynthesize,
    responses((status = 200, description = "The text with surrogates, the seed, and what was replaced.", body = SynthesizeAnswer)),
    extensions(("x-errors" = json!(["unknown_policy", "policy_yaml_invalid", "masking_unavailable"]))),
)]
pub async fn synthesize(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<JsonBody<ToSynthesize>, ApiError>,
) -> Result<Json<SynthesizeAnswer>, ApiError> {
    caller.require("agents:read")?;
    let (text, policy, seed) = asked(body?)?;
    let seed = seed.map_or_else(new_seed, Ok)?;
    let request = ChatRequest::said([text.as_str()]);
    let agent = app.try_policy(caller.account, policy).await?;
    // A policy with an unknown key does not compile, so this error is not expected.
    let minter = app.pipeline.minters.get(&agent.policy.kid);
    let key = minter.ok_or(PipelineError::MaskingUnavailable("the policy's key is not known"))?.synthetic_key();
    let Preview { request, replaced, .. } = app.pipeline.synthesize(&agent, request, key, &seed).await?;
    let synthesized = request.contents().next().flatten().unwrap_or_default().to_owned();
    Ok(Json(SynthesizeAnswer { synthesized, seed, events: replaced.into_iter().map(MaskEvent::from).collect() }))
}

fn asked(body: JsonBody<ToSynthesize>) -> Result<(String, Trial, Option<String>), ApiError> {
    body.check(|ToSynthesize { text, policy_name, policy, seed }, wrong| {
        if policy_name.is_some() && policy.is_some() {
            wrong.add("policy", "is an alias of policy_name; give only one of them");
        }
        let message = "must be a string of up to 256 bytes or an integer";
        let seed = wrong.check("seed", seed, read_seed, message);
        (text, policy_name.or(policy).map_or(Trial::Default, Trial::Named), seed)
    })
}

fn read_seed(seed: Value) -> Option<String> {
    match seed {
        Value::String(text) => (text.len() <= LONGEST_SEED).then_some(text),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

fn new_seed() -> Result<String, ApiError> {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).map_err(|_| StoreError::NoRandomness)?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}
