use broker_store::{Change, Write};

use crate::{Broker, MOST_AT_ONCE, Result};

impl Broker {
    /// Takes files out of the object store whose evidence is gone. What other evidence names under the same
    /// digest stays. A file that is deleted twice is deleted: a crash in between leaves nothing half done.
    pub(super) async fn remove_files_once(&self) -> Result<()> {
        loop {
            let doomed = self.inner.store.file_removals(MOST_AT_ONCE).await?;
            let is_last = doomed.len() < MOST_AT_ONCE as usize;
            for sha256 in doomed {
                self.remove_file(sha256).await?;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    async fn remove_file(&self, sha256: String) -> Result<()> {
        let is_named = async || Ok(!self.dossiers_naming(&sha256).await?.is_empty());
        if !is_named().await? {
            // Evidence that is handed in at this moment may name it once it is gone.
            self.files()?.delete_unless(&sha256, is_named).await?;
        }
        let write = Write::RemoveFileRemoval { sha256 };
        self.commit(Change {
            writes: vec![write],
            entries: Vec::new(),
        })
        .await?;
        Ok(())
    }
}
