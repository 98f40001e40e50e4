//! What is true while a group is put together: what the database said, and what the changes before
//! this one have made of it. A change that fails takes back what it did here.

use std::borrow::Cow;
use std::sync::Arc;

use broker_model::{AllocationId, AttemptId, Balance, DecisionId, JobId, PersonId, SiteId};

use super::db::Cell;
use super::hours::moved;
use super::known::Known;
use super::pending::Pending;
use super::prepare::Prepared;
use super::rows::{self, Cells};
use super::steps::{AttemptFacts, Hours, JobFacts, Step, Stream, Subject, Terms};
use super::tables::{JOB_SITE, PERSON_FIRST_SEEN, TableId};
use crate::{CommitError, Entity};

#[derive(Debug, Default)]
pub(super) struct Working<'a> {
    pub(super) jobs: Known<JobId, KnownJob>,
    pub(super) attempts: Known<AttemptId, AttemptFacts>,
    /// The attempt of a job that is not over.
    pub(super) open: Known<JobId, Option<AttemptId>>,
    pub(super) balances: Known<AllocationId, Balance>,
    pub(super) terms: Known<AllocationId, Terms>,
    pub(super) decisions: Known<DecisionId, ()>,
    pub(super) usage: Known<AttemptId, ()>,
    pub(super) remembered: Known<Arc<str>, ()>,
    pub(super) persons: Known<PersonId, KnownPerson>,
    pub(super) subjects: Known<Subject, PersonId>,
    pub(super) logs: Known<Stream, u64>,
    /// Versions of agents, their keys and invites, of organisations and dossiers, and of what sites count:
    /// the ids of each kind look different.
    pub(super) versions: Known<Arc<str>, i64>,
    pub(super) nonces: Known<Arc<str>, ()>,
    pub(super) terms_accepted: Known<Arc<str>, ()>,
    /// Who holds a name; `None` once it was given back.
    pub(super) claims: Known<Arc<str>, Option<Arc<str>>>,
    /// Versions of the registry.
    pub(super) sites: Known<SiteId, i64>,
    pub(super) site_states: Known<SiteId, i64>,
    pub(super) pending: Pending<'a>,
}

#[derive(Clone, Debug)]
pub(super) struct KnownJob {
    pub(super) version: i64,
    /// Where it was last placed; a job that is over keeps it.
    pub(super) site: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
pub(super) struct KnownPerson {
    pub(super) subject: Subject,
    pub(super) first_seen: Cell,
}

macro_rules! each_map {
    ($working:expr, $method:ident) => {{
        $working.jobs.$method();
        $working.attempts.$method();
        $working.open.$method();
        $working.balances.$method();
        $working.terms.$method();
        $working.decisions.$method();
        $working.usage.$method();
        $working.remembered.$method();
        $working.persons.$method();
        $working.subjects.$method();
        $working.logs.$method();
        $working.versions.$method();
        $working.nonces.$method();
        $working.terms_accepted.$method();
        $working.claims.$method();
        $working.sites.$method();
        $working.site_states.$method();
    }};
}

type Done = Result<(), CommitError>;

fn conflict(entity: Entity) -> Done {
    Err(CommitError::Conflict(entity))
}

impl<'a> Working<'a> {
    /// Takes a change in, or refuses it and is as it was before.
    pub(super) fn apply(&mut self, change: &'a Prepared) -> Done {
        let mark = self.pending.mark();
        let done = change.steps.iter().try_for_each(|step| self.step(step));
        if done.is_ok() {
            each_map!(self, keep);
        } else {
            each_map!(self, take_back);
            self.pending.drop_since(&mark);
        }
        done
    }

    fn step(&mut self, step: &'a Step) -> Done {
        match step {
            Step::InsertJob { job, row } => self.insert_job(job, row),
            Step::UpdateJob { job, row } => self.update_job(job, row),
            Step::InsertPlacement { job, row } => self.insert_placement(*job, row),
            Step::InsertDecision { id, row } => {
                let fresh = !self.decisions.has(id);
                self.decisions.set(*id, ());
                self.insert_once(fresh, Entity::Decision, TableId::Decisions, row)
            }
            Step::InsertAttempt { attempt, row } => self.insert_attempt(*attempt, row),
            Step::UpdateAttempt { attempt, row } => self.update_attempt(*attempt, row),
            Step::MoveHours { allocation, hours } => self.move_hours(*allocation, *hours),
            Step::InsertUsage { attempt, row } => {
                let fresh = !self.usage.has(attempt);
                self.usage.set(*attempt, ());
                self.insert_once(fresh, Entity::UsageRecord, TableId::UsageRecords, row)
            }
            Step::Remember { id, row } => {
                let fresh = !self.remembered.has(id);
                self.remembered.set(Arc::clone(id), ());
                self.insert_once(fresh, Entity::IdempotencyKey, TableId::Remembered, row)
            }
            Step::InsertAllocation {
                id,
                balance,
                terms,
                row,
            } => self.insert_allocation(*id, *balance, *terms, row),
            Step::UpdateTerms { id, terms, row } => self.update_terms(*id, *terms, row),
            Step::PutPerson { id, subject, row } => self.put_person(*id, subject, row),
            Step::ErasePerson { id, row } => self.erase_person(*id, row),
            Step::RemoveDossier { id, version } => self.remove_dossier(id, *version),
            Step::RemoveLog { streams, chunks } => {
                self.remove_log(streams, chunks);
                Ok(())
            }
            Step::PutSite { id, version, row } => {
                move_on(&mut self.sites, id, *version, Entity::Site)?;
                self.pending.put(TableId::RegisteredSites, row);
                Ok(())
            }
            Step::PutSiteState { id, version, row } => {
                move_on(&mut self.site_states, id, *version, Entity::SiteState)?;
                self.pending.put(TableId::SiteStates, row);
                Ok(())
            }
            Step::AppendLog {
                stream,
                offset,
                length,
                rows,
            } => {
                self.append_log(stream, *offset, *length, rows);
                Ok(())
            }
            Step::Versioned {
                entity,
                table,
                id,
                expects,
                row,
            } => self.put_versioned((*entity, *table), id, *expects, row),
            Step::InsertNonce { id, row } => self.insert_nonce(id, row),
            Step::AcceptTerms { id, row } => self.accept_terms(id, row),
            Step::Claim { name, holder, row } => self.claim(name, holder, row),
            Step::Unclaim { name } => {
                self.unclaim(name);
                Ok(())
            }
            Step::Put { table, row } => {
                self.pending.put(*table, row);
                Ok(())
            }
            Step::Remove { table, key } => {
                self.pending.remove(*table, key);
                Ok(())
            }
        }
    }

    fn insert_nonce(&mut self, id: &Arc<str>, row: &'a [Cell]) -> Done {
        let fresh = !self.nonces.has(id);
        self.nonces.set(Arc::clone(id), ());
        self.insert_once(fresh, Entity::Nonce, TableId::AgentNonces, row)
    }

    fn insert_once(
        &mut self,
        fresh: bool,
        entity: Entity,
        table: TableId,
        row: &'a [Cell],
    ) -> Done {
        if !fresh {
            return Err(CommitError::Duplicate(entity));
        }
        self.pending.put(table, row);
        Ok(())
    }

    fn put_versioned(
        &mut self,
        (entity, table): (Entity, TableId),
        id: &Arc<str>,
        expects: Option<i64>,
        row: &'a [Cell],
    ) -> Done {
        if self.versions.get(id) != expects.as_ref() {
            return conflict(entity);
        }
        let next = expects.map_or(1, |version| version + 1);
        self.versions.set(Arc::clone(id), next);
        self.pending.put(table, row);
        Ok(())
    }

    fn remove_dossier(&mut self, id: &Arc<str>, version: i64) -> Done {
        if self.versions.get(id) != Some(&version) {
            return conflict(Entity::Dossier);
        }
        // No row is ever stored at this version, so nothing follows in the same group either.
        self.versions.set(Arc::clone(id), 0);
        let key = vec![Cell::Text(Arc::clone(id))];
        self.pending.remove(TableId::Dossiers, key);
        Ok(())
    }

    fn remove_log(&mut self, streams: &'a [Cells], chunks: &'a [Cells]) {
        for key in streams {
            self.pending.remove(TableId::LogStreams, key);
        }
        for key in chunks {
            self.pending.remove(TableId::LogChunks, key);
        }
    }

    fn accept_terms(&mut self, id: &Arc<str>, row: &'a [Cell]) -> Done {
        let fresh = !self.terms_accepted.has(id);
        self.terms_accepted.set(Arc::clone(id), ());
        let entity = Entity::TermsAcceptance;
        self.insert_once(fresh, entity, TableId::TermsAcceptances, row)
    }

    fn unclaim(&mut self, name: &Arc<str>) {
        self.claims.set(Arc::clone(name), None);
        let key = vec![Cell::Text(Arc::clone(name))];
        self.pending.remove(TableId::Claims, key);
    }

    fn claim(&mut self, name: &Arc<str>, holder: &Arc<str>, row: &'a [Cell]) -> Done {
        match self.claims.get(name).and_then(Option::as_ref) {
            Some(held) if held == holder => return Ok(()),
            Some(_) => return Err(CommitError::Duplicate(Entity::Claim)),
            None => {}
        }
        self.claims.set(Arc::clone(name), Some(Arc::clone(holder)));
        self.pending.put(TableId::Claims, row);
        Ok(())
    }

    fn insert_job(&mut self, job: &JobFacts, row: &'a [Cell]) -> Done {
        if self.jobs.has(&job.id) {
            return conflict(Entity::Job);
        }
        let known = KnownJob {
            version: job.version,
            site: site_of(row),
        };
        self.jobs.set(job.id, known);
        self.pending.put(TableId::Jobs, row);
        Ok(())
    }

    fn update_job(&mut self, job: &JobFacts, row: &'a [Cell]) -> Done {
        let Some(known) = self.jobs.get(&job.id) else {
            return conflict(Entity::Job);
        };
        if known.version != job.version {
            return conflict(Entity::Job);
        }
        let site = site_of(row).or_else(|| {
            let over = !job.active;
            known.site.clone().filter(|_| over)
        });
        let row = patched(row, JOB_SITE, site.clone().map(Cell::Text));
        let version = job.version + 1;
        self.jobs.set(job.id, KnownJob { version, site });
        self.pending.put(TableId::Jobs, row);
        Ok(())
    }

    fn insert_placement(&mut self, job: JobId, row: &'a [Cell]) -> Done {
        if !self.jobs.has(&job) {
            return Err(CommitError::Missing(Entity::Job));
        }
        self.pending.put(TableId::Placings, row);
        Ok(())
    }

    fn open_attempt(&self, job: &JobId) -> Option<AttemptId> {
        self.open.get(job).copied().flatten()
    }

    fn insert_attempt(&mut self, attempt: AttemptFacts, row: &'a [Cell]) -> Done {
        if !self.jobs.has(&attempt.job) {
            return Err(CommitError::Missing(Entity::Job));
        }
        if self.attempts.has(&attempt.id) || self.open_attempt(&attempt.job).is_some() {
            return conflict(Entity::Attempt);
        }
        self.write_attempt(attempt, row);
        Ok(())
    }

    fn update_attempt(&mut self, attempt: AttemptFacts, row: &'a [Cell]) -> Done {
        let Some(known) = self.attempts.get(&attempt.id) else {
            return conflict(Entity::Attempt);
        };
        let open_elsewhere = self
            .open_attempt(&attempt.job)
            .is_some_and(|open| open != attempt.id);
        let reopened_beside = attempt.open && open_elsewhere;
        if known.version != attempt.version || known.job != attempt.job || reopened_beside {
            return conflict(Entity::Attempt);
        }
        let version = attempt.version + 1;
        self.write_attempt(AttemptFacts { version, ..attempt }, row);
        Ok(())
    }

    fn write_attempt(&mut self, attempt: AttemptFacts, row: &'a [Cell]) {
        if attempt.open {
            self.open.set(attempt.job, Some(attempt.id));
        } else if self.open_attempt(&attempt.job) == Some(attempt.id) {
            self.open.set(attempt.job, None);
        }
        self.attempts.set(attempt.id, attempt);
        self.pending.put(TableId::Attempts, row);
    }

    fn move_hours(&mut self, id: AllocationId, hours: Hours) -> Done {
        let Some(balance) = self.balances.get(&id) else {
            return Err(CommitError::Missing(Entity::Allocation));
        };
        let Some(terms) = self.terms.get(&id).copied() else {
            return Err(CommitError::Missing(Entity::Allocation));
        };
        let out_of_place = match hours {
            Hours::Hold(_) => terms.suspended,
            Hours::Lose { at, .. } => at < terms.valid_until,
            _ => false,
        };
        if out_of_place {
            return conflict(Entity::Allocation);
        }
        let balance = moved(id, *balance, hours)?;
        match hours {
            Hours::Lose { .. } => self.pending.remove(TableId::Expiries, vec![Cell::text(id)]),
            Hours::Grant { .. } | Hours::Recover(_) => self.expires(id, terms),
            _ => {}
        }
        self.balances.set(id, balance);
        self.pending
            .put(TableId::Balances, rows::balance(id, &balance));
        Ok(())
    }

    /// Puts the end of the term on the list of those to be dealt with.
    fn expires(&mut self, id: AllocationId, terms: Terms) {
        let row = vec![Cell::text(id), rows::time(terms.valid_until)];
        self.pending.put(TableId::Expiries, row);
    }

    fn update_terms(&mut self, id: AllocationId, terms: Terms, row: &'a [Cell]) -> Done {
        if !self.balances.has(&id) {
            return Err(CommitError::Missing(Entity::Allocation));
        }
        self.terms.set(id, terms);
        self.expires(id, terms);
        self.pending.put(TableId::Allocations, row);
        Ok(())
    }

    fn insert_allocation(
        &mut self,
        id: AllocationId,
        balance: Balance,
        terms: Terms,
        row: &'a [Cell],
    ) -> Done {
        if self.balances.has(&id) {
            return conflict(Entity::Allocation);
        }
        self.terms.set(id, terms);
        self.expires(id, terms);
        self.balances.set(id, balance);
        self.pending
            .put(TableId::Balances, rows::balance(id, &balance));
        self.pending.put(TableId::Allocations, row);
        Ok(())
    }

    fn put_person(&mut self, id: PersonId, subject: &Subject, row: &'a [Cell]) -> Done {
        // Whoever was erased before this, in the same group, has another subject by now.
        let has_it =
            |other: &PersonId| { self.persons.get(other) }.is_none_or(|it| it.subject == *subject);
        let other = self.subjects.get(subject).filter(|other| **other != id);
        if other.is_some_and(has_it) {
            return conflict(Entity::Person);
        }
        let first_seen = match self.persons.get(&id) {
            Some(known) if known.subject != *subject => return conflict(Entity::Person),
            Some(known) => Some(known.first_seen.clone()),
            None => row.get(PERSON_FIRST_SEEN).cloned(),
        };
        let row = patched(row, PERSON_FIRST_SEEN, first_seen.clone());
        let known = KnownPerson {
            subject: subject.clone(),
            first_seen: first_seen.unwrap_or(Cell::Null),
        };
        self.persons.set(id, known);
        self.subjects.set(subject.clone(), id);
        self.pending.put(TableId::Persons, row);
        Ok(())
    }

    fn erase_person(&mut self, id: PersonId, row: &'a [Cell]) -> Done {
        let Some(known) = self.persons.get(&id) else {
            return Err(CommitError::Missing(Entity::Person));
        };
        let first_seen = known.first_seen.clone();
        let erased: Subject = (crate::ERASED_ISSUER.into(), id.to_string().into());
        let row = patched(row, PERSON_FIRST_SEEN, Some(first_seen.clone()));
        let known = KnownPerson {
            subject: erased.clone(),
            first_seen,
        };
        self.persons.set(id, known);
        self.subjects.set(erased, id);
        self.pending.put(TableId::Persons, row);
        Ok(())
    }

    fn append_log(
        &mut self,
        stream: &Stream,
        offset: u64,
        length: u64,
        [grown, chunk]: &'a [Cells; 2],
    ) {
        let end = self.logs.get(stream).copied().unwrap_or(0);
        if offset != end || length == 0 {
            return;
        }
        self.logs.set(stream.clone(), end.saturating_add(length));
        self.pending.put(TableId::LogStreams, grown);
        self.pending.put(TableId::LogChunks, chunk);
    }
}

/// Refuses whoever has not read what is stored.
fn move_on(known: &mut Known<SiteId, i64>, id: &SiteId, version: i64, entity: Entity) -> Done {
    if known.get(id).copied().unwrap_or(0) != version {
        return conflict(entity);
    }
    known.set(id.clone(), version + 1);
    Ok(())
}

fn site_of(row: &[Cell]) -> Option<Arc<str>> {
    match row.get(JOB_SITE) {
        Some(Cell::Text(site)) => Some(Arc::clone(site)),
        _ => None,
    }
}

/// The row with one cell replaced, copied only if that makes a difference.
fn patched(row: &[Cell], at: usize, cell: Option<Cell>) -> Cow<'_, [Cell]> {
    let cell = cell.unwrap_or(Cell::Null);
    if row.get(at) == Some(&cell) {
        return Cow::Borrowed(row);
    }
    let mut row = row.to_vec();
    if let Some(slot) = row.get_mut(at) {
        *slot = cell;
    }
    Cow::Owned(row)
}
