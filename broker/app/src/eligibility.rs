mod screening;

use std::sync::Arc;

use broker_model::{
    Allocation, AllocationId, Assurance, DecisionId, EntryBody, EntryKind, Evidence,
    IdentityAssurance, Missing, Organisation, OrganisationId, PersonId, Project, ProjectId, Role,
    SizeClass,
};
use broker_store::{StoredDecision, Write};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use policy_engine::{
    Action, AllocationFacts, ApplicantFacts, Decision, EvidenceFact, OrganisationFacts, Outcome,
    ProjectFacts, Question, SettledFact, day_in_brussels,
};
use serde::{Deserialize, Serialize};

use crate::applications::ai_act_facts;
use crate::decisions::{Asked, Made};
use crate::follow_ups::overdue;
use crate::organisations::size_on;
use crate::standing::Standing;
use crate::{Broker, Caller, Error, Result};

/// What the policy says of a caller's project now; nothing is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckAnswer {
    pub project: ProjectId,
    pub organisation: String,
    /// The allocation the decision is about; none when the project holds none.
    pub allocation: Option<AllocationId>,
    pub decision: Decision,
    /// What was asked; not part of the answer, and there to say it in another language.
    #[serde(skip)]
    pub question: Option<Box<Question>>,
    /// What is still to be done before a job runs, and by whom.
    pub missing: Vec<Missing>,
    /// Where jobs under the allocation do not go, by which rule; nobody has to do anything, they go to other systems.
    pub closed_systems: Vec<Missing>,
}

/// A decision that was made, on its way into the same transaction as what it allows.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) id: DecisionId,
    made: Arc<Made>,
    at: Timestamp,
}

impl Broker {
    /// Answers "could this project hand in a job now", with every rule that spoke: the best answer
    /// under any of its allocations.
    pub async fn check(&self, caller: &Caller, project: ProjectId) -> Result<CheckAnswer> {
        if !caller.may_see(project) {
            return Err(Error::NotFound("project"));
        }
        let standing = self.standing(project).await?;
        let engine = self.policy();
        let decide = |allocation: Option<&Allocation>| {
            let question = self.question((&caller.into(), caller.person), &standing, allocation);
            let made = self.inner.decisions.decide(&engine, &question);
            (allocation.map(|it| it.id), made)
        };
        let under_each: Vec<_> = standing
            .allocations
            .iter()
            .map(|allocation| decide(Some(allocation)))
            .collect();
        let reluctance = |(_, made): &(_, Arc<Made>)| reluctance(made.decision.result);
        let eligible = under_each.iter().position(|it| reluctance(it) == 0);
        let (allocation, made) = match eligible.and_then(|at| under_each.get(at)) {
            Some(first) => first.clone(),
            // Of equal refusals the last: what ails an allocation that ended long ago helps nobody.
            None => under_each
                .into_iter()
                .rev()
                .min_by_key(reluctance)
                .unwrap_or_else(|| decide(None)),
        };
        let decision = made.decision.clone();
        let about = (standing.organisation.id, allocation);
        let missing = self.missing(caller, &decision, about).await?;
        let mut allocations = standing.allocations.iter();
        let closed_systems = match allocations.find(|it| Some(it.id) == allocation) {
            Some(it) => self.missing_systems(&standing, it).await?,
            None => Vec::new(),
        };
        Ok(CheckAnswer {
            project,
            organisation: standing.organisation.name.clone(),
            allocation,
            question: Some(Box::new(made.question.clone())),
            decision,
            missing,
            closed_systems,
        })
    }

    /// Decides whether a job may be handed in under an allocation.
    pub(crate) fn decide(
        &self,
        caller: &Caller,
        standing: &Standing,
        allocation: &Allocation,
    ) -> Decided {
        self.decide_for((&caller.into(), caller.person), standing, allocation)
    }

    pub(crate) fn decide_for(
        &self,
        applicant: (&ApplicantFacts, PersonId),
        standing: &Standing,
        allocation: &Allocation,
    ) -> Decided {
        self.answer(&self.question(applicant, standing, Some(allocation)))
    }

    fn question(
        &self,
        (applicant, person): (&ApplicantFacts, PersonId),
        standing: &Standing,
        allocation: Option<&Allocation>,
    ) -> Question {
        let now = self.inner.clock.now();
        let today = day_in_brussels(now);
        Question {
            action: Action::SubmitJob,
            on: day_in_brussels(now),
            organisation: self.organisation_facts(&standing.organisation, &standing.screenings),
            evidence: standing.evidence.iter().map(evidence_fact).collect(),
            mode: None,
            need: None,
            aid: None,
            fair_access: None,
            follow_ups: Some(overdue(&standing.owed, day_in_brussels(now))),
            shares: allocation.and_then(|it| self.shares_of_job(&standing.used, it)),
            vetoed_by_site: allocation.and_then(|it| self.vetoed_job(standing.organisation.id, it)),
            project: ProjectFacts {
                ai_act: standing.project.ai_act.clone().map(ai_act_facts),
                civilian: standing.project.civilian,
                eu_project: None,
                sectors: standing.project.sectors.clone(),
            },
            settled: settled_facts(&standing.project),
            allocation: allocation.map(|it| allocation_facts(it, now)),
            applicant: ApplicantFacts {
                screened: screening::kinds_of(&standing.screenings, Some(person)),
                screening: screening::outcome_of(
                    &self.policy(),
                    &standing.screenings,
                    Some(person),
                    today,
                ),
                ..applicant.clone()
            },
        }
    }
}

impl Broker {
    /// What is known of an organisation that applies for access, without what it applies for.
    pub(crate) async fn question_of(
        &self,
        (applicant, person): (ApplicantFacts, PersonId),
        organisation: &Organisation,
    ) -> Result<Question> {
        let evidence = self.standing_evidence(organisation.id).await?;
        let owed = self.owed_by(organisation.id).await?;
        let screenings = self.screenings(organisation.id).await?;
        let today = day_in_brussels(self.inner.clock.now());
        let facts = self.organisation_facts(organisation, &screenings);
        let applicant = ApplicantFacts {
            screened: screening::kinds_of(&screenings, Some(person)),
            screening: screening::outcome_of(&self.policy(), &screenings, Some(person), today),
            ..applicant
        };
        Ok(Question {
            evidence: evidence.iter().map(evidence_fact).collect(),
            follow_ups: Some(overdue(&owed, today)),
            ..self.question_of_facts(applicant, facts)
        })
    }

    /// What is known of an organisation, and was settled of its project, where nobody in particular asks.
    pub(crate) fn question_of_nobody(&self, standing: &Standing) -> Question {
        let facts = self.organisation_facts(&standing.organisation, &standing.screenings);
        Question {
            settled: settled_facts(&standing.project),
            ..self.question_of_facts(applicant_facts(&Assurance::default()), facts)
        }
    }

    fn organisation_facts(
        &self,
        organisation: &Organisation,
        screenings: &[Evidence],
    ) -> OrganisationFacts {
        let today = day_in_brussels(self.inner.clock.now());
        let size = size_on(&self.policy(), organisation, today);
        OrganisationFacts {
            country: organisation.country.clone(),
            kind: organisation.kind.map(|it| it.as_str().to_owned()),
            size: size_name(size).to_owned(),
            screened: screening::kinds_of(screenings, None),
            screening: screening::outcome_of(&self.policy(), screenings, None, today),
            startup: organisation.startup,
        }
    }

    /// Answers a question that is to be stored.
    pub(crate) fn answer(&self, question: &Question) -> Decided {
        Decided {
            id: self.inner.ids.next(&*self.inner.clock),
            made: self.inner.decisions.decide(&self.policy(), question),
            at: self.inner.clock.now(),
        }
    }
}

impl From<&Caller> for ApplicantFacts {
    fn from(caller: &Caller) -> Self {
        Self {
            vetted: caller.roles.contains(&Role::Vetted).then_some(true),
            ..applicant_facts(&caller.principal.assurance)
        }
    }
}

/// Of somebody whose identity nobody vetted.
pub(crate) fn applicant_facts(assurance: &Assurance) -> ApplicantFacts {
    ApplicantFacts {
        identity_assurance: assurance_name(assurance.identity).to_owned(),
        multi_factor: assurance.multi_factor,
        screened: Vec::new(),
        screening: None,
        vetted: None,
    }
}

/// What was answered when the project was accepted; nothing where nothing was asked of people then.
fn settled_facts(project: &Project) -> Option<Vec<SettledFact>> {
    let settled = project.settled.iter().map(|it| SettledFact {
        on: it.on,
        rule: it.rule.clone(),
        words: Some(it.words.clone()),
    });
    let settled: Vec<SettledFact> = settled.collect();
    (!settled.is_empty()).then_some(settled)
}

impl Decided {
    pub(crate) fn is_eligible(&self) -> bool {
        self.decision().result == Outcome::Eligible
    }

    pub(crate) fn decision(&self) -> &Decision {
        &self.made.decision
    }

    pub(crate) fn question(&self) -> &Question {
        &self.made.question
    }

    /// What a refusal tells.
    pub(crate) fn asked(&self) -> Box<Asked> {
        let Made {
            question, decision, ..
        } = &*self.made;
        Box::new(Asked {
            question: question.clone(),
            decision: decision.clone(),
            stopped_by: decision.deciding(),
        })
    }

    /// The row and the ledger entry; the entry carries digests, not the facts of the organisation.
    pub(crate) fn into_parts(self, actor: PersonId, standing: &Standing) -> (Write, EntryBody) {
        let (row, mut entry) = self.for_organisation(actor, standing.organisation.id);
        entry.project = Some(standing.project.id);
        (row, entry)
    }

    /// The same where no project is there yet.
    pub(crate) fn for_organisation(
        self,
        actor: PersonId,
        organisation: OrganisationId,
    ) -> (Write, EntryBody) {
        let Made {
            decision, document, ..
        } = &*self.made;
        let mut entry = EntryBody::new(self.at, EntryKind::EligibilityDecided)
            .with("result", result_name(decision.result))
            .with("policy_digest", decision.policy_digest.clone())
            .with("inputs_digest", decision.inputs_digest.clone());
        entry.actor = Some(actor);
        entry.organisation = Some(organisation);
        entry.decision = Some(self.id);
        let row = StoredDecision {
            id: self.id,
            organisation,
            result: result_name(decision.result).to_owned(),
            policy_digest: decision.policy_digest.clone(),
            document: document.clone(),
            decided_at: self.at,
        };
        (Write::InsertDecision(Box::new(row)), entry)
    }
}

pub(crate) fn evidence_fact(evidence: &Evidence) -> EvidenceFact {
    EvidenceFact {
        kind: evidence.kind.0.clone(),
        issued_on: evidence.issued_on,
        expires_on: evidence.expires_on,
        checked: evidence.checked_by.is_some(),
    }
}

/// The term to the instant, as placement checks it; its days are for people to read.
fn allocation_facts(allocation: &Allocation, now: Timestamp) -> AllocationFacts {
    AllocationFacts {
        begun: allocation.valid_from <= now,
        ended: allocation.valid_until <= now,
        suspended: allocation.suspended,
        unit: Some(allocation.unit.clone()),
        unspent_unit_ms: allocation.balance.unspent().0,
        valid_from: day_in_brussels(allocation.valid_from),
        valid_until: first_day_after(allocation.valid_until),
    }
}

/// The day after that of the last instant before `end`; an end at midnight belongs to the day before.
fn first_day_after(end: Timestamp) -> Date {
    let last_instant = end
        .checked_sub(SignedDuration::from_nanos(1))
        .unwrap_or(end);
    let last_day = day_in_brussels(last_instant);
    last_day.tomorrow().unwrap_or(last_day)
}

/// How far from "eligible" an answer is: the least is the best.
pub(crate) const fn reluctance(result: Outcome) -> u8 {
    match result {
        Outcome::Eligible => 0,
        Outcome::NeedsEvidence => 1,
        Outcome::NeedsReview => 2,
        Outcome::NotEligible => 3,
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

pub(crate) const fn size_name(size: SizeClass) -> &'static str {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_of_a_term_is_that_of_its_last_instant_in_brussels() {
        for (end, after) in [
            ("2026-11-20T17:00:00Z", "2026-11-21"),
            ("2026-11-20T23:00:00Z", "2026-11-21"),
            ("2026-11-20T23:00:00.000000001Z", "2026-11-22"),
            ("2026-07-01T22:00:00Z", "2026-07-02"),
        ] {
            let day: Date = after.parse().unwrap();
            assert_eq!(first_day_after(end.parse().unwrap()), day, "{end}");
        }
    }
}
