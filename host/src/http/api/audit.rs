//! `/api/v1/audit`: verification and export of the journal. The account that owns the install sees the whole journal;
//! other accounts see their own events.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::{App, Depth, EvidenceError};
use crate::audit::chain::hex_text;
use crate::audit::checkpoint::{Lost, WholeCheck};
use crate::audit::verify::{Broken, Verified};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::ids::{AccountId, EventId};

/// Result of verifying the journal.
#[derive(Serialize, ToSchema)]
pub struct Verification {
    /// Whether every line is authentic and in the right order.
    ok: bool,
    /// Number of events. For a broken journal: events before the first invalid line. For accounts that do not own the
    /// install: their own events.
    event_count: u64,
    /// `chain ok`, or what is wrong and where.
    message: String,
    /// For a broken journal: number of the first invalid line, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// For a broken journal: byte offset at which that line begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    /// Hash of the first event. Null for an empty journal.
    start_hash: Option<String>,
    /// Hash of the last event. Store it elsewhere: a truncated journal ends with a different hash.
    end_hash: Option<String>,
    /// For a journal shorter than its database or checkpoint records: the number of bytes missing at `offset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_bytes: Option<u64>,
    /// The last verification of the whole journal, which is this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_whole_check: Option<WholeCheckShown>,
}

/// Time and result of a verification of the whole journal.
#[derive(Serialize, ToSchema)]
#[schema(as = WholeCheck)]
struct WholeCheckShown {
    at: String,
    /// Whether every line was authentic and in the right order.
    ok: bool,
    /// Number of events. For a broken journal: events before the first invalid line.
    event_count: u64,
}

impl From<WholeCheck> for WholeCheckShown {
    fn from(check: WholeCheck) -> Self {
        Self { at: check.at().to_string(), ok: check.sound, event_count: check.events }
    }
}

impl Verification {
    fn shorter(lost: &Lost, verified: &Verified, event_count: u64) -> Self {
        Self {
            ok: false,
            message: format!("the journal is shorter than it was: {lost}"),
            offset: Some(lost.offset),
            missing_bytes: Some(lost.bytes),
            ..Self::sound(verified, event_count)
        }
    }

    fn sound(verified: &Verified, event_count: u64) -> Self {
        let hash = |hash| (verified.events > 0).then(|| hex_text(hash));
        Self {
            ok: true,
            event_count,
            message: "chain ok".to_owned(),
            line: None,
            offset: None,
            start_hash: hash(&verified.start_hash),
            end_hash: hash(&verified.end_hash),
            missing_bytes: None,
            last_whole_check: None,
        }
    }

    fn broken(broken: &Broken) -> Self {
        Self {
            ok: false,
            event_count: broken.line - 1,
            message: broken.to_string(),
            line: Some(broken.line),
            offset: Some(broken.offset),
            start_hash: None,
            end_hash: None,
            missing_bytes: None,
            last_whole_check: None,
        }
    }
}

/// Verifies the journal.
#[utoipa::path(
    post, path = "/api/v1/audit/verify", tag = "audit", operation_id = "verify_journal",
    responses((status = 200, description = "Whether the journal is intact, and if not, where it is broken.", body = Verification)),
    extensions(("x-errors" = json!(["audit_unavailable"]))),
)]
pub async fn verify(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Verification>, ApiError> {
    caller.require("admin")?;
    let own = (!caller.owns_install).then_some(caller.account);
    let found = match app.verify_journal(Depth::Whole).await {
        Ok(verified) => Verification::sound(&verified, counted(&app, &verified, own).await?),
        Err(EvidenceError::Broken(broken)) => Verification::broken(&broken),
        Err(EvidenceError::Shorter(lost, verified)) => {
            Verification::shorter(&lost, &verified, counted(&app, &verified, own).await?)
        }
        Err(error) => return Err(error.into()),
    };
    let last_whole_check = app.evidence.soundness().whole.map(WholeCheckShown::from);
    Ok(Json(Verification { last_whole_check, ..found }))
}

async fn counted(app: &Arc<App>, verified: &Verified, own: Option<AccountId>) -> Result<u64, EvidenceError> {
    match own {
        Some(account) => app.count_events(account).await,
        None => Ok(verified.events),
    }
}

/// Exports the journal as JSON Lines.
#[utoipa::path(
    get, path = "/api/v1/audit/export", tag = "audit", operation_id = "export_journal",
    responses((status = 200, description = "For the account that owns the install: the journal, byte for byte. For another one: a line with the root of the RFC 6962 tree over the whole journal, then `{\"event\", \"proof\": {\"leaf_index\", \"tree_size\", \"path\"}}` for each of its events.", body = String, content_type = "application/x-ndjson")),
    extensions(("x-errors" = json!(["audit_unavailable"]))),
)]
pub async fn export(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, ApiError> {
    caller.require("admin")?;
    let pieces = match caller.owns_install {
        true => app.export_journal()?,
        false => app.export_own_events(caller.account).await?,
    };
    let body = Body::from_stream(stream::unfold(pieces, |mut pieces| async move {
        let piece = pieces.recv().await?;
        Some((piece, pieces))
    }));
    let headers = [
        (CONTENT_TYPE, "application/x-ndjson"),
        (CONTENT_DISPOSITION, "attachment; filename=\"masker-journal.jsonl\""),
    ];
    Ok((headers, body).into_response())
}

/// Response envelope of a proof.
#[derive(Serialize, ToSchema)]
pub struct ProofEnvelope {
    proof: ProofShown,
}

/// Proof that an event is in the Merkle tree of its session (RFC 6962).
#[derive(Serialize, ToSchema)]
pub struct ProofShown {
    event_id: String,
    session_id: String,
    /// The event's line, exactly as in the journal.
    event: String,
    /// The event's `this_hash`. These 32 bytes are the data of the leaf.
    leaf_hash: String,
    leaf_index: usize,
    tree_size: usize,
    /// Sibling hashes, from the leaf upwards.
    path: Vec<String>,
    merkle_root_hex: String,
}

/// Returns the Merkle proof of one event of a session.
#[utoipa::path(
    get, path = "/api/v1/sessions/{id}/events/{event_id}/proof", tag = "audit", operation_id = "prove_event",
    params(
        ("id" = String, Path, description = "The session's id."),
        ("event_id" = String, Path, description = "The event's id."),
    ),
    responses((status = 200, description = "The Merkle path from the event to the root given in the session and its reports. `masker audit prove` computes the same proof from the journal file.", body = ProofEnvelope)),
    extensions(("x-errors" = json!(["session_not_found", "not_found", "audit_unavailable"]))),
)]
pub async fn prove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((session, event)): Path<(String, String)>,
) -> Result<Json<ProofEnvelope>, ApiError> {
    caller.require("sessions:read")?;
    let id = session.parse().map_err(|_| ApiError::session_not_found())?;
    let session = app.store().session(caller.account, id).await?.ok_or_else(ApiError::session_not_found)?;
    let missing = || ApiError::not_found("the session has no such event");
    let event_id: EventId = event.parse().map_err(|_| missing())?;
    let proof = app.prove(&session, event_id).await?.ok_or_else(missing)?;
    Ok(Json(ProofEnvelope {
        proof: ProofShown {
            event_id: event_id.text(),
            session_id: session.id.text(),
            event: proof.line,
            leaf_hash: hex_text(&proof.leaf),
            leaf_index: proof.index,
            tree_size: proof.size,
            path: proof.path.iter().map(hex_text).collect(),
            merkle_root_hex: hex_text(&proof.root),
        },
    }))
}

impl From<EvidenceError> for ApiError {
    fn from(error: EvidenceError) -> Self {
        match error {
            EvidenceError::Store(error) => error.into(),
            EvidenceError::Journal(error) => error.into(),
            EvidenceError::Session(_) => {
                tracing::error!(%error, "the journal no longer matches the session");
                Self::audit_unavailable()
            }
            EvidenceError::Broken(_) | EvidenceError::Shorter(..) => Self::audit_unavailable(),
        }
    }
}
