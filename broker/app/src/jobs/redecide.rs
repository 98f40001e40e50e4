//! A pending job may have waited for weeks. Before it is placed it is decided on once more, so that
//! evidence which ran out meanwhile is noticed.

use broker_model::{Allocation, EntryBody, Job, Role};
use broker_store::{Change, StoreError, StoredDecision, Write};
use policy_engine::{ApplicantFacts, Decision, Effect, Outcome};
use serde::Deserialize;

use crate::eligibility::Decided;
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
        if !self.may_still_work(job).await? {
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
        let before = read(&before)?;
        let granted = self.inner.store.grants_of(job.owner).await?;
        let decided = self.decide_for(
            (&before.applicant(&granted), job.owner),
            &standing,
            allocation,
        );
        if decided.is_eligible() {
            return Ok(Redecided::Eligible(verdict(decided, job, &standing)));
        }
        if objections(decided.decision()) == before.decision.objections() {
            return Ok(Redecided::Still);
        }
        Ok(Redecided::Turned(verdict(decided, job, &standing)))
    }

    /// Entitlements are not stored, so a role by one is not taken to have ended while a rule still
    /// gives it to people of the owner's issuer.
    async fn may_still_work(&self, job: &Job) -> Result<bool, StoreError> {
        let store = &self.inner.store;
        let granted = store.grants_of(job.owner).await?;
        if granted.iter().any(|role| is_in(role, job)) {
            return Ok(true);
        }
        let Some(owner) = store.find_person(job.owner).await? else {
            return Ok(false);
        };
        let ruled = self.roles_given_by(&owner.issuer);
        Ok(ruled.iter().any(|role| is_in(role, job)))
    }
}

/// As much as is needed of a stored decision: it may be weeks old, and facts that are asked about now
/// may have had another shape then.
#[derive(Deserialize)]
struct Before {
    question: Asked,
    decision: Said,
}

#[derive(Deserialize)]
struct Asked {
    applicant: Applicant,
}

#[derive(Deserialize)]
struct Applicant {
    identity_assurance: String,
    multi_factor: bool,
}

#[derive(Deserialize)]
struct Said {
    result: Outcome,
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    rule: String,
    effect: Effect,
}

impl Before {
    /// As they were signed in then, with what the operator says of them now.
    fn applicant(&self, granted: &[Role]) -> ApplicantFacts {
        let Applicant {
            identity_assurance,
            multi_factor,
        } = &self.question.applicant;
        ApplicantFacts {
            identity_assurance: identity_assurance.clone(),
            multi_factor: *multi_factor,
            screened: Vec::new(),
            screening: None,
            vetted: granted.contains(&Role::Vetted).then_some(true),
        }
    }
}

impl Said {
    fn objections(&self) -> (Outcome, Vec<&str>) {
        let rules = self.rules.iter();
        let objects = rules.filter(|rule| rule.effect != Effect::Satisfied);
        (
            self.result,
            objects.map(|rule| rule.rule.as_str()).collect(),
        )
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

fn read(stored: &StoredDecision) -> Result<Before, StoreError> {
    serde_json::from_str(&stored.document).map_err(|error| unreadable(&error.to_string()))
}

fn unreadable(reason: &str) -> StoreError {
    StoreError::Unreadable {
        table: "decisions",
        reason: reason.to_owned(),
    }
}
