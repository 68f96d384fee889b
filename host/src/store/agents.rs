//! Agents. A deleted agent keeps its row, since sessions refer to it, and frees its name.

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::error::is_duplicate;
use super::stats::Window;
use super::{Page, Store, StoreError, columns, secret};
use crate::clock::Timestamp;
use crate::ids::{AccountId, AgentId};
use crate::sensitive::SensitiveText;

/// The configuration of an agent. Text fields are stored as given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agent {
    /// Its id, the credential of its proxy URL.
    pub id: AgentId,
    /// The account that owns it.
    pub account_id: AccountId,
    /// Unique among the account's agents that are not deleted.
    pub name: String,
    /// `provider:model` or `stub`.
    pub upstream: String,
    /// The token scheme.
    pub tokenization: String,
    /// Name of its policy.
    pub policy_name: String,
    /// Its own policy document, if it has one.
    pub policy_yaml: Option<String>,
    /// Version of the policy.
    pub policy_version: u32,
    /// The voice platform.
    pub platform: String,
    /// The static configuration that the webhook returns, JSON.
    pub assistant: Option<String>,
    /// URL that is asked for that configuration instead.
    pub assistant_callback_url: Option<String>,
    /// SHA-256 of the proxy key, if the proxy requires one.
    pub proxy_key_hash: Option<[u8; 32]>,
    /// Whether the proxy requires a signature.
    pub require_signature: bool,
    /// Recorded agreements with the parties that process its data, JSON.
    pub agreements: Option<String>,
    /// Creation time.
    pub created_at: Timestamp,
    /// Deletion time.
    pub deleted_at: Option<Timestamp>,
}

/// A row of the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgentEntry {
    /// The agent.
    pub agent: Agent,
    /// Sessions that began within the last 24 hours.
    pub session_count_24h: u64,
}

/// Prefix of every proxy key.
const PROXY_KEY_PREFIX: &str = "mskp_";

/// A new proxy key, to be shown once, and its hash.
pub fn new_proxy_key() -> Result<(SensitiveText, [u8; 32]), StoreError> {
    let key = secret::new(PROXY_KEY_PREFIX)?;
    let hash = proxy_key_hash(key.expose());
    Ok((key, hash))
}

/// The stored hash of a proxy key.
pub fn proxy_key_hash(key: &str) -> [u8; 32] {
    secret::hash(key)
}

impl Store {
    /// Inserts an agent; [`StoreError::NameTaken`] if an agent of the account that is not deleted has its name.
    pub async fn insert_agent(&self, agent: Agent) -> Result<(), StoreError> {
        self.main.write(move |conn| insert(conn, &agent)).await
    }

    /// An account's agents, newest first, whose name contains `name_contains`, ignoring case; without deleted ones.
    pub async fn agents_page(
        &self,
        account: AccountId,
        limit: usize,
        cursor: Option<AgentId>,
        name_contains: Option<&str>,
    ) -> Result<Page<AgentEntry, AgentId>, StoreError> {
        let name = name_contains.map(str::to_lowercase);
        let day = Window::day(self.clock.now());
        self.main.read(move |conn| page(conn, account, limit, cursor, name, day)).await
    }

    /// An agent of the account, unless deleted.
    pub async fn agent(&self, account: AccountId, id: AgentId) -> Result<Option<Agent>, StoreError> {
        self.main.read(move |conn| by_id(conn, account, id)).await
    }

    /// Every agent that is not deleted, for start-up.
    pub async fn all_agents(&self) -> Result<Vec<Agent>, StoreError> {
        self.main.read(all).await
    }

    /// Updates the mutable fields of an agent; `false` if the account has no such agent.
    pub async fn update_agent(&self, agent: Agent) -> Result<bool, StoreError> {
        self.main.write(move |conn| update(conn, &agent)).await
    }

    /// Marks an agent as deleted; `false` if the account has no such agent. Its sessions and vault rows are kept.
    pub async fn delete_agent(&self, account: AccountId, id: AgentId) -> Result<bool, StoreError> {
        let now = self.clock.now();
        self.main.write(move |conn| delete(conn, account, id, now)).await
    }
}

/// In the order in which [`agent`] reads them.
pub(super) const COLUMNS: &str =
    "id, account_id, name, upstream, tokenization, policy_name, policy_yaml, policy_version, platform,
    assistant, assistant_callback_url, proxy_key_hash, require_signature, created_at, deleted_at, agreements";

fn insert(conn: &Connection, agent: &Agent) -> Result<(), StoreError> {
    let mut insert = conn.prepare_cached(&format!(
        "INSERT INTO agents ({COLUMNS}, name_lower) VALUES (:id, :account_id, :name, :upstream, :tokenization,
         :policy_name, :policy_yaml, :policy_version, :platform, :assistant, :assistant_callback_url, :proxy_key_hash,
         :require_signature, :created_at, :deleted_at, :agreements, :name_lower)"
    ))?;
    let inserted = insert.execute(named_params! {
        ":id": agent.id.text(),
        ":account_id": agent.account_id.text(),
        ":name": agent.name,
        ":upstream": agent.upstream,
        ":tokenization": agent.tokenization,
        ":policy_name": agent.policy_name,
        ":policy_yaml": agent.policy_yaml,
        ":policy_version": agent.policy_version,
        ":platform": agent.platform,
        ":assistant": agent.assistant,
        ":assistant_callback_url": agent.assistant_callback_url,
        ":proxy_key_hash": agent.proxy_key_hash,
        ":require_signature": agent.require_signature,
        ":created_at": agent.created_at.millis(),
        ":deleted_at": agent.deleted_at.map(Timestamp::millis),
        ":agreements": agent.agreements,
        ":name_lower": agent.name.to_lowercase(),
    });
    inserted.map(|_| ()).map_err(name_taken)
}

fn update(conn: &Connection, agent: &Agent) -> Result<bool, StoreError> {
    let mut update = conn.prepare_cached(
        "UPDATE agents SET name = :name, name_lower = :name_lower, upstream = :upstream, tokenization = :tokenization,
         policy_name = :policy_name, policy_yaml = :policy_yaml, policy_version = :policy_version,
         platform = :platform, assistant = :assistant, assistant_callback_url = :assistant_callback_url,
         proxy_key_hash = :proxy_key_hash, require_signature = :require_signature, agreements = :agreements
         WHERE id = :id AND account_id = :account_id AND deleted_at IS NULL",
    )?;
    let updated = update.execute(named_params! {
        ":id": agent.id.text(),
        ":account_id": agent.account_id.text(),
        ":name": agent.name,
        ":name_lower": agent.name.to_lowercase(),
        ":upstream": agent.upstream,
        ":tokenization": agent.tokenization,
        ":policy_name": agent.policy_name,
        ":policy_yaml": agent.policy_yaml,
        ":policy_version": agent.policy_version,
        ":platform": agent.platform,
        ":assistant": agent.assistant,
        ":assistant_callback_url": agent.assistant_callback_url,
        ":proxy_key_hash": agent.proxy_key_hash,
        ":agreements": agent.agreements,
        ":require_signature": agent.require_signature,
    });
    updated.map(|rows| rows > 0).map_err(name_taken)
}

fn name_taken(error: rusqlite::Error) -> StoreError {
    if is_duplicate(&error) { StoreError::NameTaken } else { error.into() }
}

fn page(
    conn: &Connection,
    account: AccountId,
    limit: usize,
    cursor: Option<AgentId>,
    name: Option<String>,
    day: Window,
) -> Result<Page<AgentEntry, AgentId>, StoreError> {
    // Names are compared one by one in the index: an account has only as many as it has agents.
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS}, (SELECT coalesce(sum(sessions), 0) FROM agent_hours WHERE agent_id = agents.id AND hour >= ?6)
             + (SELECT count(*) FROM sessions INDEXED BY sessions_by_agent
                WHERE agent_id = agents.id AND started_at > ?5 AND started_at < ?7)
         FROM agents INDEXED BY agents_by_account WHERE account_id = ?1 AND deleted_at IS NULL AND id < ?2
         AND (?3 IS NULL OR instr(name_lower, ?3) > 0) ORDER BY id DESC LIMIT ?4"
    ))?;
    // Sorts after every id.
    let cursor = cursor.map_or_else(|| "b".to_owned(), |id| id.text());
    let values = (account.text(), cursor, name, limit as i64 + 1, day.since, day.first_hour, day.first_hour_begins);
    let rows = query.query_map(values, |row| {
        Ok(AgentEntry { agent: agent(row)?, session_count_24h: row.get::<_, i64>(16)? as u64 })
    })?;
    Ok(Page::new(rows.collect::<Result<_, _>>()?, limit, |entry| entry.agent.id))
}

fn by_id(conn: &Connection, account: AccountId, id: AgentId) -> Result<Option<Agent>, StoreError> {
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM agents WHERE id = ?1 AND account_id = ?2 AND deleted_at IS NULL"
    ))?;
    Ok(query.query_row((id.text(), account.text()), agent).optional()?)
}

fn all(conn: &Connection) -> Result<Vec<Agent>, StoreError> {
    let mut query = conn.prepare(&format!("SELECT {COLUMNS} FROM agents WHERE deleted_at IS NULL ORDER BY id"))?;
    let rows = query.query_map([], agent)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn delete(conn: &Connection, account: AccountId, id: AgentId, now: Timestamp) -> Result<bool, StoreError> {
    let mut delete = conn
        .prepare_cached("UPDATE agents SET deleted_at = ?3 WHERE id = ?1 AND account_id = ?2 AND deleted_at IS NULL")?;
    Ok(delete.execute((id.text(), account.text(), now.millis()))? > 0)
}

pub(super) fn agent(row: &Row<'_>) -> rusqlite::Result<Agent> {
    Ok(Agent {
        id: columns::parsed(row, 0)?,
        account_id: columns::parsed(row, 1)?,
        name: row.get(2)?,
        upstream: row.get(3)?,
        tokenization: row.get(4)?,
        policy_name: row.get(5)?,
        policy_yaml: row.get(6)?,
        policy_version: row.get(7)?,
        platform: row.get(8)?,
        assistant: row.get(9)?,
        assistant_callback_url: row.get(10)?,
        proxy_key_hash: row.get(11)?,
        require_signature: row.get(12)?,
        created_at: columns::moment(row, 13)?,
        deleted_at: columns::moment_if(row, 14)?,
        agreements: row.get(15)?,
    })
}

#[cfg(test)]
mod tests;
