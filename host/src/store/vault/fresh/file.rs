//! A file of rows: one frame for each append, with its length and a checksum before it, so that an end that a crash left
//! torn is told from a whole one. The rows are sealed; the checksum guards against accidents, not against people.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Key, Value};
use crate::clock::Timestamp;
use crate::ids::AgentId;
use crate::keys::Kid;
use crate::kind::Kind;

/// Length and checksum.
const HEAD: usize = 4 + 8;

/// A row as it is written. A released version's rows are read by every later one: new fields only at the end, under a new
/// file name.
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

/// A file of rows, open for appending.
pub(super) struct RowFile {
    file: File,
    length: u64,
    buffer: Vec<u8>,
}

impl RowFile {
    /// Opens or creates it, mode 0600, with the rows that are in it. What does not read is cut off.
    pub fn open(path: &Path) -> io::Result<(Self, Vec<(Key, Value)>)> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (mut rows, mut length) = (Vec::new(), 0);
        while let Some(end) = read_frame(&bytes[length..], &mut rows) {
            length += end;
        }
        if length < bytes.len() {
            file.set_len(length as u64)?;
        }
        Ok((Self { file, length: length as u64, buffer: Vec::new() }, rows))
    }

    /// Appends rows in one write. When that fails, what part of it was written is taken back.
    pub fn append(&mut self, rows: &[(Key, Value)]) -> io::Result<()> {
        self.buffer.clear();
        self.buffer.resize(HEAD, 0);
        for (key, value) in rows {
            let row = Row {
                agent: key.agent.to_bytes(),
                scope: key.scope,
                kid: key.kid.as_str(),
                kind: key.kind.as_str(),
                mac: key.mac,
                sealed: &value.sealed,
                created_at: value.created_at.millis(),
            };
            self.buffer = postcard::to_extend(&row, std::mem::take(&mut self.buffer)).map_err(io::Error::other)?;
        }
        let (head, body) = self.buffer.split_at_mut(HEAD);
        let length = u32::try_from(body.len()).map_err(io::Error::other)?;
        head[..4].copy_from_slice(&length.to_le_bytes());
        head[4..].copy_from_slice(&checksum(body));
        if let Err(error) = self.file.write_all(&self.buffer) {
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += self.buffer.len() as u64;
        Ok(())
    }

    /// Removes all rows.
    pub fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.length = 0;
        Ok(())
    }

    /// Bytes.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// One that cannot be written.
    #[cfg(test)]
    pub fn full_disk() -> Self {
        let file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        Self { file, length: 0, buffer: Vec::new() }
    }
}

/// Reads one frame and says how long it is; nothing when it is not whole.
fn read_frame(bytes: &[u8], rows: &mut Vec<(Key, Value)>) -> Option<usize> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let length = u32::from_le_bytes(head[..4].try_into().ok()?) as usize;
    let body = rest.get(..length)?;
    if body.is_empty() || checksum(body) != head[4..] {
        return None;
    }
    let (mut read, mut rest) = (Vec::new(), body);
    while !rest.is_empty() {
        let (row, after) = postcard::take_from_bytes::<Row<'_>>(rest).ok()?;
        read.push(entry(row)?);
        rest = after;
    }
    rows.append(&mut read);
    Some(HEAD + length)
}

fn entry(row: Row<'_>) -> Option<(Key, Value)> {
    let key = Key {
        agent: AgentId::from_bytes(row.agent),
        scope: row.scope,
        kid: Kid::new(row.kid)?,
        kind: Kind::new(row.kind)?,
        mac: row.mac,
    };
    Some((key, Value { sealed: row.sealed.to_vec(), created_at: Timestamp::from_millis(row.created_at) }))
}

fn checksum(body: &[u8]) -> [u8; 8] {
    let mut sum = [0; 8];
    sum.copy_from_slice(&blake3::hash(body).as_bytes()[..8]);
    sum
}
