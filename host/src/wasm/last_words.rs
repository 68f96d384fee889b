//! What a plugin says when it fails, for the person who writes it.
//!
//! Only engines that were started for an author tell it (`masker plugin test` and its like): on a server a plugin has
//! seen callers' text. A component imports nothing, so it cannot print. The SDK keeps a panic's message in the plugin's
//! memory instead, and a trap on these engines comes with the memories as they were.

use wasmtime::{AsContext, Store, WasmCoreDump};

use super::limits::{self, Limits};
use super::registry::first_line;
use crate::sensitive::SensitiveText;

/// What the SDK's `last_words` begins with. Behind it: where the message is and how many bytes it has, as two `u32`.
const MARK: &[u8; 16] = b"masker-last-word";
/// Longer messages are cut by the SDK.
const LONGEST: usize = 4 << 10;

/// The message of the panic that ended in this error.
pub(super) fn of_trap(error: &wasmtime::Error, store: impl AsContext) -> Option<SensitiveText> {
    let dump = error.downcast_ref::<WasmCoreDump>()?;
    dump.memories().iter().find_map(|memory| said_in(memory.data(&store)))
}

fn said_in(memory: &[u8]) -> Option<SensitiveText> {
    let at = memchr::memmem::find(memory, MARK)? + MARK.len();
    let number = |at: usize| {
        let bytes = memory.get(at..at + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
    };
    let (start, length) = (number(at)?, number(at + 4)?);
    let message = memory.get(start..start.checked_add(length.min(LONGEST))?)?;
    let message = String::from_utf8_lossy(message).trim_end().to_owned();
    (!message.is_empty()).then(|| message.into())
}

/// Why `describe` or `configure` failed. They run before there is any caller.
pub(super) fn explain(error: &wasmtime::Error, store: &Store<Limits>) -> String {
    if store.data().memory_refused {
        return limits::OVER_MEMORY.into();
    }
    let line = first_line(error);
    match of_trap(error, store) {
        Some(said) => format!("{line}: {}", said.expose()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(start: u32, length: u32) -> Vec<u8> {
        [b"abc", &MARK[..], &start.to_le_bytes(), &length.to_le_bytes(), b"panicked at x"].concat()
    }

    #[test]
    fn the_message_is_read_where_the_plugin_says_it_is() {
        let said = said_in(&memory(27, 13)).expect("a message");
        assert_eq!(said.expose(), "panicked at x");
    }

    #[test]
    fn a_plugin_that_lies_about_it_is_not_believed() {
        for (start, length) in [(27, 99), (u32::MAX, 1), (1, u32::MAX), (27, 0)] {
            assert!(said_in(&memory(start, length)).is_none(), "{start} {length}");
        }
        assert!(said_in(MARK).is_none());
        assert!(said_in(b"").is_none());
    }
}
