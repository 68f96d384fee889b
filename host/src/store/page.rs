//! One page of a list.

/// Rows of a page, and the cursor of the next one.
#[derive(Clone, PartialEq, Debug)]
pub struct Page<T, C> {
    /// At most as many as requested.
    pub rows: Vec<T>,
    /// The cursor of the last row; `None` on the last page.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// Builds a page from up to `limit + 1` rows.
    pub(super) fn new(mut rows: Vec<T>, limit: usize, cursor: impl FnOnce(&T) -> C) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(cursor);
        Self { rows, next }
    }
}
