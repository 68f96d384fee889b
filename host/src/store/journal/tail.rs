//! Opening: what a crash may have left, and whether the end is ours.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

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

/// Puts `lost` back behind the end that was found. What does not follow from it under the chain, or is not whole, was not
/// lost here: then the file stays as it is.
pub(super) fn restore(
    file: &mut File,
    begins: u64,
    key: &SecretKey,
    found: Recovered,
    lost: &[u8],
) -> Result<Recovered, JournalError> {
    if lost.is_empty() {
        return Ok(found);
    }
    file.write_all(lost)?;
    match recover(file, begins, key) {
        Ok(again) if again.truncated == 0 => {
            // A line of which the beginning was left is whole again.
            let (truncated, restored) = (found.truncated.saturating_sub(lost.len() as u64), lost.len() as u64);
            Ok(Recovered { truncated, restored, ..again })
        }
        _ => {
            file.set_len(found.end - begins)?;
            Ok(found)
        }
    }
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
