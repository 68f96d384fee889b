//! `/api/v1/vault`: statistics and erasure. The vault belongs to the install, so only the owner's account has access.

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

/// Response envelope of the statistics.
#[derive(Serialize, ToSchema)]
pub struct VaultEnvelope {
    vault: VaultFigures,
}

/// Statistics of the vault, without any values.
#[derive(Serialize, ToSchema)]
pub struct VaultFigures {
    values: u64,
    size_bytes: u64,
    /// Number of values by the kid in their tokens.
    values_by_kid: BTreeMap<String, u64>,
    /// Number of values by the kid of the key that seals them. The vault no longer needs a key that is not listed here.
    values_sealed_by: BTreeMap<String, u64>,
    values_by_kind: BTreeMap<String, u64>,
    /// No value is older than this, with a resolution of one second. Null for an empty vault.
    oldest_at: Option<String>,
    newest_at: Option<String>,
}

json_body! {
    /// What to erase: exactly one of `before`, `subject`, `kid`, `call` and `agent_id`.
    #[schema(example = json!({"before": "90d"}))]
    pub struct Purge {
        /// Erase everything stored before this time: a time or a duration before now (`90d`).
        before: Option<String>,
        /// Erase a value that belongs to one person, and everything from the calls in which it was said. For calls
        /// without an id, only the value is erased.
        subject: Option<String>,
        /// Erase the values behind tokens of this kid.
        kid: Option<String>,
        /// Erase everything from a call, by the platform's call id or by the hash shown in sessions.
        call: Option<String>,
        /// Erase everything that was said to an agent.
        agent_id: Option<String>,
        /// Count only, without erasing anything.
        #[schema(default = false)]
        dry_run: Option<bool>,
    }
}

/// Response envelope of an erasure.
#[derive(Serialize, ToSchema)]
pub struct PurgeEnvelope {
    purge: Purged,
}

/// What was erased, or would be with `dry_run`.
#[derive(Serialize, ToSchema)]
pub struct Purged {
    /// Number of vault values. Their tokens no longer resolve.
    values: u64,
    /// Number of sessions whose stored texts were erased.
    payloads: u64,
    dry_run: bool,
}

/// Returns statistics of the vault.
#[utoipa::path(
    get, path = "/api/v1/vault/stats", tag = "vault", operation_id = "vault_stats",
    responses((status = 200, description = "Statistics of the vault.", body = VaultEnvelope)),
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

/// Erases values from the vault and stored texts.
#[utoipa::path(
    post, path = "/api/v1/vault/purge", tag = "vault", operation_id = "purge_vault",
    request_body = Purge,
    responses((status = 200, description = "What was erased from the vault, from stored texts, from their files and from memory. Requests in flight keep the values they already hold.", body = PurgeEnvelope)),
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
