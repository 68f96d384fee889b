//! Rows that are not in the database yet: appended to a file beside it, and kept in memory to be found.
//!
//! A commit for every request costs more than everything else that is done with its tokens: SQLite writes a page of
//! 4 KiB for a row of 200 bytes. An append outlives this process just as well. Once some thousand rows have gathered,
//! they go into the database together (`vault/merge.rs`); what a crash leaves in the files goes there at the next
//! start. There are two files, so that new rows have a place while the others are merged.

mod file;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use file::RowFile;

use crate::clock::Timestamp;
use crate::ids::AgentId;
use crate::keys::Kid;
use crate::kind::Kind;
use crate::tokens::mint::VaultRow;

/// Rows that are gathered before they go into the database: two megabytes of memory. The more there are, the more of them
/// meet on one page of the table, where each page is written once.
pub(super) const GATHER: usize = 8192;

/// By what a row is looked up, in the order of the table's primary key: a merge goes through the table once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub agent: AgentId,
    pub scope: [u8; 16],
    pub kid: Kid,
    pub kind: Kind,
    pub mac: [u8; 16],
}

/// The rest of a row.
#[derive(Clone)]
pub(super) struct Value {
    pub sealed: Vec<u8>,
    pub created_at: Timestamp,
}

/// Rows that are not in the database yet.
pub(super) struct Fresh(Mutex<State>);

struct State {
    places: [Place; 2],
    /// Which of the two takes new rows. The other one's rows are on their way into the database.
    current: usize,
    /// Somebody was told that it is time for a merge.
    told: bool,
    failed: bool,
}

struct Place {
    file: RowFile,
    /// Shared with a merge while they are on their way into the database.
    rows: Arc<Rows>,
}

/// Rows by what they are looked up by.
pub(super) type Rows = HashMap<Key, Value>;

impl Fresh {
    /// Opens or creates the files of this database, and takes up the rows that are in them.
    pub fn open(database: &Path) -> io::Result<Self> {
        let place = |suffix: &str| {
            let mut path = database.as_os_str().to_owned();
            path.push(suffix);
            let (file, rows) = RowFile::open(&PathBuf::from(path))?;
            io::Result::Ok(Place { file, rows: Arc::new(rows.into_iter().collect()) })
        };
        let places = [place("-rows-a")?, place("-rows-b")?];
        Ok(Self(Mutex::new(State { places, current: 0, told: false, failed: false })))
    }

    /// Appends rows, which outlive this process from here on. Says once when it is time for a merge.
    pub fn append(&self, rows: Vec<VaultRow>, now: Timestamp) -> io::Result<bool> {
        let rows: Vec<(Key, Value)> = rows.into_iter().map(|row| entry(row, now)).collect();
        let mut state = self.lock();
        let current = state.current;
        let place = &mut state.places[current];
        let appended = place.file.append(&rows);
        // Nobody else has them: a merge takes those of the other place.
        let kept = Arc::make_mut(&mut place.rows);
        for (key, value) in rows.into_iter().filter(|_| appended.is_ok()) {
            // A row that is there stays as it is.
            kept.entry(key).or_insert(value);
        }
        let enough = place.rows.len() >= GATHER;
        state.failed = appended.is_err();
        appended.map(|()| enough && !std::mem::replace(&mut state.told, true))
    }

    /// A row that is not in the database yet.
    pub fn get(&self, key: &Key) -> Option<VaultRow> {
        let state = self.lock();
        let value =
            state.places[1 - state.current].rows.get(key).or_else(|| state.places[state.current].rows.get(key))?;
        let Key { agent, scope, kid, kind, mac } = key.clone();
        Some(VaultRow { agent, scope, kid, kind, mac, sealed: value.sealed.clone(), label: None, sealed_by: None })
    }

    /// The rows that go into the database next: those that an earlier merge did not get there, else all that have gathered.
    /// Call [`Fresh::merged`] when they are there.
    pub fn begin_merge(&self) -> Arc<Rows> {
        let mut state = self.lock();
        if state.places[1 - state.current].rows.is_empty() {
            state.current = 1 - state.current;
        }
        state.places[1 - state.current].rows.clone()
    }

    /// The rows of [`Fresh::begin_merge`] are in the database.
    pub fn merged(&self) -> io::Result<()> {
        let rows;
        {
            let mut state = self.lock();
            let other = 1 - state.current;
            state.told = false;
            // Forgotten only when the file is: what stands in it is merged again at the next start.
            state.places[other].file.clear()?;
            rows = std::mem::take(&mut state.places[other].rows);
        }
        // Some thousand allocations are given back while nobody waits for it.
        drop(rows);
        Ok(())
    }

    /// The merge failed: somebody may be told again.
    pub fn not_merged(&self) {
        self.lock().told = false;
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lock().places.iter().all(|place| place.rows.is_empty())
    }

    /// Bytes on disk.
    pub fn size_bytes(&self) -> u64 {
        self.lock().places.iter().map(|place| place.file.len()).sum()
    }

    /// Whether the last append succeeded.
    pub fn is_healthy(&self) -> bool {
        !self.lock().failed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Sound after every statement, so a panic elsewhere does no harm to it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry(row: VaultRow, created_at: Timestamp) -> (Key, Value) {
    let VaultRow { agent, scope, kid, kind, mac, sealed, .. } = row;
    (Key { agent, scope, kid, kind, mac }, Value { sealed, created_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(mac: u8) -> VaultRow {
        VaultRow {
            agent: AgentId::from_bytes([7; 16]),
            scope: [1; 16],
            kid: Kid::new("K_HEALTHCARE").unwrap(),
            kind: Kind::new("NAME").unwrap(),
            mac: [mac; 16],
            sealed: vec![mac; 40],
            label: None,
            sealed_by: None,
        }
    }

    fn key(mac: u8) -> Key {
        entry(row(mac), Timestamp::from_millis(0)).0
    }

    fn append(fresh: &Fresh, macs: impl IntoIterator<Item = u8>) {
        assert!(!fresh.append(macs.into_iter().map(row).collect(), Timestamp::from_millis(5000)).unwrap());
    }

    fn merge(fresh: &Fresh) -> Vec<u8> {
        let mut macs: Vec<u8> = fresh.begin_merge().keys().map(|key| key.mac[0]).collect();
        macs.sort_unstable();
        macs
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn file(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn open(&self) -> Fresh {
            Fresh::open(&self.file("vault.db")).unwrap()
        }
    }

    #[test]
    fn rows_outlive_the_process_until_they_are_merged() {
        let folder = Folder::new();
        append(&folder.open(), [2, 1]);
        append(&folder.open(), [3]);
        let fresh = folder.open();
        assert_eq!(fresh.get(&key(2)), Some(row(2)));
        assert_eq!(merge(&fresh), [1, 2, 3]);
        assert_eq!(fresh.get(&key(2)), Some(row(2)), "found while it is merged");
        fresh.merged().unwrap();
        assert_eq!((fresh.get(&key(2)), fresh.size_bytes()), (None, 0));
        assert!(folder.open().is_empty());
    }

    #[test]
    fn rows_that_come_during_a_merge_wait_for_the_next() {
        let folder = Folder::new();
        let fresh = folder.open();
        append(&fresh, [1]);
        assert_eq!(merge(&fresh), [1]);
        append(&fresh, [2]);
        assert_eq!(merge(&fresh), [1], "again: the first merge did not get it there");
        fresh.merged().unwrap();
        assert_eq!(merge(&fresh), [2]);
        // A process that ends here has one row in each file.
        append(&fresh, [3]);
        let fresh = folder.open();
        assert_eq!((fresh.get(&key(2)), fresh.get(&key(3))), (Some(row(2)), Some(row(3))));
    }

    #[test]
    fn the_time_for_a_merge_is_told_once() {
        let folder = Folder::new();
        let fresh = folder.open();
        let many = |from: usize| {
            let rows = (from..from + GATHER).map(|i| VaultRow { scope: (i as u128).to_le_bytes(), ..row(0) });
            fresh.append(rows.collect(), Timestamp::from_millis(0)).unwrap()
        };
        assert_eq!((many(0), many(GATHER)), (true, false));
        assert_eq!(fresh.begin_merge().len(), 2 * GATHER);
        fresh.merged().unwrap();
        assert!(many(0));
        fresh.not_merged();
        assert!(many(0));
    }

    #[test]
    fn a_torn_end_is_cut_off() {
        let folder = Folder::new();
        append(&folder.open(), [1]);
        append(&folder.open(), [2]);
        let path = folder.file("vault.db-rows-a");
        let whole = std::fs::read(&path).unwrap();
        for cut in 1..whole.len() / 2 {
            std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            let fresh = folder.open();
            assert_eq!((fresh.get(&key(1)), fresh.get(&key(2))), (Some(row(1)), None), "{cut}");
            append(&fresh, [3]);
            assert_eq!(folder.open().get(&key(3)), Some(row(3)));
        }
        let mut damaged = whole.clone();
        damaged[whole.len() / 2 + 20] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        assert_eq!(merge(&folder.open()), [1]);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_said() {
        let folder = Folder::new();
        let fresh = folder.open();
        fresh.lock().places[0].file = RowFile::full_disk();
        assert!(fresh.append(vec![row(1)], Timestamp::from_millis(0)).is_err());
        assert!(!fresh.is_healthy());
        assert_eq!(fresh.get(&key(1)), None);
    }
}
