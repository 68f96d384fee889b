//! Sign-ins, the server side of session cookies. (Elsewhere in the code a *session* is one proxied request.) A sign-in
//! expires thirty days after its last use.

use rusqlite::{Connection, OptionalExtension};

use super::db::Writing;
use super::users::{self, User};
use super::{Store, StoreError, columns, secret};
use crate::clock::Timestamp;
use crate::ids::UserId;
use crate::sensitive::SensitiveText;

/// How a person signed in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// With a login link created by the operator.
    Link,
    /// With GitHub.
    Github,
}

/// A person who is signed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignIn {
    /// The person.
    pub user: User,
    /// The method.
    pub by: By,
}

/// A sign-in as listed to its owner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedSignIn {
    /// Its public id: a prefix of the hash of its secret, from which the secret cannot be derived.
    pub id: String,
    /// The method.
    pub by: By,
    /// The User-Agent header; empty if none was sent or the sign-in is older than this field.
    pub user_agent: String,
    /// Creation time.
    pub created_at: Timestamp,
    /// Time of the last use, up to a minute old.
    pub last_used_at: Timestamp,
}

/// Prefix of every secret.
pub const PREFIX: &str = "msks_";
/// Lifetime of an unused cookie: thirty days.
pub const LIFE_SECONDS: i64 = 30 * 24 * 3600;
/// Maximum number of sign-ins per person; a new one replaces the least recently used.
const MOST: i64 = 100;
/// Stored characters of the User-Agent header; the rest is cut off.
const LONGEST_USER_AGENT: usize = 256;
/// Minimum interval between recorded uses. The recorded time may be that much older, so a sign-in is kept that much
/// longer in the database than its cookie.
const PACE_MS: i64 = 60_000;
const LIFE_MS: i64 = LIFE_SECONDS * 1000 + PACE_MS;

impl Store {
    /// Signs a user in, and deletes expired sign-ins.
    pub async fn create_sign_in(&self, user: UserId, by: By, user_agent: &str) -> Result<SensitiveText, StoreError> {
        let secret = secret::new(PREFIX)?;
        let (hash, now) = (secret::hash(secret.expose()), self.clock.now());
        let user_agent: String = user_agent.chars().take(LONGEST_USER_AGENT).collect();
        self.main.write(move |conn| insert(conn, &hash, user, by, &user_agent, now)).await?;
        Ok(secret)
    }

    /// The valid sign-ins of a user, most recently used first.
    pub async fn sign_ins_of(&self, user: UserId) -> Result<Vec<ListedSignIn>, StoreError> {
        let now = self.clock.now();
        self.main.read(move |conn| of_user(conn, user, now)).await
    }

    /// The user signed in with this secret. Renews the sign-in.
    pub async fn signed_in(&self, secret: &str) -> Result<Option<SignIn>, StoreError> {
        let (hash, now) = (secret::hash(secret), self.clock.now());
        let Some((sign_in, renewed_at)) = self.main.read(move |conn| by_hash(conn, &hash, now)).await? else {
            return Ok(None);
        };
        if now.millis() - renewed_at.millis() >= PACE_MS {
            let id = sign_in.user.id;
            // Need not survive a power failure: the next use writes it again.
            let (job, written) = Writing::committed(move |conn| renew(conn, &hash, id, now));
            self.main.enqueue(job).await?;
            written.await.map_err(|_| StoreError::Closed)??;
        }
        Ok(Some(sign_in))
    }

    /// The user signed in with this secret, without renewing the sign-in.
    pub async fn look_at_sign_in(&self, secret: &str) -> Result<Option<SignIn>, StoreError> {
        let (hash, now) = (secret::hash(secret), self.clock.now());
        let found = self.main.read(move |conn| by_hash(conn, &hash, now)).await?;
        Ok(found.map(|(sign_in, _)| sign_in))
    }

    /// Deletes the sign-ins with these secrets. An unknown secret is not an error and causes no write, since anybody
    /// can send one.
    pub async fn end_sign_ins(&self, secrets: &[&str]) -> Result<(), StoreError> {
        let ours = secrets.iter().filter(|secret| secret.starts_with(PREFIX));
        let hashes: Vec<_> = ours.map(|secret| secret::hash(secret)).collect();
        let known = self.main.read(move |conn| {
            let mut look = conn.prepare_cached("SELECT secret_sha256 FROM sign_ins WHERE secret_sha256 = ?1")?;
            let found =
                hashes.iter().map(|hash| look.query_row([hash], |row| row.get::<_, secret::Hash>(0)).optional());
            Ok(found.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?)
        });
        let known = known.await?;
        if known.is_empty() {
            return Ok(());
        }
        self.main
            .write(move |conn| {
                let mut delete = conn.prepare_cached("DELETE FROM sign_ins WHERE secret_sha256 = ?1")?;
                known.into_iter().try_for_each(|hash| delete.execute([hash]).map(drop))?;
                Ok(())
            })
            .await?;
        self.revocations.tell();
        Ok(())
    }

    /// Deletes the sign-in of a user with this public id. Returns whether there was one.
    pub async fn end_sign_in_of(&self, user: UserId, id: String) -> Result<bool, StoreError> {
        let ended = self.main.write(move |conn| {
            let sql = "DELETE FROM sign_ins WHERE user_id = ?1 AND lower(hex(substr(secret_sha256, 1, 10))) = ?2";
            Ok(conn.prepare_cached(sql)?.execute((user.text(), id))? > 0)
        });
        let ended = ended.await?;
        if ended {
            self.revocations.tell();
        }
        Ok(ended)
    }

    /// Deletes every sign-in of a user.
    pub async fn end_sign_ins_of(&self, user: UserId) -> Result<(), StoreError> {
        self.main
            .write(move |conn| {
                conn.prepare_cached("DELETE FROM sign_ins WHERE user_id = ?1")?.execute([user.text()])?;
                Ok(())
            })
            .await?;
        self.revocations.tell();
        Ok(())
    }
}

/// The public id of the sign-in with this secret.
pub fn public_id(secret: &str) -> String {
    data_encoding::HEXLOWER.encode(&secret::hash(secret)[..10])
}

fn of_user(conn: &Connection, user: UserId, now: Timestamp) -> Result<Vec<ListedSignIn>, StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT lower(hex(substr(secret_sha256, 1, 10))), by_link, user_agent, created_at, renewed_at FROM sign_ins
         WHERE user_id = ?1 AND renewed_at > ?2 ORDER BY renewed_at DESC, created_at DESC",
    )?;
    let rows = query.query_map((user.text(), now.millis() - LIFE_MS), |row| {
        Ok(ListedSignIn {
            id: row.get(0)?,
            by: if row.get(1)? { By::Link } else { By::Github },
            user_agent: row.get(2)?,
            created_at: columns::moment(row, 3)?,
            last_used_at: columns::moment(row, 4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn insert(
    conn: &Connection,
    hash: &secret::Hash,
    user: UserId,
    by: By,
    user_agent: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM sign_ins WHERE renewed_at <= ?1")?.execute([now.millis() - LIFE_MS])?;
    conn.prepare_cached(
        "INSERT INTO sign_ins (secret_sha256, user_id, by_link, user_agent, created_at, renewed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
    )?
    .execute((hash, user.text(), by == By::Link, user_agent, now.millis()))?;
    // Never delete the new one, even if a clock set back makes it the oldest.
    conn.prepare_cached(
        "DELETE FROM sign_ins WHERE user_id = ?1 AND secret_sha256 IN (
             SELECT secret_sha256 FROM sign_ins WHERE user_id = ?1 AND secret_sha256 <> ?2
             ORDER BY renewed_at DESC LIMIT -1 OFFSET ?3)",
    )?
    .execute((user.text(), hash, MOST - 1))?;
    Ok(())
}

fn by_hash(conn: &Connection, hash: &secret::Hash, now: Timestamp) -> Result<Option<(SignIn, Timestamp)>, StoreError> {
    let mut query = conn.prepare_cached(
        "SELECT user_id, by_link, renewed_at FROM sign_ins WHERE secret_sha256 = ?1 AND renewed_at > ?2",
    )?;
    let found = query
        .query_row((hash, now.millis() - LIFE_MS), |row| {
            let by = if row.get(1)? { By::Link } else { By::Github };
            Ok((columns::parsed(row, 0)?, by, columns::moment(row, 2)?))
        })
        .optional()?;
    let Some((user, by, renewed_at)) = found else { return Ok(None) };
    Ok(users::by_id(conn, user)?.map(|user| (SignIn { user, by }, renewed_at)))
}

fn renew(conn: &Connection, hash: &secret::Hash, user: UserId, now: Timestamp) -> Result<(), StoreError> {
    conn.prepare_cached("UPDATE sign_ins SET renewed_at = ?2 WHERE secret_sha256 = ?1")?
        .execute((hash, now.millis()))?;
    conn.prepare_cached("UPDATE users SET last_seen_at = ?2 WHERE id = ?1")?.execute((user.text(), now.millis()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::tests::Folder;

    const DAY: i64 = 24 * 3600 * 1000;

    #[tokio::test]
    async fn a_sign_in_lives_thirty_days_from_its_last_use() {
        let folder = Folder::new();
        let clock = Clock::manual(Timestamp::from_millis(0));
        let store = folder.store_at(clock.clone());
        let user = store.operator().await.unwrap();
        let secret = store.create_sign_in(user.id, By::Link, "a browser").await.unwrap();
        let is_in = async |day: i64| {
            clock.set(Timestamp::from_millis(day * DAY));
            store.signed_in(secret.expose()).await.unwrap().map(|sign_in| sign_in.user)
        };
        assert_eq!(is_in(29).await.map(|user| user.id), Some(user.id));
        let later = is_in(58).await.expect("it was used on day 29");
        assert_eq!(later.last_seen_at, Timestamp::from_millis(29 * DAY), "the value before this use");
        assert_eq!(is_in(89).await, None);
        assert_eq!(is_in(59).await.map(|user| user.id), Some(user.id), "a failed lookup changes nothing");
    }

    #[tokio::test]
    async fn uses_within_a_minute_cost_no_write_and_no_day() {
        let folder = Folder::new();
        let clock = Clock::manual(Timestamp::from_millis(0));
        let store = folder.store_at(clock.clone());
        let secret = store.create_sign_in(store.operator().await.unwrap().id, By::Link, "a browser").await.unwrap();
        clock.set(Timestamp::from_millis(PACE_MS - 1));
        assert_eq!(store.signed_in(secret.expose()).await.unwrap().unwrap().user.last_seen_at.millis(), 0);
        // The cookie, renewed by that use, is about to expire.
        clock.set(Timestamp::from_millis(PACE_MS - 1 + LIFE_SECONDS * 1000));
        assert!(store.signed_in(secret.expose()).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_person_sees_their_own_sign_ins_and_ends_one_by_its_public_name() {
        let folder = Folder::new();
        let clock = Clock::manual(Timestamp::from_millis(0));
        let store = folder.store_at(clock.clone());
        let user = store.operator().await.unwrap().id;
        let first = store.create_sign_in(user, By::Link, &"x".repeat(1000)).await.unwrap();
        clock.set(Timestamp::from_millis(DAY));
        let second = store.create_sign_in(user, By::Github, "Firefox").await.unwrap();
        let list = store.sign_ins_of(user).await.unwrap();
        let names: Vec<_> = list.iter().map(|one| one.id.clone()).collect();
        assert_eq!(names, [public_id(second.expose()), public_id(first.expose())]);
        assert_eq!((list[0].by, &*list[0].user_agent, list[0].created_at.millis()), (By::Github, "Firefox", DAY));
        assert_eq!(list[1].user_agent.len(), LONGEST_USER_AGENT);
        assert!(!store.end_sign_in_of(UserId::generate(), names[0].clone()).await.unwrap(), "another's");
        assert!(store.end_sign_in_of(user, names[0].clone()).await.unwrap());
        assert!(!store.end_sign_in_of(user, names[0].clone()).await.unwrap(), "it was already ended");
        assert!(store.signed_in(second.expose()).await.unwrap().is_none());
        assert_eq!(store.sign_ins_of(user).await.unwrap().len(), 1);
        clock.set(Timestamp::from_millis(31 * DAY));
        assert!(store.sign_ins_of(user).await.unwrap().is_empty(), "it has expired");
    }

    #[tokio::test]
    async fn an_ended_sign_in_never_works_again_and_others_do() {
        let folder = Folder::new();
        let store = folder.store();
        let user = store.operator().await.unwrap().id;
        let secret = async || store.create_sign_in(user, By::Github, "a browser").await.unwrap();
        let (first, second, third) = (secret().await, secret().await, secret().await);
        let is_in = async |secret: &SensitiveText| store.signed_in(secret.expose()).await.unwrap().is_some();
        for _ in 0..2 {
            store.end_sign_ins(&[first.expose(), "x"]).await.unwrap();
            assert!(!is_in(&first).await && is_in(&second).await);
        }
        store.end_sign_ins_of(user).await.unwrap();
        assert!(!is_in(&second).await && !is_in(&third).await);
    }

    #[tokio::test]
    async fn a_person_has_so_many_sign_ins_and_the_one_used_longest_ago_makes_room() {
        let folder = Folder::new();
        let clock = Clock::manual(Timestamp::from_millis(0));
        let store = folder.store_at(clock.clone());
        let user = store.operator().await.unwrap().id;
        let mut secrets = Vec::new();
        for at in 0..=MOST {
            clock.set(Timestamp::from_millis(at));
            secrets.push(store.create_sign_in(user, By::Link, "a browser").await.unwrap());
        }
        assert_eq!(store.sign_ins_of(user).await.unwrap().len() as i64, MOST);
        let looked = async |secret: &SensitiveText| store.look_at_sign_in(secret.expose()).await.unwrap().is_some();
        assert!(!looked(&secrets[0]).await && looked(&secrets[1]).await && looked(&secrets[MOST as usize]).await);
    }

    #[tokio::test]
    async fn sign_ins_whose_time_is_over_are_forgotten_and_their_secrets_are_in_no_file() {
        let folder = Folder::new();
        let clock = Clock::manual(Timestamp::from_millis(0));
        let store = folder.store_at(clock.clone());
        let user = store.operator().await.unwrap().id;
        let secret = store.create_sign_in(user, By::Github, "a browser").await.unwrap();
        clock.set(Timestamp::from_millis(31 * DAY));
        store.create_sign_in(user, By::Github, "a browser").await.unwrap();
        let count = store
            .main
            .read(|conn| Ok(conn.query_row("SELECT count(*) FROM sign_ins", [], |row| row.get::<_, i64>(0))?));
        assert_eq!(count.await.unwrap(), 1);
        drop(store);
        assert!(!folder.contains(&secret.expose()[PREFIX.len()..]));
    }
}
