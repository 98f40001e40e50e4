//! What an acceptance brings: a project, its first allocation, and who leads it.

use std::collections::BTreeSet;

use broker_model::{
    Allocation, AllocationId, AllocationScope, Application, ApplicationState, Balance, EntryBody,
    EntryKind, Given, GrantDraft, GrantScope, Organisation, Project, ProjectId, Role, Ruling,
    SettledRule, SiteId, SystemId, UnitMillis,
};
use broker_store::{Change, StoredGrant, Write};
use jiff::Timestamp;
use policy_engine::{Decision, Effect, Question, Spoken, begin_in_brussels, day_in_brussels};

use super::aid::is_aid;
use crate::calls::claim_of;
use crate::eligibility::Decided;
use crate::imports::is_account_name;
use crate::invalid::Faults;
use crate::{Broker, Caller, Error, Result};

/// What hours that are good anywhere are counted in.
const FEDERATION_UNIT: &str = "GPU-hour";

impl Broker {
    /// The state it leads to, and the change that makes it so.
    pub(super) fn granted(
        &self,
        caller: &Caller,
        (application, reference): (&Application, Option<String>),
        (organisation, grant, ruling): (&Organisation, &GrantDraft, Ruling),
        (found, faults): (&Decided, Faults),
    ) -> Result<(ApplicationState, Change)> {
        let (asked, found) = (found.question(), found.decision());
        let project = Project {
            id: self.inner.ids.next(&*self.inner.clock),
            organisation: application.organisation,
            name: application.project.name.clone(),
            call_reference: reference,
            civilian: application.project.civilian,
            sectors: application.project.sectors.clone(),
            ai_act: application.project.ai_act.clone(),
            settled: settled_by(found, ruling.at),
        };
        let allocation = self.allocation((application, project.id), (grant, asked), faults)?;
        let state = ApplicationState::Accepted {
            ruling,
            project: project.id,
            allocation: allocation.id,
            given: Some(Box::new(given(grant, &allocation))),
        };
        let lead = Role::Lead {
            project: project.id,
        };
        let (whose, given) = ((application, organisation), (grant, found));
        let is_aid = is_aid(&self.policy(), whose, given);
        let about = (application, &allocation);
        let aid = self.aid_granted(caller, about, (is_aid, grant.worth_eur));
        let mut entries = self.grant_entries(caller, application, &allocation);
        let (owed, opened) =
            self.follow_ups_of(Some(caller.person), application.organisation, &allocation);
        entries.extend(opened);
        let mut writes = vec![];
        writes.extend({ project.call_reference.as_ref() }.map(|id| claim_of(id, project.id)));
        writes.extend([
            Write::PutProject(Box::new(project)),
            Write::InsertAllocation(Box::new(allocation)),
            Write::PutGrant(StoredGrant {
                person: application.applied_by,
                role: lead,
            }),
        ]);
        if let Some((write, entry)) = aid {
            writes.push(write);
            entries.push(entry);
        }
        writes.extend(owed);
        Ok((state, Change { writes, entries }))
    }

    fn allocation(
        &self,
        (application, project): (&Application, ProjectId),
        (grant, asked): (&GrantDraft, &Question),
        mut faults: Faults,
    ) -> Result<Allocation> {
        let end = grant.valid_to.tomorrow().ok().and_then(begin_in_brussels);
        let term = begin_in_brussels(grant.valid_from).zip(end);
        let now = self.inner.clock.now();
        let Some((valid_from, valid_until)) = term.filter(|(_, end)| *end > now) else {
            let reason = format!("{} is over", grant.valid_to);
            faults.add("grant.valid_to", reason, "the last day, today or later");
            faults.check("decision")?;
            return Err(Error::Contended);
        };
        let scope = self.scope_of((application, grant), &mut faults);
        let share = self.share_of(application, (grant, asked), &mut faults);
        let unit = self.unit_of((&application.system, grant), &mut faults);
        self.check_accounts((application, grant), &mut faults);
        self.check_no_more((application, grant), unit.as_deref(), &mut faults);
        faults.check("decision")?;
        let (Some(scope), Some(share), Some(unit)) = (scope, share, unit) else {
            return Err(Error::NotFound("site"));
        };
        let id: AllocationId = self.inner.ids.next(&*self.inner.clock);
        Ok(Allocation {
            id,
            project,
            scope,
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
            mode: Some(application.mode.clone()),
            account_named_at: (!grant.local_accounts.is_empty()).then_some(now),
        })
    }

    /// Hours are given where the federation has the system; a mode may name one that is not there yet.
    fn scope_of(
        &self,
        (application, grant): (&Application, &GrantDraft),
        faults: &mut Faults,
    ) -> Option<AllocationScope> {
        if grant.scope == GrantScope::Federation {
            return Some(AllocationScope::Federation);
        }
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
        let system: Option<SystemId> = system.parse().ok();
        let (site, system) = site.zip(system)?;
        Some(AllocationScope::System { site, system })
    }

    /// One that the system's partitions are charged in: hours in another would never be spent.
    fn unit_of(&self, (system, grant): (&str, &GrantDraft), faults: &mut Faults) -> Option<String> {
        let units = match grant.scope {
            GrantScope::Federation => vec![FEDERATION_UNIT.to_owned()],
            GrantScope::System => self.units_of(system),
        };
        let one = match (&grant.unit, units.as_slice()) {
            (Some(unit), _) if units.contains(unit) => return Some(unit.clone()),
            (None, [unit]) => return Some(unit.clone()),
            (Some(unit), _) => format!("`{}` is none of its units", unit.escape_debug()),
            (None, []) => "no partition of the system says what it is charged in".to_owned(),
            (None, _) => "is missing, and the system has several".to_owned(),
        };
        faults.add("grant.unit", one, &units.join(", "));
        None
    }

    pub(super) fn units_of(&self, system: &str) -> Vec<String> {
        let (site, system) = system.split_once('/').unwrap_or_default();
        let site: Option<SiteId> = site.parse().ok();
        let entry = site.and_then(|it| self.board().find(&it));
        let systems = entry.iter().flat_map(|it| &it.systems);
        let partitions = systems
            .filter(|it| it.id.as_str() == system)
            .flat_map(|it| &it.partitions);
        let units: BTreeSet<String> = partitions
            .filter_map(|it| it.billing.as_ref())
            .map(|it| it.unit.clone())
            .collect();
        units.into_iter().collect()
    }

    /// An account elsewhere is another allocation's.
    fn check_accounts(
        &self,
        (application, grant): (&Application, &GrantDraft),
        faults: &mut Faults,
    ) {
        for account in grant.local_accounts.values() {
            if !is_account_name(account) {
                let reason = format!("`{}` is no account", account.escape_debug());
                let allowed = "up to 64 letters, digits, `_`, `-` and `.`; not first `-` or `.`";
                faults.add("grant.local_accounts", reason, allowed);
            }
        }
        let site = application.system.split('/').next().unwrap_or_default();
        let sites: Vec<String> = match grant.scope {
            GrantScope::System => vec![site.to_owned()],
            GrantScope::Federation => {
                let sites = self.board().sites();
                sites.iter().map(|it| it.id.to_string()).collect()
            }
        };
        let named = grant.local_accounts.keys().map(ToString::to_string);
        for other in named.filter(|it| !sites.contains(it)) {
            let reason = format!("names {other}, where the allocation is not");
            faults.add("grant.local_accounts", reason, &sites.join(", "));
        }
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
            .with_any("mode", allocation.mode.clone())
            .with("valid_from", allocation.valid_from.to_string())
            .with("valid_until", allocation.valid_until.to_string());
        if allocation.scope == AllocationScope::Federation {
            granted = granted.with("scope", "federation");
        }
        granted.allocation = Some(allocation.id);
        let mut lead = about(EntryKind::RoleGranted).with("role", "lead");
        lead.actor = Some(application.applied_by);
        vec![about(EntryKind::ProjectCreated), granted, lead]
    }
}

fn given(grant: &GrantDraft, allocation: &Allocation) -> Given {
    Given {
        hours: grant.hours,
        unit: allocation.unit.clone(),
        share: allocation.share.clone(),
        scope: grant.scope,
        first_day: grant.valid_from,
        last_day: grant.valid_to,
    }
}

/// What the reviewer answers by accepting.
pub(super) fn settled_by(decision: &Decision, at: Timestamp) -> Vec<SettledRule> {
    let for_people = |spoken: &&Spoken| spoken.effect == Effect::NeedsReview;
    let settled = decision.rules.iter().filter(for_people);
    // A rule that failed said nothing of the case, and a gap is no rule.
    let of_rules = settled.filter(|spoken| !spoken.is_of_the_engine());
    of_rules
        .map(|spoken| SettledRule {
            rule: spoken.rule.clone(),
            on: day_in_brussels(at),
            words: spoken.words.clone(),
        })
        .collect()
}
