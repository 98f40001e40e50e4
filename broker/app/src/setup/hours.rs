//! Allocations of a setup file: their terms, and the hours granted.

use broker_model::{
    Allocation, AllocationScope, Balance, EntryBody, EntryKind, FollowUp, OrganisationId,
    UnitMillis,
};
use broker_store::{Change, CommitError, Write};

use super::error::{Result, SetupError};
use super::file::{AllocationSetup, allocation_id, project_id};
use crate::Broker;
use crate::states::of_no_state;

impl Broker {
    pub(super) async fn import_allocation(
        &self,
        project: &str,
        key: &str,
        setup: &AllocationSetup,
        done: &mut Vec<String>,
    ) -> Result<()> {
        if let Some((reason, allowed)) = of_no_state(&self.policy(), &setup.share) {
            return Err(SetupError::NotAShare {
                project: project.to_owned(),
                allocation: key.to_owned(),
                reason,
                allowed,
            });
        }
        let allocation = allocation(project, key, setup);
        let known = self.inner.store.find_allocation(allocation.id).await?;
        let of = self.inner.store.find_project(allocation.project).await?;
        let reference = of.as_ref().and_then(|it| it.call_reference.as_deref());
        let allocation = self.completed(allocation, (known.as_ref(), reference));
        let (change, said) = match (known, of) {
            (Some(known), of) => {
                let owed = match of {
                    Some(of) if known.valid_until != allocation.valid_until => {
                        self.readable_of(of.organisation).await?
                    }
                    _ => Vec::new(),
                };
                self.changed_allocation(&known, allocation, &owed)
            }
            (None, Some(of)) => self.new_allocation(allocation, of.organisation),
            (None, None) => return Ok(()),
        };
        if change.writes.is_empty() {
            return Ok(());
        }
        match self.commit(change).await {
            Ok(_) => {}
            Err(CommitError::Hours { reason, .. }) => {
                return Err(SetupError::TooFewHours {
                    project: project.to_owned(),
                    allocation: key.to_owned(),
                    reason,
                });
            }
            Err(error) => return Err(error.into()),
        }
        let line = |it| format!("allocation {project}/{key}{it}");
        done.extend(said.into_iter().map(line));
        Ok(())
    }

    /// With what few write: the mode, by the id that a call gave to the project, or else as it is said or was known, and
    /// since when an account is named.
    pub(crate) fn completed(
        &self,
        allocation: Allocation,
        (known, reference): (Option<&Allocation>, Option<&str>),
    ) -> Allocation {
        let mode = reference.and_then(|it| self.mode_by(it));
        let is_first = known.is_none_or(|it| it.local_accounts.is_empty());
        let now =
            (is_first && !allocation.local_accounts.is_empty()).then(|| self.inner.clock.now());
        Allocation {
            mode: { mode.or_else(|| allocation.mode.clone()) }
                .or_else(|| known.and_then(|it| it.mode.clone())),
            account_named_at: known.and_then(|it| it.account_named_at).or(now),
            ..allocation
        }
    }

    /// The access mode whose call gave this id to a project; none of ids of other calls.
    pub(crate) fn mode_by(&self, call_reference: &str) -> Option<String> {
        let id = self.policy().project_id(call_reference.trim());
        id.ok().map(|it| it.mode)
    }

    /// With what its mode asks for in return.
    pub(crate) fn new_allocation(
        &self,
        allocation: Allocation,
        organisation: OrganisationId,
    ) -> (Change, Vec<String>) {
        let (owed, opened) = self.follow_ups_of(None, organisation, &allocation);
        let granted = allocation.balance.granted;
        let entry = self
            .terms_entry(EntryKind::AllocationGranted, &allocation)
            .with("granted_unit_ms", granted.0);
        let said = format!(" is {}: {granted} hours", allocation.id);
        let mut change = Change {
            writes: vec![Write::InsertAllocation(Box::new(allocation))],
            entries: vec![entry],
        };
        change.writes.extend(owed);
        change.entries.extend(opened);
        (change, vec![said])
    }

    /// What the file says otherwise than the database, with an entry for each kind of difference. What of `owed` follows
    /// from its end moves with it.
    pub(crate) fn changed_allocation(
        &self,
        known: &Allocation,
        file: Allocation,
        owed: &[FollowUp],
    ) -> (Change, Vec<String>) {
        let (mut change, mut said) = (Change::default(), Vec::new());
        let (id, was, to) = (known.id, known.balance, file.balance.granted);
        let goes_on = file.valid_until > self.inner.clock.now();
        let changed = differences(known, &file);
        let (moved, due) = self.moved_follow_ups(owed, (known, &file));
        if !changed.is_empty() {
            let entry = self.terms_entry(EntryKind::AllocationChanged, &file);
            change.entries.push(entry);
            let write = Write::UpdateAllocationTerms(Box::new(file));
            change.writes.push(write);
            said.push(format!(": changed {}", changed.join(", ")));
        }
        change.entries.extend(moved.entries);
        change.writes.extend(moved.writes);
        said.extend(due);
        // Hours are lost by the end of a term only, and this one has not ended any more.
        if goes_on && was.lost > UnitMillis::ZERO {
            let entry = self.hours_entry(EntryKind::HoursRecovered, known);
            change.entries.push(entry.with("unit_ms", was.lost.0));
            change.writes.push(Write::Recover {
                allocation: id,
                amount: was.lost,
            });
            said.push(format!(": {} lost hours are there again", was.lost));
        }
        if was.granted != to {
            let entry = self
                .hours_entry(EntryKind::GrantChanged, known)
                .with("from_unit_ms", was.granted.0)
                .with("to_unit_ms", to.0);
            change.entries.push(entry);
            change.writes.push(Write::Grant {
                allocation: id,
                from: was.granted,
                to,
            });
            said.push(format!(": {} hours granted became {to}", was.granted));
        }
        (change, said)
    }

    pub(crate) fn terms_entry(&self, kind: EntryKind, allocation: &Allocation) -> EntryBody {
        self.hours_entry(kind, allocation)
            .with("share", allocation.share.to_string())
            .with_any("mode", allocation.mode.clone())
            .with("valid_from", allocation.valid_from.to_string())
            .with("valid_until", allocation.valid_until.to_string())
            .with("suspended", allocation.suspended)
    }

    /// The ledger's word on the hours of an allocation.
    pub(crate) fn hours_entry(&self, kind: EntryKind, allocation: &Allocation) -> EntryBody {
        let mut entry =
            EntryBody::new(self.inner.clock.now(), kind).with("unit", allocation.unit.clone());
        entry.project = Some(allocation.project);
        entry.allocation = Some(allocation.id);
        entry
    }
}

/// As the file has it, with nothing used yet.
fn allocation(project: &str, key: &str, setup: &AllocationSetup) -> Allocation {
    let scope = match (&setup.site, &setup.system) {
        (Some(site), Some(system)) => AllocationScope::System {
            site: site.clone(),
            system: system.clone(),
        },
        _ => AllocationScope::Federation,
    };
    Allocation {
        id: allocation_id(project, key),
        project: project_id(project),
        scope,
        share: setup.share.clone(),
        unit: setup.unit.clone(),
        balance: Balance {
            granted: UnitMillis::from_hours(setup.hours.into()),
            ..Balance::default()
        },
        valid_from: setup.valid_from,
        valid_until: setup.valid_until,
        local_accounts: setup.local_accounts.clone(),
        suspended: setup.suspended,
        mode: None,
        account_named_at: None,
    }
}

/// The keys of the file whose values are others; hours apart.
fn differences(known: &Allocation, file: &Allocation) -> Vec<&'static str> {
    let compared = [
        ("site or system", known.scope == file.scope),
        ("share", known.share == file.share),
        ("mode", known.mode == file.mode),
        ("unit", known.unit == file.unit),
        ("valid_from", known.valid_from == file.valid_from),
        ("valid_until", known.valid_until == file.valid_until),
        ("suspended", known.suspended == file.suspended),
        (
            "local_accounts",
            known.local_accounts == file.local_accounts,
        ),
    ];
    let differ = compared.into_iter().filter(|(_, same)| !same);
    differ.map(|(key, _)| key).collect()
}
