//! Single-use secrets: links that sign the operator in, and the state values of GitHub sign-ins.

use rusqlite::Connection;

use super::{Store, StoreError, secret};
use crate::clock::Timestamp;
use crate::sensitive::SensitiveText;

/// Prefix of every link's secret.
pub const PREFIX: &str = "mskl_";
/// Lifetime of a link.
pub const LINK_LIFE_MINUTES: i64 = 60;

impl Store {
    /// Creates the secret of a link, and deletes expired links.
    pub async fn create_login_link(&self) -> Result<(SensitiveText, Timestamp), StoreError> {
        let secret = secret::new(PREFIX)?;
        let (hash, now) = (secret::hash(secret.expose()), self.clock.now());
        let expires_at = Timestamp::from_millis(now.millis() + LINK_LIFE_MINUTES * 60_000);
        self.main
            .write(move |conn| {
                conn.prepare_cached("DELETE FROM login_links WHERE expires_at <= ?1")?.execute([now.millis()])?;
                conn.prepare_cached("INSERT INTO login_links (secret_sha256, expires_at) VALUES (?1, ?2)")?
                    .execute((hash, expires_at.millis()))?;
                Ok(())
            })
            .await?;
        Ok((secret, expires_at))
    }

    /// Whether a link can be used now.
    pub async fn login_link_works(&self, secret: &str) -> Result<bool, StoreError> {
        let (hash, now) = (secret::hash(secret), self.clock.now());
        let question = "SELECT EXISTS (SELECT 1 FROM login_links WHERE secret_sha256 = ?1 AND expires_at > ?2)";
        self.main
            .read(move |conn| Ok(conn.prepare_cached(question)?.query_row((hash, now.millis()), |row| row.get(0))?))
            .await
    }

    /// Consumes a link; `false` if it is not valid.
    pub async fn burn_login_link(&self, secret: &str) -> Result<bool, StoreError> {
        let (hash, now) = (secret::hash(secret), self.clock.now());
        self.main.write(move |conn| burn(conn, &hash, now)).await
    }

    /// Marks the state of a sign-in as used; `false` if it already was. The record is deleted after `expires_at`, when
    /// the state is invalid anyway.
    pub async fn use_oauth_state(&self, state: &str, expires_at: Timestamp) -> Result<bool, StoreError> {
        let (hash, now) = (secret::hash(state), self.clock.now());
        self.main
            .write(move |conn| {
                conn.prepare_cached("DELETE FROM used_oauth_states WHERE expires_at <= ?1")?.execute([now.millis()])?;
                let mut insert = conn.prepare_cached(
                    "INSERT INTO used_oauth_states (state_sha256, expires_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                )?;
                Ok(insert.execute((hash, expires_at.millis()))? > 0)
            })
            .await
    }
}

fn burn(conn: &Connection, hash: &secret::Hash, now: Timestamp) -> Result<bool, StoreError> {
    let mut delete = conn.prepare_cached("DELETE FROM login_links WHERE secret_sha256 = ?1 AND expires_at > ?2")?;
    Ok(delete.execute((hash, now.millis()))? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::tests::Folder;

    #[tokio::test]
    async fn a_link_can_be_looked_at_often_and_used_once_within_its_time() {
        let folder = Folder::new();
        let clock = Clock::manual(Timestamp::from_millis(1000));
        let store = folder.store_at(clock.clone());
        let (link, expires_at) = store.create_login_link().await.unwrap();
        let (late, _) = store.create_login_link().await.unwrap();
        for _ in 0..2 {
            assert!(store.login_link_works(link.expose()).await.unwrap());
        }
        assert!(store.burn_login_link(link.expose()).await.unwrap());
        assert!(!store.burn_login_link(link.expose()).await.unwrap());
        assert!(!store.login_link_works(link.expose()).await.unwrap());
        assert!(!store.burn_login_link("mskl_guess").await.unwrap());

        clock.set(expires_at);
        assert!(!store.login_link_works(late.expose()).await.unwrap());
        assert!(!store.burn_login_link(late.expose()).await.unwrap());
        drop(store);
        assert!(!folder.contains(&late.expose()[PREFIX.len()..]));
    }

    #[tokio::test]
    async fn a_state_can_be_used_once() {
        let folder = Folder::new();
        let clock = Clock::manual(Timestamp::from_millis(0));
        let store = folder.store_at(clock.clone());
        let soon = Timestamp::from_millis(1000);
        assert!(store.use_oauth_state("a", soon).await.unwrap());
        assert!(!store.use_oauth_state("a", soon).await.unwrap());
        assert!(store.use_oauth_state("b", soon).await.unwrap());
    }
}
