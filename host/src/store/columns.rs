//! Conversions between rows and values that SQLite does not provide.

use std::str::FromStr;

use rusqlite::Row;
use rusqlite::types::{FromSqlError, Type, ValueRef};

use crate::clock::Timestamp;

/// A text column parsed with `FromStr`.
pub(super) fn parsed<T: FromStr>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    read(row, column, |text| text.parse().ok())
}

/// A nullable text column parsed with `FromStr`.
pub(super) fn parsed_if<T: FromStr>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => parsed(row, column).map(Some),
    }
}

/// A text column parsed with a function; errors do not contain the text.
pub(super) fn read<T>(row: &Row<'_>, column: usize, read: impl FnOnce(&str) -> Option<T>) -> rusqlite::Result<T> {
    read(row.get_ref(column)?.as_str()?).ok_or_else(|| bad(column))
}

/// The same for a nullable column.
pub(super) fn read_if<T>(
    row: &Row<'_>,
    column: usize,
    read: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => self::read(row, column, read).map(Some),
    }
}

/// A JSON column.
pub(super) fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    read(row, column, |text| serde_json::from_str(text).ok())
}

/// A column of milliseconds since 1970.
pub(super) fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

/// A nullable column of milliseconds since 1970.
pub(super) fn moment_if(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

pub(super) fn bad(column: usize) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Null, Box::new(FromSqlError::InvalidType))
}
