use std::collections::BTreeSet;

use broker_model::{EntryBody, EntryKind, HoldSubject, OrganisationId, PersonId, checked_reason};
use broker_store::{Change, LegalHold, Write};
use jiff::Timestamp;

use crate::replay::digest;
use crate::{Broker, Error, Result};

/// Whom something is held for, as it was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Held(BTreeSet<HoldSubject>);

impl Held {
    pub(super) fn person(&self, id: PersonId) -> bool {
        self.0.contains(&HoldSubject::Person(id))
    }

    pub(super) fn organisation(&self, id: OrganisationId) -> bool {
        self.0.contains(&HoldSubject::Organisation(id))
    }

    /// Whether a document speaks of somebody who is held.
    pub(super) fn names_one(&self, document: &str) -> bool {
        let people = self
            .0
            .iter()
            .filter(|it| matches!(it, HoldSubject::Person(_)));
        people
            .map(ToString::to_string)
            .any(|id| document.contains(&id))
    }
}

impl Broker {
    /// Keeps all that belongs to somebody from being erased, however old it is. Again means with other
    /// words.
    pub async fn set_hold(&self, subject: HoldSubject, reason: &str) -> Result<LegalHold> {
        let reason = { checked_reason(reason) }.map_err(|it| Error::Invalid("hold", vec![it]))?;
        self.check_subject(subject).await?;
        let hold = LegalHold {
            subject,
            reason: reason.to_owned(),
            set_at: self.inner.clock.now(),
        };
        let entry = entry(hold.set_at, EntryKind::HoldSet, subject);
        let change = Change {
            writes: vec![
                Write::Claim {
                    name: name(subject),
                    holder: "hold".to_owned(),
                },
                Write::PutLegalHold(hold.clone()),
            ],
            entries: vec![entry.with("reason_sha256", digest(reason))],
        };
        self.commit(change).await?;
        Ok(hold)
    }

    /// Lets go: what is over its time goes with the next round. `false` where nothing was held.
    pub async fn lift_hold(&self, subject: HoldSubject) -> Result<bool> {
        let all = self.legal_holds().await?;
        let Some(hold) = all.into_iter().find(|it| it.subject == subject) else {
            return Ok(false);
        };
        let entry = entry(self.inner.clock.now(), EntryKind::HoldLifted, subject);
        let change = Change {
            writes: vec![
                Write::RemoveLegalHold(subject),
                Write::Unclaim {
                    name: name(subject),
                },
            ],
            entries: vec![entry.with("reason_sha256", digest(&hold.reason))],
        };
        self.commit(change).await?;
        Ok(true)
    }

    /// Every one in force.
    pub async fn legal_holds(&self) -> Result<Vec<LegalHold>> {
        Ok(self.inner.store.legal_holds().await?)
    }

    pub(super) async fn held(&self) -> Result<Held> {
        let holds = self.legal_holds().await?;
        Ok(Held(holds.into_iter().map(|it| it.subject).collect()))
    }

    async fn check_subject(&self, subject: HoldSubject) -> Result<()> {
        let store = &self.inner.store;
        let (is_there, what) = match subject {
            HoldSubject::Person(id) => (store.find_person(id).await?.is_some(), "person"),
            HoldSubject::Organisation(id) => {
                (store.find_organisation(id).await?.is_some(), "organisation")
            }
        };
        if is_there {
            Ok(())
        } else {
            Err(Error::NotFound(what))
        }
    }
}

/// The name that a hold has for as long as it stands, and an erasure for the length of its commit: of the
/// two the second is refused, whatever it has read.
fn name(subject: HoldSubject) -> String {
    format!("hold:{subject}")
}

/// What fails a change if anything of this is held by then.
pub(super) fn unheld(subject: HoldSubject) -> [Write; 2] {
    let name = name(subject);
    let claim = Write::Claim {
        name: name.clone(),
        holder: "erasure".to_owned(),
    };
    [claim, Write::Unclaim { name }]
}

/// Everybody whom a document names by their id.
pub(super) fn people_in(document: &str) -> BTreeSet<PersonId> {
    let ids = document.split('"').filter(|it| it.starts_with("per_"));
    ids.filter_map(|it| it.parse().ok()).collect()
}

fn entry(at: Timestamp, kind: EntryKind, subject: HoldSubject) -> EntryBody {
    let mut entry = EntryBody::new(at, kind);
    match subject {
        HoldSubject::Person(id) => entry.actor = Some(id),
        HoldSubject::Organisation(id) => entry.organisation = Some(id),
    }
    entry
}
