//! Hours of states: at which systems they have some, and what is aid of them.

use broker_model::{
    AidId, AidRecord, AllocationId, AllocationScope, EntryBody, EntryKind, FundingShare,
    OrganisationId, OrganisationKind, ProjectId,
};
use broker_store::Change;
use policy_engine::day_in_brussels;

use super::Planner;
use crate::Result;
use crate::applications::no_hours_there;
use crate::dossiers::filed;
use crate::imports::check::Line;
use crate::imports::says;
use crate::setup::named;

impl Planner<'_> {
    /// As an acceptance gives them: of one system, and of a state that has hours there or that of who gets them.
    pub(super) async fn check_state(&mut self, line: &Line, of: OrganisationId) -> Result<()> {
        if !matches!(line.share, FundingShare::National(_)) {
            return Ok(());
        }
        if line.scope == AllocationScope::Federation {
            let reason = "is `federation`, and hours of a state are of one system".to_owned();
            self.fault(line, "system", reason, "`site/system`");
            return Ok(());
        }
        let known = self.broker.inner.store.find_organisation(of).await?;
        let country = known.map_or_else(|| line.country.clone(), |it| it.country);
        let at = says::scope(&line.scope);
        let engine = self.broker.policy();
        if let Some(allowed) = no_hours_there(&engine, &line.share, (&country, Some(&at))) {
            let reason = format!("`{}` has no hours at {at}", line.share);
            self.fault(line, "share", reason, &allowed);
        }
        Ok(())
    }

    /// Hours of a state that nobody put a price on count against no ceiling.
    pub(super) async fn tell_of_no_worth(&mut self, line: &Line, of: OrganisationId) -> Result<()> {
        if line.worth_eur.is_some() || !matches!(line.share, FundingShare::National(_)) {
            return Ok(());
        }
        let what = match self.kind(of).await? {
            Some(OrganisationKind::Company) => "is a company",
            Some(_) => return Ok(()),
            None => "may be a company",
        };
        let remark = format!(
            "{} ({}): {of} {what}, and no `worth_eur` says what its hours of {} are worth: they are not in the \
             register of de minimis aid",
            line.place, line.reference, line.share
        );
        self.plan.report.remarks.push(remark);
        Ok(())
    }

    /// Enters what the line says that the hours are worth, once: what stands in the register is not changed. Whether it
    /// was too much was for whoever gave it to ask.
    pub(super) async fn aid(
        &mut self,
        line: &Line,
        of: OrganisationId,
        (project, allocation): (ProjectId, AllocationId),
    ) -> Result<()> {
        let (FundingShare::National(state), Some(worth_eur)) = (&line.share, line.worth_eur) else {
            return Ok(());
        };
        let key = format!("import:{}:{}", self.source, line.reference);
        let id: AidId = named("aid", &key).into();
        if let Some(known) = self.broker.dossier::<AidRecord>(&id).await? {
            if known.worth_eur != worth_eur {
                let reason = format!(
                    "{id} is {} EUR, and the line says {worth_eur}",
                    known.worth_eur
                );
                self.fault(line, "worth_eur", reason, "nothing, or as it was imported");
            }
            return Ok(());
        }
        if self
            .kind(of)
            .await?
            .is_some_and(|it| it != OrganisationKind::Company)
        {
            let (place, reference) = (&line.place, &line.reference);
            let remark = format!("{place} ({reference}): {of} is no company: its hours are no aid");
            self.plan.report.remarks.push(remark);
            return Ok(());
        }
        let now = self.broker.inner.clock.now();
        let record = AidRecord {
            id,
            organisation: of,
            state: state.clone(),
            worth_eur,
            // Nothing says when it was decided: it was before the first day of the hours.
            granted_on: day_in_brussels(line.valid_from.min(now)),
            application: None,
            allocation,
            version: 0,
        };
        let mut entry = EntryBody::new(now, EntryKind::AidRecorded)
            .with("aid", id.to_string())
            .with("state", state.clone())
            .with("worth_eur", worth_eur);
        entry.organisation = Some(of);
        entry.project = Some(project);
        entry.allocation = Some(allocation);
        let change = Change {
            writes: vec![filed(&record)],
            entries: vec![entry],
        };
        let words = vec![format!(": {worth_eur} EUR of de minimis aid of {state}")];
        self.take(project, &line.reference, (change, words));
        Ok(())
    }

    /// None of one that is not there yet, too.
    async fn kind(&self, of: OrganisationId) -> Result<Option<OrganisationKind>> {
        let known = self.broker.inner.store.find_organisation(of).await?;
        Ok(known.and_then(|it| it.kind))
    }
}
