//! `masker admin login-link`: a link that signs the operator in, made on the machine itself.

use std::io::Write;

use super::Output;
use super::exit::{self, Failure};
use crate::app::login_url;
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::store::{Store, StoreError, StorePaths};

/// Makes a link and prints it. A service that runs on the same data knows it at once.
pub fn login_link(environment: &Environment, output: Output) -> Result<(), Failure> {
    let config = Config::load(environment).map_err(|problems| Failure::new(exit::GENERIC, problems.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(exit::GENERIC, error.to_string()))?;
    let failed = |error: StoreError| Failure::new(exit::GENERIC, error.to_string());
    let (secret, expires_at) = runtime.block_on(async {
        std::fs::create_dir_all(&config.data_dir)
            .map_err(|error| Failure::new(exit::GENERIC, format!("{}: {error}", config.data_dir.display())))?;
        let paths = StorePaths { main: config.database.clone(), vault: config.vault.clone() };
        let store = Store::open(&paths, Clock::system()).map_err(failed)?;
        store.create_login_link().await.map_err(failed)
    })?;
    let url = login_url(&config.public_url, &secret);
    let mut out = std::io::stdout();
    exit::written(if output.json {
        writeln!(out, "{}", serde_json::json!({"url": url, "expires_at": expires_at.to_string()}))
    } else {
        writeln!(out, "{url}")
    })?;
    if !output.quiet && !output.json {
        let _ = writeln!(std::io::stderr(), "It works once, until {expires_at}.");
    }
    Ok(())
}
