//! The memory of a request.
//!
//! An instance serves one request and is thrown away with its memory, so nothing has to be given back piece by piece.
//! Once the pass is configured, allocations are cut one after the other from a block: they cost a few instructions, and
//! a call touches few pages, which the host has to put back after it. What does not fit, and everything before, goes to
//! the system's allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes of the block: the messages of a usual request and what a pass makes of them.
const SIZE: usize = 64 << 10;

/// The allocator that [`crate::register_pass!`] puts into a component.
#[derive(Debug)]
#[repr(C)]
pub struct Arena {
    /// Where the next allocation begins. Next to the block, on a page that is written anyway.
    next: AtomicUsize,
    /// Where the block ends: at its beginning, until it is opened. All zeros, an arena takes no room in the component.
    end: AtomicUsize,
    block: UnsafeCell<Block>,
}

#[derive(Debug)]
#[repr(C, align(16))]
struct Block([u8; SIZE]);

// SAFETY: components have one thread. The block is only ever handed out in parts that do not overlap.
unsafe impl Sync for Arena {}

impl Arena {
    /// An arena that gives out nothing yet.
    pub const fn new() -> Self {
        Self { next: AtomicUsize::new(0), end: AtomicUsize::new(0), block: UnsafeCell::new(Block([0; SIZE])) }
    }

    /// From now on allocations are cut from the block. Called at the end of `configure`.
    pub fn open(&self) {
        self.end.store(SIZE, Relaxed);
    }

    /// Where in the block `pointer` lies.
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

// SAFETY: a part of the block is given out once, aligned as asked for (the block is aligned to 16, and a layout that
// asks for more goes to `System`), and `next` goes back only over the part that was given out last.
unsafe impl GlobalAlloc for Arena {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.next.load(Relaxed).next_multiple_of(layout.align());
        match start.checked_add(layout.size()) {
            Some(end) if end <= self.end.load(Relaxed) && layout.align() <= align_of::<Block>() => {
                self.next.store(end, Relaxed);
                // SAFETY: `start` is inside of the block.
                unsafe { self.block.get().cast::<u8>().add(start) }
            }
            // SAFETY: the caller's promise.
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
        // SAFETY: the caller promises a size that makes a layout; the new part does not overlap the old one, which is
        // still given out, and both hold as many bytes as are copied.
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
        // SAFETY: the pointer goes back with its layout.
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
        // SAFETY: every pointer is used with the layout it was made with.
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
        // SAFETY: every pointer is used with the layout it was made with.
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
