//! `masker vault rotate-key`: generates a key for a kid that has none; otherwise re-encrypts every value of the vault
//! with the key of the kid.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use zeroize::Zeroizing;

use super::Opened;
use crate::app::jobs::{Work, append_once, read};
use crate::audit::event::{Detail, Event, EventKind};
use crate::cli::Output;
use crate::cli::exit::{self, Failure};
use crate::config::Environment;
use crate::ids::EventId;
use crate::keys::Kid;
use crate::store::StoreError;
use crate::store::jobs::Job;
use crate::store::journal::JournalError;
use crate::tokens::mint::{Minter, VaultRow};

/// Generates a key if the kid has none; otherwise re-encrypts every value with its key.
pub fn rotate_key(new_kid: &str, environment: &Environment, output: Output) -> Result<(), Failure> {
    let kid = Kid::new(new_kid)
        .ok_or_else(|| Failure::new(exit::USAGE, "--new-kid must have the form [A-Z0-9_]+".to_owned()))?;
    Opened::run(environment, "masker vault rotate-key", output, async |opened| match opened.minters.get(&kid) {
        Some(minter) => seal_anew(opened, minter, output).await,
        None => make_key(&kid, output),
    })
}

/// Prints a new key as an environment variable assignment. The key is not stored.
fn make_key(kid: &Kid, output: Output) -> Result<(), Failure> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes)
        .map_err(|error| Failure::new(exit::GENERIC, format!("cannot generate random bytes: {error}")))?;
    let (variable, key) = (format!("MASKER_KEY_{kid}"), Zeroizing::new(STANDARD.encode(*bytes)));
    let mut out = std::io::stdout();
    exit::written(if output.json {
        writeln!(out, "{}", json!({"kid": kid.as_str(), "variable": variable, "key": &*key, "sealed_anew": 0}))
    } else {
        writeln!(out, "{variable}={}", &*key)
    })?;
    if !output.quiet && !output.json {
        let _ = writeln!(
            std::io::stderr(),
            "Generated a new key; the vault is unchanged. Store it with the other keys, set it, and run this command again."
        );
    }
    Ok(())
}

/// Why a value cannot be re-encrypted.
enum Refused {
    Store(StoreError),
    /// The value's current key is missing or was replaced.
    Key(Kid),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Re-encrypts every value, as a job: if interrupted, the same command resumes it, and the journal gets one event with
/// the total count.
async fn seal_anew(opened: &Opened, minter: &Minter, output: Output) -> Result<(), Failure> {
    let (store, vault) = (&opened.store, opened.store.vault());
    let (job, done, is_resumed) = begin(opened, minter.kid()).await?;
    let request = event(opened, EventKind::KeyRotationRequested, minter.kid());
    let request = Event { event_id: job.id, ts: job.asked_at, ..request };
    append_once(&opened.journal, &job, is_resumed, vec![request]).await.map_err(not_written)?;
    let seal = |row: &VaultRow| {
        let key = || Refused::Key(row.sealed_by.as_ref().unwrap_or(&row.kid).clone());
        let sealed = minter.seal_anew(row, &opened.minters.open_row(row).map_err(|_| key())?);
        // Encryption is deterministic, so a row that already uses the key is unchanged.
        Ok((sealed != *row).then_some(sealed))
    };
    vault.seal_anew(job.id, seal).await.map_err(|refused| match refused {
        Refused::Store(error) => error.into(),
        Refused::Key(kid) => Failure::new(
            exit::GENERIC,
            format!("cannot decrypt a value with the key of {kid}: set MASKER_KEY_{kid}, or MASKER_KEY_{kid}_OLD to the previous key"),
        ),
    })?;
    vault.compact().await?;
    let count = vault.rows_of_job(job.id).await?;
    note(opened, &job, minter.kid(), done, is_resumed).await?;
    store.end_job(job.id, None).await?;
    vault.forget_job(job.id).await?;
    let mut out = std::io::stdout();
    let kid = minter.kid();
    exit::written(if output.json {
        writeln!(out, "{}", json!({"kid": kid.as_str(), "sealed_anew": count}))
    } else {
        writeln!(out, "re-encrypted {count} values with {kid}; tokens are unchanged")
    })?;
    if !output.quiet && !output.json {
        let _ = writeln!(
            std::io::stderr(),
            "New tokens use {kid} once policies set `kid: {kid}`. Keep the old key as long as self-contained tokens (MSK1) must \
             be restored."
        );
    }
    Ok(())
}

/// Returns an interrupted rotation to this kid or a new one, the ID of its final event, and whether it is resumed. An
/// interrupted rotation to another kid is closed with its current count: this rotation covers its values too.
async fn begin(opened: &Opened, kid: &Kid) -> Result<(Job, EventId, bool), Failure> {
    for job in opened.store.jobs().await? {
        let Work::Rotate { kid: to, done } = Work::of(&job)? else { continue };
        let to = read(&to, Kid::new)?;
        let done = read(&done, |id| id.parse().ok())?;
        if to == *kid {
            return Ok((job, done, true));
        }
        note(opened, &job, &to, done, true).await?;
        opened.store.end_job(job.id, None).await?;
    }
    let done = EventId::generate();
    let job = Job {
        id: EventId::generate(),
        asked_at: opened.clock.now(),
        journal_at: opened.journal.end().map_err(not_written)?.0,
        plan: Work::rotate(kid, done).to_json()?,
    };
    opened.store.begin_job(job.clone()).await?;
    Ok((job, done, false))
}

/// Records the result of a rotation in the journal.
async fn note(opened: &Opened, job: &Job, kid: &Kid, done: EventId, is_resumed: bool) -> Result<(), Failure> {
    let count = opened.store.vault().rows_of_job(job.id).await?;
    let rotated = event(opened, EventKind::KeyRotated, kid);
    let rotated = Event { event_id: done, request: Some(job.id), detail: Some(Detail::Count(count)), ..rotated };
    append_once(&opened.journal, job, is_resumed, vec![rotated]).await.map_err(not_written)
}

fn event(opened: &Opened, kind: EventKind, kid: &Kid) -> Event {
    Event {
        account_id: Some(opened.store.first_account()),
        kid: Some(kid.clone()),
        ..Event::new(kind, opened.clock.now())
    }
}

fn not_written(error: JournalError) -> Failure {
    Failure::new(exit::GENERIC, error.to_string())
}
