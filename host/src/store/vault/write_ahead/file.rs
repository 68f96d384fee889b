//! A file of rows: one frame per append, with length and checksum, so that a torn end is detected after a crash. The
//! rows are encrypted; the checksum detects accidents, not tampering. Each row can be read by its offset.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::files;
use crate::ids::AgentId;
use crate::keys::Kid;
use crate::kind::Kind;
use crate::tokens::mint::VaultRow;

/// Length and checksum of a frame.
const HEAD: usize = 4 + 8;

/// A row as stored. Later versions must read rows of every release: add fields only at the end, under a new file name.
#[derive(Serialize, Deserialize)]
struct Row<'a> {
    agent: [u8; 16],
    scope: [u8; 16],
    kid: &'a str,
    kind: &'a str,
    mac: [u8; 16],
    sealed: &'a [u8],
    created_at: i64,
}

/// Position of a row, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Spot {
    offset: u32,
    length: u32,
}

/// A file of rows, open for appending.
pub(super) struct RowFile {
    file: Arc<File>,
    length: u64,
    buffer: Vec<u8>,
}

impl RowFile {
    /// Opens or creates the file (mode 0600). Calls `found` with every row in it; an unreadable end is cut off.
    pub fn open(path: &Path, mut found: impl FnMut(&VaultRow, Spot)) -> io::Result<Self> {
        let mut file = files::private().read(true).append(true).create(true).open(path)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut length = 0;
        while let Some((rows, end)) = read_frame(&bytes, length) {
            rows.iter().for_each(|(row, spot)| found(row, *spot));
            length = end;
        }
        if length < bytes.len() {
            file.set_len(length as u64)?;
        }
        Ok(Self { file: Arc::new(file), length: length as u64, buffer: Vec::new() })
    }

    /// Appends rows in one write and returns their positions. On failure, what was partly written is truncated.
    pub fn append(&mut self, rows: &[VaultRow], now: Timestamp) -> io::Result<Vec<Spot>> {
        self.buffer.clear();
        self.buffer.resize(HEAD, 0);
        let mut spots = Vec::with_capacity(rows.len());
        for row in rows {
            let start = self.buffer.len();
            let written = Row {
                agent: row.agent.to_bytes(),
                scope: row.scope,
                kid: row.kid.as_str(),
                kind: row.kind.as_str(),
                mac: row.mac,
                sealed: &row.sealed,
                created_at: now.millis(),
            };
            self.buffer = postcard::to_extend(&written, std::mem::take(&mut self.buffer)).map_err(io::Error::other)?;
            spots.push(spot(self.length + start as u64, self.buffer.len() - start)?);
        }
        let (head, body) = self.buffer.split_at_mut(HEAD);
        let length = u32::try_from(body.len()).map_err(io::Error::other)?;
        head[..4].copy_from_slice(&length.to_le_bytes());
        head[4..].copy_from_slice(&checksum(body));
        if let Err(error) = (&*self.file).write_all(&self.buffer) {
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += self.buffer.len() as u64;
        Ok(spots)
    }

    /// A reader that works while rows are appended.
    pub fn reader(&self) -> RowReader {
        RowReader(self.file.clone())
    }

    /// Removes all rows.
    pub fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.length = 0;
        Ok(())
    }

    /// Size in bytes.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// A file that fails every write.
    #[cfg(test)]
    pub fn full_disk() -> Self {
        let file = File::options().write(true).open("/dev/full").unwrap();
        Self { file: Arc::new(file), length: 0, buffer: Vec::new() }
    }
}

/// Reads rows of one file. Reads the disk: not for async code.
pub(super) struct RowReader(Arc<File>);

impl RowReader {
    /// The row at this position, and its creation time.
    ///
    /// # Errors
    /// When it cannot be read, or the file was emptied since.
    pub fn read(&self, spot: Spot) -> io::Result<(VaultRow, Timestamp)> {
        let mut bytes = vec![0; spot.length as usize];
        self.0.read_exact_at(&mut bytes, spot.offset.into())?;
        let (row, _) = postcard::take_from_bytes::<Row<'_>>(&bytes).map_err(io::Error::other)?;
        whole(row).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

fn spot(offset: u64, length: usize) -> io::Result<Spot> {
    let fits = |_| io::ErrorKind::FileTooLarge;
    Ok(Spot { offset: u32::try_from(offset).map_err(fits)?, length: u32::try_from(length).map_err(fits)? })
}

/// The rows of the frame at `start`, and its end; `None` if it is incomplete.
fn read_frame(file: &[u8], start: usize) -> Option<(Vec<(VaultRow, Spot)>, usize)> {
    let (head, rest) = file.get(start..)?.split_at_checked(HEAD)?;
    let length = u32::from_le_bytes(head[..4].try_into().ok()?) as usize;
    let body = rest.get(..length)?;
    if body.is_empty() || checksum(body) != head[4..] {
        return None;
    }
    let end = start + HEAD + length;
    let (mut rows, mut rest) = (Vec::new(), body);
    while !rest.is_empty() {
        let at = end - rest.len();
        let (row, after) = postcard::take_from_bytes::<Row<'_>>(rest).ok()?;
        rows.push((whole(row)?.0, spot(at as u64, rest.len() - after.len()).ok()?));
        rest = after;
    }
    Some((rows, end))
}

fn whole(row: Row<'_>) -> Option<(VaultRow, Timestamp)> {
    let whole = VaultRow {
        agent: AgentId::from_bytes(row.agent),
        scope: row.scope,
        kid: Kid::new(row.kid)?,
        kind: Kind::new(row.kind)?,
        mac: row.mac,
        sealed: row.sealed.to_vec(),
        label: None,
        sealed_by: None,
    };
    Some((whole, Timestamp::from_millis(row.created_at)))
}

fn checksum(body: &[u8]) -> [u8; 8] {
    let mut sum = [0; 8];
    sum.copy_from_slice(&blake3::hash(body).as_bytes()[..8]);
    sum
}
