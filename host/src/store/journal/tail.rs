//! Recovery at open: removes what a crash left at the end and verifies the last lines.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

use super::ring::Run;
use super::{JournalError, Recovered};
use crate::audit::chain::{Hash, START};
use crate::audit::verify::{Checker, Fault, MAX_LINE};
use crate::keys::SecretKey;

/// Holds a torn line and a complete one of any length. Only lines in this window are verified; `masker audit verify`
/// checks the ones before.
const WINDOW: u64 = 2 * MAX_LINE as u64;

/// Cuts off a torn write after the last line that verifies, and verifies the last lines. `begins` is the offset of the
/// file in the journal. Bytes are treated as damage, and opening fails, if a line that verifies follows them, if they
/// were once a complete line, or if they are before byte `remembered`, up to which the database knows the sessions.
pub(super) fn recover(file: &File, begins: u64, remembered: u64, key: &SecretKey) -> Result<Recovered, JournalError> {
    let length = file.metadata()?.len();
    let start = length.saturating_sub(WINDOW);
    let mut window = vec![0; (length - start) as usize];
    file.read_exact_at(&mut window, start)?;

    let first = if start == 0 { 0 } else { after_break(&window) };
    let Sound { end_hash, left, .. } = check(&window[first..], begins, start + first as u64, key)?;
    let end = match left {
        None if first == window.len() && start > 0 => {
            return Err(JournalError::Tail { offset: start, fault: Fault::TooLong });
        }
        None => length,
        Some(Left { offset, fault, by_crash }) => {
            let nothing_verified = start > 0 && offset == start + first as u64;
            if !by_crash || nothing_verified || begins + offset < remembered {
                return Err(JournalError::Tail { offset, fault });
            }
            file.set_len(offset)?;
            file.sync_all()?;
            offset
        }
    };
    Ok(Recovered { truncated: length - end, restored: 0, end: begins + end, end_hash })
}

/// Restores bytes that a machine crash lost from the file and that the ring still has: at the end, or anywhere in the
/// range of the ring, since blocks of a file reach the disk out of order. Returns how many bytes of the file were
/// wrong, up to the end of the ring. If the ring does not continue the hash chain, it belongs to another journal and
/// the file is not changed.
pub(super) fn restore(file: &mut File, begins: u64, key: &SecretKey, run: &Run) -> std::io::Result<u64> {
    let length = file.metadata()?.len();
    let Some(start) = run.start.checked_sub(begins).filter(|start| *start <= length) else { return Ok(0) };
    let before = line_before(file, start)?;
    let offset = start - before.len() as u64;
    if !check(&[&before, &run.bytes[..]].concat(), begins, offset, key).is_ok_and(|sound| sound.left.is_none()) {
        return Ok(0);
    }
    let mut there = vec![0; run.bytes.len().min((length - start) as usize)];
    file.read_exact_at(&mut there, start)?;
    let same = there.iter().zip(&run.bytes).take_while(|(one, other)| one == other).count();
    if same < run.bytes.len() {
        file.set_len(start + same as u64)?;
        file.write_all(&run.bytes[same..])?;
    }
    Ok((run.bytes.len() - same) as u64)
}

/// The line that ends at offset `end` of a file, with its line break; empty at the beginning.
fn line_before(file: &File, end: u64) -> std::io::Result<Vec<u8>> {
    let start = end.saturating_sub(MAX_LINE as u64 + 1);
    let mut window = vec![0; (end - start) as usize];
    file.read_exact_at(&mut window, start)?;
    let inner = window.len().saturating_sub(1);
    let from = window[..inner].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    Ok(window.split_off(from))
}

fn after_break(window: &[u8]) -> usize {
    window.iter().position(|&byte| byte == b'\n').map_or(window.len(), |at| at + 1)
}

/// Result of checking the end of a file.
struct Sound {
    /// `this_hash` of the last line that verifies.
    end_hash: Hash,
    /// Bytes after that line.
    left: Option<Left>,
}

/// Bytes that are not followed by a line that verifies.
struct Left {
    /// Their offset in the file.
    offset: u64,
    /// The first fault in them.
    fault: Fault,
    /// Whether a crash explains them: an incomplete line, or one with zeros, which some file systems leave where the
    /// machine stopped before the data was written. No event contains a zero byte.
    by_crash: bool,
}

/// Verifies lines one by one. Each line must follow the previous one directly.
fn check(lines: &[u8], begins: u64, mut offset: u64, key: &SecretKey) -> Result<Sound, JournalError> {
    let checker = Checker::new(key);
    let mut previous = (begins == 0 && offset == 0).then_some(START);
    let mut left: Option<Left> = None;
    for line in lines.split_inclusive(|&byte| byte == b'\n') {
        let whole = line.strip_suffix(b"\n");
        match whole.ok_or(Fault::Torn).and_then(|line| checker.check(line)) {
            Ok(link) => {
                if let Some(Left { offset, fault, .. }) = left {
                    return Err(JournalError::Tail { offset, fault });
                }
                if previous.is_some_and(|previous| previous != link.prev) {
                    return Err(JournalError::Tail { offset, fault: Fault::WrongPrevious });
                }
                previous = Some(link.this);
            }
            Err(fault) => {
                let by_crash = whole.is_none() || line.contains(&0);
                match &mut left {
                    Some(left) => left.by_crash &= by_crash,
                    None => left = Some(Left { offset, fault, by_crash }),
                }
            }
        }
        offset += line.len() as u64;
    }
    Ok(Sound { end_hash: previous.unwrap_or(START), left })
}
