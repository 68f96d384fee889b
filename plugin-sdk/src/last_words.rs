//! Keeps the message of a panic for `masker plugin test`.
//!
//! A component imports nothing, so it cannot print, and after a trap none of its code runs. The message stays in its
//! memory, where the author's test command searches for [`LastWords::mark`]. A server never does.

use std::cell::UnsafeCell;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes of a message that are kept.
const LONGEST: usize = 1024;

static LAST_WORDS: LastWords = LastWords { mark: *b"masker-last-word", text: &TEXT, length: AtomicUsize::new(0) };

/// Separate from the rest: all zeros, it takes no room in the component.
static TEXT: Text = Text(UnsafeCell::new([0; LONGEST]));

/// Where the message is. Programs that read it rely on this layout.
#[repr(C)]
struct LastWords {
    mark: [u8; 16],
    text: &'static Text,
    length: AtomicUsize,
}

struct Text(UnsafeCell<[u8; LONGEST]>);

// SAFETY: components have one thread.
unsafe impl Sync for Text {}

/// Installs the panic hook that keeps the message. Part of `configure`, so that the snapshot of every request has it.
pub fn keep() {
    std::panic::set_hook(Box::new(|panic| {
        LAST_WORDS.length.store(0, Relaxed);
        // A longer message is truncated.
        let _ = write!(Writer(&LAST_WORDS), "{panic}");
    }));
}

struct Writer(&'static LastWords);

impl Write for Writer {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let written = self.0.length.load(Relaxed);
        let fits = part.len().min(LONGEST - written);
        // SAFETY: `written + fits` is within the text, and nothing else writes to it.
        unsafe {
            let end = self.0.text.0.get().cast::<u8>().add(written);
            end.copy_from_nonoverlapping(part.as_ptr(), fits);
        }
        self.0.length.store(written + fits, Relaxed);
        if fits < part.len() { Err(fmt::Error) } else { Ok(()) }
    }
}
