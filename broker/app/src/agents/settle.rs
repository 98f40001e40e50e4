use broker_accounting::{Used, in_allocation_unit};
use broker_model::{Attempt, Charge, EntryKind, Job, Partition, UnitMillis, UsageRecord};
use broker_store::{Change, Write};
use site_adapter::UsageReport;

use crate::agents::lease::attempt_entry;
use crate::jobs::release_hold;
use crate::{Broker, Error, Result};

impl Broker {
    /// Charges what the site's accounting says, takes the hold away, and closes the attempt. A second
    /// record for the same attempt is refused by the store, so nothing is charged twice.
    pub(crate) async fn settle(
        &self,
        job: &mut Job,
        attempt: &mut Attempt,
        usage: Option<&UsageReport>,
        change: &mut Change,
    ) -> Result<()> {
        if attempt.settled {
            return Ok(());
        }
        attempt.settled = true;
        let is_current = job.attempt == Some(attempt.id);
        let Some(partition) = self.board().partition(&attempt.partition) else {
            return Err(Error::NotFound("partition"));
        };
        let Some(usage) = usage else {
            if is_current {
                release_hold(job, change);
            }
            return Ok(());
        };
        let record = self.usage_record(job, attempt, partition, usage).await?;
        // A superseded attempt has no hold of its own; what it used is charged all the same.
        let held = if is_current {
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
            .with("charged_unit_ms", record.charge.charged.0)
            .with("released_unit_ms", held.0)
            .with("site_units_unit_ms", record.charge.site_units.0)
            .with("site_unit", record.charge.site_unit.clone())
            .with("gpu_ms", record.charge.gpu.0);
        entry.allocation = Some(job.allocation);
        entry.organisation = Some(record.organisation);
        change.entries.push(entry);
        change.writes.push(Write::InsertUsage(Box::new(record)));
        self.forget_standing(job.spec.project).await;
        Ok(())
    }

    async fn usage_record(
        &self,
        job: &Job,
        attempt: &Attempt,
        partition: &Partition,
        usage: &UsageReport,
    ) -> Result<UsageRecord> {
        let store = &self.inner.store;
        let allocation = store
            .find_allocation(job.allocation)
            .await?
            .ok_or(Error::NotFound("allocation"))?;
        let project = store
            .find_project(job.spec.project)
            .await?
            .ok_or(Error::NotFound("project"))?;
        let used = Used {
            started_at: usage.started_at,
            ended_at: usage.ended_at,
            nodes: usage.nodes,
            scheduler_gpus: usage.scheduler_gpus,
            cpus: usage.cpus,
            memory_gib: usage.memory_gib,
        };
        let quote = broker_accounting::charge(partition, &used).map_err(|error| {
            broker_store::StoreError::Unreadable {
                table: "usage",
                reason: error.to_string(),
            }
        })?;
        let charged = in_allocation_unit(&allocation.scope, quote.site_units, quote.gpu);
        Ok(UsageRecord {
            attempt: attempt.id,
            job: job.id,
            allocation: job.allocation,
            project: job.spec.project,
            organisation: project.organisation,
            share: allocation.share,
            partition: attempt.partition.clone(),
            started_at: usage.started_at,
            ended_at: usage.ended_at,
            nodes: usage.nodes,
            scheduler_gpus: usage.scheduler_gpus,
            cpus: usage.cpus,
            energy_joules: usage.energy_joules,
            charge: Charge {
                site_units: quote.site_units,
                site_unit: quote.site_unit,
                gpu: quote.gpu,
                charged,
            },
        })
    }
}
