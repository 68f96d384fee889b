//! Opening: what a crash may have left, and whether the end is ours.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

use super::ring::Run;
use super::{JournalError, Recovered};
use crate::audit::chain::START;
use crate::audit::verify::{Checker, Fault, MAX_LINE};
use crate::keys::SecretKey;

/// Enough for a torn line and a whole one, however long; the lines in it are checked, the ones before are left to
/// `masker audit verify`.
const WINDOW: u64 = 2 * MAX_LINE as u64;

/// Cuts off what a crash left behind the last whole line, and checks the last lines. `begins` is the byte of the journal at which the file begins.
pub(super) fn recover(file: &File, begins: u64, key: &SecretKey) -> Result<Recovered, JournalError> {
    let length = file.metadata()?.len();
    let start = length.saturating_sub(WINDOW);
    let mut window = vec![0; (length - start) as usize];
    file.read_exact_at(&mut window, start)?;

    let whole = whole_lines(&window);
    let first = if start == 0 { 0 } else { after_break(&window) };
    if first >= whole && start > 0 {
        return Err(JournalError::Tail { offset: start, fault: Fault::TooLong });
    }
    let end_hash = check(&window[first..whole], begins, start + first as u64, key)?;
    let end = start + whole as u64;
    if end < length {
        file.set_len(end)?;
        file.sync_all()?;
    }
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
    if check(&[&before, &run.bytes[..]].concat(), begins, offset, key).is_err() {
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

/// How many bytes of the window are whole lines. A line with a NUL in it, and all after it, is not: some file systems
/// leave blocks of zeros where the machine stopped before the data got there, and no event has one.
fn whole_lines(window: &[u8]) -> usize {
    let sound = window.iter().position(|&byte| byte == 0).unwrap_or(window.len());
    window[..sound].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1)
}

fn after_break(window: &[u8]) -> usize {
    window.iter().position(|&byte| byte == b'\n').map_or(window.len(), |at| at + 1)
}

fn check(lines: &[u8], begins: u64, mut offset: u64, key: &SecretKey) -> Result<[u8; 32], JournalError> {
    let checker = Checker::new(key);
    let mut previous = (begins == 0 && offset == 0).then_some(START);
    for line in lines.split_inclusive(|&byte| byte == b'\n') {
        let link = checker.check(&line[..line.len() - 1]).and_then(|link| match previous {
            Some(previous) if previous != link.prev => Err(Fault::WrongPrevious),
            _ => Ok(link),
        });
        previous = Some(link.map_err(|fault| JournalError::Tail { offset, fault })?.this);
        offset += line.len() as u64;
    }
    Ok(previous.unwrap_or(START))
}
