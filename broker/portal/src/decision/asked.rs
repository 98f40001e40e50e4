//! What the rules were asked when they refused an application: a refusal is not stored, and comes without
//! its question. Where one fact were another, the engine leaves the rules that stand on it in English.

use std::cmp::Reverse;

use broker_app::Error;
use broker_model::{Application, ApplicationDraft, ApplicationState, Evidence};
use policy_engine::{
    Action, Decision, EvidenceFact, FairAccessFacts, ModeFacts, NeedFacts, OrganisationFacts,
    ProjectFacts, Question, day_in_brussels,
};

use super::DecisionView;
use crate::Portal;
use crate::ai_act;
use crate::organisations::size_word;
use crate::refusal::Refusal;
use crate::visitor::Member;

impl Portal {
    /// Why an application was refused, in the visitor's language.
    pub(crate) async fn refused_application(
        &self,
        member: &Member,
        (draft, decision): (&ApplicationDraft, &Decision),
    ) -> Result<DecisionView, Refusal> {
        let question = self.question_of(member, draft).await?;
        let asked = (&question, decision);
        Ok(DecisionView::said(
            member.texts,
            &self.broker.policy(),
            asked,
        ))
    }

    async fn question_of(
        &self,
        member: &Member,
        draft: &ApplicationDraft,
    ) -> Result<Question, Refusal> {
        let (caller, of) = (member.caller(), draft.organisation);
        let organisation = self.broker.organisation(caller, of).await?;
        let size = self.broker.organisation_size(caller, of).await?;
        let mut evidence = self.broker.evidence(caller, of).await?;
        evidence.retain(Evidence::stands);
        evidence.sort_by_key(|it| (it.kind.clone(), Reverse(it.issued_on), Reverse(it.id)));
        let project = &draft.project;
        Ok(Question {
            action: Action::ApplyForAccess,
            aid: None,
            allocation: None,
            applicant: caller.into(),
            evidence: evidence.iter().map(evidence_fact).collect(),
            fair_access: Some(self.fair_access(member, draft).await?),
            follow_ups: None,
            mode: Some(ModeFacts {
                id: draft.mode.clone(),
                system: draft.system.clone(),
            }),
            need: Some(NeedFacts {
                gpu_hours: Some(draft.need.gpu_hours),
                months: Some(draft.need.months),
            }),
            on: day_in_brussels(self.broker.clock().now()),
            organisation: OrganisationFacts {
                country: organisation.country,
                kind: organisation.kind.map(|it| it.as_str().to_owned()),
                screening: None,
                size: size_word(size.size).to_owned(),
                startup: organisation.startup,
            },
            project: ProjectFacts {
                ai_act: project.ai_act.clone().map(ai_act::as_facts),
                civilian: project.civilian,
                eu_project: project.eu_project,
                sectors: project.sectors.clone(),
            },
            shares: None,
            vetoed_by_site: None,
        })
    }

    async fn fair_access(
        &self,
        member: &Member,
        draft: &ApplicationDraft,
    ) -> Result<FairAccessFacts, Refusal> {
        let of = self
            .broker
            .applications_of(member.caller(), draft.organisation);
        let now = self.broker.clock().now();
        let same = |it: &Application| it.mode == draft.mode && it.system == draft.system;
        let mut active_allocations = 0;
        for earlier in of.await?.into_iter().filter(same) {
            if let ApplicationState::Accepted { allocation, .. } = earlier.state {
                let found = self.broker.store().find_allocation(allocation).await;
                let found = found.map_err(Error::from)?;
                active_allocations += u32::from(found.is_some_and(|it| it.valid_until > now));
            }
        }
        Ok(FairAccessFacts {
            active_allocations,
            open_applications: 0,
        })
    }
}

fn evidence_fact(evidence: &Evidence) -> EvidenceFact {
    EvidenceFact {
        checked: evidence.checked_by.is_some(),
        expires_on: evidence.expires_on,
        issued_on: evidence.issued_on,
        kind: evidence.kind.0.clone(),
    }
}
