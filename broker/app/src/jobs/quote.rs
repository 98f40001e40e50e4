use broker_model::{AllocationId, JobSpec, Missing, Placement, TermsScope};
use policy_engine::{Decision, Question};
use serde::{Deserialize, Serialize};

use crate::{Broker, Caller, Result};

/// What would happen to a job if it were handed in now. Nothing is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Quote {
    pub allocation: AllocationId,
    pub eligibility: Decision,
    /// What was asked; not part of the answer, and there to say it in another language.
    #[serde(skip)]
    pub question: Option<Box<Question>>,
    /// The same document that a submitted job gets; absent when the decision says no.
    pub placement: Option<Placement>,
    /// What the job would be refused for: terms, or ceilings where nothing else keeps it away.
    pub missing: Vec<Missing>,
}

impl Broker {
    pub async fn quote(&self, caller: &Caller, spec: &JobSpec) -> Result<Quote> {
        let prepared = self.prepare(caller, spec).await?;
        let placement = prepared.placing.map(|placing| placing.placement);
        let mut missing = self.missing_terms(caller, placement.as_ref()).await?;
        if { placement.as_ref() }.is_some_and(broker_placement::only_for_ceilings) {
            let (standing, allocation) = (&prepared.standing, &prepared.allocation);
            missing.extend(self.missing_systems(standing, allocation).await?);
        }
        let asked = prepared.decided.asked();
        Ok(Quote {
            allocation: prepared.allocation.id,
            eligibility: asked.decision,
            question: Some(Box::new(asked.question)),
            missing,
            placement,
        })
    }

    async fn missing_terms(
        &self,
        caller: &Caller,
        placement: Option<&Placement>,
    ) -> Result<Vec<Missing>> {
        let sites = placement.map(broker_placement::only_for_terms);
        let sites = sites.unwrap_or_default();
        let asked = |scope: &TermsScope| scope.site().is_none_or(|site| sites.contains(site));
        let mut lacking = self.unaccepted_terms(caller.person).await?;
        lacking.retain(|it| asked(&it.scope));
        Ok(lacking.iter().map(|it| crate::missing::terms(it)).collect())
    }
}
