//! When each key was first seen, and which values were given up because their key is missing. Keys come from the
//! environment without a date: the only age known is how long this install has had them.

use rusqlite::Connection;

use super::{Store, StoreError, columns};
use crate::clock::Timestamp;
use crate::keys::Kid;

/// Identifies a key without revealing it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyMark {
    /// What the key is used for.
    pub purpose: &'static str,
    /// Its name, unique within a purpose.
    pub name: String,
    /// [`crate::keys::SecretKey::check_value`], or the id of a public key.
    pub check_value: String,
}

impl Store {
    /// When this install first saw each of these keys, in their order; a new key is recorded now.
    pub async fn keys_first_seen(&self, marks: Vec<KeyMark>) -> Result<Vec<Timestamp>, StoreError> {
        let now = self.clock.now();
        self.main.write(move |conn| marks.iter().map(|mark| first_seen(conn, mark, now)).collect()).await
    }

    /// Whether this key was seen before, or no key of this purpose and name was.
    pub async fn is_key_seen(
        &self,
        purpose: &'static str,
        name: &'static str,
        check: String,
    ) -> Result<bool, StoreError> {
        let sql = "SELECT coalesce(max(check_value = ?3), 1) FROM keys_seen WHERE purpose = ?1 AND name = ?2";
        self.main.read(move |conn| Ok(conn.query_row(sql, (purpose, name, check), |row| row.get(0))?)).await
    }
}

/// Stored as the purpose for values that were given up. The check value is that of the key that does not decrypt them:
/// with a different key, the operator must decide again.
const LOSS: &str = "accepted_loss";

impl Store {
    /// Whether the operator has given up the values of a kid for as long as this key is configured.
    pub async fn is_loss_accepted(&self, kid: &Kid, check_value: &str) -> Result<bool, StoreError> {
        let key = (LOSS, kid.to_string(), check_value.to_owned());
        let sql = "SELECT EXISTS (SELECT 1 FROM keys_seen WHERE purpose = ?1 AND name = ?2 AND check_value = ?3)";
        self.main.read(move |conn| Ok(conn.query_row(sql, key, |row| row.get(0))?)).await
    }

    /// Records that the operator gives up the values of a kid.
    pub async fn accept_loss(&self, kid: &Kid, check_value: &str) -> Result<(), StoreError> {
        let mark = KeyMark { purpose: LOSS, name: kid.to_string(), check_value: check_value.to_owned() };
        self.keys_first_seen(vec![mark]).await.map(drop)
    }

    /// Removes that record: the values of the kid can be decrypted again.
    pub async fn end_loss(&self, kid: &Kid) -> Result<(), StoreError> {
        let key = (LOSS, kid.to_string());
        let delete = "DELETE FROM keys_seen WHERE purpose = ?1 AND name = ?2";
        self.main.write(move |conn| Ok(conn.execute(delete, key).map(drop)?)).await
    }
}

fn first_seen(conn: &Connection, mark: &KeyMark, now: Timestamp) -> Result<Timestamp, StoreError> {
    let key = (mark.purpose, &mark.name, &mark.check_value);
    conn.prepare_cached(
        "INSERT INTO keys_seen (purpose, name, check_value, first_seen_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
    )?
    .execute((key.0, key.1, key.2, now.millis()))?;
    let sql = "SELECT first_seen_at FROM keys_seen WHERE purpose = ?1 AND name = ?2 AND check_value = ?3";
    Ok(conn.prepare_cached(sql)?.query_row(key, |row| columns::moment(row, 0))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::tests::Folder;

    #[tokio::test]
    async fn a_key_is_as_old_as_its_first_start_and_a_new_one_under_an_old_name_is_new() {
        let folder = Folder::new();
        let mark = |check: &str| KeyMark { purpose: "token", name: "K_A".into(), check_value: check.into() };
        for (at, checks, expected) in [
            (10, vec!["aa"], vec![10]),
            (20, vec!["aa"], vec![10]),
            (30, vec!["bb", "aa"], vec![30, 10]),
            (40, vec!["bb"], vec![30]),
        ] {
            let store = folder.store_at(Clock::manual(Timestamp::from_millis(at)));
            let ages = store.keys_first_seen(checks.into_iter().map(mark).collect()).await.unwrap();
            assert_eq!(ages.into_iter().map(Timestamp::millis).collect::<Vec<_>>(), expected, "at {at}");
        }
    }
}
