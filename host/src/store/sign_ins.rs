//! Sign-ins: what a session cookie stands for. (In our words a *session* is one proxied request.) One lives for thirty
//! days from when it was last used.

use rusqlite::{Connection, OptionalExtension};

use super::db::Writing;
use super::users::{self, User};
use super::{Store, StoreError, columns, secret};
use crate::clock::Timestamp;
use crate::ids::UserId;
use crate::sensitive::SensitiveText;

/// How somebody signed in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// With a link that the operator made.
    Link,
    /// With GitHub.
    Github,
}

/// Somebody who is signed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignIn {
    /// Who.
    pub user: User,
    /// How.
    pub by: By,
}

/// What every secret begins with.
pub const PREFIX: &str = "msks_";
/// How long a cookie lives without being used: thirty days.
pub const LIFE_SECONDS: i64 = 30 * 24 * 3600;
/// A use is written down only when the one before it is this old. What is in the database may be that much behind, so
/// a sign-in lives that much longer there than its cookie does.
const PACE_MS: i64 = 60_000;
const LIFE_MS: i64 = LIFE_SECONDS * 1000 + PACE_MS;

impl Store {
    /// Signs a user in, and forgets those whose time is over.
    pub async fn create_sign_in(&self, user: UserId, by: By) -> Result<SensitiveText, StoreError> {
        let secret = secret::new(PREFIX)?;
        let (hash, now) = (secret::hash(secret.expose()), self.clock.now());
        self.main.write(move |conn| insert(conn, &hash, user, by, now)).await?;
        Ok(secret)
    }

    /// Who is signed in with this secret. Using it makes it live on.
    pub async fn signed_in(&self, secret: &str) -> Result<Option<SignIn>, StoreError> {
        let (hash, now) = (secret::hash(secret), self.clock.now());
        let Some((sign_in, renewed_at)) = self.main.read(move |conn| by_hash(conn, &hash, now)).await? else {
            return Ok(None);
        };
        if now.millis() - renewed_at.millis() >= PACE_MS {
            let id = sign_in.user.id;
            // Need not outlive a power cut: the next use writes it again.
            let (job, written) = Writing::committed(move |conn| renew(conn, &hash, id, now));
            self.main.enqueue(job).await?;
            written.await.map_err(|_| StoreError::Closed)??;
        }
        Ok(Some(sign_in))
    }

    /// Ends a sign-in. It is no error when there is none.
    pub async fn end_sign_in(&self, secret: &str) -> Result<(), StoreError> {
        let hash = secret::hash(secret);
        self.main
            .write(move |conn| {
                conn.prepare_cached("DELETE FROM sign_ins WHERE secret_sha256 = ?1")?.execute([hash])?;
                Ok(())
            })
            .await
    }

    /// Ends every sign-in of a user.
    pub async fn end_sign_ins(&self, user: UserId) -> Result<(), StoreError> {
        self.main
            .write(move |conn| {
                conn.prepare_cached("DELETE FROM sign_ins WHERE user_id = ?1")?.execute([user.text()])?;
                Ok(())
            })
            .await
    }
}

fn insert(conn: &Connection, hash: &secret::Hash, user: UserId, by: By, now: Timestamp) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM sign_ins WHERE renewed_at <= ?1")?.execute([now.millis() - LIFE_MS])?;
    conn.prepare_cached(
        "INSERT INTO sign_ins (secret_sha256, user_id, by_link, created_at, renewed_at) VALUES (?1, ?2, ?3, ?4, ?4)",
    )?
    .execute((hash, user.text(), by == By::Link, now.millis()))?;
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
        let secret = store.create_sign_in(user.id, By::Link).await.unwrap();
        let is_in = async |day: i64| {
            clock.set(Timestamp::from_millis(day * DAY));
            store.signed_in(secret.expose()).await.unwrap().map(|sign_in| sign_in.user)
        };
        assert_eq!(is_in(29).await.map(|user| user.id), Some(user.id));
        let later = is_in(58).await.expect("it was used on day 29");
        assert_eq!(later.last_seen_at, Timestamp::from_millis(29 * DAY), "as it was before this use");
        assert_eq!(is_in(89).await, None);
        assert_eq!(is_in(59).await.map(|user| user.id), Some(user.id), "a look that fails changes nothing");
    }

    #[tokio::test]
    async fn uses_within_a_minute_cost_no_write_and_no_day() {
        let folder = Folder::new();
        let clock = Clock::manual(Timestamp::from_millis(0));
        let store = folder.store_at(clock.clone());
        let secret = store.create_sign_in(store.operator().await.unwrap().id, By::Link).await.unwrap();
        clock.set(Timestamp::from_millis(PACE_MS - 1));
        assert_eq!(store.signed_in(secret.expose()).await.unwrap().unwrap().user.last_seen_at.millis(), 0);
        // The cookie, renewed by that use, has a moment left.
        clock.set(Timestamp::from_millis(PACE_MS - 1 + LIFE_SECONDS * 1000));
        assert!(store.signed_in(secret.expose()).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn an_ended_sign_in_never_works_again_and_others_do() {
        let folder = Folder::new();
        let store = folder.store();
        let user = store.operator().await.unwrap().id;
        let secret = async || store.create_sign_in(user, By::Github).await.unwrap();
        let (first, second, third) = (secret().await, secret().await, secret().await);
        let is_in = async |secret: &SensitiveText| store.signed_in(secret.expose()).await.unwrap().is_some();
        for _ in 0..2 {
            store.end_sign_in(first.expose()).await.unwrap();
            assert!(!is_in(&first).await && is_in(&second).await);
        }
        store.end_sign_ins(user).await.unwrap();
        assert!(!is_in(&second).await && !is_in(&third).await);
    }

    #[tokio::test]
    async fn sign_ins_whose_time_is_over_are_forgotten_and_their_secrets_are_in_no_file() {
        let folder = Folder::new();
        let clock = Clock::manual(Timestamp::from_millis(0));
        let store = folder.store_at(clock.clone());
        let user = store.operator().await.unwrap().id;
        let secret = store.create_sign_in(user, By::Github).await.unwrap();
        clock.set(Timestamp::from_millis(31 * DAY));
        store.create_sign_in(user, By::Github).await.unwrap();
        let count = store
            .main
            .read(|conn| Ok(conn.query_row("SELECT count(*) FROM sign_ins", [], |row| row.get::<_, i64>(0))?));
        assert_eq!(count.await.unwrap(), 1);
        drop(store);
        assert!(!folder.contains(&secret.expose()[PREFIX.len()..]));
    }
}
