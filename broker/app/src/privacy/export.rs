use broker_model::{Dossier as _, OrganisationId, PersonId, Referral, Role, TermsAcceptance};
use broker_store::{EntryRow, Revocation, Session, StoreError, StoredDossier};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::footprint::{Footprint, is_author};
use crate::{Broker, Caller, ReferralSender, Result};

/// The name of the form; another number means that a reader of this one would go wrong.
const FORMAT: &str = "alcyone-person-export/1";

/// What is told nowhere in it, and where it is.
const NOT_INCLUDED: [&str; 3] = [
    "the logs of jobs: `alcyone logs JOB` prints one",
    "the files of evidence: `alcyone evidence file get` fetches one, by the digest that stands here",
    "dossiers of others in which the person judged or answered: only what the person said in them stands here",
];

/// Everything that is kept of a person, for themselves (GDPR Art. 15 and 20).
#[derive(Debug, Serialize)]
pub struct PersonExport {
    pub format: &'static str,
    pub made_at: Timestamp,
    /// The pseudonym: what ledger and accounts know them by.
    pub person: PersonId,
    /// Nothing once they were erased.
    pub identity: Option<ExportedIdentity>,
    pub erasure: Value,
    /// Why is not said: it may be about others.
    pub held_since: Option<Timestamp>,
    pub roles: Vec<Role>,
    pub sessions: Vec<ExportedSession>,
    pub revocations: Vec<Value>,
    /// What requests with an idempotency key were answered, while that is remembered.
    pub answers: Vec<Value>,
    /// What they handed in, each with what it used.
    pub jobs: Vec<Value>,
    pub dossiers: Vec<ExportedDossier>,
    pub confirmations: Vec<Value>,
    /// For agents of sites.
    pub invites: Vec<Value>,
    /// Texts that they accepted; as the ledger, it stays when they are erased.
    pub terms: Vec<TermsAcceptance>,
    /// Every entry that names them, by its number.
    pub ledger: Vec<Value>,
    pub not_included: [&'static str; 3],
}

#[derive(Debug, Serialize)]
pub struct ExportedIdentity {
    pub issuer: String,
    pub subject: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub first_seen_at: Timestamp,
}

/// Without what could be used as one.
#[derive(Debug, Serialize)]
pub struct ExportedSession {
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// As the issuer told who it is.
    pub signed_in: Value,
}

#[derive(Debug, Serialize)]
pub struct ExportedDossier {
    pub id: String,
    pub kind: String,
    pub organisation: OrganisationId,
    /// The whole of what they handed in, or where they are named in what others did.
    pub content: Value,
    /// What a support centre is shown, so that it can answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<ReferralSender>,
}

impl Broker {
    /// What is kept of the caller.
    pub async fn export_me(&self, caller: &Caller) -> Result<PersonExport> {
        self.export_person(caller.person).await
    }

    /// What is kept of somebody; for operators, on behalf of that person. It looks through whole tables, so
    /// one at a time is made.
    pub async fn export_person(&self, person: PersonId) -> Result<PersonExport> {
        let _turn = self.inner.exporting.acquire().await;
        let found = self.footprint(person).await?;
        let store = &self.inner.store;
        let held = self.legal_holds().await?;
        let held = held
            .iter()
            .find(|it| it.subject.to_string() == person.to_string());
        let entries = self.entries_naming(person).await?;
        Ok(PersonExport {
            format: FORMAT,
            made_at: self.inner.clock.now(),
            person,
            identity: identity(&found),
            erasure: found.erasure.map_or(
                Value::Null,
                |it| json!({ "asked_at": it.asked_at, "erased_at": it.erased_at }),
            ),
            held_since: held.map(|it| it.set_at),
            roles: found.roles.clone(),
            sessions: found.sessions.iter().filter_map(session).collect(),
            revocations: found.revocation.iter().map(revocation).collect(),
            answers: answers(&found),
            jobs: self.exported_jobs(&found).await?,
            dossiers: { found.dossiers.iter() }
                .map(|it| dossier(it, &found))
                .collect(),
            confirmations: documents(&store.confirmations_by(person).await?),
            invites: { store.invites_by(person).await? }
                .iter()
                .map(invite)
                .collect(),
            terms: store.terms_accepted_by(person).await?,
            ledger: entries.iter().map(entry).collect::<Result<_>>()?,
            not_included: NOT_INCLUDED,
        })
    }

    async fn exported_jobs(&self, found: &Footprint) -> Result<Vec<Value>> {
        let mut jobs = Vec::new();
        for job in &found.jobs {
            let usage = self.inner.store.usage_of(job.id).await?;
            jobs.push(json!({ "job": job, "usage": usage }));
        }
        Ok(jobs)
    }
}

fn identity(found: &Footprint) -> Option<ExportedIdentity> {
    let person = found.person.clone();
    (!found.is_erased()).then_some(ExportedIdentity {
        issuer: person.issuer,
        subject: person.subject,
        name: person.name,
        email: person.email,
        first_seen_at: person.first_seen_at,
    })
}

/// An anchor beside a session says nothing of anybody.
fn session(session: &Session) -> Option<ExportedSession> {
    let mut signed_in: Value = serde_json::from_str(&session.principal).ok()?;
    signed_in.as_object_mut()?.remove("sealed_id_token");
    Some(ExportedSession {
        created_at: session.created_at,
        expires_at: session.expires_at,
        signed_in,
    })
}

fn revocation(it: &Revocation) -> Value {
    json!({ "issued_until": it.issued_until, "revoked_at": it.revoked_at, "reason": it.reason })
}

fn answers(found: &Footprint) -> Vec<Value> {
    let answer =
        |body: &str| serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()));
    let told = found.answers.iter().map(|(key, it)| {
        json!({ "key": key.key, "status": it.status, "answer": answer(&it.body),
            "created_at": it.created_at })
    });
    told.collect()
}

fn documents(all: &[impl Serialize]) -> Vec<Value> {
    all.iter().map(|it| json!(it)).collect()
}

/// The key is the agent's matter.
fn invite(invite: &broker_model::Invite) -> Value {
    json!({ "id": invite.id, "site": invite.site, "note": invite.note,
        "created_at": invite.created_at, "expires_at": invite.expires_at })
}

fn entry(row: &EntryRow) -> Result<Value> {
    let body: Value = serde_json::from_str(&row.text).map_err(|error| StoreError::Unreadable {
        table: "ledger_entries",
        reason: format!("{}: {error}", row.seq),
    })?;
    Ok(json!({ "seq": row.seq, "entry": body }))
}

fn dossier(stored: &StoredDossier, found: &Footprint) -> ExportedDossier {
    let document: Value = serde_json::from_str(&stored.document).unwrap_or_default();
    let is_own = is_author(&document, found.person.id);
    let is_referral = stored.kind == Referral::KIND;
    let contact = (is_own && is_referral).then(|| ReferralSender {
        name: found.person.name.clone(),
        email: found.person.email.clone(),
    });
    let content = if is_own {
        document
    } else {
        let mut parts = Vec::new();
        collect_parts(
            &document,
            (String::new(), &found.person.id.to_string()),
            &mut parts,
        );
        Value::Array(parts)
    };
    ExportedDossier {
        id: stored.id.clone(),
        kind: stored.kind.clone(),
        organisation: stored.organisation,
        content,
        contact,
    }
}

/// The outermost objects that name somebody in a field of their own, each with where it stands. Of the dossier
/// itself, which others made, the fields alone: the rest is not about them.
fn collect_parts(value: &Value, (at, person): (String, &str), parts: &mut Vec<Value>) {
    let names = |value: &Value| value.as_str() == Some(person);
    match value {
        Value::Object(fields) if !at.is_empty() && fields.values().any(names) => {
            parts.push(json!({ "at": at, "said": value }));
        }
        Value::Object(fields) => {
            let own = fields.iter().filter(|(_, inner)| names(inner));
            let own: serde_json::Map<_, _> =
                own.map(|(key, it)| (key.clone(), it.clone())).collect();
            if !own.is_empty() {
                parts.push(json!({ "at": at, "said": own }));
            }
            for (key, inner) in fields {
                collect_parts(inner, (format!("{at}/{key}"), person), parts);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                collect_parts(inner, (format!("{at}/{index}"), person), parts);
            }
        }
        _ => {}
    }
}
