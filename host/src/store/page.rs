//! One page of a list.

/// Rows, and from where to go on.
#[derive(Clone, PartialEq, Debug)]
pub struct Page<T, C> {
    /// At most as many as were asked for.
    pub rows: Vec<T>,
    /// The cursor of the last row; `None` when there is no row behind it.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// Of `limit` rows and one more, if there is one.
    pub(super) fn new(mut rows: Vec<T>, limit: usize, cursor: impl FnOnce(&T) -> C) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(cursor);
        Self { rows, next }
    }
}
