use std::collections::BTreeMap;

use broker_ledger::{
    Checkpoint, Grown, Hash, PartialTiles, Signer, TileHashes, TreeError, grow, leaf_hash,
    partial_tiles_of, root_at,
};
use broker_store::{CommitError, Entity, SealedBatch, Store, StoreError, StoredCheckpoint, Tile};

use crate::Broker;

/// Entries read and hashed at once; the rest waits for the next round.
const AT_ONCE: u32 = 4096;

/// Signs tree heads. The key never leaves the process and is no site's.
#[derive(Debug)]
pub struct Sealer {
    signer: Signer,
}

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored tiles do not belong to the stored checkpoint: damage, or somebody wrote to them.
    #[error("the stored tree is damaged")]
    Tree(#[from] TreeError),
    /// The stored tiles do not hash to the root that was signed: nothing may be built on them.
    #[error("the stored tree of {size} entries has another root than its checkpoint")]
    Forked { size: u64 },
}

impl Sealer {
    pub const fn new(signer: Signer) -> Self {
        Self { signer }
    }

    /// The ledger's name in every checkpoint, which is the key's: `alcyone.example.eu/ledger`.
    pub fn origin(&self) -> &str {
        self.signer.name()
    }

    pub fn verifier_key(&self) -> String {
        self.signer.verifier().to_string()
    }
}

impl Broker {
    /// Takes committed entries into the tree and signs its new head, until none is left. Returns the
    /// size of the newest checkpoint. Several replicas may try; one wins, the others look again.
    pub async fn seal_once(&self, sealer: &Sealer) -> Result<u64, SealError> {
        loop {
            let store = &*self.inner.store;
            let from = store.latest_checkpoint().await?;
            let from_size = from.as_ref().map_or(0, |checkpoint| checkpoint.tree_size);
            let rows = store.entries(from_size, AT_ONCE).await?;
            if rows.is_empty() {
                return Ok(from_size);
            }
            let leaves: Vec<Hash> = rows
                .iter()
                .map(|row| leaf_hash(row.text.as_bytes()))
                .collect();
            let grown = match grown(store, from_size, from.as_ref(), &leaves).await {
                // Another replica sealed between the reads: the tiles are those of its checkpoint.
                Err(SealError::Tree(_)) if store.latest_checkpoint().await? != from => continue,
                grown => grown?,
            };
            match store.seal(self.batch(sealer, from_size, grown)).await {
                Ok(()) | Err(CommitError::Conflict(Entity::Checkpoint)) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
                Err(error) => return Err(StoreError::Database(error.to_string()).into()),
            }
        }
    }

    fn batch(&self, sealer: &Sealer, from_size: u64, grown: Grown) -> SealedBatch {
        let checkpoint = Checkpoint {
            origin: sealer.origin().to_owned(),
            size: grown.size,
            root: grown.root,
        };
        SealedBatch {
            from_size,
            tiles: grown
                .tiles
                .into_iter()
                .map(|tile| Tile {
                    level: tile.level,
                    index: tile.index,
                    hashes: tile.hashes,
                })
                .collect(),
            checkpoint: StoredCheckpoint {
                tree_size: grown.size,
                root_hex: grown.root.to_string(),
                note: checkpoint.sign(&sealer.signer),
                created_at: self.inner.clock.now(),
            },
        }
    }
}

async fn grown(
    store: &dyn Store,
    size: u64,
    signed: Option<&StoredCheckpoint>,
    leaves: &[Hash],
) -> Result<Grown, SealError> {
    let edge = edge(store, size, signed).await?;
    Ok(grow(edge, size, leaves)?)
}

/// The right edge of the stored tree, checked against the root that was signed for it.
async fn edge(
    store: &dyn Store,
    size: u64,
    signed: Option<&StoredCheckpoint>,
) -> Result<PartialTiles, SealError> {
    let tiles = fetch(store, &partial_tiles_of(size)).await?;
    if let Some(signed) = signed
        && root_at(size, &tiles)?.to_string() != signed.root_hex
    {
        return Err(SealError::Forked { size });
    }
    let tiles = tiles
        .into_iter()
        .map(|((level, index), hashes)| TileHashes {
            level,
            index,
            hashes,
        })
        .collect();
    Ok(PartialTiles(tiles))
}

/// Fetches tiles; one that is not there is left out, and whoever needs it says so.
pub(crate) async fn fetch(
    store: &dyn Store,
    needed: &[(u8, u64)],
) -> Result<BTreeMap<(u8, u64), Vec<u8>>, StoreError> {
    let mut tiles = BTreeMap::new();
    for (level, index) in needed {
        if let Some(tile) = store.find_tile(*level, *index).await? {
            tiles.insert((*level, *index), tile.hashes);
        }
    }
    Ok(tiles)
}
