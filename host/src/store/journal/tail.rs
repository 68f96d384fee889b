//! Opening: what a crash may have left, and whether the end is ours.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

use super::ring::Run;
use super::{JournalError, Recovered};
use crate::audit::chain::{Hash, START};
use crate::audit::verify::{Checker, Fault, MAX_LINE};
use crate::keys::SecretKey;

/// Enough for a torn line and a whole one, however long; the lines in it are checked, the ones before are left to
/// `masker audit verify`.
const WINDOW: u64 = 2 * MAX_LINE as u64;

/// Cuts off what a crash left behind the last line that verifies, and checks the last lines. `begins` is the byte of the
/// journal at which the file begins. Nothing is cut that a line which verifies follows, that was once a whole line, or that
/// lies before byte `remembered` of the journal, up to which the database knows its sessions: that is damage, and refused.
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

/// Puts back what a crash of the machine took from a file and a ring has: the end, or anything within what the ring covers, since
/// blocks of a file do not get to the disk in order. Says how many bytes of the file were not as they should be, up to the
/// ring's end. What does not follow under the chain from the line before it is another journal's: then the file stays as it is.
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

/// The line that ends at byte `end` of a file, with its line break; nothing at the beginning.
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

/// What stands at the end of a file.
struct Sound {
    /// `this_hash` of the last line that verifies.
    end_hash: Hash,
    /// What stands behind it.
    left: Option<Left>,
}

/// Bytes that no line which verifies follows.
struct Left {
    /// Where in the file they begin.
    offset: u64,
    /// What is wrong with the first of them.
    fault: Fault,
    /// Whether a crash leaves such bytes: a line without its end, or with zeros in it, as some file systems leave where the
    /// machine stopped before the data got there. No event has one.
    by_crash: bool,
}

/// Checks lines one by one. Each that verifies must follow the one before, with nothing between them.
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
