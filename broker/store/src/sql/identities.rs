use async_trait::async_trait;
use broker_model::{PersonId, Role, TermsAcceptance};
use jiff::Timestamp;

use super::SqlStore;
use super::committer::Forgettable;
use super::db::Kind::{self, Int, Text};
use super::db::{Cell, Row, Select};
use super::rows;
use crate::{Identities, Person, Revocation, Session, StoreError};

const PERSON: Select = Select::new(
    "persons",
    "SELECT id, issuer, subject, name, email, first_seen_at_us FROM persons WHERE id = $1",
    &[Text, Text, Text, Text, Text, Int],
);
const BY_SUBJECT: Select = Select::new(
    "persons",
    "SELECT id, issuer, subject, name, email, first_seen_at_us FROM persons \
     WHERE subject = $1 AND issuer = $2",
    &[Text, Text, Text, Text, Text, Int],
);
const GRANTS: Select = Select::new(
    "grants",
    "SELECT role FROM grants WHERE person_id = $1 ORDER BY role",
    &[Text],
);
pub(super) const HOLDERS: Select = Select::new(
    "grants",
    "SELECT person_id FROM grants WHERE role = $1 ORDER BY person_id",
    &[Text],
);
const SESSION: Select = Select::new(
    "sessions",
    "SELECT id_hash, person_id, principal, issuer_session, created_at_us, expires_at_us \
     FROM sessions WHERE id_hash = $1 AND expires_at_us > $2",
    &[Text, Text, Text, Text, Int, Int],
);

const REVOCATIONS: Select = Select::new(
    "revocations",
    "SELECT issuer, subject, issued_until_us, revoked_at_us, reason FROM revocations \
     ORDER BY issuer, subject",
    REVOCATION_COLUMNS,
);
const REVOCATION: Select = Select::new(
    "revocations",
    "SELECT issuer, subject, issued_until_us, revoked_at_us, reason FROM revocations \
     WHERE issuer = $1 AND subject = $2",
    REVOCATION_COLUMNS,
);
const TERMS: Select = Select::new(
    "terms_acceptances",
    "SELECT person_id, document, version, text_sha256, accepted_at_us FROM terms_acceptances \
     WHERE person_id = $1 ORDER BY document, version, text_sha256",
    &[Text, Text, Text, Text, Int],
);
const REVOCATION_COLUMNS: &[Kind] = &[Text, Text, Int, Int, Text];

#[async_trait]
impl Identities for SqlStore {
    async fn find_person(&self, id: PersonId) -> Result<Option<Person>, StoreError> {
        let row = self.row(&PERSON, &[Cell::text(id)]).await?;
        row.as_ref().map(person).transpose()
    }

    async fn person_by_subject(
        &self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<Person>, StoreError> {
        let args = [Cell::text(subject), Cell::text(issuer)];
        let row = self.row(&BY_SUBJECT, &args).await?;
        row.as_ref().map(person).transpose()
    }

    async fn grants_of(&self, person: PersonId) -> Result<Vec<Role>, StoreError> {
        self.documents(&GRANTS, &[Cell::text(person)]).await
    }

    async fn holders_of(&self, role: &Role) -> Result<Vec<PersonId>, StoreError> {
        let rows = self.rows(&HOLDERS, &[rows::role(role)?]).await?;
        rows.iter().map(|row| row.parse(0)).collect()
    }

    async fn find_session(
        &self,
        id_hash: &str,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let args = [Cell::text(id_hash), rows::time(now)];
        let row = self.row(&SESSION, &args).await?;
        row.as_ref().map(session).transpose()
    }

    async fn forget_sessions(&self, expired_before: Timestamp) -> Result<u64, StoreError> {
        self.forget(Forgettable::Sessions, expired_before).await
    }

    async fn revocations(&self) -> Result<Vec<Revocation>, StoreError> {
        let rows = self.rows(&REVOCATIONS, &[]).await?;
        rows.iter().map(revocation).collect()
    }

    async fn find_revocation(
        &self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<Revocation>, StoreError> {
        let args = [Cell::text(issuer), Cell::text(subject)];
        let row = self.row(&REVOCATION, &args).await?;
        row.as_ref().map(revocation).transpose()
    }

    async fn terms_accepted_by(
        &self,
        person: PersonId,
    ) -> Result<Vec<TermsAcceptance>, StoreError> {
        let rows = self.rows(&TERMS, &[Cell::text(person)]).await?;
        rows.iter().map(terms_acceptance).collect()
    }
}

fn terms_acceptance(row: &Row) -> Result<TermsAcceptance, StoreError> {
    Ok(TermsAcceptance {
        person: row.parse(0)?,
        document: row.parse(1)?,
        version: row.text(2)?.to_owned(),
        sha256: row.text(3)?.to_owned(),
        accepted_at: row.time(4)?,
    })
}

pub(super) fn session(row: &Row) -> Result<Session, StoreError> {
    Ok(Session {
        id_hash: row.text(0)?.to_owned(),
        person: row.parse(1)?,
        principal: row.text(2)?.to_owned(),
        issuer_session: row.text_or_null(3)?.map(str::to_owned),
        created_at: row.time(4)?,
        expires_at: row.time(5)?,
    })
}

fn revocation(row: &Row) -> Result<Revocation, StoreError> {
    Ok(Revocation {
        issuer: row.text(0)?.to_owned(),
        subject: row.text(1)?.to_owned(),
        issued_until: row.time(2)?,
        revoked_at: row.time(3)?,
        reason: row.text(4)?.to_owned(),
    })
}

fn person(row: &Row) -> Result<Person, StoreError> {
    Ok(Person {
        id: row.parse(0)?,
        issuer: row.text(1)?.to_owned(),
        subject: row.text(2)?.to_owned(),
        name: row.text_or_null(3)?.map(str::to_owned),
        email: row.text_or_null(4)?.map(str::to_owned),
        first_seen_at: row.time(5)?,
    })
}
