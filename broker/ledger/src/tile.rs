//! Where the hashes of complete subtrees lie in tiles, and reading them from there.
//!
//! Level `n` of the tiles holds the roots of complete subtrees of 256^n leaves, in runs of 256. A
//! complete subtree of 2^h leaves is therefore 2^(h mod 8) neighbours of one tile at level h / 8.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use crate::frontier::fold;
use crate::hash::{Hash, empty_root, node_hash};

/// Hashes in a full tile.
pub const TILE_WIDTH: u64 = 256;

/// A tile's place and its hashes, 32 bytes each, 256 of them or fewer at the right edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileHashes {
    pub level: u8,
    pub index: u64,
    pub hashes: Vec<u8>,
}

/// Tiles that the caller has fetched. A tile may be wider than the size in question needs.
pub trait TileSource {
    fn hashes(&self, level: u8, index: u64) -> Option<&[u8]>;
}

impl<S: BuildHasher> TileSource for HashMap<(u8, u64), Vec<u8>, S> {
    fn hashes(&self, level: u8, index: u64) -> Option<&[u8]> {
        self.get(&(level, index)).map(Vec::as_slice)
    }
}

impl TileSource for BTreeMap<(u8, u64), Vec<u8>> {
    fn hashes(&self, level: u8, index: u64) -> Option<&[u8]> {
        self.get(&(level, index)).map(Vec::as_slice)
    }
}

impl FromIterator<TileHashes> for BTreeMap<(u8, u64), Vec<u8>> {
    fn from_iter<I: IntoIterator<Item = TileHashes>>(tiles: I) -> Self {
        tiles
            .into_iter()
            .map(|tile| ((tile.level, tile.index), tile.hashes))
            .collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    #[error("there is no entry {index} in a tree of {size}")]
    IndexBeyondTree { index: u64, size: u64 },
    #[error("a tree of {old} entries cannot have grown into one of {new}")]
    OldBeyondNew { old: u64, new: u64 },
    #[error("tile {index} of level {level} is missing; fetch it before asking")]
    TileMissing { level: u8, index: u64 },
    #[error(
        "tile {index} of level {level} has {found} bytes where {expected} are needed; \
         the stored tree and its size disagree"
    )]
    TileWidth {
        level: u8,
        index: u64,
        expected: usize,
        found: usize,
    },
    #[error("a tree of {size} entries cannot grow by {added}")]
    TooLarge { size: u64, added: usize },
}

/// The partial tiles of a tree, one at most for each level: what growing and its root need.
pub fn partial_tiles_of(size: u64) -> Vec<(u8, u64)> {
    (0..8)
        .map(|level| (level, size >> (8 * u32::from(level))))
        .filter(|(_, hashes)| hashes % TILE_WIDTH != 0)
        .map(|(level, hashes)| (level, hashes / TILE_WIDTH))
        .collect()
}

/// The root that the tree had at `size`; needs the tiles of [`partial_tiles_of`].
pub fn root_at(size: u64, tiles: &impl TileSource) -> Result<Hash, TreeError> {
    Range { from: 0, to: size }.hash(tiles)
}

/// Leaves `from..to` of a subtree that RFC 6962 hashes as one: `from` is aligned to its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl Range {
    pub(crate) fn hash(self, tiles: &impl TileSource) -> Result<Hash, TreeError> {
        let peaks: Vec<Hash> = nodes_of(self)
            .into_iter()
            .map(|node| node.hash(tiles))
            .collect::<Result<_, _>>()?;
        Ok(fold(&peaks).unwrap_or_else(empty_root))
    }
}

/// A complete subtree of 2^height leaves, the `index`-th of that height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    height: u32,
    index: u64,
}

/// The complete subtrees of a range, left to right, each smaller than the one before.
pub(crate) fn nodes_of(range: Range) -> Vec<Node> {
    let length = range.to - range.from;
    let mut from = range.from;
    let mut nodes = Vec::new();
    for height in (0..u64::BITS).rev() {
        if length >> height & 1 == 1 {
            nodes.push(Node {
                height,
                index: from >> height,
            });
            from += 1 << height;
        }
    }
    nodes
}

impl Node {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a height is below 64, so the level is below 8"
    )]
    pub(crate) fn tile(self) -> (u8, u64) {
        ((self.height / 8) as u8, self.first() / TILE_WIDTH)
    }

    pub(crate) fn hash(self, tiles: &impl TileSource) -> Result<Hash, TreeError> {
        let (level, index) = self.tile();
        let hashes = tiles
            .hashes(level, index)
            .ok_or(TreeError::TileMissing { level, index })?;
        let count = 1_usize << (self.height % 8);
        let start = usize::try_from(self.first() % TILE_WIDTH).unwrap_or(0) * Hash::BYTES;
        let end = start + count * Hash::BYTES;
        let slice = hashes.get(start..end).ok_or(TreeError::TileWidth {
            level,
            index,
            expected: end,
            found: hashes.len(),
        })?;
        Ok(subtree_root(slice))
    }

    /// The position of its first hash within the level.
    fn first(self) -> u64 {
        self.index << (self.height % 8)
    }
}

/// The root over hashes whose number is a power of two.
pub(crate) fn subtree_root(bytes: &[u8]) -> Hash {
    let mut row = hashes_in(bytes);
    while row.len() > 1 {
        row = row
            .chunks_exact(2)
            .filter_map(|pair| Some(node_hash(pair.first()?, pair.last()?)))
            .collect();
    }
    row.first().copied().unwrap_or_else(empty_root)
}

pub(crate) fn hashes_in(bytes: &[u8]) -> Vec<Hash> {
    let (hashes, _) = bytes.as_chunks::<32>();
    hashes.iter().copied().map(Hash).collect()
}
