use std::fs;
use std::path::Path;

use super::*;
use crate::clock::Timestamp;
use crate::ids::AgentId;
use crate::store::agents::Agent;

/// A data directory.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn paths(&self) -> StorePaths {
        StorePaths { main: self.path().join("masker.db"), vault: self.path().join("vault.db") }
    }

    pub fn store(&self) -> Store {
        self.store_at(Clock::system())
    }

    pub fn store_at(&self, clock: Clock) -> Store {
        Store::open(&self.paths(), clock).unwrap()
    }

    /// The error of opening it, with the folder removed from the path.
    pub fn refusal(&self) -> StoreError {
        let Some(StoreError::Open { variable, path, what, cause }) = Store::open(&self.paths(), Clock::system()).err()
        else {
            panic!("opening succeeded, or failed with another error")
        };
        let path = Path::new(&path).strip_prefix(self.path()).unwrap().display().to_string();
        StoreError::Open { variable, path, what, cause }
    }

    /// Whether any file contains this text.
    pub fn contains(&self, text: &str) -> bool {
        fs::read_dir(self.path()).unwrap().any(|file| {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        })
    }
}

/// An agent with default settings.
pub fn agent(account: AccountId, name: &str) -> Agent {
    Agent {
        id: AgentId::generate(),
        account_id: account,
        name: name.to_owned(),
        upstream: "openai:gpt-4o-mini".to_owned(),
        tokenization: "vault-deterministic".to_owned(),
        policy_name: "healthcare-default".to_owned(),
        policy_yaml: None,
        policy_version: 1,
        platform: "custom".to_owned(),
        assistant: None,
        assistant_callback_url: None,
        proxy_key_hash: None,
        require_signature: false,
        created_at: Timestamp::from_millis(1_777_842_872_481),
        deleted_at: None,
        agreements: None,
    }
}

fn refused(cause: StoreError) -> StoreError {
    cause.opening(&db::MAIN, Path::new("masker.db"))
}

#[tokio::test]
async fn files_are_readable_by_their_owner_only() {
    use std::os::unix::fs::MetadataExt;
    let folder = Folder::new();
    let store = folder.store();
    store.insert_agent(agent(store.first_account(), "a")).await.unwrap();
    for file in fs::read_dir(folder.path()).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_store_is_healthy_until_it_cannot_write() {
    let folder = Folder::new();
    let store = folder.store();
    assert_eq!(store.health().await, Health { db: true, vault: true });
    let other = rusqlite::Connection::open(folder.paths().main).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let taken = store.insert_agent(agent(store.first_account(), "a")).await;
    assert_eq!(taken, Err(StoreError::Locked));
    assert_eq!(store.health().await, Health { db: false, vault: true });
    other.execute_batch("ROLLBACK").unwrap();
    store.insert_agent(agent(store.first_account(), "a")).await.unwrap();
    assert!(store.health().await.db);
}

#[test]
fn what_is_no_database_is_refused() {
    let folder = Folder::new();
    fs::write(folder.paths().main, vec![b'x'; 8192]).unwrap();
    assert_eq!(folder.refusal(), refused(StoreError::Corrupt));
    let said = folder.refusal().to_string();
    assert_eq!(said, "MASKER_DATABASE_URL=masker.db: the database cannot be opened: the file is damaged");
}

#[test]
fn a_vault_is_not_called_the_database() {
    let folder = Folder::new();
    fs::create_dir(folder.paths().vault).unwrap();
    let said = folder.refusal().to_string();
    assert_eq!(said, "MASKER_VAULT_PATH=vault.db: the vault cannot be opened: is a directory: name a file");
}

#[tokio::test]
async fn a_damaged_database_is_an_error_and_no_panic() {
    let folder = Folder::new();
    let account = {
        let store = folder.store();
        for i in 0..100 {
            store.insert_agent(agent(store.first_account(), &format!("agent {i}"))).await.unwrap();
        }
        store.first_account()
    };
    let mut bytes = fs::read(folder.paths().main).unwrap();
    let pages = bytes.len() / 4096;
    for page in pages - 12..pages {
        bytes[page * 4096..page * 4096 + 600].fill(0xee);
    }
    fs::write(folder.paths().main, bytes).unwrap();
    match Store::open(&folder.paths(), Clock::system()) {
        Err(error) => assert!(matches!(error, StoreError::Open { cause, .. } if *cause == StoreError::Corrupt)),
        Ok(store) => assert_eq!(store.agents_page(account, 100, None, None).await, Err(StoreError::Corrupt)),
    }
}

#[test]
fn a_locked_database_is_refused() {
    let folder = Folder::new();
    drop(folder.store());
    let other = rusqlite::Connection::open(folder.paths().main).unwrap();
    other.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
    other.execute_batch("BEGIN EXCLUSIVE; UPDATE accounts SET name = name").unwrap();
    assert_eq!(folder.refusal(), refused(StoreError::Locked));
}

#[test]
fn a_database_or_a_vault_has_one_owner_whichever_install_names_it() {
    let (one, other) = (Folder::new(), Folder::new());
    let owned = one.store();
    for (paths, what) in [
        (StorePaths { vault: other.paths().vault, ..one.paths() }, "the database"),
        (StorePaths { main: other.paths().main, ..one.paths() }, "the vault"),
    ] {
        let Some(StoreError::Open { what: refused, cause, .. }) = Store::open(&paths, Clock::system()).err() else {
            panic!("{what}: opening succeeded, or failed with another error")
        };
        assert_eq!((refused, *cause), (what, StoreError::Locked));
    }
    drop(owned);
    drop(one.store());
}

#[test]
fn a_newer_database_is_refused() {
    let folder = Folder::new();
    drop(folder.store());
    rusqlite::Connection::open(folder.paths().main).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert_eq!(folder.refusal(), refused(StoreError::Newer));
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let paths = StorePaths { main: "/nowhere/masker.db".into(), vault: "/nowhere/vault.db".into() };
    let refusal = Store::open(&paths, Clock::system()).err().unwrap();
    let cause = StoreError::File(std::io::ErrorKind::NotFound);
    assert_eq!(refusal, cause.opening(&db::MAIN, &paths.main));
}
