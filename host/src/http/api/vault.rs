//! `/api/v1/vault`: how much is in it, and erasing. It belongs to the install, and so to the account that owns it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::{App, Erase, EraseError};
use crate::clock::Timestamp;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::json_body::{JsonBody, json_body};
use crate::http::since;
use crate::keys::Kid;
use crate::sensitive::SensitiveText;

/// Stats in their envelope.
#[derive(Serialize, ToSchema)]
pub struct VaultEnvelope {
    vault: VaultFigures,
}

/// What is in the vault, without any of it.
#[derive(Serialize, ToSchema)]
pub struct VaultFigures {
    values: u64,
    size_bytes: u64,
    /// By the kid that tokens carry.
    values_by_kid: BTreeMap<String, u64>,
    /// By the kid whose key seals them: a key that has none here is not needed for the vault any more.
    values_sealed_by: BTreeMap<String, u64>,
    values_by_kind: BTreeMap<String, u64>,
    /// No value is older than this, to the second; null when there is none.
    oldest_at: Option<String>,
    newest_at: Option<String>,
}

json_body! {
    /// What is to be erased: exactly one of `before`, `subject`, `kid`, `call` and `agent_id`.
    #[schema(example = json!({"before": "90d"}))]
    pub struct Purge {
        /// What was kept before this moment: a time, or how long ago (`90d`).
        before: Option<String>,
        /// A value that one person alone has. Everything of the calls in which it was said goes with it; where calls have no
        /// name, only the value.
        subject: Option<String>,
        /// What tokens of this kid stand for.
        kid: Option<String>,
        /// Everything of a call, by the platform's name for it or as sessions show it.
        call: Option<String>,
        /// Everything that was said to an agent.
        agent_id: Option<String>,
        /// Only count.
        #[schema(default = false)]
        dry_run: Option<bool>,
    }
}

/// An erasure in its envelope.
#[derive(Serialize, ToSchema)]
pub struct PurgeEnvelope {
    purge: Purged,
}

/// What was erased, or would be.
#[derive(Serialize, ToSchema)]
pub struct Purged {
    /// Values of the vault; their tokens resolve no more.
    values: u64,
    /// Sessions whose kept texts are gone.
    payloads: u64,
    dry_run: bool,
}

/// `GET /api/v1/vault/stats`.
#[utoipa::path(
    get, path = "/api/v1/vault/stats", tag = "vault", operation_id = "vault_stats",
    responses((status = 200, description = "How much there is.", body = VaultEnvelope)),
)]
pub async fn stats(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<VaultEnvelope>, ApiError> {
    caller.require("admin")?;
    caller.require_owner()?;
    let stats = app.store().vault().stats().await?;
    let by_kid = |kids: &BTreeMap<Kid, u64>| kids.iter().map(|(kid, n)| (kid.to_string(), *n)).collect();
    Ok(Json(VaultEnvelope {
        vault: VaultFigures {
            values: stats.rows(),
            size_bytes: stats.bytes,
            values_by_kid: by_kid(&stats.by_kid),
            values_sealed_by: by_kid(&stats.sealed_by),
            values_by_kind: stats.by_kind.iter().map(|(kind, n)| (kind.to_string(), *n)).collect(),
            oldest_at: stats.between.map(|(oldest, _)| oldest.to_string()),
            newest_at: stats.between.map(|(_, newest)| newest.to_string()),
        },
    }))
}

/// `POST /api/v1/vault/purge`.
#[utoipa::path(
    post, path = "/api/v1/vault/purge", tag = "vault", operation_id = "purge_vault",
    request_body = Purge,
    responses((status = 200, description = "What was erased: from the vault, from kept texts, from their files and from memory. Requests under way go on with what they hold.", body = PurgeEnvelope)),
    extensions(("x-errors" = json!(["validation_failed", "audit_unavailable"]))),
)]
pub async fn purge(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<JsonBody<Purge>, ApiError>,
) -> Result<Json<PurgeEnvelope>, ApiError> {
    caller.require("admin")?;
    caller.require_owner()?;
    let (what, dry_run) = asked(body?, app.pipeline.clock.now())?;
    let done = if dry_run { app.count_erasure(&what).await } else { app.erase(what).await };
    let erased = done.map_err(ApiError::of_erasure)?;
    Ok(Json(PurgeEnvelope { purge: Purged { values: erased.values, payloads: erased.payloads, dry_run } }))
}

fn asked(body: JsonBody<Purge>, now: Timestamp) -> Result<(Erase, bool), ApiError> {
    let (what, dry_run) = body.check(|Purge { before, subject, kid, call, agent_id, dry_run }, wrong| {
        let given = [
            ("before", before.is_some()),
            ("kid", kid.is_some()),
            ("subject", subject.is_some()),
            ("call", call.is_some()),
            ("agent_id", agent_id.is_some()),
        ];
        if given.iter().filter(|(field, is_given)| *is_given || wrong.has(field)).count() != 1 {
            wrong.add("body", "must have exactly one of before, kid, subject, call and agent_id");
        }
        let before = wrong.check("before", before, |text| since::parse(&text, now), since::FORM);
        let kid = wrong.check("kid", kid, |text| Kid::new(&text), "must be a kid, of the form [A-Z0-9_]+");
        let agent = wrong.check("agent_id", agent_id, |text| text.parse().ok(), "must be the id of an agent");
        let [subject, call] = [subject, call].map(|text| text.map(SensitiveText::from));
        let what = before.map(Erase::Before).or(kid.map(Erase::Kid)).or(subject.map(Erase::Subject));
        (what.or(call.map(Erase::Call)).or(agent.map(Erase::Agent)), dry_run.unwrap_or_default())
    })?;
    what.map(|what| (what, dry_run)).ok_or_else(|| ApiError::field("body", "must not be null"))
}

impl ApiError {
    fn of_erasure(error: EraseError) -> Self {
        match error {
            EraseError::TooShort => Self::field("subject", error.to_string()),
            EraseError::Unreadable(_) => Self::field("body", error.to_string()),
            EraseError::Journal(error) => error.into(),
            EraseError::Store(error) | EraseError::Begun(error) => error.into(),
        }
    }
}
