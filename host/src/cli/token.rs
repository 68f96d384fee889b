//! `masker token create`: an API token, made on the machine itself.

use std::io::Write;

use super::Output;
use super::exit::{self, Failure};
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::store::api_tokens::NewApiToken;
use crate::store::{Store, StorePaths};

/// Makes a token for the owner's account and prints its secret.
pub fn create(name: &str, scopes: &[String], environment: &Environment, output: Output) -> Result<(), Failure> {
    let config = Config::load(environment).map_err(|problems| Failure::new(exit::GENERIC, problems.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(exit::GENERIC, error.to_string()))?;
    runtime.block_on(async {
        std::fs::create_dir_all(&config.data_dir)
            .map_err(|error| Failure::new(exit::GENERIC, format!("{}: {error}", config.data_dir.display())))?;
        let paths = StorePaths { main: config.database.clone(), vault: config.vault.clone() };
        let failed = |error: crate::store::StoreError| Failure::new(exit::GENERIC, error.to_string());
        let store = Store::open(&paths, Clock::system()).map_err(failed)?;
        let new = NewApiToken {
            account_id: store.first_account(),
            name: name.to_owned(),
            scopes: scopes.to_owned(),
            expires_at: None,
            created_by: None,
            made_with: None,
        };
        let (token, secret) = store.create_api_token(new).await.map_err(failed)?;
        let mut out = std::io::stdout();
        let written = if output.json {
            let shown =
                serde_json::json!({"id": token.id.text(), "name": name, "scopes": scopes, "secret": secret.expose()});
            writeln!(out, "{shown}")
        } else {
            writeln!(out, "{}", secret.expose())
        };
        written.map_err(|error| Failure::new(exit::GENERIC, error.to_string()))
    })
}
