//! Fills a vault with synthetic rows, to measure the cost of a large one.
//!
//! A million values through real requests take minutes; instead, real rows are copied with unique keys. The copies
//! resolve to nothing and are never looked up. The columns to change are determined from the database, so that the
//! vault's schema may change without this file: those of a unique index (or the primary key) that differ between real
//! rows and are long enough to be keys.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::workload::mix;

/// Shorter texts and blobs in an index are kinds, key ids and the like, not row keys.
const SHORTEST_KEY: usize = 12;

/// Base32, the encoding of tokens.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The vault's database below a data directory: the SQLite file with `vault` in its name.
pub fn find_vault(data: &Path) -> Option<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(data).ok()?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    let named = |path: &&PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.contains("vault") && path.is_file() && is_sqlite(path)
    };
    let found = entries.iter().find(named).cloned();
    let directories = entries.iter().filter(|path| path.is_dir());
    found.or_else(|| directories.into_iter().find_map(|path| find_vault(path)))
}

/// Adds `rows` rows to the vault's largest table, which must have a few real ones. The server must be stopped.
pub fn fill_vault(database: &Path, rows: u64) -> Result<()> {
    let mut connection = Connection::open(database)?;
    let table = largest_table(&connection)?;
    let samples = sample_rows(&connection, &table)?;
    let keys = key_columns(&connection, &table, &samples)?;
    let rowid = rowid_column(&connection, &table)?;
    let transaction = connection.transaction()?;
    let columns = vec!["?"; samples[0].len()].join(",");
    let mut insert = transaction.prepare(&format!("INSERT INTO \"{table}\" VALUES ({columns})"))?;
    for number in 0..rows {
        let mut row = samples[number as usize % samples.len()].clone();
        for key in &keys {
            row[*key] = other_key(&row[*key], number, *key as u64);
        }
        if let Some(rowid) = rowid {
            row[rowid] = Value::Null;
        }
        insert.execute(params_from_iter(row)).with_context(|| format!("insert row {number} into {table}"))?;
    }
    drop(insert);
    transaction.commit()?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

fn is_sqlite(path: &Path) -> bool {
    let mut start = [0; 15];
    let read = fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut start));
    read.is_ok() && &start == b"SQLite format 3"
}

fn largest_table(connection: &Connection) -> Result<String> {
    let mut tables =
        connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")?;
    let names = tables.query_map([], |row| row.get::<_, String>(0))?;
    let mut largest = (0, String::new());
    for name in names {
        let name = name?;
        let count = format!("SELECT count(*) FROM \"{name}\"");
        let count: i64 = connection.query_row(&count, [], |row| row.get(0))?;
        largest = largest.max((count, name));
    }
    ensure!(largest.0 > 1, "the vault holds no rows to copy");
    Ok(largest.1)
}

fn sample_rows(connection: &Connection, table: &str) -> Result<Vec<Vec<Value>>> {
    let mut select = connection.prepare(&format!("SELECT * FROM \"{table}\" LIMIT 50"))?;
    let columns = select.column_count();
    let rows = select.query_map([], |row| (0..columns).map(|column| row.get(column)).collect())?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The columns that make a row unique.
fn key_columns(connection: &Connection, table: &str, samples: &[Vec<Value>]) -> Result<Vec<usize>> {
    let unique = "SELECT DISTINCT info.cid FROM pragma_index_list(?1) AS list, pragma_index_info(list.name) AS info \
                  WHERE list.\"unique\" AND info.cid >= 0 \
                  UNION SELECT cid FROM pragma_table_info(?1) WHERE pk > 0";
    let mut unique = connection.prepare(unique)?;
    let unique = unique.query_map([table], |row| row.get::<_, u32>(0))?;
    let mut keys = Vec::new();
    for column in unique {
        let column = column? as usize;
        let differs = samples.iter().any(|row| row[column] != samples[0][column]);
        if differs && length(&samples[0][column]) >= SHORTEST_KEY {
            keys.push(column);
        }
    }
    ensure!(!keys.is_empty(), "no key to vary in the vault's table {table}");
    Ok(keys)
}

/// An `INTEGER PRIMARY KEY`, which SQLite numbers itself.
fn rowid_column(connection: &Connection, table: &str) -> Result<Option<usize>> {
    let mut primary =
        connection.prepare("SELECT cid FROM pragma_table_info(?1) WHERE pk > 0 AND upper(type) = 'INTEGER'")?;
    let mut columns = primary.query_map([table], |row| row.get::<_, u32>(0))?;
    Ok(columns.next().transpose()?.map(|column| column as usize))
}

/// A unique key of the same format for this `number`. Of a text only the part after the last dot changes, so that a
/// token keeps its scheme and kind.
fn other_key(key: &Value, number: u64, salt: u64) -> Value {
    let byte = |index: usize| (mix(number ^ (salt + 1) << 48 ^ (index as u64 / 8) << 56) >> (index % 8 * 8)) as u8;
    match key {
        Value::Blob(bytes) => Value::Blob((0..bytes.len()).map(byte).collect()),
        Value::Text(text) => {
            let (kept, changed) = text.split_at(text.rfind('.').map_or(0, |dot| dot + 1));
            let changed = (0..changed.len()).map(|index| BASE32[usize::from(byte(index) % 32)] as char);
            Value::Text(kept.chars().chain(changed).collect())
        }
        other => other.clone(),
    }
}

fn length(value: &Value) -> usize {
    match value {
        Value::Blob(bytes) => bytes.len(),
        Value::Text(text) => text.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMAS: [&str; 2] = [
        include_str!("../../../host/migrations/vault/0001_vault.sql"),
        "CREATE TABLE entries (id INTEGER PRIMARY KEY, agent TEXT, token TEXT, original BLOB, UNIQUE (agent, token))",
    ];

    const ROWS: [&str; 2] = [
        "INSERT INTO vault VALUES (zeroblob(16), zeroblob(16), 'K', 'NAME', randomblob(16), randomblob(40), NULL, 7),
         (zeroblob(16), zeroblob(16), 'K', 'DOB', randomblob(16), randomblob(40), NULL, 8)",
        "INSERT INTO entries VALUES (1, 'agt_01', 'MSKV1.NAME.K.ABCDEFGHIJKLMNOPQRSTUVWXYZ', x'00'),
         (2, 'agt_01', 'MSKV1.DOB.K.ZBCDEFGHIJKLMNOPQRSTUVWXYZ', x'01')",
    ];

    #[test]
    fn rows_are_copied_under_keys_of_their_own_whatever_the_schema() {
        for (schema, rows) in SCHEMAS.into_iter().zip(ROWS) {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("vault.db");
            let connection = Connection::open(&file).unwrap();
            connection.execute_batch(&format!("{schema}; {rows}")).unwrap();
            drop(connection);
            assert_eq!(find_vault(directory.path()), Some(file.clone()));
            fill_vault(&file, 3_000).unwrap();
            let connection = Connection::open(&file).unwrap();
            let table = largest_table(&connection).unwrap();
            let count = format!("SELECT count(*) FROM {table}");
            let count: i64 = connection.query_row(&count, [], |row| row.get(0)).unwrap();
            assert_eq!(count, 3_002);
        }
    }

    #[test]
    fn a_token_keeps_its_scheme_and_kind() {
        let token = Value::Text("MSKV1.NAME.K.ABCDEFGHIJKLMNOP".into());
        let Value::Text(other) = other_key(&token, 1, 2) else {
            panic!("a text stays a text");
        };
        assert!(other.starts_with("MSKV1.NAME.K.") && other.len() == 29, "{other}");
        assert_ne!(Value::Text(other), token);
    }
}
