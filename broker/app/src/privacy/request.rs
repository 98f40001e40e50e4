use broker_model::{EntryBody, EntryKind};
use broker_store::{Change, StoredErasure, Write};

use crate::{Broker, Caller, Result};

impl Broker {
    /// Takes down that somebody wants to be erased (GDPR Art. 17). An operator carries it out, since jobs
    /// that run and what is held have to be looked at first. Asking again changes nothing.
    pub async fn request_erasure(&self, caller: &Caller) -> Result<StoredErasure> {
        let known = self.inner.store.find_erasure(caller.person).await?;
        if let Some(known) = known.filter(|it| it.asked_at.is_some()) {
            return Ok(known);
        }
        let now = self.inner.clock.now();
        let asked = StoredErasure {
            person: caller.person,
            asked_at: Some(now),
            erased_at: None,
            settled: false,
        };
        let mut entry = EntryBody::new(now, EntryKind::ErasureRequested);
        entry.actor = Some(caller.person);
        self.commit(Change {
            writes: vec![Write::PutErasure(asked)],
            entries: vec![entry],
        })
        .await?;
        Ok(asked)
    }

    /// Who asked to be erased and was not yet, by their id. The law gives a month (GDPR Art. 12(3)).
    pub async fn erasure_requests(&self) -> Result<Vec<StoredErasure>> {
        let mut open = self.inner.store.open_erasures().await?;
        open.retain(|it| it.asked_at.is_some() && it.erased_at.is_none());
        Ok(open)
    }
}
