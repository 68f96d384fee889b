//! Errors of the databases. SQLite's messages are left out, since they may quote a row.

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;

use super::db;
use super::journal::JournalError;

/// Why a database operation failed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// A database that cannot be opened at start.
    #[error("{variable}={path}: {what} cannot be opened: {cause}")]
    Open {
        /// The setting that names it.
        variable: &'static str,
        /// Its file.
        path: String,
        /// The database or the vault.
        what: &'static str,
        /// The cause.
        cause: Box<StoreError>,
    },
    /// Its schema is newer than this binary supports.
    #[error("it was written by a newer version of Masker; use that version, or an older backup")]
    Newer,
    /// A migration failed.
    #[error("a migration failed")]
    Migration,
    /// Another process holds its lock.
    #[error("another process holds its lock")]
    Locked,
    /// The file is not a database, or a damaged one.
    #[error("the file is damaged")]
    Corrupt,
    /// No space left.
    #[error("the disk is full: free some space")]
    Full,
    /// Reading or writing the file failed.
    #[error("the file cannot be read or written")]
    Io,
    /// Another error of the file system.
    #[error("{words}", words = words(*.0))]
    File(io::ErrorKind),
    /// Another agent of the account that is not deleted has that name.
    #[error("the name is taken")]
    NameTaken,
    /// Another value of the call has that label, or the value has another label.
    #[error("the label belongs to another value")]
    LabelTaken,
    /// A row that this binary cannot read.
    #[error("a row of {0} cannot be read")]
    BadRow(&'static str),
    /// The queue of writes is full: the disk does not keep up.
    #[error("too many writes are waiting")]
    Overloaded,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The operating system gave no random bytes.
    #[error("no random bytes")]
    NoRandomness,
    /// The journal could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Any other SQLite error, by its extended result code.
    #[error("SQLite failed ({0})")]
    Sqlite(i32),
}

impl StoreError {
    pub(super) fn opening(self, kind: &db::Kind, path: &Path) -> Self {
        let (variable, what, path) = (kind.variable, kind.what, path.display().to_string());
        Self::Open { variable, path, what, cause: Box::new(self) }
    }
}

/// Describes a file system error and how to fix it.
pub(super) fn words(kind: io::ErrorKind) -> String {
    let advice = match kind {
        io::ErrorKind::NotFound => return "there is no such folder: create it first".to_owned(),
        io::ErrorKind::PermissionDenied => "the user that Masker runs as must be able to write to it and to its folder",
        io::ErrorKind::IsADirectory => "name a file",
        io::ErrorKind::NotADirectory => "a component of its path is not a folder",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space on its disk",
        io::ErrorKind::ReadOnlyFilesystem => "use a writable path",
        _ => return kind.to_string(),
    };
    format!("{kind}: {advice}")
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Locked,
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Corrupt,
                ErrorCode::DiskFull => Self::Full,
                ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly => Self::Io,
                _ => Self::Sqlite(failure.extended_code),
            },
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..) => Self::BadRow("a table"),
            _ => Self::Sqlite(rusqlite::ffi::SQLITE_ERROR),
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull => Self::Full,
            kind => Self::File(kind),
        }
    }
}

/// Whether a unique index or primary key rejected the row.
pub(super) fn is_duplicate(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
    error.sqlite_error().is_some_and(|failure| {
        [SQLITE_CONSTRAINT_UNIQUE, SQLITE_CONSTRAINT_PRIMARYKEY].contains(&failure.extended_code)
    })
}
