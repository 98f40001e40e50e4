//! What one alone may have: an account at a site one organisation, an id of a call one project.

use broker_model::{OrganisationId, ProjectId};

use super::Planner;
use crate::Result;
use crate::accounts::{FREE, taken};
use crate::calls::claim_of;
use crate::imports::check::Line;

impl Planner<'_> {
    /// Against what is there and against the lines before.
    pub(super) async fn check_accounts(&mut self, line: &Line, of: OrganisationId) -> Result<()> {
        let broker = self.broker;
        let others = { broker.named_by_others(&self.accounts, of, &line.local_accounts) }.await?;
        for other in others {
            self.fault(line, "local_accounts", taken(&other), FREE);
        }
        for (site, account) in &line.local_accounts {
            let key = (site.clone(), account.to_ascii_lowercase());
            let first = self.planned.entry(key).or_insert((of, line.place.clone()));
            if first.0 == of {
                continue;
            }
            let reason = format!(
                "`{account}` at {site} stands in {}, for another organisation",
                first.1
            );
            self.fault(line, "local_accounts", reason, FREE);
        }
        Ok(())
    }

    /// Takes the id that the line has from a European call for its project; a fault where another has it. An id that is
    /// taken already is left as it is, so that importing again changes nothing.
    pub(in crate::imports) async fn take_call(
        &mut self,
        line: &Line,
        project: ProjectId,
    ) -> Result<()> {
        let Some(id) = self.call_id(line) else {
            return Ok(());
        };
        let held = self.broker.project_called(&id).await?;
        let first = held.or_else(|| self.called.get(&id).copied());
        match first {
            Some(first) if first != project => {
                let reason = format!("`{id}` is the id of {first}, and the line is of {project}");
                self.fault(line, "call_reference", reason, "one id for one project");
            }
            Some(_) => {}
            None => {
                self.plan.change().writes.push(claim_of(&id, project));
                self.called.insert(id, project);
            }
        }
        Ok(())
    }

    /// Ids of states and sites have grammars of their own, which nobody here knows.
    pub(super) fn tell_of_no_call(&mut self, line: &Line) {
        let Some(reference) = &line.call_reference else {
            return;
        };
        if self.call_id(line).is_none() {
            let remark = format!(
                "{} ({}): `{}` is of no call whose ids are known here: taken as it is",
                line.place,
                line.reference,
                reference.escape_debug()
            );
            self.plan.report.remarks.push(remark);
        }
    }

    fn call_id(&self, line: &Line) -> Option<String> {
        let reference = line.call_reference.as_ref()?;
        let parts = self.broker.policy().project_id(reference);
        parts.ok().map(|it| it.id)
    }
}
