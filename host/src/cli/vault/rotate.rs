//! `masker vault rotate-key`: a key for a kid that has none, or every value of the vault sealed by another kid's key.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use zeroize::Zeroizing;

use super::Opened;
use crate::audit::event::{Detail, Event, EventKind};
use crate::cli::Output;
use crate::cli::exit::{self, Failure};
use crate::config::Environment;
use crate::keys::Kid;
use crate::store::StoreError;
use crate::tokens::mint::{Minter, VaultRow};

/// Makes a key where the kid has none yet, and seals everything with it where it has.
pub fn rotate_key(new_kid: &str, environment: &Environment, output: Output) -> Result<(), Failure> {
    let kid = Kid::new(new_kid)
        .ok_or_else(|| Failure::new(exit::USAGE, "--new-kid must be of the form [A-Z0-9_]+".to_owned()))?;
    Opened::run(environment, "masker vault rotate-key", output, async |opened| match opened.minters.get(&kid) {
        Some(minter) => seal_anew(opened, minter, output).await,
        None => make_key(&kid, output),
    })
}

/// Prints a new key, as the line that sets it. It is kept nowhere.
fn make_key(kid: &Kid, output: Output) -> Result<(), Failure> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).map_err(|error| Failure::new(exit::GENERIC, format!("no randomness: {error}")))?;
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
            "A new key; nothing was changed. Keep it where the other keys are, and run this command again with it set."
        );
    }
    Ok(())
}

/// Why a value cannot be sealed anew.
enum Refused {
    Store(StoreError),
    /// Its own key is not here, or is another one now.
    Key(Kid),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

async fn seal_anew(opened: &Opened, minter: &Minter, output: Output) -> Result<(), Failure> {
    let seal = |row: &VaultRow| {
        let key = || Refused::Key(row.sealed_by.as_ref().unwrap_or(&row.kid).clone());
        let sealed = minter.seal_anew(row, &opened.minters.open_row(row).map_err(|_| key())?);
        // Sealing the same with the same key gives the same.
        Ok((sealed != *row).then_some(sealed))
    };
    let count = opened.store.vault().seal_anew(seal).await.map_err(|refused| match refused {
        Refused::Store(error) => error.into(),
        Refused::Key(kid) => Failure::new(
            exit::GENERIC,
            format!("a value does not open with the key of {kid}: set MASKER_KEY_{kid}, or MASKER_KEY_{kid}_OLD to the one before"),
        ),
    })?;
    let event = Event {
        account_id: Some(opened.store.first_account()),
        kid: Some(minter.kid().clone()),
        detail: Some(Detail::Count(count)),
        ..Event::new(EventKind::KeyRotated, opened.clock.now())
    };
    opened.record(event).await?;
    let mut out = std::io::stdout();
    let kid = minter.kid();
    exit::written(if output.json {
        writeln!(out, "{}", json!({"kid": kid.as_str(), "sealed_anew": count}))
    } else {
        writeln!(out, "{count} values are sealed by {kid} now; their tokens stay as they are")
    })?;
    if !output.quiet && !output.json {
        let _ = writeln!(
            std::io::stderr(),
            "New tokens carry {kid} once policies say `kid: {kid}`. Tokens that carry their value themselves (MSK1) need the \
             old key as long as they are to open."
        );
    }
    Ok(())
}
