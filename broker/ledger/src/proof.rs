//! Which subtrees a proof consists of (RFC 9162 sections 2.1.3.1 and 2.1.4.1), apart from where their
//! hashes come from: so a caller can fetch the tiles first and build the proof after.

use std::collections::BTreeSet;

use crate::hash::Hash;
use crate::tile::{Node, Range, TileSource, TreeError, nodes_of};

/// The tiles that [`inclusion`] reads, as (level, index), each once.
pub fn tiles_needed_for_inclusion(index: u64, size: u64) -> Result<Vec<(u8, u64)>, TreeError> {
    Ok(tiles_of(&inclusion_path(index, size)?))
}

/// The tiles that [`consistency`] reads, as (level, index), each once.
pub fn tiles_needed_for_consistency(old: u64, new: u64) -> Result<Vec<(u8, u64)>, TreeError> {
    Ok(tiles_of(&consistency_path(old, new)?))
}

/// Proves that entry `index` is in the tree of `size` entries.
pub fn inclusion(index: u64, size: u64, tiles: &impl TileSource) -> Result<Vec<Hash>, TreeError> {
    hashes(inclusion_path(index, size)?, tiles)
}

/// Proves that the tree of `new` entries begins with all entries of the tree of `old`.
///
/// Empty when the sizes are equal, and when `old` is 0: every tree begins with the empty one.
pub fn consistency(old: u64, new: u64, tiles: &impl TileSource) -> Result<Vec<Hash>, TreeError> {
    hashes(consistency_path(old, new)?, tiles)
}

fn inclusion_path(index: u64, size: u64) -> Result<Vec<Range>, TreeError> {
    if index >= size {
        return Err(TreeError::IndexBeyondTree { index, size });
    }
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(Range { from: middle, to });
            to = middle;
        } else {
            path.push(Range { from, to: middle });
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

fn consistency_path(old: u64, new: u64) -> Result<Vec<Range>, TreeError> {
    if old > new {
        return Err(TreeError::OldBeyondNew { old, new });
    }
    if old == 0 {
        return Ok(Vec::new());
    }
    let (mut from, mut to) = (0, new);
    let mut path = Vec::new();
    while old != to {
        let middle = from + split(to - from);
        if old <= middle {
            path.push(Range { from: middle, to });
            to = middle;
        } else {
            path.push(Range { from, to: middle });
            from = middle;
        }
    }
    // Where the old tree is a subtree by itself, its root is known to whoever verifies.
    if from != 0 {
        path.push(Range { from, to });
    }
    path.reverse();
    Ok(path)
}

/// The largest power of two below `length`, which is at least 2.
fn split(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}

fn tiles_of(path: &[Range]) -> Vec<(u8, u64)> {
    let tiles: BTreeSet<_> = path
        .iter()
        .flat_map(|range| nodes_of(*range))
        .map(Node::tile)
        .collect();
    tiles.into_iter().collect()
}

fn hashes(path: Vec<Range>, tiles: &impl TileSource) -> Result<Vec<Hash>, TreeError> {
    path.into_iter().map(|range| range.hash(tiles)).collect()
}
