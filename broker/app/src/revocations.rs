//! Taking back what somebody was given: tokens issued and sessions opened until a time no longer
//! count, in every replica and after every restart.

use broker_model::{EntryBody, EntryKind, PersonId, Principal};
use broker_store::{Change, Revocation, Write};
use jiff::Timestamp;

use crate::{Broker, Result};

/// Whose access ends, and why.
#[derive(Clone, Debug)]
pub struct RevocationOrder {
    pub issuer: String,
    /// As `whoami` shows it, after the issuer's claim map.
    pub subject: String,
    /// Kept for operators; in no ledger entry.
    pub reason: String,
    /// Nothing that is issued before this counts either; without it a new sign-in does.
    pub until: Option<Timestamp>,
}

/// What [`Broker::revoke`] did.
#[derive(Clone, Debug)]
pub struct Revoking {
    pub revocation: Revocation,
    /// The pseudonym in the ledger.
    pub person: PersonId,
    /// Nobody with this subject was ever here: perhaps it is misspelt.
    pub first_seen: bool,
}

impl Broker {
    /// Revokes what a person has. Again means anew: what was issued since then ends too.
    pub async fn revoke(&self, order: RevocationOrder) -> Result<Revoking> {
        let known = self.known(&order.issuer, &order.subject).await?;
        let stranger = Principal::stranger(&order.issuer, &order.subject);
        let person = self.person(&stranger).await?;
        let now = self.inner.clock.now();
        let revocation = Revocation {
            issuer: order.issuer,
            subject: order.subject,
            issued_until: order.until.map_or(now, |until| until.max(now)),
            revoked_at: now,
            reason: order.reason,
        };
        let mut entry = EntryBody::new(now, EntryKind::AccessRevoked)
            .with("issued_until", revocation.issued_until.to_string());
        entry.actor = Some(person);
        self.commit(Change {
            writes: vec![Write::PutRevocation(Box::new(revocation.clone()))],
            entries: vec![entry],
        })
        .await?;
        Ok(Revoking {
            revocation,
            person,
            first_seen: known.is_none(),
        })
    }

    /// Lifts a revocation: what it ended counts again if it has not expired. `false` where there is none.
    pub async fn restore(&self, issuer: &str, subject: &str) -> Result<bool> {
        let stored = self.inner.store.find_revocation(issuer, subject).await?;
        if stored.is_none() {
            return Ok(false);
        }
        let mut entry = EntryBody::new(self.inner.clock.now(), EntryKind::AccessRestored);
        entry.actor = self.known(issuer, subject).await?;
        let write = Write::RemoveRevocation {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
        };
        self.commit(Change {
            writes: vec![write],
            entries: vec![entry],
        })
        .await?;
        Ok(true)
    }

    /// All that are in force, as they are stored now.
    pub async fn revocations(&self) -> Result<Vec<Revocation>> {
        Ok(self.inner.store.revocations().await?)
    }

    /// Whether what this person was given at a time no longer counts.
    pub async fn is_revoked(&self, principal: &Principal, given_at: Timestamp) -> Result<bool> {
        let (issuer, subject) = (&principal.issuer, &principal.subject);
        let stored = self.inner.store.find_revocation(issuer, subject).await?;
        Ok(stored.is_some_and(|revocation| given_at <= revocation.issued_until))
    }

    async fn known(&self, issuer: &str, subject: &str) -> Result<Option<PersonId>> {
        let person = self.inner.store.person_by_subject(issuer, subject).await?;
        Ok(person.map(|person| person.id))
    }
}
