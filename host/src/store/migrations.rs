//! The migrations, embedded. Rules in `host/migrations/README.md`.

use rusqlite::Connection;
use rusqlite_migration::{Error, M, MigrationDefinitionError, Migrations};

use super::StoreError;

pub(super) const MAIN: &[M<'static>] = &[
    M::up(include_str!("../../migrations/main/0001_accounts_agents_sessions.sql")),
    M::up(include_str!("../../migrations/main/0002_users.sql")),
    M::up(include_str!("../../migrations/main/0003_sessions.sql")),
    M::up(include_str!("../../migrations/main/0004_policies.sql")),
    M::up(include_str!("../../migrations/main/0005_agreements.sql")),
    M::up(include_str!("../../migrations/main/0006_erasures.sql")),
    M::up(include_str!("../../migrations/main/0007_sign_in_list_and_keys.sql")),
    M::up(include_str!("../../migrations/main/0008_hours_by_kind.sql")),
    M::up(include_str!("../../migrations/main/0009_makers_of_tokens.sql")),
    M::up(include_str!("../../migrations/main/0010_days.sql")),
    M::up(include_str!("../../migrations/main/0011_jobs.sql")),
];

pub(super) const VAULT: &[M<'static>] = &[
    M::up(include_str!("../../migrations/vault/0001_vault.sql")),
    M::up(include_str!("../../migrations/vault/0002_sealed_by.sql")),
    M::up(include_str!("../../migrations/vault/0003_counts.sql")),
    M::up(include_str!("../../migrations/vault/0004_jobs.sql")),
];

/// Runs the pending migrations of a database.
pub(super) fn run(conn: &mut Connection, steps: &'static [M<'static>]) -> Result<(), StoreError> {
    Migrations::from_slice(steps).to_latest(conn).map_err(|error| match error {
        Error::MigrationDefinition(MigrationDefinitionError::DatabaseTooFarAhead) => StoreError::Newer,
        Error::RusqliteError { err, .. } => match err.into() {
            StoreError::Sqlite(_) => StoreError::Migration,
            known => known,
        },
        _ => StoreError::Migration,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_run_from_an_empty_database() {
        assert_eq!(Migrations::from_slice(MAIN).validate(), Ok(()));
        assert_eq!(Migrations::from_slice(VAULT).validate(), Ok(()));
    }

    #[test]
    fn a_database_from_a_newer_version_is_refused() {
        let mut conn = Connection::open_in_memory().unwrap();
        run(&mut conn, MAIN).unwrap();
        conn.pragma_update(None, "user_version", MAIN.len() as i64 + 1).unwrap();
        assert_eq!(run(&mut conn, MAIN), Err(StoreError::Newer));
    }

    #[test]
    fn every_file_is_in_a_list() {
        for (folder, steps) in [("main", MAIN), ("vault", VAULT)] {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
            if let Ok(files) = std::fs::read_dir(folder) {
                assert_eq!(files.count(), steps.len());
            }
        }
    }
}
