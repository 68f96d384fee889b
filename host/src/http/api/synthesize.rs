//! `POST /api/v1/synthesize`: a text with realistic surrogates in the places of what a policy masks. Nothing is kept.

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

/// The longest seed, in bytes.
const LONGEST_SEED: usize = 256;

json_body! {
    /// What is to get surrogates, and by which policy.
    #[schema(example = json!({"text": "My name is Jane Doe.", "seed": "42"}))]
    pub struct ToSynthesize {
        /// A text.
        text: String,
        /// A policy of this install; `healthcare-default` unless it is given.
        policy_name: Option<String>,
        /// Another word for `policy_name`.
        policy: Option<String>,
        /// A text of up to 256 bytes or a whole number: the same text with the same seed gets the same surrogates.
        #[schema(schema_with = text_or_number)]
        seed: Option<Value>,
    }
}

/// The text, and what was replaced in it.
#[derive(Serialize, ToSchema)]
pub struct SynthesizeAnswer {
    synthesized: String,
    /// With it the same text gets the same surrogates again.
    seed: String,
    events: Vec<MaskEvent>,
}

/// `POST /api/v1/synthesize`.
#[utoipa::path(
    post, path = "/api/v1/synthesize", tag = "tools", operation_id = "synthesize",
    request_body = ToSynthesize,
    responses((status = 200, description = "The text with surrogates.", body = SynthesizeAnswer)),
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
    // A policy whose key is not known does not compile.
    let minter = app.pipeline.minters.get(&agent.policy.kid);
    let key = minter.ok_or(PipelineError::MaskingUnavailable("the policy's key is not known"))?.synthetic_key();
    let Preview { request, replaced, .. } = app.pipeline.synthesize(&agent, request, key, &seed).await?;
    let synthesized = request.contents().next().flatten().unwrap_or_default().to_owned();
    Ok(Json(SynthesizeAnswer { synthesized, seed, events: replaced.into_iter().map(MaskEvent::from).collect() }))
}

fn asked(body: JsonBody<ToSynthesize>) -> Result<(String, Trial, Option<String>), ApiError> {
    body.check(|ToSynthesize { text, policy_name, policy, seed }, wrong| {
        if policy_name.is_some() && policy.is_some() {
            wrong.add("policy", "is another word for policy_name: give one of them");
        }
        let message = "must be a text of up to 256 bytes or a whole number";
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
