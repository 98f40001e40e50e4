use broker_model::{EntryBody, EntryKind};
use broker_store::{Change, CommitError, Person, StoredErasure, Write};

use crate::{Broker, Caller, Error, Result};

const TRIES: u32 = 3;

impl Broker {
    /// Takes down that somebody wants to be erased (GDPR Art. 17). An operator carries it out, since jobs
    /// that run and what is held have to be looked at first. Asking again changes nothing.
    pub async fn request_erasure(&self, caller: &Caller) -> Result<StoredErasure> {
        for _ in 0..TRIES {
            // Before the record of their erasure: who was erased since is another row by then.
            let person = self.inner.store.find_person(caller.person).await?;
            let person = person.ok_or(Error::NotFound("person"))?;
            let known = self.inner.store.find_erasure(caller.person).await?;
            let is_done = |it: &StoredErasure| it.asked_at.is_some() || it.erased_at.is_some();
            if let Some(known) = known.filter(is_done) {
                return Ok(known);
            }
            match self.ask_for_erasure(person).await {
                // They were erased at this moment: that stays as it is.
                Err(Error::Contended) => {}
                asked => return asked,
            }
        }
        Err(Error::Contended)
    }

    async fn ask_for_erasure(&self, person: Person) -> Result<StoredErasure> {
        let now = self.inner.clock.now();
        let asked = StoredErasure {
            person: person.id,
            asked_at: Some(now),
            erased_at: None,
            settled: false,
        };
        let mut entry = EntryBody::new(now, EntryKind::ErasureRequested);
        entry.actor = Some(person.id);
        let change = Change {
            // The person as they were read fails the change once they are erased.
            writes: vec![Write::PutPerson(Box::new(person)), Write::PutErasure(asked)],
            entries: vec![entry],
        };
        match self.commit(change).await {
            Ok(_) => Ok(asked),
            Err(CommitError::Conflict(_)) => Err(Error::Contended),
            Err(error) => Err(error.into()),
        }
    }

    /// Who asked to be erased and was not yet, by their id. The law gives a month (GDPR Art. 12(3)).
    pub async fn erasure_requests(&self) -> Result<Vec<StoredErasure>> {
        let mut open = self.inner.store.open_erasures().await?;
        open.retain(|it| it.asked_at.is_some() && it.erased_at.is_none());
        Ok(open)
    }
}
