//! A pending job may have waited for weeks. Before it is placed it is decided on once more, so that
//! evidence which ran out meanwhile is noticed.

use broker_model::{Allocation, EntryBody, Job, Role};
use broker_store::{Change, StoreError, StoredDecision, Write};
use policy_engine::{Decision, Effect, Outcome};
use serde::Deserialize;

use crate::eligibility::Decided;
use crate::replay::question_of;
use crate::standing::Standing;
use crate::{Broker, Error};

/// What became of the decision that a pending job was accepted under.
#[derive(Debug)]
pub(crate) enum Redecided {
    /// Still eligible, by this decision.
    Eligible(Verdict),
    /// No longer eligible, for reasons that its decision does not name yet.
    Turned(Verdict),
    /// Not eligible, as its decision says already.
    Still,
    /// Its owner may no longer hand in jobs of the project.
    OwnerLeft,
}

/// A decision with what it is entered by.
#[derive(Debug)]
pub(crate) struct Verdict {
    row: Write,
    entry: EntryBody,
    id: broker_model::DecisionId,
}

impl Verdict {
    /// Makes this the decision of the job.
    pub(crate) fn adopt(self, job: &mut Job, change: &mut Change) {
        job.decision = self.id;
        change.writes.push(self.row);
        change.entries.push(self.entry);
    }
}

impl Broker {
    /// Decides as if the owner handed the job in now: with the roles they have now, what is known of
    /// the project now, and signed in as they were then.
    pub(crate) async fn redecide(
        &self,
        job: &Job,
        allocation: &Allocation,
    ) -> Result<Redecided, StoreError> {
        let store = &self.inner.store;
        let roles = store.grants_of(job.owner).await?;
        if !roles.iter().any(|role| is_in(role, job)) {
            return Ok(Redecided::OwnerLeft);
        }
        let Some(before) = store.find_decision(job.decision).await? else {
            return Err(unreadable("its decision is not there"));
        };
        let standing = match self.standing(job.spec.project).await {
            Ok(standing) => standing,
            Err(Error::Store(error)) => return Err(error),
            Err(error) => return Err(unreadable(&error.to_string())),
        };
        let asked =
            question_of(&before.document).map_err(|error| unreadable(&error.to_string()))?;
        let decided = self.decide_for(&asked.applicant, &standing, allocation);
        if decided.is_eligible() {
            return Ok(Redecided::Eligible(verdict(decided, job, &standing)));
        }
        if objections(decided.decision()) == objections(&read(&before)?) {
            return Ok(Redecided::Still);
        }
        Ok(Redecided::Turned(verdict(decided, job, &standing)))
    }
}

fn is_in(role: &Role, job: &Job) -> bool {
    matches!(role, Role::Member { project } | Role::Lead { project } if *project == job.spec.project)
}

fn verdict(decided: Decided, job: &Job, standing: &Standing) -> Verdict {
    let id = decided.id;
    let (row, mut entry) = decided.into_parts(job.owner, standing);
    // Nobody asked: the broker decided by itself.
    entry.actor = None;
    entry.job = Some(job.id);
    entry.allocation = Some(job.allocation);
    Verdict { row, entry, id }
}

/// What a person has to do something about.
fn objections(decision: &Decision) -> (Outcome, Vec<&str>) {
    let objects = decision
        .rules
        .iter()
        .filter(|rule| rule.effect != Effect::Satisfied);
    (
        decision.result,
        objects.map(|rule| rule.rule.as_str()).collect(),
    )
}

fn read(stored: &StoredDecision) -> Result<Decision, StoreError> {
    #[derive(Deserialize)]
    struct Made {
        decision: Decision,
    }
    serde_json::from_str(&stored.document)
        .map(|Made { decision }| decision)
        .map_err(|error| unreadable(&error.to_string()))
}

fn unreadable(reason: &str) -> StoreError {
    StoreError::Unreadable {
        table: "decisions",
        reason: reason.to_owned(),
    }
}
