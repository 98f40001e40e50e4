//! What an acceptance brings: a project, its first allocation, and who leads it.

use broker_model::{
    Allocation, AllocationId, AllocationScope, Application, ApplicationState, Balance, EntryBody,
    EntryKind, FundingShare, GrantDraft, InvalidId, Organisation, Project, ProjectId, Role, Ruling,
    SiteId, SystemId, UnitMillis,
};
use broker_store::{Change, StoredGrant, Write};
use policy_engine::{Engine, begin_in_brussels};

use super::find_mode;
use crate::invalid::Faults;
use crate::{Broker, Caller, Error, Result};

impl Broker {
    /// The state it leads to, and the change that makes it so.
    pub(super) fn granted(
        &self,
        caller: &Caller,
        application: &Application,
        (organisation, grant, ruling): (&Organisation, &GrantDraft, Ruling),
    ) -> Result<(ApplicationState, Change)> {
        let project = Project {
            id: self.inner.ids.next(&*self.inner.clock),
            organisation: application.organisation,
            name: application.project.name.clone(),
            call_reference: grant.call_reference.clone(),
            civilian: application.project.civilian,
            sectors: application.project.sectors.clone(),
            ai_act: application.project.ai_act.clone(),
        };
        let allocation =
            self.allocation(application, project.id, (grant, &organisation.country))?;
        let state = ApplicationState::Accepted {
            ruling,
            project: project.id,
            allocation: allocation.id,
        };
        let lead = Role::Lead {
            project: project.id,
        };
        let mut entries = self.grant_entries(caller, application, &allocation);
        let (owed, opened) = self.follow_ups_of(caller, application, &allocation);
        entries.extend(opened);
        let mut writes = vec![
            Write::PutProject(Box::new(project)),
            Write::InsertAllocation(Box::new(allocation)),
            Write::PutGrant(StoredGrant {
                person: application.applied_by,
                role: lead,
            }),
        ];
        writes.extend(owed);
        Ok((state, Change { writes, entries }))
    }

    fn allocation(
        &self,
        application: &Application,
        project: ProjectId,
        (grant, country): (&GrantDraft, &str),
    ) -> Result<Allocation> {
        let mut faults = Faults::default();
        let end = grant.valid_to.tomorrow().ok().and_then(begin_in_brussels);
        let term = begin_in_brussels(grant.valid_from).zip(end);
        let now = self.inner.clock.now();
        let Some((valid_from, valid_until)) = term.filter(|(_, end)| *end > now) else {
            let reason = format!("{} is over", grant.valid_to);
            faults.add("grant.valid_to", reason, "the last day, today or later");
            faults.check("decision")?;
            return Err(Error::Contended);
        };
        let (site, system) = self.system_of(application, &mut faults);
        let share = self.share_of(&application.mode, country, &mut faults);
        let unit = self.unit_of(&application.system);
        let unit = grant
            .unit
            .clone()
            .or(unit)
            .unwrap_or_else(|| "GPU-hour".to_owned());
        faults.check("decision")?;
        let (Some((site, system)), Some(share)) = (site.zip(system), share) else {
            return Err(Error::NotFound("site"));
        };
        let id: AllocationId = self.inner.ids.next(&*self.inner.clock);
        Ok(Allocation {
            id,
            project,
            scope: AllocationScope::System { site, system },
            share,
            unit,
            balance: Balance {
                granted: UnitMillis::from_hours(grant.hours.into()),
                ..Balance::default()
            },
            valid_from,
            valid_until,
            local_accounts: grant.local_accounts.clone(),
            suspended: false,
        })
    }

    /// Hours are given where the federation has the system; a mode may name one that is not there yet.
    fn system_of(
        &self,
        application: &Application,
        faults: &mut Faults,
    ) -> (Option<SiteId>, Option<SystemId>) {
        let (site, system) = application.system.split_once('/').unwrap_or_default();
        let site: Option<SiteId> = site.parse().ok();
        let entry = site.as_ref().and_then(|it| self.board().find(it));
        let has = entry.is_some_and(|it| {
            let mut systems = it.systems.iter();
            systems.any(|one| one.id.as_str() == system)
        });
        if !has {
            let reason = format!("the federation has no system `{}`", application.system);
            faults.add(
                "grant",
                reason,
                "a system of a registered site: `alcyone sites`",
            );
        }
        (site, system.parse().ok())
    }

    /// Of a mode that gives hours of national shares, that of the applicant's own state.
    fn share_of(&self, mode: &str, country: &str, faults: &mut Faults) -> Option<FundingShare> {
        share_by(&self.policy(), mode, country)
            .map_err(|error| {
                faults.add("grant", error.to_string(), "a mode with one funding share");
            })
            .ok()
    }

    /// What the first partition with GPUs of a system is charged in.
    fn unit_of(&self, system: &str) -> Option<String> {
        let (site, system) = system.split_once('/')?;
        let entry = self.board().find(&site.parse().ok()?)?;
        let system = entry.systems.iter().find(|it| it.id.as_str() == system)?;
        let mut partitions: Vec<_> = system.partitions.iter().collect();
        partitions.sort_by_key(|it| it.gpus_per_node == 0);
        let billing = partitions.first()?.billing.as_ref()?;
        Some(billing.unit.clone())
    }

    fn grant_entries(
        &self,
        caller: &Caller,
        application: &Application,
        allocation: &Allocation,
    ) -> Vec<EntryBody> {
        let about = |kind| {
            let mut entry = self.organisation_entry(kind, (caller, application.organisation));
            entry.project = Some(allocation.project);
            entry.with("application", application.id.to_string())
        };
        let mut granted = about(EntryKind::AllocationGranted)
            .with("unit", allocation.unit.clone())
            .with("granted_unit_ms", allocation.balance.granted.0)
            .with("share", allocation.share.to_string())
            .with("valid_from", allocation.valid_from.to_string())
            .with("valid_until", allocation.valid_until.to_string());
        granted.allocation = Some(allocation.id);
        let mut lead = about(EntryKind::RoleGranted).with("role", "lead");
        lead.actor = Some(application.applied_by);
        vec![about(EntryKind::ProjectCreated), granted, lead]
    }
}

/// Whose hours a mode gives to who is established in a country.
pub(crate) fn share_by(
    engine: &Engine,
    mode: &str,
    country: &str,
) -> Result<FundingShare, InvalidId> {
    let share = find_mode(engine, mode).and_then(|it| it.share.as_ref());
    match share.map(|it| it.value.as_str()) {
        None => Ok(FundingShare::Union),
        Some("national") => format!("national:{country}").parse(),
        Some(share) => share.parse(),
    }
}
