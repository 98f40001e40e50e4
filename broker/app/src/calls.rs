//! Ids that calls give to projects: how they are written stands in `tables/project_ids.toml`, and one is one project.

use broker_model::{GrantDraft, ProjectId};
use broker_store::Write;

use crate::invalid::Faults;
use crate::{Broker, Result};

const FIELD: &str = "grant.call_reference";

fn name(id: &str) -> String {
    format!("call:{id}")
}

/// For the change that makes the project, or that first tells its id.
pub(crate) fn claim_of(id: &str, project: ProjectId) -> Write {
    Write::Claim {
        name: name(id),
        holder: project.to_string(),
    }
}

impl Broker {
    /// The project that has an id of a European call; of projects from before ids were claimed none.
    pub(crate) async fn project_called(&self, id: &str) -> Result<Option<ProjectId>> {
        let holder = self.inner.store.claim_holder(&name(id)).await?;
        Ok(holder.and_then(|it| it.parse().ok()))
    }

    /// As the grammar has it. Refused are one that no family matches, one of another mode, and one that a project has.
    pub(crate) async fn call_reference_of(
        &self,
        mode: &str,
        grant: &GrantDraft,
        faults: &mut Faults,
    ) -> Result<Option<String>> {
        let Some(text) = &grant.call_reference else {
            return Ok(None);
        };
        let engine = self.policy();
        let allowed = engine.project_id_patterns().join(", ");
        let parts = match engine.project_id(text) {
            Ok(parts) => parts,
            Err(fault) => {
                faults.add(FIELD, fault.to_string(), &allowed);
                return Ok(None);
            }
        };
        if parts.mode != mode {
            let reason = format!(
                "`{}` is of {}, and {mode} was applied for",
                parts.id, parts.mode
            );
            faults.add(FIELD, reason, &allowed);
        } else if let Some(other) = self.project_called(&parts.id).await? {
            let reason = format!("`{}` is the id of {other}", parts.id);
            faults.add(FIELD, reason, "an id that no other project has");
        }
        Ok(Some(parts.id))
    }
}
