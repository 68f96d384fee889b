//! Samples of what each key encrypts, to check at start that the configured keys decrypt it.

use rusqlite::Connection;

use super::{COLUMNS, Vault, counts, vault_row};
use crate::keys::Kid;
use crate::store::StoreError;
use crate::tokens::mint::VaultRow;

/// Values encrypted with the key of one kid.
pub struct Sealed {
    /// The kid.
    pub kid: Kid,
    /// Number of values.
    pub rows: u64,
    /// The first and the last row, to try a key on.
    pub samples: Vec<VaultRow>,
}

impl Vault {
    /// The vault's values, by the kid whose key encrypts them.
    pub async fn sealed_by_kid(&self) -> Result<Vec<Sealed>, StoreError> {
        // Includes rows that the previous process left in the write-ahead files.
        self.merge().await?;
        self.db.read(by_kid).await
    }
}

fn by_kid(conn: &Connection) -> Result<Vec<Sealed>, StoreError> {
    let sealed = |(kid, rows)| Ok(Sealed { samples: samples(conn, &kid)?, kid, rows });
    counts::stats(conn)?.sealed_by.into_iter().map(sealed).collect()
}

/// No index has the kid, so this scans the table from both ends up to the first match: fast, unless the kid has few
/// rows among many.
fn samples(conn: &Connection, kid: &Kid) -> Result<Vec<VaultRow>, StoreError> {
    let mut samples = Vec::new();
    for order in ["ASC", "DESC"] {
        let key = ["agent", "scope", "kid", "kind", "mac"].map(|column| format!("{column} {order}")).join(", ");
        let sql = format!("SELECT {COLUMNS} FROM vault WHERE coalesce(sealed_by, kid) = ?1 ORDER BY {key} LIMIT 1");
        let mut query = conn.prepare(&sql)?;
        for row in query.query_map([kid.as_str()], vault_row)? {
            samples.push(row?);
        }
    }
    Ok(samples)
}
