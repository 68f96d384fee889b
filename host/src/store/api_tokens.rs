//! API tokens for scripts. A token created with another token is deleted with it.

use rusqlite::{Connection, OptionalExtension, Row};

use super::users::{self, User};
use super::{Page, Store, StoreError, columns, secret};
use crate::audit::event::{Maker, NamedToken, Word};
use crate::clock::Timestamp;
use crate::ids::{AccountId, TokenId, UserId};
use crate::sensitive::SensitiveText;

/// Prefix of every secret.
pub const PREFIX: &str = "mskt_";

/// All scopes.
pub const SCOPES: [&str; 7] =
    ["agents:read", "agents:write", "sessions:read", "reports:read", "policies:write", "plugins:write", "admin"];

const COLUMNS: &str = "id, account_id, name, scopes, created_at, expires_at, created_by, made_with";

/// An API token, without its secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiToken {
    /// Its id.
    pub id: TokenId,
    /// The account it acts for.
    pub account_id: AccountId,
    /// Display name.
    pub name: String,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// Creation time.
    pub created_at: Timestamp,
    /// Expiry time.
    pub expires_at: Option<Timestamp>,
    /// The person it belongs to; `None` for the command line.
    pub created_by: Option<UserId>,
    /// The token that created it; deleting that token deletes this one.
    pub made_with: Option<TokenId>,
}

impl ApiToken {
    /// Its description in events.
    pub fn named(&self) -> NamedToken {
        let has = |scope: &&'static str| self.scopes.iter().any(|own| own == scope);
        let maker = self.made_with.map(Maker::Token).or(self.created_by.map(Maker::Person));
        NamedToken {
            id: self.id,
            name: self.name.as_str().into(),
            scopes: SCOPES.into_iter().filter(has).map(Word::from).collect(),
            maker,
        }
    }
}

/// The requested scopes, deduplicated and in the order of the API contract; `None` if the list is empty or has an
/// unknown scope.
pub fn sound_scopes(asked: &[String]) -> Option<Vec<String>> {
    let known = asked.iter().all(|scope| SCOPES.contains(&scope.as_str()));
    let scopes = SCOPES.iter().filter(|scope| asked.iter().any(|own| own == *scope)).map(|scope| (*scope).to_owned());
    (known && !asked.is_empty()).then(|| scopes.collect())
}

/// Fields of a token to be created.
#[derive(Clone, Debug)]
pub struct NewApiToken {
    /// The account it acts for.
    pub account_id: AccountId,
    /// Display name.
    pub name: String,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// Expiry time.
    pub expires_at: Option<Timestamp>,
    /// The person it belongs to; `None` for the command line.
    pub created_by: Option<UserId>,
    /// The token that creates it.
    pub made_with: Option<TokenId>,
}

impl NewApiToken {
    /// The token, with a new id.
    pub fn made_at(self, now: Timestamp) -> ApiToken {
        ApiToken {
            id: TokenId::generate(),
            account_id: self.account_id,
            name: self.name,
            scopes: self.scopes,
            created_at: now,
            expires_at: self.expires_at,
            created_by: self.created_by,
            made_with: self.made_with,
        }
    }
}

impl Store {
    /// Creates a token and returns its secret, which is not stored.
    pub async fn create_api_token(&self, new: NewApiToken) -> Result<(ApiToken, SensitiveText), StoreError> {
        let token = new.made_at(self.clock.now());
        let secret = self.insert_api_token(token.clone()).await?;
        Ok((token, secret))
    }

    /// Stores a token and returns its secret, which is not stored. Fails if the token that creates it was deleted
    /// meanwhile: the foreign key enforces that.
    pub async fn insert_api_token(&self, token: ApiToken) -> Result<SensitiveText, StoreError> {
        let secret = secret::new(PREFIX)?;
        let hash = secret::hash(secret.expose());
        self.main.write(move |conn| insert(conn, &token, &hash)).await?;
        Ok(secret)
    }

    /// The token with this secret and its owner, unless it has expired. The caller checks whether the owner may still
    /// sign in.
    pub async fn api_token_by_secret(&self, secret: &str) -> Result<Option<(ApiToken, Option<User>)>, StoreError> {
        let (hash, now) = (secret::hash(secret), self.clock.now());
        self.main.read(move |conn| by_hash(conn, &hash, now)).await
    }

    /// An account's tokens, newest first, including expired ones.
    pub async fn api_tokens_page(
        &self,
        account: AccountId,
        limit: usize,
        cursor: Option<TokenId>,
    ) -> Result<Page<ApiToken, TokenId>, StoreError> {
        self.main.read(move |conn| page(conn, account, limit, cursor)).await
    }

    /// Deletes a token and all tokens created with it, directly or indirectly, and returns them; empty if the account
    /// has no such token.
    pub async fn delete_api_token(&self, account: AccountId, id: TokenId) -> Result<Vec<ApiToken>, StoreError> {
        let which = "WITH RECURSIVE family (id) AS (
             SELECT id FROM api_tokens WHERE account_id = ?1 AND id = ?2
             UNION SELECT made.id FROM api_tokens made JOIN family ON made.made_with = family.id)
             DELETE FROM api_tokens WHERE id IN family";
        self.delete_api_tokens(which, [account.text(), id.text()]).await
    }

    /// Deletes every token of a person and returns them.
    pub async fn delete_api_tokens_of(&self, user: UserId) -> Result<Vec<ApiToken>, StoreError> {
        self.delete_api_tokens("DELETE FROM api_tokens WHERE created_by = ?1", [user.text()]).await
    }

    async fn delete_api_tokens<const N: usize>(
        &self,
        which: &'static str,
        parameters: [String; N],
    ) -> Result<Vec<ApiToken>, StoreError> {
        let mut deleted: Vec<ApiToken> = self
            .main
            .write(move |conn| {
                let mut delete = conn.prepare_cached(&format!("{which} RETURNING {COLUMNS}"))?;
                let rows = delete.query_map(rusqlite::params_from_iter(parameters), api_token)?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await?;
        deleted.sort_by_key(|token| token.id);
        if !deleted.is_empty() {
            self.revocations.tell();
        }
        Ok(deleted)
    }
}

fn insert(conn: &Connection, token: &ApiToken, hash: &secret::Hash) -> Result<(), StoreError> {
    let scopes = serde_json::to_string(&token.scopes).map_err(|_| StoreError::BadRow("api_tokens"))?;
    let mut insert = conn.prepare_cached(
        "INSERT INTO api_tokens (id, account_id, name, scopes, secret_sha256, created_at, expires_at, created_by, made_with)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
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
        token.made_with.map(|maker| maker.text()),
    ))?;
    Ok(())
}

fn by_hash(
    conn: &Connection,
    hash: &secret::Hash,
    now: Timestamp,
) -> Result<Option<(ApiToken, Option<User>)>, StoreError> {
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM api_tokens WHERE secret_sha256 = ?1 AND (expires_at IS NULL OR expires_at > ?2)"
    ))?;
    let Some(token) = query.query_row((hash, now.millis()), api_token).optional()? else { return Ok(None) };
    let person = match token.created_by {
        Some(user) => match users::by_id(conn, user)? {
            Some(person) => Some(person),
            None => return Ok(None),
        },
        None => None,
    };
    Ok(Some((token, person)))
}

fn page(
    conn: &Connection,
    account: AccountId,
    limit: usize,
    cursor: Option<TokenId>,
) -> Result<Page<ApiToken, TokenId>, StoreError> {
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM api_tokens
         WHERE account_id = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3"
    ))?;
    let cursor = cursor.map(|id| id.text());
    let rows = query.query_map((account.text(), cursor, limit as i64 + 1), api_token)?;
    Ok(Page::new(rows.collect::<Result<_, _>>()?, limit, |token| token.id))
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
        made_with: columns::parsed_if(row, 7)?,
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
        NewApiToken { account_id, name: name.to_owned(), scopes, expires_at, created_by: None, made_with: None }
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
        let find = async |secret: &SensitiveText| {
            store.api_token_by_secret(secret.expose()).await.unwrap().map(|(token, _)| token)
        };

        assert_eq!(find(&secret).await, Some(token.clone()));
        clock.set(Timestamp::from_millis(2000));
        assert_eq!(find(&secret).await, None);
        assert_eq!(find(&other).await, Some(forever.clone()));
        assert_eq!(find(&"mskt_guess".into()).await, None);

        assert_eq!(store.delete_api_token(AccountId::generate(), forever.id).await.unwrap(), []);
        assert_eq!(store.delete_api_token(account, forever.id).await.unwrap(), [forever]);
        assert_eq!(find(&other).await, None);
        assert_eq!(store.api_tokens_page(account, 5, None).await.unwrap().rows, [token]);
    }

    #[tokio::test]
    async fn a_token_ends_with_the_one_that_made_it_and_none_is_made_with_one_that_is_gone() {
        let folder = Folder::new();
        let store = folder.store();
        let account = store.first_account();
        let make = async |made_with| {
            let new = NewApiToken { made_with, ..new(account, "x", &["admin"], None) };
            store.create_api_token(new).await.map(|(token, _)| token)
        };
        let root = make(None).await.unwrap();
        let child = make(Some(root.id)).await.unwrap();
        let (grandchild, other) = (make(Some(child.id)).await.unwrap(), make(None).await.unwrap());
        assert_eq!(store.delete_api_token(account, child.id).await.unwrap(), [child.clone(), grandchild]);
        assert!(make(Some(child.id)).await.is_err());
        assert_eq!(store.api_tokens_page(account, 5, None).await.unwrap().rows, [other, root]);
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
