use broker_model::{EntryBody, EntryKind};
use broker_store::{Change, CommitError, Person, StoredErasure, Write};

use super::plan::orphaned;
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
            match self.put_wish(person, true).await {
                // They were erased at this moment: that stays as it is.
                Err(Error::Contended) => {}
                asked => return asked,
            }
        }
        Err(Error::Contended)
    }

    /// Takes that wish back, while nobody has carried it out.
    pub async fn withdraw_erasure(&self, caller: &Caller) -> Result<StoredErasure> {
        for _ in 0..TRIES {
            let person = self.inner.store.find_person(caller.person).await?;
            let person = person.ok_or(Error::NotFound("person"))?;
            let known = self.inner.store.find_erasure(caller.person).await?;
            if !known.is_some_and(|it| it.asked_at.is_some() && it.erased_at.is_none()) {
                let words = "no request to be erased is with the operators";
                return Err(Error::NotWaiting(words.to_owned()));
            }
            match self.put_wish(person, false).await {
                Err(Error::Contended) => {}
                withdrawn => return withdrawn,
            }
        }
        Err(Error::Contended)
    }

    /// What nobody would answer for any more once the caller is erased: what they alone lead or speak for.
    pub async fn left_by_erasure(&self, caller: &Caller) -> Result<Vec<String>> {
        let store = &self.inner.store;
        let mut left = Vec::new();
        for role in store.grants_of(caller.person).await? {
            let holders = store.holders_of(&role).await?;
            left.extend(orphaned(&role, &holders, caller.person));
        }
        Ok(left)
    }

    async fn put_wish(&self, person: Person, is_wished: bool) -> Result<StoredErasure> {
        let now = self.inner.clock.now();
        let asked = StoredErasure {
            person: person.id,
            asked_at: is_wished.then_some(now),
            erased_at: None,
            // Nothing of who stays waits for anything.
            settled: !is_wished,
        };
        let kind = if is_wished {
            EntryKind::ErasureRequested
        } else {
            EntryKind::ErasureWithdrawn
        };
        let mut entry = EntryBody::new(now, kind);
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
