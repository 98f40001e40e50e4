use crate::hash::{Hash, empty_root, node_hash};
use crate::tile::{Range, TileSource, TreeError, nodes_of};

/// The right edge of the tree: enough to append and to give the root, at most 64 hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Roots of the complete subtrees, largest first: one for each one-bit of `size`.
    peaks: Vec<Hash>,
}

impl Frontier {
    pub fn new() -> Self {
        Self::default()
    }

    /// `None` when the number of peaks is not the number of one-bits of `size`.
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        let expected = usize::try_from(size.count_ones()).ok()?;
        (peaks.len() == expected).then_some(Self { size, peaks })
    }

    /// The frontier that the tree had at `size`; needs the tiles of [`crate::partial_tiles_of`].
    pub fn from_tiles(size: u64, tiles: &impl TileSource) -> Result<Self, TreeError> {
        let peaks = nodes_of(Range { from: 0, to: size })
            .into_iter()
            .map(|node| node.hash(tiles))
            .collect::<Result<_, _>>()?;
        Ok(Self { size, peaks })
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(&left, &hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    pub fn root(&self) -> Hash {
        fold(&self.peaks).unwrap_or_else(empty_root)
    }
}

/// The root over neighbouring complete subtrees, largest first.
pub(crate) fn fold(peaks: &[Hash]) -> Option<Hash> {
    let (last, rest) = peaks.split_last()?;
    let join = |right: Hash, left: &Hash| node_hash(left, &right);
    Some(rest.iter().rev().fold(*last, join))
}
