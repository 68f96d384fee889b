//! API tokens for scripts.

use rusqlite::{Connection, OptionalExtension, Row};

use super::{Page, Store, StoreError, columns, secret};
use crate::clock::Timestamp;
use crate::ids::{AccountId, TokenId, UserId};
use crate::sensitive::SensitiveText;

/// What every secret begins with.
pub const PREFIX: &str = "mskt_";

/// An API token, without its secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiToken {
    /// Its id.
    pub id: TokenId,
    /// The account it acts for.
    pub account_id: AccountId,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is worth nothing.
    pub expires_at: Option<Timestamp>,
    /// Who made it; `None` for the command line.
    pub created_by: Option<UserId>,
}

/// An API token to be made.
#[derive(Clone, Debug)]
pub struct NewApiToken {
    /// The account it is to act for.
    pub account_id: AccountId,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// From when on it is worth nothing.
    pub expires_at: Option<Timestamp>,
    /// Who makes it; `None` for the command line.
    pub created_by: Option<UserId>,
}

impl Store {
    /// Makes a token, and its secret, which is nowhere else.
    pub async fn create_api_token(&self, new: NewApiToken) -> Result<(ApiToken, SensitiveText), StoreError> {
        let secret = secret::new(PREFIX)?;
        let token = ApiToken {
            id: TokenId::generate(),
            account_id: new.account_id,
            name: new.name,
            scopes: new.scopes,
            created_at: self.clock.now(),
            expires_at: new.expires_at,
            created_by: new.created_by,
        };
        let (hash, row) = (secret::hash(secret.expose()), token.clone());
        self.main.write(move |conn| insert(conn, &row, &hash)).await?;
        Ok((token, secret))
    }

    /// The token with this secret, unless it has expired.
    pub async fn api_token_by_secret(&self, secret: &str) -> Result<Option<ApiToken>, StoreError> {
        let (hash, now) = (secret::hash(secret), self.clock.now());
        self.main.read(move |conn| by_hash(conn, &hash, now)).await
    }

    /// An account's tokens, newest first, expired ones too.
    pub async fn api_tokens_page(
        &self,
        account: AccountId,
        limit: usize,
        cursor: Option<TokenId>,
    ) -> Result<Page<ApiToken, TokenId>, StoreError> {
        self.main.read(move |conn| page(conn, account, limit, cursor)).await
    }

    /// Deletes a token; `false` when the account has no such token.
    pub async fn delete_api_token(&self, account: AccountId, id: TokenId) -> Result<bool, StoreError> {
        self.main.write(move |conn| delete(conn, account, id)).await
    }
}

fn insert(conn: &Connection, token: &ApiToken, hash: &secret::Hash) -> Result<(), StoreError> {
    let scopes = serde_json::to_string(&token.scopes).map_err(|_| StoreError::BadRow("api_tokens"))?;
    let mut insert = conn.prepare_cached(
        "INSERT INTO api_tokens (id, account_id, name, scopes, secret_sha256, created_at, expires_at, created_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    insert.execute((
        token.id.text(),
        token.account_id.text(),
        &token.name,
        scopes,
        hash,
        token.created_at.millis(),
        token.expires_at.map(Timestamp::millis),
        token.created_by.map(|user| user.text()),
    ))?;
    Ok(())
}

fn by_hash(conn: &Connection, hash: &secret::Hash, now: Timestamp) -> Result<Option<ApiToken>, StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT id, account_id, name, scopes, created_at, expires_at, created_by FROM api_tokens
         WHERE secret_sha256 = ?1 AND (expires_at IS NULL OR expires_at > ?2)",
    )?;
    Ok(query.query_row((hash, now.millis()), api_token).optional()?)
}

fn page(
    conn: &Connection,
    account: AccountId,
    limit: usize,
    cursor: Option<TokenId>,
) -> Result<Page<ApiToken, TokenId>, StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT id, account_id, name, scopes, created_at, expires_at, created_by FROM api_tokens
         WHERE account_id = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3",
    )?;
    let cursor = cursor.map(|id| id.text());
    let rows = query.query_map((account.text(), cursor, limit as i64 + 1), api_token)?;
    Ok(Page::new(rows.collect::<Result<_, _>>()?, limit, |token| token.id))
}

fn delete(conn: &Connection, account: AccountId, id: TokenId) -> Result<bool, StoreError> {
    let mut delete = conn.prepare_cached("DELETE FROM api_tokens WHERE account_id = ?1 AND id = ?2")?;
    Ok(delete.execute((account.text(), id.text()))? > 0)
}

fn api_token(row: &Row<'_>) -> rusqlite::Result<ApiToken> {
    Ok(ApiToken {
        id: columns::parsed(row, 0)?,
        account_id: columns::parsed(row, 1)?,
        name: row.get(2)?,
        scopes: columns::json(row, 3)?,
        created_at: columns::moment(row, 4)?,
        expires_at: columns::moment_if(row, 5)?,
        created_by: columns::parsed_if(row, 6)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::tests::Folder;

    fn new(account_id: AccountId, name: &str, scopes: &[&str], expires_at: Option<i64>) -> NewApiToken {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let expires_at = expires_at.map(Timestamp::from_millis);
        NewApiToken { account_id, name: name.to_owned(), scopes, expires_at, created_by: None }
    }

    #[tokio::test]
    async fn a_token_is_found_by_its_secret_until_it_expires_or_is_deleted() {
        let folder = Folder::new();
        let clock = Clock::manual(Timestamp::from_millis(1000));
        let store = folder.store_at(clock.clone());
        let account = store.first_account();
        let (token, secret) = store.create_api_token(new(account, "ci", &["admin"], Some(2000))).await.unwrap();
        let (forever, other) = store.create_api_token(new(account, "cd", &[], None)).await.unwrap();
        assert!(secret.expose().starts_with("mskt_"));
        assert_ne!(secret, other);
        let find = async |secret: &SensitiveText| store.api_token_by_secret(secret.expose()).await.unwrap();

        assert_eq!(find(&secret).await, Some(token.clone()));
        clock.set(Timestamp::from_millis(2000));
        assert_eq!(find(&secret).await, None);
        assert_eq!(find(&other).await, Some(forever.clone()));
        assert_eq!(find(&"mskt_guess".into()).await, None);

        assert!(!store.delete_api_token(AccountId::generate(), forever.id).await.unwrap());
        assert!(store.delete_api_token(account, forever.id).await.unwrap());
        assert_eq!(find(&other).await, None);
        assert_eq!(store.api_tokens_page(account, 5, None).await.unwrap().rows, [token]);
    }

    #[tokio::test]
    async fn the_secret_is_in_no_file() {
        let folder = Folder::new();
        let store = folder.store();
        let (_, secret) = store.create_api_token(new(store.first_account(), "ci", &[], None)).await.unwrap();
        drop(store);
        assert!(!folder.contains(secret.expose()));
        assert!(!folder.contains(&secret.expose()[5..]));
    }
}
