use std::sync::Arc;

use broker_model::{
    Allocation, DecisionId, EntryBody, EntryKind, Evidence, IdentityAssurance, ProjectId, SizeClass,
};
use broker_store::{StoredDecision, Write};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use policy_engine::{
    Action, AllocationFacts, ApplicantFacts, Decision, EvidenceFact, OrganisationFacts, Outcome,
    ProjectFacts, Question,
};
use serde::{Deserialize, Serialize};

use crate::decisions::Made;
use crate::standing::Standing;
use crate::{Broker, Caller, Error, Result};

/// What the policy says of a caller's project now; nothing is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckAnswer {
    pub project: ProjectId,
    pub organisation: String,
    pub decision: Decision,
}

/// A decision that was made, on its way into the same transaction as what it allows.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) id: DecisionId,
    made: Arc<Made>,
    at: Timestamp,
}

impl Broker {
    /// Answers "could this project hand in a job now", with every rule that spoke.
    pub async fn check(&self, caller: &Caller, project: ProjectId) -> Result<CheckAnswer> {
        if !caller.may_see(project) {
            return Err(Error::NotFound("project"));
        }
        let standing = self.standing(project).await?;
        let question = self.question(caller, &standing, standing.allocations.first());
        let made = self.inner.decisions.decide(&self.policy(), &question);
        Ok(CheckAnswer {
            project,
            organisation: standing.organisation.name.clone(),
            decision: made.decision.clone(),
        })
    }

    /// Decides whether a job may be handed in under an allocation.
    pub(crate) fn decide(
        &self,
        caller: &Caller,
        standing: &Standing,
        allocation: &Allocation,
    ) -> Decided {
        let question = self.question(caller, standing, Some(allocation));
        Decided {
            id: self.inner.ids.next(&*self.inner.clock),
            made: self.inner.decisions.decide(&self.policy(), &question),
            at: self.inner.clock.now(),
        }
    }

    fn question(
        &self,
        caller: &Caller,
        standing: &Standing,
        allocation: Option<&Allocation>,
    ) -> Question {
        Question {
            action: Action::SubmitJob,
            on: brussels_date(self.inner.clock.now()),
            organisation: OrganisationFacts {
                country: standing.organisation.country.clone(),
                size: size_name(standing.organisation.size).to_owned(),
            },
            evidence: standing.evidence.iter().map(evidence_fact).collect(),
            project: ProjectFacts {
                civilian: standing.project.civilian,
                sectors: standing.project.sectors.clone(),
            },
            allocation: allocation.map(allocation_facts),
            applicant: ApplicantFacts {
                identity_assurance: assurance_name(caller.principal.assurance.identity).to_owned(),
                multi_factor: caller.principal.assurance.multi_factor,
            },
        }
    }
}

impl Decided {
    pub(crate) fn is_eligible(&self) -> bool {
        self.decision().result == Outcome::Eligible
    }

    pub(crate) fn decision(&self) -> &Decision {
        &self.made.decision
    }

    /// The row and the ledger entry; the entry carries digests, not the facts of the organisation.
    pub(crate) fn into_parts(self, caller: &Caller, standing: &Standing) -> (Write, EntryBody) {
        let Made { decision, document } = &*self.made;
        let mut entry = EntryBody::new(self.at, EntryKind::EligibilityDecided)
            .with("result", result_name(decision.result))
            .with("policy_digest", decision.policy_digest.clone())
            .with("inputs_digest", decision.inputs_digest.clone());
        entry.actor = Some(caller.person);
        entry.organisation = Some(standing.organisation.id);
        entry.project = Some(standing.project.id);
        entry.decision = Some(self.id);
        let row = StoredDecision {
            id: self.id,
            organisation: standing.organisation.id,
            result: result_name(decision.result).to_owned(),
            policy_digest: decision.policy_digest.clone(),
            document: document.clone(),
            decided_at: self.at,
        };
        (Write::InsertDecision(Box::new(row)), entry)
    }
}

/// Calendar days of the calls are Brussels days.
fn brussels_date(at: Timestamp) -> Date {
    TimeZone::get("Europe/Brussels")
        .unwrap_or(TimeZone::UTC)
        .to_datetime(at)
        .date()
}

fn evidence_fact(evidence: &Evidence) -> EvidenceFact {
    EvidenceFact {
        kind: evidence.kind.0.clone(),
        issued_on: evidence.issued_on,
        expires_on: evidence.expires_on,
        checked: evidence.checked_by.is_some(),
    }
}

fn allocation_facts(allocation: &Allocation) -> AllocationFacts {
    AllocationFacts {
        valid_from: brussels_date(allocation.valid_from),
        valid_until: brussels_date(allocation.valid_until),
        suspended: allocation.suspended,
        remaining_unit_ms: allocation.balance.remaining().0,
    }
}

const fn result_name(result: Outcome) -> &'static str {
    match result {
        Outcome::Eligible => "eligible",
        Outcome::NotEligible => "not_eligible",
        Outcome::NeedsEvidence => "needs_evidence",
        Outcome::NeedsReview => "needs_review",
    }
}

const fn size_name(size: SizeClass) -> &'static str {
    match size {
        SizeClass::Micro => "micro",
        SizeClass::Small => "small",
        SizeClass::Medium => "medium",
        SizeClass::Large => "large",
        SizeClass::Unclear => "unclear",
    }
}

const fn assurance_name(assurance: IdentityAssurance) -> &'static str {
    match assurance {
        IdentityAssurance::None => "none",
        IdentityAssurance::Low => "low",
        IdentityAssurance::Medium => "medium",
        IdentityAssurance::High => "high",
    }
}
