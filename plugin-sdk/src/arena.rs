//! A bump allocator for one request.
//!
//! An instance serves one request and is discarded with its memory, so nothing is freed piece by piece. Once the pass
//! is configured, allocations are cut sequentially from a block: each costs a few instructions, and a call touches few
//! pages, which the host must restore afterwards. Allocations before that, and those that do not fit, go to the system
//! allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes of the block: enough for the messages of a typical request and a pass's working data.
const SIZE: usize = 64 << 10;

/// The allocator that [`crate::register_pass!`] puts into a component.
#[derive(Debug)]
#[repr(C)]
pub struct Arena {
    /// The start of the next allocation. Next to the block, on a page that is written anyway.
    next: AtomicUsize,
    /// The end of the block; equal to its beginning until the arena is opened. An all-zero arena takes no room in the
    /// component.
    end: AtomicUsize,
    block: UnsafeCell<Block>,
}

#[derive(Debug)]
#[repr(C, align(16))]
struct Block([u8; SIZE]);

// SAFETY: components have one thread. The block is only handed out in parts that do not overlap.
unsafe impl Sync for Arena {}

impl Arena {
    /// An arena that allocates from the system until it is opened.
    pub const fn new() -> Self {
        Self { next: AtomicUsize::new(0), end: AtomicUsize::new(0), block: UnsafeCell::new(Block([0; SIZE])) }
    }

    /// Starts cutting allocations from the block. Called at the end of `configure`.
    pub fn open(&self) {
        self.end.store(SIZE, Relaxed);
    }

    /// The offset of `pointer` in the block, if it is in the block.
    fn offset(&self, pointer: *mut u8) -> Option<usize> {
        let offset = pointer.addr().wrapping_sub(self.block.get().addr());
        (offset < SIZE).then_some(offset)
    }
}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: a part of the block is given out once, aligned as requested (the block is aligned to 16, and a layout that
// needs more goes to `System`), and `next` moves back only over the part given out last.
unsafe impl GlobalAlloc for Arena {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.next.load(Relaxed).next_multiple_of(layout.align());
        match start.checked_add(layout.size()) {
            Some(end) if end <= self.end.load(Relaxed) && layout.align() <= align_of::<Block>() => {
                self.next.store(end, Relaxed);
                // SAFETY: `start` is inside the block.
                unsafe { self.block.get().cast::<u8>().add(start) }
            }
            // SAFETY: guaranteed by the caller.
            _ => unsafe { System.alloc(layout) },
        }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        match self.offset(pointer) {
            Some(start) if start + layout.size() == self.next.load(Relaxed) => self.next.store(start, Relaxed),
            Some(_) => {}
            // SAFETY: not from the block, so from `System`.
            None => unsafe { System.dealloc(pointer, layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some(start) = self.offset(pointer) else {
            // SAFETY: not from the block, so from `System`.
            return unsafe { System.realloc(pointer, layout, size) };
        };
        let is_last = start + layout.size() == self.next.load(Relaxed);
        if is_last && size <= SIZE - start {
            self.next.store(start + size, Relaxed);
            return pointer;
        }
        // SAFETY: the caller guarantees a size that makes a valid layout; the new part does not overlap the old one,
        // which is still allocated, and both hold at least as many bytes as are copied.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(pointer, size.min(layout.size()));
                self.dealloc(pointer, layout);
            }
            moved
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).expect("a layout")
    }

    #[test]
    fn nothing_is_cut_from_the_block_before_it_is_opened() {
        let arena = Box::new(Arena::new());
        // SAFETY: the pointer is freed with its layout.
        unsafe {
            let before = arena.alloc(layout(24));
            arena.open();
            let after = arena.alloc(layout(24));
            assert_eq!((arena.offset(before), arena.offset(after)), (None, Some(0)));
            arena.dealloc(before, layout(24));
        }
    }

    #[test]
    fn the_last_part_grows_where_it_is_and_an_earlier_one_moves_with_its_bytes() {
        let arena = Box::new(Arena::new());
        arena.open();
        // SAFETY: every pointer is used with its own layout.
        unsafe {
            let first = arena.alloc(layout(10));
            first.write_bytes(7, 10);
            assert_eq!(arena.realloc(first, layout(10), 20), first);
            let second = arena.alloc(layout(1));
            assert_eq!(arena.offset(second), Some(24));
            let moved = arena.realloc(first, layout(20), 30);
            assert_eq!(arena.offset(moved), Some(32));
            assert_eq!(moved.add(9).read(), 7);
            arena.dealloc(moved, layout(30));
            assert_eq!(arena.offset(arena.alloc(layout(1))), Some(32));
        }
    }

    #[test]
    fn what_does_not_fit_goes_to_the_system() {
        let arena = Box::new(Arena::new());
        arena.open();
        // SAFETY: every pointer is used with its own layout.
        unsafe {
            let nearly_all = arena.alloc(layout(SIZE - 8));
            let too_much = arena.alloc(layout(9));
            assert_eq!(arena.offset(too_much), None);
            let moved = arena.realloc(nearly_all, layout(SIZE - 8), SIZE + 8);
            assert_eq!(arena.offset(moved), None);
            arena.dealloc(moved, layout(SIZE + 8));
            arena.dealloc(too_much, layout(9));
        }
    }
}
