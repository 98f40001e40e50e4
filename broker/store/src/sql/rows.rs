//! Nouns as rows. The columns beside a document are what statements look for, nothing else.

use std::sync::Arc;

use broker_model::{
    AgentKey, Allocation, AllocationId, Attempt, Balance, EnrolledAgent, GpuMillis, Invite, Job,
    JobId, Organisation, Project, RegisteredSite, Role, SiteId, SiteSnapshot, SiteState,
    TermsAcceptance, UsageRecord, WindowId,
};
use jiff::Timestamp;
use serde::Serialize;

use super::db::Cell;
use crate::{
    IdempotencyKey, LegalHold, Person, Remembered, Revocation, Session, StoreError,
    StoredCheckpoint, StoredConfirmation, StoredDecision, StoredDossier, StoredErasure,
    StoredGrant, StoredPlacement, StoredSignatoryList, Tile,
};

pub(super) type Cells = Vec<Cell>;

/// A page as the API gives it, and the row that shows whether there is another.
pub(super) const LARGEST_PAGE: u32 = 201;

/// What comes after an id, or everything: no id is before the empty text.
pub(super) fn after(id: Option<impl std::fmt::Display>) -> Cell {
    id.map_or_else(|| Cell::Text("".into()), Cell::text)
}

pub(super) fn document(table: &'static str, value: &impl Serialize) -> Result<Cell, StoreError> {
    serde_json::to_string(value)
        .map(|text| Cell::Text(text.into()))
        .map_err(|e| StoreError::Database(format!("a row of {table} cannot be written: {e}")))
}

pub(super) fn time(time: Timestamp) -> Cell {
    Cell::Int(time.as_microsecond())
}

fn flag(value: bool) -> Cell {
    Cell::Int(i64::from(value))
}

pub(super) fn job(job: &Job) -> Result<Cells, StoreError> {
    Ok(vec![
        Cell::text(job.id),
        Cell::text(job.spec.project),
        Cell::Text(job.state.name().as_str().into()),
        flag(!job.state.is_final()),
        flag(!job.state.is_final() && job.cancel_requested_at.is_some()),
        Cell::maybe(job.state.partition().map(|at| &at.site)),
        Cell::maybe(job.attempt),
        Cell::Int(job.version),
        document("jobs", job)?,
    ])
}

pub(super) fn placement(placement: StoredPlacement) -> Cells {
    vec![
        Cell::text(placement.job),
        Cell::Int(placement.job_version),
        Cell::Text(placement.document.into()),
        Cell::Text(placement.inputs.into()),
    ]
}

pub(super) fn attempt(attempt: &Attempt) -> Result<Cells, StoreError> {
    Ok(vec![
        Cell::text(attempt.id),
        Cell::text(attempt.job),
        Cell::text(&attempt.partition.site),
        flag(!attempt.state.is_over()),
        flag(attempt.settled),
        Cell::text(attempt.leased_by),
        time(attempt.lease_until),
        Cell::Int(attempt.version),
        document("attempts", attempt)?,
    ])
}

pub(super) fn decision(decision: StoredDecision) -> Cells {
    vec![
        Cell::text(decision.id),
        Cell::text(decision.organisation),
        Cell::Text(decision.result.into()),
        Cell::Text(decision.policy_digest.into()),
        Cell::Text(decision.document.into()),
        time(decision.decided_at),
    ]
}

/// Without the balance: that has a row of its own, and this document must not remember another.
pub(super) fn allocation(allocation: &Allocation) -> Result<Cells, StoreError> {
    let terms = Allocation {
        balance: Balance::default(),
        ..allocation.clone()
    };
    Ok(vec![
        Cell::text(allocation.id),
        Cell::text(allocation.project),
        document("allocations", &terms)?,
    ])
}

pub(super) fn balance(id: AllocationId, balance: &Balance) -> Cells {
    vec![
        Cell::text(id),
        Cell::Int(balance.granted.0),
        Cell::Int(balance.used.0),
        Cell::Int(balance.held.0),
        Cell::Int(balance.lost.0),
    ]
}

pub(super) fn usage(usage: &UsageRecord) -> Result<Cells, StoreError> {
    Ok(vec![
        Cell::text(usage.attempt),
        Cell::text(usage.job),
        Cell::text(usage.project),
        Cell::text(&usage.share),
        Cell::text(&usage.partition.site),
        Cell::text(usage.month()),
        time(usage.ended_at),
        document("usage_records", usage)?,
        Cell::text(usage.organisation),
        Cell::Int(usage.charge.gpu.0),
        Cell::text(&usage.partition.system),
    ])
}

pub(super) fn organisation(organisation: &Organisation) -> Result<Cells, StoreError> {
    Ok(vec![
        Cell::text(organisation.id),
        Cell::maybe(organisation.domain.as_deref().map(domain)),
        document("organisations", organisation)?,
        Cell::Int(organisation.version + 1),
    ])
}

/// Domain names compare without case (RFC 4343).
pub(super) fn domain(name: &str) -> String {
    name.to_ascii_lowercase()
}

pub(super) fn dossier(dossier: StoredDossier) -> Cells {
    vec![
        Cell::Text(dossier.id.into()),
        Cell::Text(dossier.kind.into()),
        Cell::text(dossier.organisation),
        Cell::maybe(dossier.desk),
        dossier.due_at.map_or(Cell::Null, time),
        Cell::Int(dossier.version + 1),
        Cell::Text(dossier.document.into()),
    ]
}

pub(super) fn project(project: &Project) -> Result<Cells, StoreError> {
    Ok(vec![
        Cell::text(project.id),
        Cell::text(project.organisation),
        document("projects", project)?,
    ])
}

pub(super) fn person(person: Person) -> Cells {
    vec![
        Cell::text(person.id),
        Cell::Text(person.issuer.into()),
        Cell::Text(person.subject.into()),
        Cell::maybe(person.name),
        Cell::maybe(person.email),
        time(person.first_seen_at),
    ]
}

pub(super) fn grant(grant: &StoredGrant) -> Result<Cells, StoreError> {
    Ok(vec![Cell::text(grant.person), role(&grant.role)?])
}

/// A role is looked up by its whole text: equal roles have equal documents.
pub(super) fn role(role: &Role) -> Result<Cell, StoreError> {
    document("grants", role)
}

pub(super) fn session(session: Session) -> Cells {
    vec![
        Cell::Text(session.id_hash.into()),
        Cell::text(session.person),
        Cell::Text(session.principal.into()),
        Cell::maybe(session.issuer_session),
        time(session.created_at),
        time(session.expires_at),
    ]
}

pub(super) fn confirmation(stored: &StoredConfirmation) -> Result<Cells, StoreError> {
    Ok(vec![
        Cell::text(stored.confirmation.job),
        Cell::Int(stored.job_version),
        document("confirmations", &stored.confirmation)?,
    ])
}

pub(super) fn revocation(revocation: Revocation) -> Cells {
    vec![
        Cell::Text(revocation.issuer.into()),
        Cell::Text(revocation.subject.into()),
        time(revocation.issued_until),
        time(revocation.revoked_at),
        Cell::Text(revocation.reason.into()),
    ]
}

pub(super) fn legal_hold(hold: &LegalHold) -> Cells {
    vec![
        Cell::text(hold.subject),
        Cell::text(&hold.reason),
        time(hold.set_at),
    ]
}

pub(super) fn signatory_list(list: &StoredSignatoryList) -> Result<Cells, StoreError> {
    Ok(vec![
        Cell::text(list.head.as_of),
        Cell::text(&list.head.sha256),
        Cell::text(&list.head.source),
        Cell::Int(list.head.names.into()),
        time(list.head.imported_at),
        document("signatory_lists", &list.signatories)?,
    ])
}

pub(super) fn erasure(erasure: &StoredErasure) -> Cells {
    vec![
        Cell::text(erasure.person),
        erasure.asked_at.map_or(Cell::Null, time),
        erasure.erased_at.map_or(Cell::Null, time),
        flag(erasure.settled),
    ]
}

/// An invite with the version that follows the one it was read at.
pub(super) fn invite(mut invite: Invite) -> Result<(Arc<str>, Cells), StoreError> {
    invite.version += 1;
    let document = document("agent_invites", &invite)?;
    Ok(versioned(
        invite.id,
        Cell::text(&invite.site),
        invite.version,
        document,
    ))
}

pub(super) fn agent(mut agent: EnrolledAgent) -> Result<(Arc<str>, Cells), StoreError> {
    agent.version += 1;
    let document = document("agents", &agent)?;
    Ok(versioned(
        agent.id,
        Cell::text(&agent.site),
        agent.version,
        document,
    ))
}

pub(super) fn agent_key(mut key: AgentKey) -> Result<(Arc<str>, Cells), StoreError> {
    key.version += 1;
    let document = document("agent_keys", &key)?;
    Ok(versioned(
        &key.id,
        Cell::text(key.agent),
        key.version,
        document,
    ))
}

fn versioned(
    id: impl std::fmt::Display,
    parent: Cell,
    version: i64,
    document: Cell,
) -> (Arc<str>, Cells) {
    let id: Arc<str> = id.to_string().into();
    let row = vec![
        Cell::Text(Arc::clone(&id)),
        parent,
        Cell::Int(version),
        document,
    ];
    (id, row)
}

/// Neither part has a space.
pub(super) fn terms_acceptance(it: TermsAcceptance) -> Cells {
    vec![
        Cell::text(it.person),
        Cell::text(it.document),
        Cell::Text(it.version.into()),
        Cell::Text(it.sha256.into()),
        time(it.accepted_at),
    ]
}

/// Person, document, version, text.
pub(super) fn terms_id(key: [&str; 4]) -> Arc<str> {
    key.join(" ").into()
}

pub(super) fn nonce_id(key: &str, nonce: &str) -> String {
    format!("{key} {nonce}")
}

pub(super) fn remembered_id(key: &IdempotencyKey) -> String {
    format!("{} {}", key.person, key.key)
}

pub(super) fn remembered(id: Cell, answer: Remembered) -> Cells {
    vec![
        id,
        Cell::Text(answer.request_sha256.into()),
        Cell::Int(i64::from(answer.status)),
        Cell::Text(answer.body.into()),
        time(answer.created_at),
    ]
}

pub(super) fn tile(tile: &Tile) -> Cells {
    vec![
        Cell::Int(i64::from(tile.level)),
        Cell::count(tile.index),
        Cell::Bytes(tile.hashes.as_slice().into()),
    ]
}

pub(super) fn checkpoint(checkpoint: &StoredCheckpoint) -> Cells {
    vec![
        Cell::count(checkpoint.tree_size),
        Cell::text(&checkpoint.root_hex),
        Cell::text(&checkpoint.note),
        time(checkpoint.created_at),
    ]
}

pub(super) fn site_state(state: &SiteState) -> Result<Cells, StoreError> {
    Ok(vec![
        Cell::text(&state.site),
        document("site_states", state)?,
    ])
}

pub(super) fn snapshot(site: &SiteId, snapshot: &SiteSnapshot) -> Result<Cells, StoreError> {
    Ok(vec![
        Cell::text(site),
        document("site_snapshots", snapshot)?,
    ])
}

pub(super) fn registered_site(site: &RegisteredSite) -> Result<Cells, StoreError> {
    Ok(vec![
        Cell::text(&site.site.id),
        Cell::Int(site.version),
        document("registered_sites", site)?,
    ])
}

pub(super) fn window_use(job: JobId, window: WindowId, gpu: GpuMillis) -> Cells {
    vec![Cell::text(job), Cell::text(window), Cell::Int(gpu.0)]
}
