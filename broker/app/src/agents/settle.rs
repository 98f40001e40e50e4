use broker_accounting::{Used, in_allocation_unit};
use broker_model::{
    Allocation, Attempt, Charge, EntryKind, Job, OrganisationWas, Project, UnitMillis, UsageRecord,
};
use broker_store::{Change, StoreError, Write};
use jiff::civil::Date;
use policy_engine::day_in_brussels;
use site_adapter::UsageReport;

use crate::Broker;
use crate::agents::attempt_entry;
use crate::agents::plausible::{check_elapsed, check_numbers, check_times};
use crate::jobs::release_hold;
use crate::organisations::size_on;

/// Characters kept of the name of an account; schedulers take fewer.
const LONGEST_ACCOUNT: usize = 64;

impl Broker {
    /// Charges what the site's accounting says, takes the hold away, and closes the attempt. A second
    /// record for the same attempt is refused by the store, so nothing is charged twice.
    ///
    /// A record that cannot be this attempt's, or that cannot be priced, is not charged: asking the
    /// site again would bring the same one. It is kept whole in the ledger, for a person to judge.
    pub(crate) async fn settle(
        &self,
        job: &mut Job,
        attempt: &mut Attempt,
        (usage, account): (Option<&UsageReport>, Option<&str>),
        change: &mut Change,
    ) -> Result<(), StoreError> {
        attempt.settled = true;
        let Some(usage) = usage else {
            close_uncharged(job, attempt, "the site has no record of it", None, change);
            return Ok(());
        };
        match self.usage_record(job, attempt, usage).await? {
            Ok(record) => {
                let record = UsageRecord {
                    local_account: account.and_then(plain_account),
                    ..record
                };
                charge(job, attempt, record, change);
                self.mark_assumed(attempt, change);
            }
            Err(reason) => {
                tracing::error!(attempt.id = %attempt.id, site.id = %attempt.partition.site, reason,
                    "what the site says an attempt used is not charged");
                close_uncharged(job, attempt, &reason, Some(usage), change);
            }
        }
        Ok(())
    }

    /// Says why a record would not be charged.
    pub(crate) async fn judge_usage(
        &self,
        job: &Job,
        attempt: &Attempt,
        usage: &UsageReport,
    ) -> Result<Result<(), String>, StoreError> {
        let record = self.usage_record(job, attempt, usage).await?;
        Ok(record.map(drop))
    }

    /// The record with its charge, or why there can be none.
    async fn usage_record(
        &self,
        job: &Job,
        attempt: &Attempt,
        usage: &UsageReport,
    ) -> Result<Result<UsageRecord, String>, StoreError> {
        let store = &self.inner.store;
        let Some(allocation) = store.find_allocation(job.allocation).await? else {
            return Ok(Err("its allocation is not there".to_owned()));
        };
        let Some(project) = store.find_project(job.spec.project).await? else {
            return Ok(Err("its project is not there".to_owned()));
        };
        let by_call = || self.mode_by(project.call_reference.as_deref()?);
        let mode = allocation.mode.clone().or_else(by_call);
        let ended_on = day_in_brussels(usage.ended_at);
        let organisation_was = self.organisation_was(&project, ended_on).await?;
        Ok(self
            .price(job, attempt, &allocation, usage)
            .map(|charge| UsageRecord {
                attempt: attempt.id,
                job: job.id,
                allocation: job.allocation,
                project: job.spec.project,
                organisation: project.organisation,
                share: allocation.share,
                mode,
                organisation_was,
                partition: attempt.partition.clone(),
                started_at: usage.started_at,
                ended_at: usage.ended_at,
                nodes: usage.nodes,
                scheduler_gpus: usage.scheduler_gpus,
                cpus: usage.cpus,
                energy_joules: usage.energy_joules,
                local_account: None,
                charge,
            }))
    }

    async fn organisation_was(
        &self,
        project: &Project,
        on: Date,
    ) -> Result<Option<OrganisationWas>, StoreError> {
        let found = self.inner.store.find_organisation(project.organisation);
        Ok(found.await?.map(|it| OrganisationWas {
            size: size_on(&self.policy(), &it, on),
            country: it.country,
            kind: it.kind,
        }))
    }

    /// Says with the charge just entered that it is by what is assumed, where the site's own billing is
    /// not known.
    fn mark_assumed(&self, attempt: &Attempt, change: &mut Change) {
        let partition = self.board().partition(&attempt.partition);
        let since = { partition.and_then(|it| it.billing) }.and_then(|it| it.assumed_since);
        let Some(since) = since else { return };
        if let Some(entry) = change.entries.pop() {
            let marked = entry.with("billing_assumed_since", since.to_string());
            change.entries.push(marked);
        }
    }

    fn price(
        &self,
        job: &Job,
        attempt: &Attempt,
        allocation: &Allocation,
        usage: &UsageReport,
    ) -> Result<Charge, String> {
        let Some(partition) = self.board().partition(&attempt.partition) else {
            return Err(format!("{} is not in the registry", attempt.partition));
        };
        check_times(attempt.created_at, self.inner.clock.now(), usage)?;
        check_elapsed(job.spec.tasks(), usage)?;
        check_numbers(&partition, job.spec.resources.nodes, usage)?;
        let used = Used {
            started_at: usage.started_at,
            ended_at: usage.ended_at,
            elapsed_seconds: usage.elapsed_seconds,
            nodes: usage.nodes,
            scheduler_gpus: usage.scheduler_gpus,
            cpus: usage.cpus,
            memory_gib: usage.memory_gib,
        };
        let words = |error: broker_accounting::Error| error.to_string();
        let cost = broker_accounting::charge(&partition, &used).map_err(words)?;
        let charged = in_allocation_unit(&allocation.scope, cost.site_units, cost.gpu);
        // Only to see that the balance can carry it.
        broker_accounting::settle(allocation.balance, UnitMillis::ZERO, charged).map_err(words)?;
        Ok(Charge {
            site_units: cost.site_units,
            site_unit: cost.site_unit,
            gpu: cost.gpu,
            charged,
        })
    }
}

/// As far as it can be the name of an account: it is shown to people.
fn plain_account(told: &str) -> Option<String> {
    let plain: String = { told.chars() }
        .filter(|c| !c.is_control())
        .take(LONGEST_ACCOUNT)
        .collect();
    (!plain.trim().is_empty()).then_some(plain)
}

fn charge(job: &mut Job, attempt: &Attempt, record: UsageRecord, change: &mut Change) {
    // A superseded attempt has no hold of its own; what it used is charged all the same.
    let held = if job.attempt == Some(attempt.id) {
        std::mem::take(&mut job.held)
    } else {
        UnitMillis::ZERO
    };
    change.writes.push(Write::Settle {
        allocation: job.allocation,
        held,
        used: record.charge.charged,
    });
    let mut entry = attempt_entry(job, attempt, EntryKind::UsageCharged)
        .with("month", record.month())
        .with("share", record.share.to_string())
        .with_any("mode", record.mode.clone())
        .with("charged_unit_ms", record.charge.charged.0)
        .with("released_unit_ms", held.0)
        .with("site_units_unit_ms", record.charge.site_units.0)
        .with("site_unit", record.charge.site_unit.clone())
        .with("gpu_ms", record.charge.gpu.0);
    entry.allocation = Some(job.allocation);
    entry.organisation = Some(record.organisation);
    change.entries.push(entry);
    change.writes.push(Write::InsertUsage(Box::new(record)));
}

fn close_uncharged(
    job: &mut Job,
    attempt: &Attempt,
    reason: &str,
    usage: Option<&UsageReport>,
    change: &mut Change,
) {
    let mut entry = attempt_entry(job, attempt, EntryKind::UsageUncharged).with("reason", reason);
    entry.allocation = Some(job.allocation);
    if let Some(usage) = usage {
        entry = entry.with("told", serde_json::to_value(usage).unwrap_or_default());
    }
    change.entries.push(entry);
    if job.attempt == Some(attempt.id) {
        release_hold(job, change);
    }
}
