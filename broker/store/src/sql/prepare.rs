//! A change as the committer takes it: every row is written out and every entry serialized on the
//! caller's own thread, before the ledger's lock is taken.

use std::sync::Arc;

use broker_model::{
    Allocation, AllocationId, Attempt, AttemptId, EntryBody, Job, JobId, Organisation, PersonId,
    RegisteredSite, SiteId, SiteState,
};

use super::db::Cell;
use super::rows::{self, Cells};
use super::steps::{AttemptFacts, Entry, Hours, JobFacts, Step, Stream, Terms};
use super::tables::TableId;
use crate::{
    Change, ERASED_ISSUER, Entity, IdempotencyKey, LogChunkKey, Person, Remembered, StoreError,
    StoredDossier, Write,
};

#[derive(Debug, Default)]
pub(super) struct Prepared {
    pub(super) steps: Vec<Step>,
    pub(super) entries: Vec<Entry>,
    pub(super) jobs: Vec<JobId>,
    pub(super) sites: Vec<SiteId>,
    /// About how many bytes its rows have.
    pub(super) weight: usize,
}

pub(super) fn prepare(change: Change) -> Result<Prepared, StoreError> {
    let mut prepared = Prepared::default();
    for write in change.writes {
        prepared.touch(&write);
        let step = step(write)?;
        prepared.weight += step.weight();
        prepared.steps.push(step);
    }
    for entry in &change.entries {
        let entry = self::entry(entry)?;
        prepared.weight += entry.text.len() + 64;
        prepared.entries.push(entry);
    }
    Ok(prepared)
}

fn entry(body: &EntryBody) -> Result<Entry, StoreError> {
    Ok(Entry {
        job: Cell::maybe(body.job),
        text: rows::document("ledger_entries", body)?,
    })
}

#[expect(clippy::too_many_lines, reason = "one arm for each kind of write")]
fn step(write: Write) -> Result<Step, StoreError> {
    Ok(match write {
        Write::InsertJob(job) => Step::InsertJob {
            row: rows::job(&job)?,
            job: job_facts(&job),
        },
        Write::UpdateJob(job) => update_job(*job)?,
        Write::InsertPlacement(placement) => Step::InsertPlacement {
            job: placement.job,
            row: rows::placement(*placement),
        },
        Write::PutBoardDocument { sha256, document } => {
            let row = vec![Cell::Text(sha256), Cell::Text(document)];
            put(TableId::BoardDocuments, row)
        }
        Write::InsertDecision(decision) => Step::InsertDecision {
            id: decision.id,
            row: rows::decision(*decision),
        },
        Write::InsertAttempt(attempt) => Step::InsertAttempt {
            row: rows::attempt(&attempt)?,
            attempt: attempt_facts(&attempt),
        },
        Write::UpdateAttempt(attempt) => update_attempt(*attempt)?,
        Write::Hold { allocation, amount } => move_hours(allocation, Hours::Hold(amount)),
        Write::Release { allocation, amount } => move_hours(allocation, Hours::Release(amount)),
        #[rustfmt::skip]
        Write::Settle { allocation, held, used } => {
            move_hours(allocation, Hours::Settle { held, used })
        },
        #[rustfmt::skip]
        Write::Grant { allocation, from, to } => move_hours(allocation, Hours::Grant { from, to }),
        #[rustfmt::skip]
        Write::Lose { allocation, amount, at } => {
            move_hours(allocation, Hours::Lose { amount, at })
        },
        Write::Recover { allocation, amount } => move_hours(allocation, Hours::Recover(amount)),
        Write::InsertUsage(usage) => Step::InsertUsage {
            attempt: usage.attempt,
            row: rows::usage(&usage)?,
        },
        Write::Remember { key, answer } => remember(&key, answer),
        Write::PutOrganisation(it) => put_organisation(&it)?,
        Write::PutDossier(it) => put_dossier(*it),
        Write::Claim { name, holder } => claim(&name, &holder),
        Write::Unclaim { name } => Step::Unclaim { name: name.into() },
        Write::PutProject(it) => put(TableId::Projects, rows::project(&it)?),
        Write::InsertAllocation(allocation) => Step::InsertAllocation {
            id: allocation.id,
            balance: allocation.balance,
            terms: terms(&allocation),
            row: rows::allocation(&allocation)?,
        },
        Write::UpdateAllocationTerms(allocation) => Step::UpdateTerms {
            id: allocation.id,
            terms: terms(&allocation),
            row: rows::allocation(&allocation)?,
        },
        Write::PutPerson(person) => put_person(*person),
        Write::PutGrant(it) => put(TableId::Grants, rows::grant(&it)?),
        Write::RemoveGrant(it) => remove(TableId::Grants, rows::grant(&it)?),
        Write::PutRegisteredSite(site) => put_site(*site)?,
        Write::PutWindowUse { job, window, gpu } => {
            put(TableId::WindowUses, rows::window_use(job, window, gpu))
        }
        Write::CountAt { site, version } => count_at(&site, version),
        Write::RemoveWindowUse { job } => remove(TableId::WindowUses, vec![Cell::text(job)]),
        Write::PutSiteState(it) => put_site_state(*it)?,
        Write::PutSiteSnapshot { site, snapshot } => {
            put(TableId::SiteSnapshots, rows::snapshot(&site, &snapshot)?)
        }
        #[rustfmt::skip]
        Write::AppendLog { attempt, stream, offset, bytes, .. } => {
            append_log((attempt, stream.into()), offset, bytes)
        },
        Write::PutSession(it) => put(TableId::Sessions, rows::session(*it)),
        Write::RemoveSession { id_hash } => {
            remove(TableId::Sessions, vec![Cell::Text(id_hash.into())])
        }
        Write::InsertConfirmation(it) => put(TableId::Confirmations, rows::confirmation(&it)?),
        Write::PutRevocation(it) => put(TableId::Revocations, rows::revocation(*it)),
        Write::RemoveRevocation { issuer, subject } => remove_revocation(issuer, subject),
        Write::InsertInvite(it) => versioned(Entity::Invite, None, rows::invite(*it)?),
        Write::UpdateInvite(it) => versioned(Entity::Invite, Some(it.version), rows::invite(*it)?),
        Write::InsertAgent(it) => versioned(Entity::Agent, None, rows::agent(*it)?),
        Write::UpdateAgent(it) => versioned(Entity::Agent, Some(it.version), rows::agent(*it)?),
        Write::InsertAgentKey(it) => versioned(Entity::AgentKey, None, rows::agent_key(*it)?),
        Write::UpdateAgentKey(it) => {
            versioned(Entity::AgentKey, Some(it.version), rows::agent_key(*it)?)
        }
        Write::ErasePerson(id) => erase_person(id),
        Write::RemoveRemembered(key) => {
            let id = Cell::text(rows::remembered_id(&key));
            remove(TableId::Remembered, vec![id])
        }
        #[rustfmt::skip]
        Write::RemoveDossier { id, version } => {
            Step::RemoveDossier { id: id.into(), version }
        },
        Write::RemoveLog { attempt, chunks } => remove_log(attempt, &chunks),
        Write::PutLegalHold(it) => put(TableId::Holds, rows::legal_hold(&it)),
        Write::RemoveLegalHold(subject) => remove(TableId::Holds, vec![Cell::text(subject)]),
        Write::PutSignatoryList(it) => put(TableId::SignatoryLists, rows::signatory_list(&it)?),
        Write::PutErasure(it) => put(TableId::Erasures, rows::erasure(&it)),
        Write::PutFileRemoval { sha256, decided_at } => {
            let row = vec![Cell::Text(sha256.into()), rows::time(decided_at)];
            put(TableId::FileRemovals, row)
        }
        Write::RemoveFileRemoval { sha256 } => {
            remove(TableId::FileRemovals, vec![Cell::Text(sha256.into())])
        }
        Write::AcceptTerms(it) => Step::AcceptTerms {
            id: rows::terms_id([
                &it.person.to_string(),
                it.document.as_str(),
                &it.version,
                &it.sha256,
            ]),
            row: rows::terms_acceptance(*it),
        },
        Write::InsertNonce(nonce) => {
            let id: Arc<str> = rows::nonce_id(&nonce.key, &nonce.nonce).into();
            let row = vec![Cell::Text(Arc::clone(&id)), rows::time(nonce.seen_at)];
            Step::InsertNonce { id, row }
        }
    })
}

fn versioned(entity: Entity, expects: Option<i64>, (id, row): (Arc<str>, Cells)) -> Step {
    let table = match entity {
        Entity::Invite => TableId::AgentInvites,
        Entity::Agent => TableId::Agents,
        Entity::SiteCount => TableId::SiteCounts,
        Entity::Organisation => TableId::Organisations,
        Entity::Dossier => TableId::Dossiers,
        _ => TableId::AgentKeys,
    };
    Step::Versioned {
        entity,
        table,
        id,
        expects,
        row,
    }
}

fn put_organisation(organisation: &Organisation) -> Result<Step, StoreError> {
    let expects = (organisation.version > 0).then_some(organisation.version);
    let id: Arc<str> = organisation.id.to_string().into();
    let row = rows::organisation(organisation)?;
    Ok(versioned(Entity::Organisation, expects, (id, row)))
}

fn put_dossier(dossier: StoredDossier) -> Step {
    let expects = (dossier.version > 0).then_some(dossier.version);
    let id: Arc<str> = dossier.id.as_str().into();
    versioned(Entity::Dossier, expects, (id, rows::dossier(dossier)))
}

fn claim(name: &str, holder: &str) -> Step {
    let name: Arc<str> = name.into();
    let holder: Arc<str> = holder.into();
    let row = [&name, &holder].map(|it| Cell::Text(Arc::clone(it)));
    let row = row.to_vec();
    Step::Claim { name, holder, row }
}

fn count_at(site: &SiteId, version: i64) -> Step {
    let id: Arc<str> = site.as_str().into();
    let row = vec![Cell::Text(Arc::clone(&id)), Cell::Int(version + 1)];
    let expects = (version > 0).then_some(version);
    versioned(Entity::SiteCount, expects, (id, row))
}

fn put(table: TableId, row: Cells) -> Step {
    Step::Put { table, row }
}

fn remove(table: TableId, key: Cells) -> Step {
    Step::Remove { table, key }
}

fn remove_revocation(issuer: String, subject: String) -> Step {
    let key = [issuer, subject].map(|text| Cell::Text(text.into()));
    remove(TableId::Revocations, key.to_vec())
}

fn update_job(mut job: Job) -> Result<Step, StoreError> {
    let facts = job_facts(&job);
    job.version += 1;
    let row = rows::job(&job)?;
    Ok(Step::UpdateJob { job: facts, row })
}

fn update_attempt(mut attempt: Attempt) -> Result<Step, StoreError> {
    let facts = attempt_facts(&attempt);
    attempt.version += 1;
    let row = rows::attempt(&attempt)?;
    Ok(Step::UpdateAttempt {
        attempt: facts,
        row,
    })
}

fn put_site_state(mut state: SiteState) -> Result<Step, StoreError> {
    let version = state.version;
    state.version += 1;
    Ok(Step::PutSiteState {
        id: state.site.clone(),
        version,
        row: rows::site_state(&state)?,
    })
}

fn put_site(mut site: RegisteredSite) -> Result<Step, StoreError> {
    let version = site.version;
    site.version += 1;
    Ok(Step::PutSite {
        id: site.site.id.clone(),
        version,
        row: rows::registered_site(&site)?,
    })
}

fn remember(key: &IdempotencyKey, answer: Remembered) -> Step {
    let id: Arc<str> = rows::remembered_id(key).into();
    let row = rows::remembered(Cell::Text(Arc::clone(&id)), answer);
    Step::Remember { id, row }
}

fn move_hours(allocation: AllocationId, hours: Hours) -> Step {
    Step::MoveHours { allocation, hours }
}

const fn terms(allocation: &Allocation) -> Terms {
    Terms {
        suspended: allocation.suspended,
        valid_until: allocation.valid_until,
    }
}

fn put_person(person: Person) -> Step {
    Step::PutPerson {
        id: person.id,
        subject: (
            person.issuer.as_str().into(),
            person.subject.as_str().into(),
        ),
        row: rows::person(person),
    }
}

fn erase_person(id: PersonId) -> Step {
    let row = rows::person(Person {
        id,
        issuer: ERASED_ISSUER.to_owned(),
        subject: id.to_string(),
        name: None,
        email: None,
        first_seen_at: jiff::Timestamp::UNIX_EPOCH,
    });
    Step::ErasePerson { id, row }
}

fn remove_log(attempt: AttemptId, chunks: &[LogChunkKey]) -> Step {
    let stream = |it: &LogChunkKey| vec![Cell::text(attempt), Cell::text(&it.stream)];
    let chunk = |it: &LogChunkKey| {
        let mut key = stream(it);
        key.push(Cell::count(it.start_byte));
        key
    };
    Step::RemoveLog {
        streams: chunks.iter().map(stream).collect(),
        chunks: chunks.iter().map(chunk).collect(),
    }
}

fn append_log(stream: Stream, offset: u64, bytes: Vec<u8>) -> Step {
    let length = bytes.len() as u64;
    let key = [Cell::text(stream.0), Cell::Text(Arc::clone(&stream.1))];
    let mut chunk = key.to_vec();
    chunk.extend([Cell::count(offset), Cell::Bytes(bytes.into())]);
    let mut grown = key.to_vec();
    grown.push(Cell::count(offset.saturating_add(length)));
    Step::AppendLog {
        stream,
        offset,
        length,
        rows: [grown, chunk],
    }
}

fn job_facts(job: &Job) -> JobFacts {
    JobFacts {
        id: job.id,
        version: job.version,
        active: !job.state.is_final(),
    }
}

fn attempt_facts(attempt: &Attempt) -> AttemptFacts {
    AttemptFacts {
        id: attempt.id,
        job: attempt.job,
        version: attempt.version,
        open: !attempt.state.is_over(),
    }
}

impl Prepared {
    /// Notes whom to nudge.
    fn touch(&mut self, write: &Write) {
        match write {
            Write::InsertJob(job) | Write::UpdateJob(job) => {
                self.jobs.push(job.id);
                self.sites
                    .extend(job.state.partition().map(|at| at.site.clone()));
            }
            Write::InsertPlacement(placement) => self.jobs.push(placement.job),
            Write::AppendLog { job, .. } => self.jobs.push(*job),
            Write::InsertAttempt(attempt) | Write::UpdateAttempt(attempt) => {
                self.jobs.push(attempt.job);
                self.sites.push(attempt.partition.site.clone());
            }
            Write::InsertUsage(usage) => self.jobs.push(usage.job),
            Write::PutSiteState(state) => self.sites.push(state.site.clone()),
            Write::PutSiteSnapshot { site, .. } => self.sites.push(site.clone()),
            Write::PutRegisteredSite(site) => self.sites.push(site.site.id.clone()),
            _ => {}
        }
    }

    /// A question whether the database takes writes at all.
    pub(super) fn is_probe(&self) -> bool {
        self.steps.is_empty() && self.entries.is_empty()
    }
}
