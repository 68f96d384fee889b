//! The tree hash of RFC 6962 section 2.1 over the 32 raw bytes of each event's `this_hash`.

mod stream;

use sha2::{Digest, Sha256};

use super::chain::Hash;
pub use stream::RootStream;

/// The root of the tree over these leaves, in order.
pub fn root(leaves: &[Hash]) -> Hash {
    root_over(leaves)
}

/// The root over arbitrary data, as the RFC defines it.
fn root_over<L: AsRef<[u8]>>(leaves: &[L]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => leaf_hash(leaf.as_ref()),
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root_over(left), &root_over(right))
        }
    }
}

/// A tree kept in memory for many proofs: 64 bytes for each leaf.
pub struct Tree {
    /// Leaf hashes first, the root last. A last node without a sibling moves up unchanged.
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

    /// Same as [`root`].
    pub fn root(&self) -> Hash {
        self.levels.last().and_then(|top| top.first()).copied().unwrap_or_else(|| root(&[]))
    }

    /// Same as [`inclusion_proof`], in one step for each level.
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

/// The audit path of a leaf (RFC 6962 section 2.1.1), nearest sibling first; `None` when the leaf does not exist.
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    proof_over(leaves, index)
}

fn proof_over<L: AsRef<[u8]>>(leaves: &[L], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    if leaves.len() == 1 {
        return Some(Vec::new());
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, sibling) = match index.checked_sub(left.len()) {
        None => (proof_over(left, index)?, root_over(right)),
        Some(index) => (proof_over(right, index)?, root_over(left)),
    };
    path.push(sibling);
    Some(path)
}

/// Whether `leaf` is leaf `index` of the `size` leaves under `root`.
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

fn leaf_hash(leaf: &[u8]) -> Hash {
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

    /// Leaves, roots and audit paths from Certificate Transparency's own tests of RFC 6962.
    const CT_LEAVES: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const CT_ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    /// Leaf, size, path.
    const CT_PATHS: [(usize, usize, &[&str]); 5] = [
        (0, 1, &[]),
        (
            0,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            5,
            8,
            &[
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
        (
            1,
            5,
            &[
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];

    #[test]
    fn roots_and_paths_are_those_of_certificate_transparency() {
        let unhex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
        let leaves = CT_LEAVES.map(unhex);
        for (at, root) in CT_ROOTS.into_iter().enumerate() {
            assert_eq!(hex_text(&root_over(&leaves[..=at])), root, "{} leaves", at + 1);
        }
        for (leaf, size, expected) in CT_PATHS {
            let path = proof_over(&leaves[..size], leaf).unwrap();
            assert_eq!(path.iter().map(hex_text).collect::<Vec<_>>(), expected, "{leaf} of {size}");
            let climbed = climb(leaf_hash(&leaves[leaf]), leaf, size, &path);
            assert_eq!(climbed.as_ref().map(hex_text).as_deref(), Some(CT_ROOTS[size - 1]));
        }
    }

    /// The same root computed level by level; an odd last node moves up unchanged.
    fn naive(leaves: &[Hash]) -> Hash {
        let mut level: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
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
        // Computed with Python's hashlib: sha256(b'\0' + leaf), sha256(b'\1' + left + right).
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
