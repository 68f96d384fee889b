//! Users: people who sign in. Each belongs to one account.

use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, accounts, columns};
use crate::clock::Timestamp;
use crate::ids::{AccountId, UserId};

/// A person who signs in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The account they belong to.
    pub account_id: AccountId,
    /// Their GitHub user, unless they signed in with a link.
    pub github: Option<GithubUser>,
    /// Display name.
    pub name: String,
    /// E-mail address, if known.
    pub email: Option<String>,
    /// URL of their picture.
    pub avatar_url: Option<String>,
    /// Time of the first sign-in.
    pub created_at: Timestamp,
    /// Time of the last request, to the minute.
    pub last_seen_at: Timestamp,
}

/// Identity of a GitHub user.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GithubUser {
    /// Immutable id.
    pub id: i64,
    /// Login name. It can change, and be reused by another user.
    pub login: String,
    /// The organisation on the operator's list that admitted them, if their login did not.
    pub org: Option<String>,
}

/// GitHub profile of a user who signs in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GithubProfile {
    /// Identity.
    pub github: GithubUser,
    /// Their name, if set.
    pub name: Option<String>,
    /// A verified address, if we have access to one.
    pub email: Option<String>,
    /// URL of their picture.
    pub avatar_url: Option<String>,
}

/// Which users that are unknown to the install may sign in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignInPath {
    /// Every user who passed the operator's list. Each gets their own account.
    Open,
    /// Only the owner; the first user becomes the owner.
    OwnerOnly,
}

const COLUMNS: &str =
    "id, account_id, github_id, github_login, github_org, name, email, avatar_url, created_at, last_seen_at";

impl Store {
    /// The user with this GitHub profile, created or updated; `None` if they may not sign in.
    ///
    /// The first user owns the install and gets the first account. An existing user is never linked here: see
    /// [`Store::link_github_user`].
    pub async fn admit_github_user(
        &self,
        profile: GithubProfile,
        door: SignInPath,
    ) -> Result<Option<User>, StoreError> {
        let (owner, now) = (self.first_account, self.clock.now());
        self.main.write(move |conn| admit(conn, &profile, door, owner, now)).await
    }

    /// Whether a user has this GitHub id.
    pub async fn knows_github_user(&self, github_id: i64) -> Result<bool, StoreError> {
        self.main.read(move |conn| Ok(one(conn, "github_id = ?1", [github_id])?.is_some())).await
    }

    /// Links a GitHub user to a user without one. `false` if the user has one already or the GitHub user is linked to
    /// another user.
    pub async fn link_github_user(&self, user: UserId, profile: GithubProfile) -> Result<bool, StoreError> {
        let now = self.clock.now();
        self.main
            .write(move |conn| {
                let is_free = one(conn, "github_id = ?1", [profile.github.id])?.is_none();
                let has_none = by_id(conn, user)?.is_some_and(|user| user.github.is_none());
                if is_free && has_none {
                    describe(conn, user, &profile, now)?;
                }
                Ok(is_free && has_none)
            })
            .await
    }

    /// Updates the login and organisation of a rejected user, so that their existing sign-ins and tokens are rejected
    /// too. Returns the user, if there is one.
    pub async fn note_refused_github_user(&self, github: GithubUser) -> Result<Option<User>, StoreError> {
        let noted = self.main.write(move |conn| {
            let Some(user) = one(conn, "github_id = ?1", [github.id])? else { return Ok(None) };
            conn.prepare_cached("UPDATE users SET github_login = ?2, github_org = ?3 WHERE id = ?1")?.execute((
                user.id.text(),
                &github.login,
                &github.org,
            ))?;
            by_id(conn, user.id)
        });
        let noted = noted.await?;
        if noted.is_some() {
            self.revocations.tell();
        }
        Ok(noted)
    }

    /// Every user who has API tokens.
    pub async fn users_with_tokens(&self) -> Result<Vec<User>, StoreError> {
        self.main
            .read(|conn| {
                let mut query = conn.prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM users WHERE id IN (SELECT created_by FROM api_tokens) ORDER BY id"
                ))?;
                let users = query.query_map([], user)?;
                Ok(users.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// The operator: the oldest user of the first account, created if missing.
    pub async fn operator(&self) -> Result<User, StoreError> {
        let (owner, now) = (self.first_account, self.clock.now());
        self.main.write(move |conn| operator(conn, owner, now)).await
    }

    /// A user by its id.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.main.read(move |conn| by_id(conn, id)).await
    }

    /// Whether any user exists.
    pub async fn has_users(&self) -> Result<bool, StoreError> {
        self.main.read(|conn| Ok(conn.query_row("SELECT EXISTS (SELECT 1 FROM users)", [], |row| row.get(0))?)).await
    }
}

fn admit(
    conn: &Connection,
    profile: &GithubProfile,
    door: SignInPath,
    owner: AccountId,
    now: Timestamp,
) -> Result<Option<User>, StoreError> {
    let known = one(conn, "github_id = ?1", [profile.github.id])?;
    let user = match (known, oldest(conn, owner)?) {
        (Some(known), _) if door == SignInPath::Open || known.account_id == owner => known,
        (Some(_), _) => return Ok(None),
        (None, None) => new_user(conn, owner, now)?,
        (None, Some(_)) if door == SignInPath::Open => {
            let account = accounts::insert(conn, &profile.github.login, "beta", now)?;
            new_user(conn, account, now)?
        }
        (None, Some(_)) => return Ok(None),
    };
    describe(conn, user.id, profile, now)?;
    by_id(conn, user.id)
}

/// Stores GitHub's profile of a user.
fn describe(conn: &Connection, user: UserId, profile: &GithubProfile, now: Timestamp) -> Result<(), StoreError> {
    conn.prepare_cached(
        "UPDATE users SET github_id = ?2, github_login = ?3, github_org = ?4, name = ?5, email = ?6, avatar_url = ?7,
         last_seen_at = ?8 WHERE id = ?1",
    )?
    .execute((
        user.text(),
        profile.github.id,
        &profile.github.login,
        &profile.github.org,
        profile.name.as_deref().unwrap_or(&profile.github.login),
        &profile.email,
        &profile.avatar_url,
        now.millis(),
    ))?;
    Ok(())
}

fn operator(conn: &Connection, owner: AccountId, now: Timestamp) -> Result<User, StoreError> {
    match oldest(conn, owner)? {
        Some(user) => Ok(user),
        None => new_user(conn, owner, now),
    }
}

fn new_user(conn: &Connection, account: AccountId, now: Timestamp) -> Result<User, StoreError> {
    let user = User {
        id: UserId::generate(),
        account_id: account,
        github: None,
        name: "Operator".to_owned(),
        email: None,
        avatar_url: None,
        created_at: now,
        last_seen_at: now,
    };
    conn.prepare_cached(
        "INSERT INTO users (id, account_id, name, created_at, last_seen_at) VALUES (?1, ?2, ?3, ?4, ?4)",
    )?
    .execute((user.id.text(), account.text(), &user.name, now.millis()))?;
    Ok(user)
}

fn oldest(conn: &Connection, account: AccountId) -> Result<Option<User>, StoreError> {
    one(conn, "account_id = ?1 ORDER BY id LIMIT 1", [account.text()])
}

pub(super) fn by_id(conn: &Connection, id: UserId) -> Result<Option<User>, StoreError> {
    one(conn, "id = ?1", [id.text()])
}

fn one(conn: &Connection, which: &str, parameters: impl rusqlite::Params) -> Result<Option<User>, StoreError> {
    let mut query = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM users WHERE {which}"))?;
    Ok(query.query_row(parameters, user).optional()?)
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    let github = match (row.get(2)?, row.get(3)?) {
        (Some(id), Some(login)) => Some(GithubUser { id, login, org: row.get(4)? }),
        _ => None,
    };
    Ok(User {
        id: columns::parsed(row, 0)?,
        account_id: columns::parsed(row, 1)?,
        github,
        name: row.get(5)?,
        email: row.get(6)?,
        avatar_url: row.get(7)?,
        created_at: columns::moment(row, 8)?,
        last_seen_at: columns::moment(row, 9)?,
    })
}

#[cfg(test)]
mod tests;
