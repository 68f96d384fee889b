//! The message of a failing plugin, for its author.
//!
//! Only engines started for an author report it (`masker plugin test` and similar): on a server a plugin has seen
//! caller text. A component imports nothing, so it cannot print. The SDK stores a panic's message in the plugin's
//! memory instead, and on these engines a trap comes with a dump of the memories.

use wasmtime::{AsContext, Store, WasmCoreDump};

use super::limits::{self, Limits};
use super::registry::first_line;
use crate::sensitive::SensitiveText;

/// First bytes of the SDK's `last_words`. They are followed by the address and the length of the message, as two
/// `u32`.
const MARK: &[u8; 16] = b"masker-last-word";
/// Length limit; the SDK truncates longer messages.
const LONGEST: usize = 4 << 10;

/// The panic message behind this error.
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

/// Why `describe` or `configure` failed. They run without any caller text.
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
