use broker_model::{Invite, Job, PersonId, Role};
use broker_store::{
    ERASED_ISSUER, EntryRow, IdempotencyKey, Person, Remembered, Revocation, Session,
    StoredDossier, StoredErasure,
};
use serde_json::Value;

use super::holds::Held;
use crate::{Broker, Error, MOST_AT_ONCE, Result};

const ENTRIES_AT_ONCE: u32 = 1000;

/// Where somebody is spoken of, as it is stored now.
#[derive(Debug)]
pub(super) struct Footprint {
    pub(super) person: Person,
    pub(super) roles: Vec<Role>,
    pub(super) sessions: Vec<Session>,
    pub(super) answers: Vec<(IdempotencyKey, Remembered)>,
    pub(super) revocation: Option<Revocation>,
    pub(super) jobs: Vec<Job>,
    /// For agents, that they made.
    pub(super) invites: Vec<Invite>,
    /// Those that name them anywhere.
    pub(super) dossiers: Vec<StoredDossier>,
    pub(super) erasure: Option<StoredErasure>,
    pub(super) held: Held,
}

impl Footprint {
    pub(super) fn is_erased(&self) -> bool {
        self.person.issuer == ERASED_ISSUER
    }
}

/// Where each kind of dossier names who made it; who judged or answered it is none of these.
const AUTHORS: [&str; 6] = [
    "/added_by",
    "/applied_by",
    "/published_by",
    "/invited_by",
    "/set_by",
    "/legs/0/sent_by",
];

/// Whether a dossier is somebody's own: they handed it in, published it or sent it.
pub(super) fn is_author(document: &Value, person: PersonId) -> bool {
    let person = person.to_string();
    let is_theirs = |value: &Value| value.as_str() == Some(&person);
    let said = AUTHORS.iter().filter_map(|field| document.pointer(field));
    said.into_iter().any(is_theirs)
}

impl Broker {
    pub(super) async fn footprint(&self, id: PersonId) -> Result<Footprint> {
        let store = &self.inner.store;
        let person = store.find_person(id).await?;
        let person = person.ok_or(Error::NotFound("person"))?;
        Ok(Footprint {
            roles: store.grants_of(id).await?,
            sessions: store.sessions_of(id).await?,
            answers: store.remembered_of(id).await?,
            revocation: { store.find_revocation(&person.issuer, &person.subject) }.await?,
            jobs: self.jobs_owned_by(id).await?,
            invites: store.invites_by(id).await?,
            dossiers: self.dossiers_naming(&id.to_string()).await?,
            erasure: store.find_erasure(id).await?,
            held: self.held().await?,
            person,
        })
    }

    async fn jobs_owned_by(&self, person: PersonId) -> Result<Vec<Job>> {
        let mut jobs: Vec<Job> = Vec::new();
        loop {
            let after = jobs.last().map(|it| it.id);
            let page = self.inner.store.jobs_owned_by(person, after, MOST_AT_ONCE);
            let page = page.await?;
            let is_last = page.len() < MOST_AT_ONCE as usize;
            jobs.extend(page);
            if is_last {
                return Ok(jobs);
            }
        }
    }

    pub(super) async fn dossiers_naming(&self, text: &str) -> Result<Vec<StoredDossier>> {
        let mut found: Vec<StoredDossier> = Vec::new();
        loop {
            let after = found.last().map(|it| it.id.clone());
            let store = &self.inner.store;
            let page = store.dossiers_naming(text, after.as_deref(), MOST_AT_ONCE);
            let page = page.await?;
            let is_last = page.len() < MOST_AT_ONCE as usize;
            found.extend(page);
            if is_last {
                found.retain(|it| it.document.contains(text));
                return Ok(found);
            }
        }
    }

    pub(super) async fn entries_naming(&self, person: PersonId) -> Result<Vec<EntryRow>> {
        let mut entries: Vec<EntryRow> = Vec::new();
        loop {
            let from = entries.last().map_or(0, |it| it.seq + 1);
            let page = self
                .inner
                .store
                .entries_naming(person, from, ENTRIES_AT_ONCE);
            let page = page.await?;
            let is_last = page.len() < ENTRIES_AT_ONCE as usize;
            entries.extend(page);
            if is_last {
                return Ok(entries);
            }
        }
    }
}
