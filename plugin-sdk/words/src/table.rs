//! Tables of words: written in any order, sorted at compile time, looked up by binary search.

/// Words in their normal form and their values, sorted by word. A name of several words contains blanks.
pub type Table<T> = &'static [(&'static str, T)];

/// `table! { u8; 1 => "january" "jan", ... }` as a sorted [`Table`].
macro_rules! table {
    ($type:ty; $($value:expr => $($word:literal)+),+ $(,)?) => {{
        const TABLE: &[(&str, $type)] = &$crate::table::sorted([$($(($word, $value),)+)+]);
        TABLE
    }};
}
/// `words!("uh" "um")` as a sorted list.
macro_rules! words {
    ($($word:literal)+) => { $crate::table::table!((); () => $($word)+) };
}
/// `list! { "zero" "one" }` as an array; keeps the source compact.
macro_rules! list {
    ($($word:literal)+) => { [$($word),+] };
}
pub(crate) use {list, table, words};

/// The entries sorted by their words.
pub(crate) const fn sorted<T: Copy, const N: usize>(mut entries: [(&'static str, T); N]) -> [(&'static str, T); N] {
    let mut done = 1;
    while done < N {
        let mut at = done;
        while at > 0 && is_before(entries[at].0.as_bytes(), entries[at - 1].0.as_bytes()) {
            let entry = entries[at];
            entries[at] = entries[at - 1];
            entries[at - 1] = entry;
            at -= 1;
        }
        done += 1;
    }
    entries
}

const fn is_before(left: &[u8], right: &[u8]) -> bool {
    let mut at = 0;
    while at < left.len() && at < right.len() {
        if left[at] != right[at] {
            return left[at] < right[at];
        }
        at += 1;
    }
    left.len() < right.len()
}

/// The value of a word in its normal form.
pub(crate) fn find<T: Copy>(table: Table<T>, word: &[u8]) -> Option<T> {
    let at = table.binary_search_by(|(known, _)| known.as_bytes().cmp(word)).ok()?;
    table.get(at).map(|(_, meaning)| *meaning)
}

/// The value of the longest word that `text` begins with, and its length.
pub(crate) fn longest<T: Copy>(table: Table<T>, text: &[u8]) -> Option<(T, usize)> {
    let after = table.partition_point(|(word, _)| word.as_bytes() <= text);
    let candidates = table.get(..after)?.iter().rev();
    let mut near = candidates.take_while(|(word, _)| word.as_bytes().first() == text.first());
    // Words that are prefixes of `text` sort before it, longer ones nearer.
    near.find(|(word, _)| text.starts_with(word.as_bytes())).map(|(word, meaning)| (*meaning, word.len()))
}
