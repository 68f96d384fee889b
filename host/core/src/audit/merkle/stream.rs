//! Incremental Merkle root: keeps one hash for each bit of the number of leaves.

use super::{Hash, leaf_hash, node_hash, root};

/// The tree so far, as its complete subtrees, the largest first.
#[derive(Clone, Default)]
pub struct RootStream {
    /// Each with its number of leaves, a power of two.
    subtrees: Vec<(u64, Hash)>,
}

impl RootStream {
    /// Adds the next leaf.
    pub fn push(&mut self, leaf: &Hash) {
        let mut subtree = (1, leaf_hash(leaf));
        while let Some((leaves, left)) = self.subtrees.pop_if(|(leaves, _)| *leaves == subtree.0) {
            subtree = (2 * leaves, node_hash(&left, &subtree.1));
        }
        self.subtrees.push(subtree);
    }

    /// The root over all leaves so far; equals [`root`] of the whole list.
    pub fn root(&self) -> Hash {
        let hashes = self.subtrees.iter().rev().map(|(_, hash)| *hash);
        hashes.reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(|| root(&[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_that_of_the_whole_list_at_every_length() {
        let mut stream = RootStream::default();
        let mut leaves = Vec::new();
        for n in 0..200u8 {
            assert_eq!(stream.root(), root(&leaves), "{n} leaves");
            assert!(stream.subtrees.len() <= 8, "a hash for each bit");
            leaves.push([n; 32]);
            stream.push(&[n; 32]);
        }
    }
}
