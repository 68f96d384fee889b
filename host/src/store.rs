//! State on disk: two SQLite databases and the journal. All SQL is below this module, one function per query.
//!
//! Replacing the database engine would only touch this module: nothing above it sees a SQLite type. Queries run on
//! dedicated threads (`store/db.rs`), so every function here may be awaited on an async worker. Callers' values are in
//! the vault and, where a policy asks for it, in session payloads; both are encrypted. Error messages never quote a
//! row.
//!
//! Take the [`lock::DataLock`] of the data folder first: it excludes a second process. Each database and the journal
//! also have a lock of their own, in case the settings of two installs name the same file.

pub mod accounts;
pub mod agents;
pub mod api_tokens;
mod columns;
mod days;
mod db;
pub mod erasures;
mod error;
pub mod jobs;
pub mod journal;
pub mod key_ages;
pub mod lock;
pub mod login_links;
mod migrations;
mod page;
pub mod payloads;
pub mod policies;
pub mod rebuild;
pub mod reports;
mod retention;
mod revocations;
mod secret;
pub mod sessions;
pub mod sign_ins;
mod stats;
pub mod users;
pub mod vault;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use db::Db;
pub use error::StoreError;
use journal::OpenSessions;
pub use page::Page;
pub use rebuild::Rebuilt;
pub use retention::BATCH as PURGE_BATCH;
use revocations::Revocations;
use sessions::{Feed, Gathered};
pub use stats::AgentStats;
use vault::Vault;

use crate::clock::Clock;
use crate::ids::AccountId;

/// Paths of the databases.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StorePaths {
    /// Accounts, agents and sessions.
    pub main: PathBuf,
    /// Masked values.
    pub vault: PathBuf,
}

/// Both databases. Dropping it writes what is queued and joins its threads.
pub struct Store {
    main: Db,
    main_path: PathBuf,
    vault: Vault,
    clock: Clock,
    first_account: AccountId,
    open_sessions: OnceLock<Arc<OpenSessions>>,
    feed: Arc<Feed>,
    gathered: Arc<Gathered>,
    revocations: Revocations,
    working: tokio::sync::Mutex<()>,
}

/// Whether the databases answer and accept writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Health {
    /// Accounts, agents and sessions.
    pub db: bool,
    /// Masked values.
    pub vault: bool,
}

impl Store {
    /// Opens or creates the databases (mode 0600), runs pending migrations, and creates the first account.
    pub fn open(paths: &StorePaths, clock: Clock) -> Result<Self, StoreError> {
        let gathered = Arc::new(Gathered::default());
        let (main, first_account) = Db::open(&paths.main, &db::MAIN, gathered.clone(), |conn| {
            // Overwrite deleted data: it includes encrypted caller texts past their retention.
            conn.pragma_update(None, "secure_delete", true)?;
            accounts::first(conn, clock.now())
        })?;
        let vault = Vault::open(&paths.vault, clock.clone())?;
        let feed = Arc::new(Feed::new());
        Ok(Self {
            main,
            main_path: paths.main.clone(),
            vault,
            clock,
            first_account,
            open_sessions: OnceLock::new(),
            feed,
            gathered,
            revocations: Revocations::default(),
            working: tokio::sync::Mutex::default(),
        })
    }

    /// The owner's account, used by the command line.
    pub fn first_account(&self) -> AccountId {
        self.first_account
    }

    /// Masked values.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Cheap enough for every `GET /health`.
    pub async fn health(&self) -> Health {
        let (db, vault) = tokio::join!(self.main.is_healthy(), self.vault.is_healthy());
        Health { db, vault }
    }
}

#[cfg(test)]
mod plans;
#[cfg(test)]
mod tests;
