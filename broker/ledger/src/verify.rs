//! Checking proofs with nothing but hashes: the algorithms of RFC 9162 sections 2.1.3.2 and 2.1.4.2.

use crate::hash::{Hash, empty_root, node_hash};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("there is no entry {index} in a tree of {size}")]
    IndexBeyondTree { index: u64, size: u64 },
    #[error("a tree of {old} entries cannot have grown into one of {new}")]
    OldBeyondNew { old: u64, new: u64 },
    #[error("a proof of {found} hashes is too long or too short for trees of these sizes")]
    WrongLength { found: usize },
    #[error("the proof leads to the root {computed}, not to {expected}")]
    OtherRoot { expected: Hash, computed: Hash },
}

/// Checks that the entry with this leaf hash is number `index` of the tree with this root.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::IndexBeyondTree { index, size });
    }
    let mut walk = Walk::new(index, size - 1);
    let mut computed = *leaf;
    for sibling in proof {
        computed = match walk.step().ok_or(wrong_length(proof))? {
            Side::Left => node_hash(sibling, &computed),
            Side::Right => node_hash(&computed, sibling),
        };
    }
    walk.finished().ok_or(wrong_length(proof))?;
    same(root, &computed)
}

/// Checks that the tree with the new root begins with all entries of the one with the old root.
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    new: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::OldBeyondNew { old, new });
    }
    if old == new || old == 0 {
        return consistent_without_proof(old == new, old_root, new_root, proof);
    }
    let mut walk = Walk::new(old - 1, new - 1);
    walk.skip_right_edges();
    // An old tree of 2^k entries is a subtree of the new one; its root is left out of the proof.
    let (first, rest) = if old.is_power_of_two() {
        (old_root, proof)
    } else {
        proof.split_first().ok_or(wrong_length(proof))?
    };
    let (mut old_computed, mut new_computed) = (*first, *first);
    for sibling in rest {
        match walk.step().ok_or(wrong_length(proof))? {
            Side::Left => {
                old_computed = node_hash(sibling, &old_computed);
                new_computed = node_hash(sibling, &new_computed);
            }
            Side::Right => new_computed = node_hash(&new_computed, sibling),
        }
    }
    walk.finished().ok_or(wrong_length(proof))?;
    same(old_root, &old_computed)?;
    same(new_root, &new_computed)
}

fn consistent_without_proof(
    equal: bool,
    old_root: &Hash,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if !proof.is_empty() {
        return Err(wrong_length(proof));
    }
    let expected = if equal { *new_root } else { empty_root() };
    same(&expected, old_root)
}

fn wrong_length(proof: &[Hash]) -> ProofError {
    ProofError::WrongLength { found: proof.len() }
}

fn same(expected: &Hash, computed: &Hash) -> Result<(), ProofError> {
    if expected == computed {
        return Ok(());
    }
    Err(ProofError::OtherRoot {
        expected: *expected,
        computed: *computed,
    })
}

enum Side {
    Left,
    Right,
}

/// A node on its way up to the root: `fn` and `sn` of the RFC.
struct Walk {
    node: u64,
    last: u64,
}

impl Walk {
    fn new(node: u64, last: u64) -> Self {
        Self { node, last }
    }

    fn skip_right_edges(&mut self) {
        let shift = self.node.trailing_ones();
        self.node = self.node.checked_shr(shift).unwrap_or(0);
        self.last = self.last.checked_shr(shift).unwrap_or(0);
    }

    /// The side of the next sibling; `None` at the root, where there is none.
    fn step(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        let side = if self.node & 1 == 1 || self.node == self.last {
            while self.node & 1 == 0 && self.node != 0 {
                self.up();
            }
            Side::Left
        } else {
            Side::Right
        };
        self.up();
        Some(side)
    }

    fn up(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }

    fn finished(&self) -> Option<()> {
        (self.last == 0).then_some(())
    }
}
