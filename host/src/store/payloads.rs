//! Stored texts of a session, sealed ([`crate::session::payloads`]): this module and the database never see plain
//! text.

use rusqlite::{Connection, OptionalExtension};

use super::{Store, StoreError, columns};
use crate::clock::Timestamp;
use crate::ids::SessionId;

/// Sealed payloads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedPayloads {
    /// When they were stored, for retention.
    pub kept_since: Timestamp,
    /// The texts, sealed.
    pub sealed: Vec<u8>,
}

impl Store {
    /// The stored payloads of a session. The caller must check whose session it is.
    pub async fn payloads(&self, session: SessionId) -> Result<Option<SealedPayloads>, StoreError> {
        self.main.read(move |conn| by_session(conn, session)).await
    }
}

pub(super) fn insert(conn: &Connection, session: SessionId, payloads: &SealedPayloads) -> Result<(), StoreError> {
    conn.prepare_cached("INSERT OR IGNORE INTO session_payloads (session_id, kept_since, sealed) VALUES (?1, ?2, ?3)")?
        .execute((session.text(), payloads.kept_since.millis(), &payloads.sealed))?;
    Ok(())
}

fn by_session(conn: &Connection, session: SessionId) -> Result<Option<SealedPayloads>, StoreError> {
    let mut query = conn.prepare_cached("SELECT kept_since, sealed FROM session_payloads WHERE session_id = ?1")?;
    let payloads =
        |row: &rusqlite::Row<'_>| Ok(SealedPayloads { kept_since: columns::moment(row, 0)?, sealed: row.get(1)? });
    Ok(query.query_row([session.text()], payloads).optional()?)
}
