//! Before the first job: what a project still lacks, and whose turn it is.

use broker_model::{
    AllocationId, Missing, MissingFrom, MissingKind, OrganisationId, TermsDocument,
};
use broker_store::StoreError;
use policy_engine::{Decision, Effect, Spoken};

use crate::{Broker, Caller};

impl Broker {
    /// All that keeps the caller's next job of a project from running, the nearest at hand first: what they
    /// do themselves, what the decision's rules object to, what a single site objects to.
    pub(crate) async fn missing(
        &self,
        caller: &Caller,
        decision: &Decision,
        (organisation, allocation): (OrganisationId, Option<AllocationId>),
    ) -> Result<Vec<Missing>, StoreError> {
        let lacking = self.unaccepted_terms(caller.person).await?;
        let (of_sites, of_all): (Vec<_>, Vec<_>) =
            lacking.iter().partition(|it| it.scope.site().is_some());
        let mut missing: Vec<Missing> = of_all.into_iter().map(|it| terms(it)).collect();
        missing.extend(decision.rules.iter().filter_map(objection));
        missing.extend(of_sites.into_iter().map(|it| terms(it)));
        missing.extend(allocation.into_iter().flat_map(|it| self.vetoes(it)));
        missing.extend(self.vetoes_of_organisation(organisation));
        Ok(missing)
    }

    /// Sites that do not serve the organisation.
    fn vetoes_of_organisation(&self, organisation: OrganisationId) -> Vec<Missing> {
        let (heard, now) = (self.board().heard(), self.clock().now());
        let mut vetoes = Vec::new();
        for listed in heard.listed() {
            let site = &listed.site.id;
            let of_it = { listed.controls.organisation_vetoes.iter() }
                .filter(|it| it.organisation == organisation && !it.is_over(now));
            vetoes.extend(of_it.map(|veto| Missing {
                what: MissingKind::Allocation,
                by: MissingFrom::SiteAdministrator,
                words: format!("{site} does not serve the organisation: {}", veto.reason),
                how: format!("alcyone site lift-veto {site} {}", veto.id),
                rule: None,
                site: Some(site.clone()),
                terms: None,
            }));
        }
        vetoes
    }

    /// Sites that do not serve the allocation.
    fn vetoes(&self, allocation: AllocationId) -> Vec<Missing> {
        let heard = self.board().heard();
        let mut vetoes = Vec::new();
        for listed in heard.listed() {
            let site = &listed.site.id;
            let of_it = { listed.controls.vetoes.iter() }.filter(|it| it.allocation == allocation);
            vetoes.extend(of_it.map(|veto| Missing {
                what: MissingKind::Allocation,
                by: MissingFrom::SiteAdministrator,
                words: format!("{site} does not serve {allocation}: {}", veto.reason),
                how: format!("alcyone site lift-veto {site} {}", veto.id),
                rule: None,
                site: Some(site.clone()),
                terms: None,
            }));
        }
        vetoes
    }
}

pub(crate) fn terms(document: &TermsDocument) -> Missing {
    let lacking = document.unaccepted("en");
    let (title, version) = (&lacking.title, &lacking.version);
    Missing {
        what: MissingKind::Terms,
        by: MissingFrom::You,
        words: format!("{title}, version {version}, is not accepted"),
        how: lacking.how.clone(),
        rule: None,
        site: lacking.site.clone(),
        terms: Some(lacking),
    }
}

/// None where the rule is satisfied, and where nothing that anybody does would change the answer.
fn objection(spoken: &Spoken) -> Option<Missing> {
    let remedy = spoken.remedy.as_ref()?;
    let (what, by, command) = turn(spoken)?;
    let how = match command {
        Some(command) => format!("{command}: {remedy}"),
        None => remedy.clone(),
    };
    Some(Missing {
        what,
        by,
        words: spoken.words.clone(),
        how,
        rule: Some(spoken.rule.clone()),
        site: None,
        terms: None,
    })
}

type Turn = (MissingKind, MissingFrom, Option<&'static str>);

/// By the effect of the rule; of what is refused, and of what the lead declares, by what the rule is about:
/// that is how its id begins.
fn turn(spoken: &Spoken) -> Option<Turn> {
    let about = spoken.rule.split('.').next().unwrap_or_default();
    let declared = matches!(about, "civilian" | "ai_act");
    Some(match spoken.effect {
        Effect::Satisfied => return None,
        // Hours that are there from a day on: whoever applied again would be told that they have some.
        Effect::Refused if spoken.rule == "allocation.not_begun" => {
            (MissingKind::Allocation, MissingFrom::Nobody, None)
        }
        // No reviewer stands in for a second factor.
        Effect::NeedsReview | Effect::Refused if about == "assurance" => (
            MissingKind::Requirement,
            MissingFrom::You,
            Some("alcyone login"),
        ),
        Effect::NeedsReview => (
            MissingKind::Review,
            MissingFrom::Reviewer,
            Some("alcyone review"),
        ),
        Effect::NeedsEvidence if declared => (MissingKind::Evidence, MissingFrom::Lead, None),
        Effect::NeedsEvidence => (
            MissingKind::Evidence,
            MissingFrom::Representative,
            Some("alcyone evidence add"),
        ),
        Effect::Refused => match about {
            "allocation" | "share" => (
                MissingKind::Allocation,
                MissingFrom::Representative,
                Some("alcyone apply"),
            ),
            _ if declared => (MissingKind::Requirement, MissingFrom::Lead, None),
            _ => (MissingKind::Requirement, MissingFrom::Representative, None),
        },
    })
}
