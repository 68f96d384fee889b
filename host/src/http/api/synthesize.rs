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
use crate::http::fields::Fields;
use crate::http::openapi::inputs;
use crate::pipeline::PipelineError;
use crate::pipeline::preview::Preview;
use crate::store::StoreError;

/// The longest seed, in bytes.
const LONGEST_SEED: usize = 256;

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
    request_body = inputs::ToSynthesize,
    responses((status = 200, description = "The text with surrogates.", body = SynthesizeAnswer)),
    extensions(("x-errors" = json!(["unknown_policy", "policy_yaml_invalid", "masking_unavailable"]))),
)]
pub async fn synthesize(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<Fields, ApiError>,
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

fn asked(mut body: Fields) -> Result<(String, Trial, Option<String>), ApiError> {
    let text = body.text("text");
    let (name, policy) = (body.text_if("policy_name"), body.text_if("policy"));
    if name.is_some() && policy.is_some() {
        body.is_wrong::<()>("policy", "is another word for policy_name: give one of them");
    }
    let seed = body.value("seed");
    let seed = body.check("seed", seed, read_seed, "must be a text of up to 256 bytes or a whole number");
    body.finish()?;
    let policy = name.or(policy).map_or(Trial::Default, Trial::Named);
    Ok((text.unwrap_or_default(), policy, seed))
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
