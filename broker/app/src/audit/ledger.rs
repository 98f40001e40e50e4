use broker_ledger::{
    Hash, TreeError, consistency, inclusion, partial_tiles_of, root_at,
    tiles_needed_for_consistency, tiles_needed_for_inclusion,
};
use broker_model::{JobId, Role};
use broker_store::{EntryRow, StoreError, StoredCheckpoint};

use crate::loops::fetch;
use crate::{Broker, Caller, Error, Result};

#[derive(Clone, Debug)]
pub struct EntryPage {
    pub entries: Vec<EntryRow>,
    /// The position to go on from; `None` at the end.
    pub next: Option<u64>,
}

/// That an entry is in the tree of a checkpoint.
#[derive(Clone, Debug)]
pub struct InclusionProof {
    pub entry: EntryRow,
    pub checkpoint: StoredCheckpoint,
    pub proof: Vec<Hash>,
}

/// That a later tree only appends to an earlier one.
#[derive(Clone, Debug)]
pub struct ConsistencyProof {
    pub from_root: Hash,
    pub to_root: Hash,
    pub proof: Vec<Hash>,
}

impl Caller {
    /// May read every entry: they are pseudonymous, but who runs what is still not for everybody.
    pub(crate) fn may_audit(&self) -> bool {
        self.roles
            .iter()
            .any(|role| matches!(role, Role::Operator | Role::Auditor { .. }))
    }
}

impl Broker {
    /// The newest signed tree head.
    pub async fn checkpoint(&self) -> Result<StoredCheckpoint> {
        self.inner
            .store
            .latest_checkpoint()
            .await?
            .ok_or(Error::OutsideLedger)
    }

    /// Entries from a position on, all of them for auditors, those of one job for who may see it.
    pub async fn entries(
        &self,
        caller: &Caller,
        job: Option<JobId>,
        from: u64,
        limit: u32,
    ) -> Result<EntryPage> {
        let store = &self.inner.store;
        // One more than asked for: a page that is full to the last entry has no next one.
        let most = limit.saturating_add(1);
        let mut entries = match job {
            Some(job) => {
                if !caller.may_audit() {
                    self.job(caller, job).await?;
                }
                store.entries_of(job, from.checked_sub(1), most).await?
            }
            None if caller.may_audit() => store.entries(from, most).await?,
            None => return Err(Error::Forbidden("auditor")),
        };
        let more = entries.len() > limit as usize;
        entries.truncate(limit as usize);
        let last = entries.last().filter(|_| more);
        let next = last.map(|row| row.seq + 1);
        Ok(EntryPage { entries, next })
    }

    /// Proves that an entry is in the ledger: under the newest checkpoint, or an earlier one.
    pub async fn inclusion(
        &self,
        caller: &Caller,
        seq: u64,
        tree_size: Option<u64>,
    ) -> Result<InclusionProof> {
        let store = &self.inner.store;
        let checkpoint = match tree_size {
            Some(size) => store
                .checkpoint_at(size)
                .await?
                .ok_or(Error::OutsideLedger)?,
            None => self.checkpoint().await?,
        };
        let entry = store
            .entries(seq, 1)
            .await?
            .into_iter()
            .find(|row| row.seq == seq);
        let entry = entry.ok_or(Error::OutsideLedger)?;
        match entry.job {
            _ if caller.may_audit() => {}
            Some(job) => {
                self.job(caller, job).await?;
            }
            None => return Err(Error::NotFound("entry")),
        }
        let size = checkpoint.tree_size;
        let needed = tiles_needed_for_inclusion(seq, size).map_err(outside)?;
        let tiles = fetch(&**store, &needed).await?;
        let proof = inclusion(seq, size, &tiles).map_err(outside)?;
        Ok(InclusionProof {
            entry,
            checkpoint,
            proof,
        })
    }

    /// Proves that the tree of `to` entries begins with the tree of `from` entries.
    pub async fn consistency(&self, from: u64, to: u64) -> Result<ConsistencyProof> {
        if from > to || to > self.checkpoint().await?.tree_size {
            return Err(Error::OutsideLedger);
        }
        let mut needed = tiles_needed_for_consistency(from, to).map_err(outside)?;
        needed.extend(partial_tiles_of(from));
        needed.extend(partial_tiles_of(to));
        let tiles = fetch(&*self.inner.store, &needed).await?;
        Ok(ConsistencyProof {
            from_root: root_at(from, &tiles).map_err(outside)?,
            to_root: root_at(to, &tiles).map_err(outside)?,
            proof: consistency(from, to, &tiles).map_err(outside)?,
        })
    }
}

/// A question about what the tree does not have is the caller's mistake; a tile that should be there
/// and is not is damage.
pub(super) fn outside(error: TreeError) -> Error {
    match error {
        TreeError::IndexBeyondTree { .. } | TreeError::OldBeyondNew { .. } => Error::OutsideLedger,
        error => Error::Store(StoreError::Unreadable {
            table: "ledger_tiles",
            reason: error.to_string(),
        }),
    }
}
