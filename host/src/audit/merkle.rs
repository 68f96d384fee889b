//! The tree hash of RFC 6962 section 2.1 over the 32 raw bytes of each event's `this_hash`.

use sha2::{Digest, Sha256};

use super::chain::Hash;

/// The root of the tree over these leaves, in order.
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => leaf_hash(leaf),
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// A tree kept whole, for many proofs from it: 64 bytes for each leaf.
pub struct Tree {
    /// Leaf hashes first, the root alone last. A last node without a sibling rises as it is.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// The tree over these leaves, in order.
    pub fn new(leaves: impl Iterator<Item = Hash>) -> Self {
        let mut levels = vec![leaves.map(|leaf| leaf_hash(&leaf)).collect::<Vec<Hash>>()];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let pairs = below.chunks(2);
            let above = pairs.map(|pair| if let [left, right] = pair { node_hash(left, right) } else { pair[0] });
            levels.push(above.collect());
        }
        Self { levels }
    }

    /// As [`root`].
    pub fn root(&self) -> Hash {
        self.levels.last().and_then(|top| top.first()).copied().unwrap_or_else(|| root(&[]))
    }

    /// As [`inclusion_proof`], in as many steps as the tree has levels.
    pub fn inclusion_proof(&self, mut index: usize) -> Option<Vec<Hash>> {
        let leaves = self.levels.first()?;
        leaves.get(index)?;
        let mut path = Vec::new();
        for level in &self.levels {
            path.extend(level.get(index ^ 1));
            index /= 2;
        }
        Some(path)
    }
}

/// The audit path of a leaf (RFC 6962 section 2.1.1), nearest sibling first; `None` when there is no such leaf.
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    if leaves.len() == 1 {
        return Some(Vec::new());
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, sibling) = match index.checked_sub(left.len()) {
        None => (inclusion_proof(left, index)?, root(right)),
        Some(index) => (inclusion_proof(right, index)?, root(left)),
    };
    path.push(sibling);
    Some(path)
}

/// Whether `leaf` is number `index` of the `size` leaves under `root`.
pub fn is_included(leaf: &Hash, index: usize, size: usize, path: &[Hash], root: &Hash) -> bool {
    index < size && climb(leaf_hash(leaf), index, size, path) == Some(*root)
}

fn climb(leaf: Hash, index: usize, size: usize, path: &[Hash]) -> Option<Hash> {
    if size == 1 {
        return path.is_empty().then_some(leaf);
    }
    let (sibling, below) = path.split_last()?;
    let left = split(size);
    Some(match index.checked_sub(left) {
        None => node_hash(&climb(leaf, index, left, below)?, sibling),
        Some(index) => node_hash(sibling, &climb(leaf, index, size - left, below)?),
    })
}

/// The largest power of two below `size`, which is at least 2.
fn split(size: usize) -> usize {
    1 << (size - 1).ilog2()
}

fn leaf_hash(leaf: &Hash) -> Hash {
    Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::chain::hex_text;

    fn leaves(n: usize) -> Vec<Hash> {
        (0..n).map(|i| [i as u8; 32]).collect()
    }

    /// Another way to the same root: level by level, an odd last node rises unchanged.
    fn naive(leaves: &[Hash]) -> Hash {
        let mut level: Vec<Hash> = leaves.iter().map(leaf_hash).collect();
        while level.len() > 1 {
            level = level
                .chunks(2)
                .map(|pair| if let [left, right] = pair { node_hash(left, right) } else { pair[0] })
                .collect();
        }
        level[0]
    }

    #[test]
    fn an_empty_tree_is_the_hash_of_nothing() {
        assert_eq!(hex_text(&root(&[])), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn known_roots() {
        // Made with Python's hashlib: sha256(b'\0' + leaf), sha256(b'\1' + left + right).
        for (n, expected) in KNOWN {
            assert_eq!(hex_text(&root(&leaves(n))), expected, "{n}");
        }
    }

    #[test]
    fn the_root_is_the_naive_one() {
        for n in 1..70 {
            assert_eq!(root(&leaves(n)), naive(&leaves(n)), "{n}");
        }
    }

    #[test]
    fn a_kept_tree_has_the_same_root_and_proofs() {
        for n in 0..40 {
            let leaves = leaves(n);
            let tree = Tree::new(leaves.iter().copied());
            assert_eq!(tree.root(), root(&leaves));
            for i in 0..=n {
                assert_eq!(tree.inclusion_proof(i), inclusion_proof(&leaves, i), "{i} of {n}");
            }
        }
    }

    #[test]
    fn every_leaf_has_a_proof_and_no_other_leaf_fits_it() {
        for n in 1..20 {
            let leaves = leaves(n);
            let root = root(&leaves);
            for (i, leaf) in leaves.iter().enumerate() {
                let path = inclusion_proof(&leaves, i).unwrap();
                assert!(is_included(leaf, i, n, &path, &root));
                assert!(!is_included(&[99; 32], i, n, &path, &root));
                assert!(n == 1 || !is_included(leaf, (i + 1) % n, n, &path, &root));
            }
            assert_eq!(inclusion_proof(&leaves, n), None);
        }
    }

    const KNOWN: [(usize, &str); 4] = [
        (1, "7f9c9e31ac8256ca2f258583df262dbc7d6f68f2a03043d5c99a4ae5a7396ce9"),
        (2, "28fb81e496897e0ce886f08602392e9239b65c659041e5202163e58ad898f444"),
        (3, "ba8d94b7fbcecae7b81c4c80574fe24734a6917bf9c1ecd66ff3e0c34ead4620"),
        (7, "7318881c41fce3c1de3640df8e8c110c93f43f686b74204a9d1ad5b8c71c2047"),
    ];
}
