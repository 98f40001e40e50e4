//! What is true while a group is put together: what the database said, and what the changes before
//! this one have made of it. A change that fails takes back what it did here.

mod hours;
mod jobs;
mod named;
mod persons;

use std::borrow::Cow;
use std::sync::Arc;

use broker_model::{AllocationId, AttemptId, Balance, DecisionId, JobId, PersonId, SiteId};

use super::db::Cell;
use super::known::Known;
use super::pending::Pending;
use super::prepare::Prepared;
use super::steps::{AttemptFacts, Step, Stream, Subject, Terms};
use super::tables::TableId;
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
}

/// Refuses whoever has not read what is stored.
fn move_on(known: &mut Known<SiteId, i64>, id: &SiteId, version: i64, entity: Entity) -> Done {
    if known.get(id).copied().unwrap_or(0) != version {
        return conflict(entity);
    }
    known.set(id.clone(), version + 1);
    Ok(())
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
