//! Accounts own agents, sessions and tokens.

use rusqlite::{Connection, OptionalExtension, Row};

use super::{Store, StoreError, columns};
use crate::clock::Timestamp;
use crate::ids::AccountId;

/// An account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Display name.
    pub name: String,
    /// `beta`, `pilot`, `production` or `internal`.
    pub plan: String,
    /// Creation time.
    pub created_at: Timestamp,
}

impl Store {
    /// An account by its id.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.main.read(move |conn| by_id(conn, id)).await
    }

    /// The ids of all accounts.
    pub async fn account_ids(&self) -> Result<Vec<AccountId>, StoreError> {
        self.main.read(ids).await
    }
}

fn ids(conn: &Connection) -> Result<Vec<AccountId>, StoreError> {
    let mut query = conn.prepare_cached("SELECT id FROM accounts")?;
    let ids = query.query_map([], |row| columns::parsed(row, 0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

fn by_id(conn: &Connection, id: AccountId) -> Result<Option<Account>, StoreError> {
    let mut query = conn.prepare_cached("SELECT id, name, plan, created_at FROM accounts WHERE id = ?1")?;
    Ok(query.query_row([id.text()], account).optional()?)
}

/// The account that owns the install; created if missing.
pub(super) fn first(conn: &Connection, now: Timestamp) -> Result<AccountId, StoreError> {
    let owner = "SELECT id FROM accounts WHERE owns_install = 1";
    if let Some(id) = conn.query_row(owner, [], |row| columns::parsed(row, 0)).optional()? {
        return Ok(id);
    }
    // In one transaction: an account without its owner flag would break the next start.
    let transaction = conn.unchecked_transaction()?;
    let id = insert(&transaction, "Owner", "internal", now)?;
    transaction.execute("UPDATE accounts SET owns_install = 1 WHERE id = ?1", [id.text()])?;
    transaction.commit()?;
    Ok(id)
}

/// Inserts an account.
pub(super) fn insert(conn: &Connection, name: &str, plan: &str, now: Timestamp) -> Result<AccountId, StoreError> {
    let id = AccountId::generate();
    conn.prepare_cached("INSERT INTO accounts (id, name, plan, created_at) VALUES (?1, ?2, ?3, ?4)")?.execute((
        id.text(),
        name,
        plan,
        now.millis(),
    ))?;
    Ok(id)
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: columns::parsed(row, 0)?,
        name: row.get(1)?,
        plan: row.get(2)?,
        created_at: columns::moment(row, 3)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::tests::Folder;

    #[tokio::test]
    async fn the_first_account_is_made_once() {
        let folder = Folder::new();
        let first = folder.store().first_account();
        let again = folder.store();
        assert_eq!(again.first_account(), first);
        assert_eq!(again.account(first).await.unwrap().unwrap().plan, "internal");
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_makes_nobody_else_the_owner() {
        let folder = Folder::new();
        let clock = Clock::manual(Timestamp::from_millis(1_700_000_000_000));
        let store = folder.store_at(clock.clone());
        let owner = store.first_account();
        store.main.write(|conn| insert(conn, "Stranger", "beta", Timestamp::from_millis(0))).await.unwrap();
        drop(store);
        assert_eq!(folder.store_at(clock).first_account(), owner);
    }
}
