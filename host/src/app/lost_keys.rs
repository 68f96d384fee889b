//! Checks at start that the configured keys decrypt the vault.
//!
//! A missing key is not noticed by any request until one of its tokens comes back, and then callers hear
//! `[REDACTED:PHONE]`. So the start is refused, unless the operator gives up the affected values (`masker serve
//! --accept-loss KID`), which is recorded as an event and remembered.

use std::fmt;

use anyhow::{Context, bail};

use crate::audit::event::{Detail, Event, EventKind};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::keys::Kid;
use crate::store::Store;
use crate::store::journal::Journal;
use crate::tokens::mint::Minters;

/// Used as check value if the kid has no key.
const NO_KEY: &str = "none";

/// Values that cannot be decrypted.
struct Lost {
    kid: Kid,
    rows: u64,
    /// Check value of the configured key of that name, if there is one.
    check_value: Option<String>,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kid, rows, check_value } = self;
        match check_value {
            None => write!(f, "{kid}: {rows} values, and MASKER_KEY_{kid} is not set"),
            Some(_) => write!(f, "{kid}: {rows} values, and MASKER_KEY_{kid} is not the key that sealed them"),
        }
    }
}

/// Refuses to start without a key that the vault needs.
pub(super) async fn check(
    config: &Config,
    store: &Store,
    journal: &Journal,
    minters: &Minters,
    now: Timestamp,
) -> anyhow::Result<()> {
    let mut refused = Vec::new();
    for lost in find(config, store, minters).await.context("the vault cannot be read")? {
        let check_value = lost.check_value.as_deref().unwrap_or(NO_KEY);
        if store.is_loss_accepted(&lost.kid, check_value).await? {
            tracing::warn!("{lost}: these values were given up, and their tokens do not resolve");
        } else if config.accept_loss.contains(&lost.kid) {
            let event = Event {
                account_id: Some(store.first_account()),
                kid: Some(lost.kid.clone()),
                detail: Some(Detail::Count(lost.rows)),
                ..Event::new(EventKind::LossAccepted, now)
            };
            let receipt = journal.append(&[event])?;
            journal.synced(&receipt).await?;
            store.accept_loss(&lost.kid, check_value).await?;
            tracing::warn!("{lost}: these values are given up from now on, and their tokens do not resolve");
        } else {
            refused.push(lost);
        }
    }
    let Some(first) = refused.first() else { return Ok(()) };
    let lines: Vec<String> = refused.iter().map(|lost| format!("\n  {lost}")).collect();
    bail!(
        "the vault has values that no configured key decrypts:{}\nset the key (MASKER_KEY_<KID>, or MASKER_KEY_<KID>_OLD for the \
         previous key); to give up the values for good, start once with `masker serve --accept-loss {}`",
        lines.concat(),
        first.kid
    );
}

async fn find(config: &Config, store: &Store, minters: &Minters) -> anyhow::Result<Vec<Lost>> {
    let mut lost = Vec::new();
    for sealed in store.vault().sealed_by_kid().await? {
        if sealed.samples.iter().all(|row| minters.open_row(row).is_ok()) {
            store.end_loss(&sealed.kid).await?;
        } else {
            let check_value = config.keys.get(&sealed.kid).map(|pair| pair.current.check_value());
            lost.push(Lost { kid: sealed.kid, rows: sealed.rows, check_value });
        }
    }
    Ok(lost)
}
