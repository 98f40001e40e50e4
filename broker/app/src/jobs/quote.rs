use broker_model::{AllocationId, JobSpec, Placement};
use policy_engine::Decision;
use serde::{Deserialize, Serialize};

use crate::{Broker, Caller, Result};

/// What would happen to a job if it were handed in now. Nothing is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Quote {
    pub allocation: AllocationId,
    pub eligibility: Decision,
    /// The same document that a submitted job gets; absent when the decision says no.
    pub placement: Option<Placement>,
}

impl Broker {
    pub async fn quote(&self, caller: &Caller, spec: &JobSpec) -> Result<Quote> {
        let prepared = self.prepare(caller, spec).await?;
        Ok(Quote {
            allocation: prepared.allocation.id,
            eligibility: prepared.decided.decision().clone(),
            placement: prepared.placing.map(|placing| placing.placement),
        })
    }
}
