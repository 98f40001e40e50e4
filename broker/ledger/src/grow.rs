use crate::frontier::fold;
use crate::hash::{Hash, empty_root};
use crate::tile::{TILE_WIDTH, TileHashes, TreeError, partial_tiles_of, subtree_root};

/// The right edge of a stored tree: the tiles of [`partial_tiles_of`] its size, in any order.
#[derive(Clone, Debug, Default)]
pub struct PartialTiles(pub Vec<TileHashes>);

/// What changed by growing, and the new head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grown {
    /// Tiles that are new or longer than before; write them over the old ones.
    pub tiles: Vec<TileHashes>,
    pub size: u64,
    pub root: Hash,
}

/// Appends leaf hashes to a tree of `from_size`.
///
/// Refuses partial tiles that are missing or do not have exactly the width that `from_size` gives
/// them: they belong to another state of the tree, and building on them would fork the ledger.
pub fn grow(existing: PartialTiles, from_size: u64, leaves: &[Hash]) -> Result<Grown, TreeError> {
    let size = u64::try_from(leaves.len())
        .ok()
        .and_then(|added| from_size.checked_add(added))
        .ok_or(TreeError::TooLarge {
            size: from_size,
            added: leaves.len(),
        })?;
    let mut edge = Edge::open(existing, from_size)?;
    for leaf in leaves {
        edge.push(*leaf);
    }
    let root = edge.root();
    Ok(Grown {
        tiles: edge.into_changed(),
        size,
        root,
    })
}

struct Edge {
    /// The tile that is being filled, by level.
    open: Vec<OpenTile>,
    full: Vec<TileHashes>,
}

struct OpenTile {
    index: u64,
    hashes: Vec<u8>,
    changed: bool,
}

const TILE_BYTES: usize = 256 * Hash::BYTES;

impl Edge {
    fn open(existing: PartialTiles, size: u64) -> Result<Self, TreeError> {
        let mut tiles = existing.0;
        let needed = partial_tiles_of(size);
        let levels = needed.last().map_or(0, |(level, _)| level + 1);
        let open = (0..levels)
            .map(|level| {
                let hashes = size >> (8 * u32::from(level));
                OpenTile::take(&mut tiles, level, hashes)
            })
            .collect::<Result<_, _>>()?;
        let mut edge = Self {
            open,
            full: Vec::new(),
        };
        edge.open_empty_levels(size);
        Ok(edge)
    }

    /// Levels above the last partial tile, whose tiles are all full.
    fn open_empty_levels(&mut self, size: u64) {
        for level in self.open.len()..8 {
            let hashes = size >> (8 * level);
            if hashes == 0 {
                break;
            }
            self.open.push(OpenTile::empty(hashes / TILE_WIDTH));
        }
    }

    fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for level in 0..8_u8 {
            if self.open.len() == usize::from(level) {
                self.open.push(OpenTile::empty(0));
            }
            let Some(tile) = self.open.get_mut(usize::from(level)) else {
                return;
            };
            tile.hashes.extend_from_slice(hash.as_bytes());
            tile.changed = true;
            if tile.hashes.len() < TILE_BYTES {
                return;
            }
            hash = subtree_root(&tile.hashes);
            let next = OpenTile::empty(tile.index + 1);
            let done = std::mem::replace(tile, next);
            self.full.push(done.into_tile(level));
        }
    }

    /// Complete subtrees lie in the open tiles, the smallest at level 0: so from there upwards.
    fn root(&self) -> Hash {
        let mut peaks = Vec::new();
        for tile in self.open.iter().rev() {
            peaks.extend(tile.peaks());
        }
        fold(&peaks).unwrap_or_else(empty_root)
    }

    fn into_changed(self) -> Vec<TileHashes> {
        let open = (0..)
            .zip(self.open)
            .filter(|(_, tile)| tile.changed)
            .map(|(level, tile)| tile.into_tile(level));
        self.full.into_iter().chain(open).collect()
    }
}

impl OpenTile {
    fn empty(index: u64) -> Self {
        Self {
            index,
            hashes: Vec::new(),
            changed: false,
        }
    }

    /// Takes the tile that holds the last of `hashes` hashes of a level, if it is a partial one.
    fn take(tiles: &mut Vec<TileHashes>, level: u8, hashes: u64) -> Result<Self, TreeError> {
        let index = hashes / TILE_WIDTH;
        let expected = usize::try_from(hashes % TILE_WIDTH).unwrap_or(0) * Hash::BYTES;
        if expected == 0 {
            return Ok(Self::empty(index));
        }
        let at = tiles
            .iter()
            .position(|tile| tile.level == level && tile.index == index)
            .ok_or(TreeError::TileMissing { level, index })?;
        let hashes = tiles.swap_remove(at).hashes;
        if hashes.len() != expected {
            return Err(TreeError::TileWidth {
                level,
                index,
                expected,
                found: hashes.len(),
            });
        }
        Ok(Self {
            index,
            hashes,
            changed: false,
        })
    }

    fn peaks(&self) -> Vec<Hash> {
        let width = self.hashes.len() / Hash::BYTES;
        let mut rest = self.hashes.as_slice();
        let mut peaks = Vec::new();
        for count in (0..8).rev().map(|bit| 1 << bit) {
            if width & count != 0
                && let Some((left, right)) = rest.split_at_checked(count * Hash::BYTES)
            {
                peaks.push(subtree_root(left));
                rest = right;
            }
        }
        peaks
    }

    fn into_tile(self, level: u8) -> TileHashes {
        TileHashes {
            level,
            index: self.index,
            hashes: self.hashes,
        }
    }
}
