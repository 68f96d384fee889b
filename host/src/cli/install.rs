//! The install that a command works on: its running service, called over the admin socket, or its files, which the
//! command then locks. Commands never create an install; only `masker serve` does.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Output;
use super::exit::{self, Failure};
use super::remote::Remote;
use crate::app::Eraser;
use crate::audit::event::Event;
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::http::admin_socket;
use crate::session::payloads::PayloadKey;
use crate::store::journal::{Journal, JournalError};
use crate::store::lock::{DataLock, LockError, PATIENCE};
use crate::store::rebuild::remembered_end;
use crate::store::{Store, StoreError, StorePaths};
use crate::tokens::call_name::CallNames;
use crate::tokens::mint::Minters;

/// Poll interval while an install is in use.
const PAUSE: Duration = Duration::from_millis(20);

/// A local install.
pub enum Install {
    /// A service is running on it.
    Running(Box<Remote>),
    /// No other process has it open.
    Stopped(Box<Opened>),
}

impl Install {
    /// Finds the install that the settings name, for the command of this name. While another command, or a service
    /// that is starting or stopping, holds the lock, it prints a notice and waits up to [`PATIENCE`].
    pub fn find(environment: &Environment, command: &str, output: Output) -> Result<Self, Failure> {
        let folder = Config::data_dir(environment);
        let deadline = Instant::now() + PATIENCE;
        let mut is_told = output.quiet;
        loop {
            if let Some(connection) = admin_socket::connect(&folder) {
                return Ok(Self::Running(Box::new(Remote::on_machine(connection, &folder)?)));
            }
            // Checked before the settings are loaded: a service that is creating the install has not written all files
            // yet.
            let holder = match DataLock::holder(&folder) {
                Some(holder) => holder,
                None => {
                    let config = Config::load_existing(environment)
                        .map_err(|problems| Failure::new(exit::GENERIC, problems.to_string()))?;
                    match DataLock::try_take(&folder, command) {
                        Ok(lock) => return Ok(Self::Stopped(Box::new(Opened::open(config, lock)?))),
                        Err(LockError::Held { holder, .. }) => holder,
                        Err(error) => return Err(Failure::new(exit::GENERIC, error.to_string())),
                    }
                }
            };
            if Instant::now() >= deadline {
                return Err(Failure::new(exit::GENERIC, LockError::Held { folder, holder }.to_string()));
            }
            if !std::mem::replace(&mut is_told, true) {
                let _ =
                    writeln!(std::io::stderr(), "masker: waiting for {holder}, which is using {}", folder.display());
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// The files of an install, locked by this process.
pub struct Opened {
    pub config: Config,
    pub journal: Journal,
    pub store: Store,
    pub minters: Minters,
    pub call_names: CallNames,
    pub clock: Clock,
    /// Dropped last.
    _lock: DataLock,
}

impl Opened {
    /// Runs a command on the files of the install that the settings name. Fails if a service is running on them,
    /// because the service holds the same data in memory.
    pub fn run<T>(
        environment: &Environment,
        command: &str,
        output: Output,
        work: impl AsyncFnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match Install::find(environment, command, output)? {
            Install::Stopped(opened) => opened.with(work),
            Install::Running(_) => {
                let folder = Config::data_dir(environment);
                let holder = DataLock::holder(&folder).unwrap_or_else(|| "masker serve".to_owned());
                let message = format!(
                    "a service is running on {}: {holder}. Stop it before running `{command}`",
                    folder.display()
                );
                Err(Failure::new(exit::GENERIC, message))
            }
        }
    }

    /// Runs `work` on the files and closes them.
    pub fn with<T>(self, work: impl AsyncFnOnce(&Self) -> Result<T, Failure>) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(exit::GENERIC, error.to_string()))?;
        runtime.block_on(work(&self))
    }

    /// Appends an event to the journal; returns once it is on disk.
    pub async fn record(&self, event: Event) -> Result<(), Failure> {
        let failed = |error: JournalError| Failure::new(exit::GENERIC, error.to_string());
        let receipt = self.journal.append(&[event]).map_err(failed)?;
        self.journal.synced(&receipt).await.map_err(failed)
    }

    fn open(config: Config, lock: DataLock) -> Result<Self, Failure> {
        must_exist("MASKER_VAULT_PATH", &config.vault, "vault")?;
        must_exist("MASKER_AUDIT_LOG_PATH", &config.journal, "journal")?;
        let remembered = remembered_end(&config.database).unwrap_or_default();
        let of_journal = |what: String| {
            Failure::new(exit::GENERIC, format!("MASKER_AUDIT_LOG_PATH={}: {what}", config.journal.display()))
        };
        let opened = Journal::open_rotating(&config.journal, &config.audit_key, u64::MAX, remembered);
        let (journal, found) = opened.map_err(|error| of_journal(error.to_string()))?;
        if found.end < remembered {
            return Err(of_journal(
                "it ends before the last session in the database: it was truncated or belongs to another install"
                    .into(),
            ));
        }
        let paths = StorePaths { main: config.database.clone(), vault: config.vault.clone() };
        let store = Store::open(&paths, Clock::system())?;
        let (minters, call_names) = (Minters::new(&config.keys), CallNames::new(&config.session_secret));
        Ok(Self { config, journal, store, minters, call_names, clock: Clock::system(), _lock: lock })
    }

    /// Erases values in these files.
    pub fn eraser(&self) -> Eraser<'_> {
        Eraser {
            store: &self.store,
            journal: &self.journal,
            minters: &self.minters,
            payload_key: PayloadKey::new(&self.config.session_secret),
            call_names: &self.call_names,
            secret_check: self.config.session_secret.check_value(),
            calls: None,
            clock: &self.clock,
            on_step: None,
        }
    }
}

fn must_exist(variable: &str, file: &Path, what: &str) -> Result<(), Failure> {
    match file.is_file() {
        true => Ok(()),
        false => {
            let message =
                format!("{variable}={}: there is no {what} here; set the path that the service uses", file.display());
            Err(Failure::new(exit::GENERIC, message))
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(exit::GENERIC, error.to_string())
    }
}
