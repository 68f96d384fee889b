//! Policies by name, with all versions of each. The install's policies belong to no account and are visible to all.

use rusqlite::{Connection, OptionalExtension, Row};

use super::{Page, Store, StoreError, columns};
use crate::clock::Timestamp;
use crate::ids::{AccountId, AgentId, PolicyId};

/// Origin of a policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// Shipped with Masker.
    BuiltIn,
    /// From a file of `MASKER_POLICY_PATH`.
    File,
    /// Created by the account over the API.
    Account,
}

impl Source {
    /// Its name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::File => "file",
            Self::Account => "account",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::BuiltIn, Self::File, Self::Account].into_iter().find(|source| source.as_str() == word)
    }
}

/// A policy with its latest document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Its id.
    pub id: PolicyId,
    /// The owner; `None` if it belongs to the install.
    pub account_id: Option<AccountId>,
    /// Unique within the account, or among the install's policies.
    pub name: String,
    /// Its origin.
    pub source: Source,
    /// Version of [`Self::document`].
    pub version: u32,
    /// The document as written.
    pub document: String,
    /// Creation time of the first version.
    pub created_at: Timestamp,
    /// Creation time of the latest version.
    pub updated_at: Timestamp,
}

/// A version without its document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PolicyVersion {
    /// Counted from 1.
    pub version: u32,
    /// Creation time.
    pub created_at: Timestamp,
}

/// A policy of the install.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstallPolicy {
    /// Its name.
    pub name: String,
    /// Its origin.
    pub source: Source,
    /// The document as written.
    pub document: String,
}

impl Store {
    /// Replaces the install's policies: a changed one gets a new version, a missing one is retired. Agents that use
    /// them show the new version.
    pub async fn set_install_policies(&self, policies: Vec<InstallPolicy>) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.main.write(move |conn| set_install(conn, &policies, now)).await
    }

    /// Adds a version to a policy of an account, or creates the policy. Agents that use it show the new version.
    pub async fn put_policy(&self, account: AccountId, name: &str, document: &str) -> Result<Policy, StoreError> {
        let (now, name, document) = (self.clock.now(), name.to_owned(), document.to_owned());
        self.main.write(move |conn| put(conn, Some(account), &name, Source::Account, &document, now)).await
    }

    /// Every active policy, for start-up.
    pub async fn all_policies(&self) -> Result<Vec<Policy>, StoreError> {
        self.main.read(all).await
    }

    /// The install's policies, including retired ones.
    pub async fn install_policies(&self) -> Result<Vec<Policy>, StoreError> {
        self.main.read(install).await
    }

    /// The policies visible to an account, newest first: its own and the install's.
    pub async fn policies_page(
        &self,
        account: AccountId,
        limit: usize,
        cursor: Option<PolicyId>,
    ) -> Result<Page<Policy, PolicyId>, StoreError> {
        self.main.read(move |conn| page(conn, account, limit, cursor)).await
    }

    /// A policy visible to an account; its own takes precedence over the install's.
    pub async fn policy(&self, account: AccountId, name: &str) -> Result<Option<Policy>, StoreError> {
        let name = name.to_owned();
        self.main.read(move |conn| by_name(conn, account, &name)).await
    }

    /// Document and creation time of one version.
    pub async fn policy_version(&self, id: PolicyId, version: u32) -> Result<Option<(String, Timestamp)>, StoreError> {
        self.main.read(move |conn| one_version(conn, id, version)).await
    }

    /// The latest versions of a policy, newest first.
    pub async fn policy_versions(&self, id: PolicyId, most: usize) -> Result<Vec<PolicyVersion>, StoreError> {
        self.main.read(move |conn| versions(conn, id, most)).await
    }

    /// The documents a session's policy may have had: those of this name and version, and the agent's own.
    pub async fn policy_documents(
        &self,
        account: AccountId,
        agent: AgentId,
        name: String,
        version: u32,
    ) -> Result<Vec<String>, StoreError> {
        self.main.read(move |conn| documents(conn, account, agent, &name, version)).await
    }
}

/// In the order in which [`policy`] reads them.
const SELECT: &str = "SELECT p.id, p.account_id, p.name, p.source, p.version, v.document, p.created_at, p.updated_at
    FROM policies p JOIN policy_versions v ON v.policy_id = p.id AND v.version = p.version";

fn documents(
    conn: &Connection,
    account: AccountId,
    agent: AgentId,
    name: &str,
    version: u32,
) -> Result<Vec<String>, StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT v.document FROM policies p JOIN policy_versions v ON v.policy_id = p.id AND v.version = ?3
         WHERE p.name = ?2 AND (p.account_id = ?1 OR p.account_id IS NULL)
         UNION ALL SELECT policy_yaml FROM agents WHERE id = ?4 AND policy_yaml IS NOT NULL",
    )?;
    let rows = query.query_map((account.text(), name, version, agent.text()), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn set_install(conn: &Connection, policies: &[InstallPolicy], now: Timestamp) -> Result<(), StoreError> {
    let known = install(conn)?;
    for policy in policies {
        let same = known.iter().find(|known| known.name == policy.name && known.document == policy.document);
        match same {
            Some(known) => revive(conn, known.id, policy.source)?,
            None => drop(put(conn, None, &policy.name, policy.source, &policy.document, now)?),
        }
    }
    let gone = known.iter().filter(|known| !policies.iter().any(|policy| policy.name == known.name));
    for policy in gone {
        conn.execute(
            "UPDATE policies SET retired_at = ?2 WHERE id = ?1 AND retired_at IS NULL",
            (policy.id.text(), now.millis()),
        )?;
    }
    Ok(())
}

fn revive(conn: &Connection, id: PolicyId, source: Source) -> Result<(), StoreError> {
    conn.execute("UPDATE policies SET retired_at = NULL, source = ?2 WHERE id = ?1", (id.text(), source.as_str()))?;
    Ok(())
}

fn put(
    conn: &Connection,
    account: Option<AccountId>,
    name: &str,
    source: Source,
    document: &str,
    now: Timestamp,
) -> Result<Policy, StoreError> {
    let owner = account.map(|account| account.text());
    let mut upsert = conn.prepare_cached(
        "INSERT INTO policies (id, account_id, name, source, version, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, 1, ?5, ?5)
         ON CONFLICT (coalesce(account_id, ''), name)
         DO UPDATE SET version = version + 1, source = ?4, updated_at = ?5, retired_at = NULL
         RETURNING id, version, created_at",
    )?;
    let new = (PolicyId::generate().text(), &owner, name, source.as_str(), now.millis());
    let (id, version, created_at): (PolicyId, u32, Timestamp) =
        upsert.query_row(new, |row| Ok((columns::parsed(row, 0)?, row.get(1)?, columns::moment(row, 2)?)))?;
    conn.execute(
        "INSERT INTO policy_versions (policy_id, version, document, created_at) VALUES (?1, ?2, ?3, ?4)",
        (id.text(), version, document, now.millis()),
    )?;
    // An account's own policy takes precedence over the install's of the same name.
    conn.execute(
        "UPDATE agents SET policy_version = ?3 WHERE policy_name = ?2 AND policy_yaml IS NULL AND deleted_at IS NULL
         AND (account_id = ?1 OR ?1 IS NULL AND NOT EXISTS
             (SELECT 1 FROM policies p WHERE p.account_id = agents.account_id AND p.name = ?2))",
        (&owner, name, version),
    )?;
    Ok(Policy {
        id,
        account_id: account,
        name: name.to_owned(),
        source,
        version,
        document: document.to_owned(),
        created_at,
        updated_at: now,
    })
}

/// The install's policies, including retired ones.
fn install(conn: &Connection) -> Result<Vec<Policy>, StoreError> {
    let mut query = conn.prepare_cached(&format!("{SELECT} WHERE p.account_id IS NULL"))?;
    let rows = query.query_map([], policy)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn all(conn: &Connection) -> Result<Vec<Policy>, StoreError> {
    let mut query = conn.prepare(&format!("{SELECT} WHERE p.retired_at IS NULL"))?;
    let rows = query.query_map([], policy)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn page(
    conn: &Connection,
    account: AccountId,
    limit: usize,
    cursor: Option<PolicyId>,
) -> Result<Page<Policy, PolicyId>, StoreError> {
    let mut query = conn.prepare_cached(&format!(
        "{SELECT} WHERE (p.account_id = ?1 OR p.account_id IS NULL) AND p.retired_at IS NULL
         AND (?2 IS NULL OR p.id < ?2) ORDER BY p.id DESC LIMIT ?3"
    ))?;
    let cursor = cursor.map(|id| id.text());
    let rows = query.query_map((account.text(), cursor, limit as i64 + 1), policy)?;
    Ok(Page::new(rows.collect::<Result<_, _>>()?, limit, |policy| policy.id))
}

fn by_name(conn: &Connection, account: AccountId, name: &str) -> Result<Option<Policy>, StoreError> {
    let mut query = conn.prepare_cached(&format!(
        "{SELECT} WHERE p.name = ?2 AND (p.account_id = ?1 OR p.account_id IS NULL)
         ORDER BY p.account_id IS NULL LIMIT 1"
    ))?;
    Ok(query.query_row((account.text(), name), policy).optional()?)
}

fn one_version(conn: &Connection, id: PolicyId, version: u32) -> Result<Option<(String, Timestamp)>, StoreError> {
    let mut query =
        conn.prepare_cached("SELECT document, created_at FROM policy_versions WHERE policy_id = ?1 AND version = ?2")?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, columns::moment(row, 1)?));
    Ok(query.query_row((id.text(), version), read).optional()?)
}

fn versions(conn: &Connection, id: PolicyId, most: usize) -> Result<Vec<PolicyVersion>, StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT version, created_at FROM policy_versions WHERE policy_id = ?1 ORDER BY version DESC LIMIT ?2",
    )?;
    let rows = query.query_map((id.text(), most as i64), |row| {
        Ok(PolicyVersion { version: row.get(0)?, created_at: columns::moment(row, 1)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn policy(row: &Row<'_>) -> rusqlite::Result<Policy> {
    let account: Option<String> = row.get(1)?;
    Ok(Policy {
        id: columns::parsed(row, 0)?,
        account_id: account.map(|text| text.parse().map_err(|_| columns::bad(1))).transpose()?,
        name: row.get(2)?,
        source: columns::read(row, 3, Source::from_word)?,
        version: row.get(4)?,
        document: row.get(5)?,
        created_at: columns::moment(row, 6)?,
        updated_at: columns::moment(row, 7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::Folder;

    fn of_install(name: &str, document: &str) -> InstallPolicy {
        InstallPolicy { name: name.into(), source: Source::File, document: document.into() }
    }

    #[tokio::test]
    async fn every_put_is_a_version_and_old_ones_stay() {
        let folder = Folder::new();
        let store = folder.store();
        let account = store.first_account();
        let first = store.put_policy(account, "clinic", "a").await.unwrap();
        let second = store.put_policy(account, "clinic", "b").await.unwrap();
        assert_eq!((first.id, first.version, second.version), (second.id, 1, 2));
        assert_eq!(store.policy(account, "clinic").await.unwrap(), Some(second.clone()));
        assert_eq!(store.policy_version(first.id, 1).await.unwrap().unwrap().0, "a");
        assert_eq!(store.policy_version(first.id, 3).await.unwrap(), None);
        let versions = store.policy_versions(first.id, 10).await.unwrap();
        assert_eq!(versions.iter().map(|version| version.version).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(store.policy(AccountId::generate(), "clinic").await.unwrap(), None);
        assert!(store.policies_page(AccountId::generate(), 10, None).await.unwrap().rows.is_empty());
    }

    #[tokio::test]
    async fn the_installs_policies_have_a_version_for_every_change_and_are_retired_when_they_go() {
        let folder = Folder::new();
        let store = folder.store();
        let account = store.first_account();
        let current =
            async || store.policy(account, "x").await.unwrap().map(|policy| (policy.version, policy.document));
        for (document, version) in [("a", 1), ("a", 1), ("b", 2)] {
            store.set_install_policies(vec![of_install("x", document)]).await.unwrap();
            assert_eq!(current().await, Some((version, document.to_owned())));
        }
        store.set_install_policies(vec![]).await.unwrap();
        assert!(store.all_policies().await.unwrap().is_empty());
        assert_eq!(current().await, Some((2, "b".to_owned())), "a version that was used stays readable");
        store.set_install_policies(vec![of_install("x", "b")]).await.unwrap();
        assert_eq!((store.all_policies().await.unwrap().len(), current().await), (1, Some((2, "b".to_owned()))));
    }

    #[tokio::test]
    async fn of_two_with_one_name_an_account_sees_its_own() {
        let folder = Folder::new();
        let store = folder.store();
        let account = store.first_account();
        store.put_policy(account, "x", "own").await.unwrap();
        store.set_install_policies(vec![of_install("x", "of the install")]).await.unwrap();
        assert_eq!(store.policy(account, "x").await.unwrap().unwrap().document, "own");
        let other = store.policy(AccountId::generate(), "x").await.unwrap().unwrap();
        assert_eq!((other.document.as_str(), other.account_id), ("of the install", None));
    }
}
