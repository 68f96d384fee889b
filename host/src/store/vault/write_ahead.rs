//! Write-ahead file for vault rows. Memory keeps only an index from key to offset.
//!
//! A commit per request would cost more than all other work on its tokens: SQLite writes a page of 4 KiB for a row of
//! 200 bytes. An append survives a crash of the process just as well. Once some ten thousand rows have gathered, they
//! are merged into the database (`vault/merge.rs`); rows left by a crash are merged at the next start. There are two
//! files, so that new rows can be appended while the other file is merged.

mod file;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use file::{RowFile, RowReader, Spot};

use crate::clock::Timestamp;
use crate::ids::AgentId;
use crate::tokens::mint::{RowKey, VaultRow};

/// Rows gathered before a merge: two megabytes of memory. The more there are, the more of them share a page of the
/// table, which is written once.
pub(super) const GATHER: usize = 32_768;

/// File size that also triggers a merge.
const ENOUGH_BYTES: u64 = 64 << 20;

/// A key in 24 bytes that sorts nearly like the table: by call, then kind, then mac. Two keys of one call collide with
/// a probability of 2^-64 per pair of rows, and macs cannot be chosen without the key; on a collision the later row is
/// not stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Id {
    call: u64,
    kind: u64,
    mac: u64,
}

/// Rows that are not merged yet.
pub(super) struct WriteAhead {
    state: Mutex<State>,
    hasher: RandomState,
}

struct State {
    places: [RowSet; 2],
    /// Index of the file that takes new rows. The rows of the other one are being merged.
    current: usize,
    /// A merge was requested.
    told: bool,
    /// A merge is running.
    merging: bool,
    failed: bool,
}

struct RowSet {
    file: RowFile,
    rows: BTreeMap<Id, Spot>,
}

/// Rows to merge, nearly in primary key order, so that a merge walks the table once. They are read one by one, since
/// all of them would take megabytes of memory.
pub(super) struct Batch {
    reader: RowReader,
    spots: std::vec::IntoIter<Spot>,
}

impl Batch {
    /// Whether all rows were read.
    pub fn is_empty(&self) -> bool {
        self.spots.len() == 0
    }
}

impl Iterator for Batch {
    type Item = io::Result<(VaultRow, Timestamp)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.spots.next().map(|spot| self.reader.read(spot))
    }
}

impl WriteAhead {
    /// Opens or creates the files of this database and loads the rows in them.
    pub fn open(database: &Path) -> io::Result<Self> {
        let hasher = RandomState::new();
        let place = |suffix: &str| {
            let mut path = database.as_os_str().to_owned();
            path.push(suffix);
            let mut rows = BTreeMap::new();
            let file = RowFile::open(&PathBuf::from(path), |row, spot| {
                rows.entry(id(&hasher, &row.key())).or_insert(spot);
            })?;
            io::Result::Ok(RowSet { file, rows })
        };
        let places = [place("-rows-a")?, place("-rows-b")?];
        Ok(Self { state: Mutex::new(State { places, current: 0, told: false, failed: false, merging: false }), hasher })
    }

    /// Appends rows; from here on they survive a crash of this process. Returns `true` once when a merge is due.
    pub fn append(&self, rows: &[VaultRow], now: Timestamp) -> io::Result<bool> {
        let mut state = self.lock();
        let current = state.current;
        let place = &mut state.places[current];
        let appended = place.file.append(rows, now);
        for (row, spot) in rows.iter().zip(appended.iter().flatten()) {
            // An existing row is not changed.
            place.rows.entry(id(&self.hasher, &row.key())).or_insert(*spot);
        }
        let enough = place.rows.len() >= GATHER || place.file.len() >= ENOUGH_BYTES;
        state.failed = appended.is_err();
        appended.map(|_| enough && !std::mem::replace(&mut state.told, true))
    }

    /// A row that is not merged yet. Reads the disk: not for async code.
    pub fn get(&self, key: &RowKey) -> Option<VaultRow> {
        let id = id(&self.hasher, key);
        let (reader, spot) = {
            let state = self.lock();
            let place = |at: usize| &state.places[at];
            let found = |at: usize| Some((place(at).file.reader(), *place(at).rows.get(&id)?));
            found(1 - state.current).or_else(|| found(state.current))?
        };
        // If the file was emptied meanwhile, another row or none is there; the row is in the database then.
        reader.read(spot).ok().map(|(row, _)| row).filter(|row| row.key() == *key)
    }

    /// Rows of a call that are not merged yet, up to a limit. Reads the disk: not for async code.
    pub fn of_call(&self, agent: AgentId, scope: [u8; 16], most: usize) -> Vec<VaultRow> {
        let call = self.hasher.hash_one((agent, scope));
        let (first, last) = (Id { call, kind: 0, mac: 0 }, Id { call, kind: u64::MAX, mac: u64::MAX });
        let found: Vec<_> = {
            let state = self.lock();
            let of_place = |place: &RowSet| {
                let spots: Vec<Spot> = place.rows.range(first..=last).map(|(_, spot)| *spot).take(most).collect();
                (!spots.is_empty()).then(|| (place.file.reader(), spots))
            };
            state.places.iter().filter_map(of_place).collect()
        };
        let rows = found.iter().flat_map(|(reader, spots)| spots.iter().filter_map(|spot| reader.read(*spot).ok()));
        rows.map(|(row, _)| row).filter(|row| (row.agent, row.scope) == (agent, scope)).take(most).collect()
    }

    /// The next rows to merge: those of a failed merge, or else all that have gathered. Call [`WriteAhead::merged`]
    /// once they are in the database, or [`WriteAhead::not_merged`]. `None` while another merge runs.
    pub fn begin_merge(&self) -> Option<Batch> {
        let mut state = self.lock();
        if std::mem::replace(&mut state.merging, true) {
            return None;
        }
        if state.places[1 - state.current].rows.is_empty() {
            state.current = 1 - state.current;
        }
        let place = &state.places[1 - state.current];
        Some(Batch { reader: place.file.reader(), spots: place.rows.values().copied().collect::<Vec<_>>().into_iter() })
    }

    /// The rows of [`WriteAhead::begin_merge`] are in the database.
    pub fn merged(&self) -> io::Result<()> {
        let mut state = self.lock();
        let other = 1 - state.current;
        (state.told, state.merging) = (false, false);
        // Clear the file first: rows left in it are merged again at the next start.
        state.places[other].file.clear()?;
        state.places[other].rows = BTreeMap::new();
        Ok(())
    }

    /// The merge failed: another one may be requested.
    pub fn not_merged(&self) {
        let mut state = self.lock();
        (state.told, state.merging) = (false, false);
    }

    /// Whether no rows are pending.
    pub fn is_empty(&self) -> bool {
        self.lock().places.iter().all(|place| place.rows.is_empty())
    }

    /// Size on disk.
    pub fn size_bytes(&self) -> u64 {
        self.lock().places.iter().map(|place| place.file.len()).sum()
    }

    /// Whether the last append succeeded.
    pub fn is_healthy(&self) -> bool {
        !self.lock().failed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Consistent after every statement, so a poisoned lock is safe to use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn id(hasher: &RandomState, key: &RowKey) -> Id {
    let [a, b, c, d, e, f, g, h, ..] = key.mac;
    Id {
        call: hasher.hash_one((key.agent, key.scope)),
        kind: hasher.hash_one((&key.kid, &key.kind)),
        mac: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Kid;
    use crate::kind::Kind;

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

    fn key(mac: u8) -> RowKey {
        row(mac).key()
    }

    fn append(fresh: &WriteAhead, macs: impl IntoIterator<Item = u8>) {
        let rows: Vec<VaultRow> = macs.into_iter().map(row).collect();
        assert!(!fresh.append(&rows, Timestamp::from_millis(5000)).unwrap());
    }

    fn merge(fresh: &WriteAhead) -> Vec<u8> {
        fresh.begin_merge().unwrap().map(|row| row.unwrap().0.mac[0]).collect()
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn file(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn open(&self) -> WriteAhead {
            WriteAhead::open(&self.file("vault.db")).unwrap()
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
        assert_eq!(fresh.get(&key(2)), Some(row(2)), "found during the merge");
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
        assert!(fresh.begin_merge().is_none(), "one at a time");
        append(&fresh, [2]);
        fresh.not_merged();
        assert_eq!(merge(&fresh), [1], "again: the first merge failed");
        fresh.merged().unwrap();
        assert_eq!(merge(&fresh), [2]);
        // A process that exits here has one row in each file.
        append(&fresh, [3]);
        let fresh = folder.open();
        assert_eq!((fresh.get(&key(2)), fresh.get(&key(3))), (Some(row(2)), Some(row(3))));
    }

    #[test]
    fn the_rows_of_a_call_are_found_in_both_files() {
        let folder = Folder::new();
        let fresh = folder.open();
        append(&fresh, [1, 2]);
        assert_eq!(merge(&fresh), [1, 2]);
        append(&fresh, [3]);
        fresh.append(&[VaultRow { scope: [2; 16], ..row(4) }], Timestamp::from_millis(0)).unwrap();
        let of_call = |scope, most| {
            let rows = fresh.of_call(row(0).agent, [scope; 16], most);
            let mut macs: Vec<u8> = rows.iter().map(|row| row.mac[0]).collect();
            macs.sort_unstable();
            macs
        };
        assert_eq!((of_call(1, 9), of_call(2, 9), of_call(3, 9)), (vec![1, 2, 3], vec![4], vec![]));
        assert_eq!(of_call(1, 2).len(), 2);
        assert!(fresh.of_call(AgentId::from_bytes([8; 16]), [1; 16], 9).is_empty());
    }

    #[test]
    fn the_time_for_a_merge_is_told_once() {
        let folder = Folder::new();
        let fresh = folder.open();
        let many = |from: usize| {
            let rows = (from..from + GATHER).map(|i| VaultRow { scope: (i as u128).to_le_bytes(), ..row(0) });
            fresh.append(&rows.collect::<Vec<_>>(), Timestamp::from_millis(0)).unwrap()
        };
        assert_eq!((many(0), many(GATHER)), (true, false));
        assert_eq!(fresh.begin_merge().unwrap().count(), 2 * GATHER);
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
    fn a_merge_gets_rows_in_the_order_of_their_macs_with_the_moment_they_were_made() {
        let folder = Folder::new();
        let fresh = folder.open();
        append(&fresh, (0..200).map(|n| (n * 37 % 251) as u8));
        let rows: Vec<_> = fresh.begin_merge().unwrap().map(Result::unwrap).collect();
        assert!(rows.is_sorted_by_key(|(row, _)| row.mac), "one group");
        assert_eq!(rows[0], (row(0), Timestamp::from_millis(5000)));
    }

    #[test]
    fn a_row_whose_file_was_emptied_meanwhile_is_not_taken_for_another() {
        let folder = Folder::new();
        let fresh = folder.open();
        append(&fresh, [1]);
        let spot = fresh.lock().places[0].rows.clone();
        merge(&fresh);
        fresh.merged().unwrap();
        append(&fresh, [2]);
        merge(&fresh);
        append(&fresh, [3]);
        // As if it had been looked up before.
        fresh.lock().places[0].rows.extend(spot);
        assert_eq!((fresh.get(&key(1)), fresh.get(&key(3))), (None, Some(row(3))));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_said() {
        let folder = Folder::new();
        let fresh = folder.open();
        fresh.lock().places[0].file = RowFile::full_disk();
        assert!(fresh.append(&[row(1)], Timestamp::from_millis(0)).is_err());
        assert!(!fresh.is_healthy());
        assert_eq!(fresh.get(&key(1)), None);
    }
}
