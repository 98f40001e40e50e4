use std::sync::Arc;

use broker_model::{
    EntryBody, EntryKind, PersonId, TermsAcceptance, TermsDocument, TermsDraft, TermsId,
};
use broker_store::{Change, CommitError, Entity, StoreError, Write};
use jiff::Timestamp;
use moka::sync::Cache;

use crate::{Broker, Caller, Error, Limits, Result};

/// What people have accepted, as read lately, so that a submission costs no query.
///
/// What was accepted stays accepted, so an old answer can only lack something: nobody is refused by one
/// before it was read afresh.
#[derive(Debug)]
pub(crate) struct Accepted {
    known: Cache<PersonId, Arc<Vec<TermsAcceptance>>>,
}

impl Accepted {
    pub(crate) fn new(limits: &Limits) -> Self {
        let known = Cache::builder()
            .max_capacity(100_000)
            .time_to_live(limits.standing_ttl * 5)
            .build();
        Self { known }
    }
}

/// When somebody accepted a document as it stands, the first time if in several languages.
pub(super) fn accepted_at(
    document: &TermsDocument,
    accepted: &[TermsAcceptance],
) -> Option<Timestamp> {
    let of = |it: &&TermsAcceptance| {
        it.document == document.id
            && it.version == document.version
            && document.has_text(&it.sha256)
    };
    accepted.iter().filter(of).map(|it| it.accepted_at).min()
}

impl Broker {
    /// Accepts a document in force by the text that was read; again changes nothing and gives the first
    /// acceptance. The text itself is kept under its digest, so that it can be shown when its file is gone.
    pub async fn accept_terms(
        &self,
        caller: &Caller,
        id: &TermsId,
        read: &TermsDraft,
    ) -> Result<TermsAcceptance> {
        let document = self.terms_in_force().into_iter().find(|it| it.id == *id);
        let document = document.ok_or(Error::NotFound("terms document"))?;
        if document.version != read.version || !document.has_text(&read.digest) {
            return Err(Error::OtherTerms(document));
        }
        if let Some(first) = self.first_acceptance(caller.person, &document).await? {
            return Ok(first);
        }
        let acceptance = TermsAcceptance {
            person: caller.person,
            document: document.id.clone(),
            version: document.version.clone(),
            sha256: read.digest.clone(),
            accepted_at: self.inner.clock.now(),
        };
        let accepted = self.commit(change(&document, &acceptance)).await;
        self.forget_accepted(caller.person);
        match accepted {
            Ok(_) => {
                // A job that waits may go to one site more.
                self.inner.nudges.pending();
                Ok(acceptance)
            }
            // Two at once: the first one stands.
            Err(CommitError::Duplicate(Entity::TermsAcceptance)) => {
                let first = self.first_acceptance(caller.person, &document).await?;
                Ok(first.unwrap_or(acceptance))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// As it is stored now.
    async fn first_acceptance(
        &self,
        person: PersonId,
        document: &TermsDocument,
    ) -> Result<Option<TermsAcceptance>, StoreError> {
        self.forget_accepted(person);
        let accepted = self.terms_accepted_by(person).await?;
        let at = accepted_at(document, &accepted);
        let mut of_it = accepted.iter().filter(|it| it.document == document.id);
        Ok(at.and_then(|at| of_it.find(|it| it.accepted_at == at).cloned()))
    }

    pub(crate) fn forget_accepted(&self, person: PersonId) {
        self.inner.accepted.known.invalidate(&person);
    }

    pub(super) async fn terms_accepted_by(
        &self,
        person: PersonId,
    ) -> Result<Arc<Vec<TermsAcceptance>>, StoreError> {
        let known = &self.inner.accepted.known;
        if let Some(accepted) = known.get(&person) {
            return Ok(accepted);
        }
        let accepted = Arc::new(self.inner.store.terms_accepted_by(person).await?);
        known.insert(person, Arc::clone(&accepted));
        Ok(accepted)
    }
}

fn change(document: &TermsDocument, acceptance: &TermsAcceptance) -> Change {
    let mut entry = EntryBody::new(acceptance.accepted_at, EntryKind::TermsAccepted)
        .with("document", acceptance.document.as_str())
        .with("version", acceptance.version.clone())
        .with("text_sha256", acceptance.sha256.clone());
    entry.actor = Some(acceptance.person);
    entry.site = document.scope.site().cloned();
    let mut writes = vec![Write::AcceptTerms(Box::new(acceptance.clone()))];
    let read = { document.text.values() }.find(|it| it.digest() == acceptance.sha256);
    let body = read.and_then(|it| it.body.as_deref());
    writes.extend(body.map(|body| Write::PutBoardDocument {
        sha256: acceptance.sha256.as_str().into(),
        document: body.into(),
    }));
    Change {
        writes,
        entries: vec![entry],
    }
}
