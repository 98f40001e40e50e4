//! What the broker computes from an agent's report, for fuzz targets: none of it may panic, whatever
//! numbers a site tells.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use broker_accounting::Used;
use broker_model::{
    Allocation, AllocationScope, Balance, FundingShare, JobSpec, ShutSystems, Site, SiteSnapshot,
    SiteState, Tally, UnitMillis,
};
use broker_placement::{Input, SiteView, place};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use site_adapter::{AttemptReport, Report, UsageReport};

use crate::agents::plausible::{check_elapsed, check_numbers, check_times};

struct Stage {
    now: Timestamp,
    site: Site,
    spec: JobSpec,
    allocation: Allocation,
}

static STAGE: LazyLock<Option<Stage>> = LazyLock::new(stage);

/// Places a job by the report's snapshot and prices what its attempts used.
pub fn report(report: &Report) {
    let Some(stage) = STAGE.as_ref() else { return };
    if let Some(snapshot) = &report.snapshot {
        stage.place(snapshot);
    }
    for event in &report.attempts {
        if let AttemptReport::Usage {
            usage: Some(usage), ..
        } = event
        {
            stage.price(usage);
        }
    }
}

impl Stage {
    fn place(&self, snapshot: &SiteSnapshot) {
        let state = SiteState {
            site: self.site.id.clone(),
            readiness: snapshot.readiness,
            reason: snapshot.reason.clone(),
            observed_at: self.now,
            ttl_seconds: 300,
            agents: Vec::new(),
            systems: Vec::new(),
            version: 0,
        };
        let view = SiteView {
            site: &self.site,
            state: Some(&state),
            snapshot: Some(snapshot),
            controls: None,
        };
        let placement = place(&Input {
            now: self.now,
            spec: &self.spec,
            sites: &[view],
            allocation: &self.allocation,
            refused_by: &[],
            zones: &BTreeMap::new(),
            tally: &Tally::default(),
            bound: None,
            unaccepted: &BTreeMap::new(),
            shut: &ShutSystems::new(),
            sectors: &[],
        });
        let _ = serde_json::to_value(placement);
    }

    fn price(&self, usage: &UsageReport) {
        let partitions = self.site.systems.iter().flat_map(|it| &it.partitions);
        for partition in partitions {
            let _ = check_times(self.now, self.now, usage);
            let _ = check_elapsed(self.spec.tasks(), usage);
            let _ = check_numbers(partition, self.spec.resources.nodes, usage);
            let used = Used {
                started_at: usage.started_at,
                ended_at: usage.ended_at,
                elapsed_seconds: usage.elapsed_seconds,
                nodes: usage.nodes,
                scheduler_gpus: usage.scheduler_gpus,
                cpus: usage.cpus,
                memory_gib: usage.memory_gib,
            };
            // Without the checks before it, too: what they let through may change.
            let cost = broker_accounting::charge(partition, &used);
            let charged = cost.map(|cost| cost.charged_to(&self.allocation.scope).charged);
            let balance = self.allocation.balance;
            let _ = charged.map(|charged| {
                broker_accounting::settle(balance, UnitMillis::ZERO, charged).is_ok()
            });
        }
    }
}

fn stage() -> Option<Stage> {
    let now: Timestamp = "2026-11-20T12:00:00Z".parse().ok()?;
    let day = SignedDuration::from_hours(24);
    let spec: JobSpec = serde_json::from_value(json!({
        "name": "a", "project": "prj_0192f0c1d2e37abc8def0123456789ab",
        "resources": { "nodes": 2, "gpus_per_node": 4, "walltime": "6h" },
        "variants": { "x86_64+cuda": { "script": "true" } },
    }))
    .ok()?;
    let site = serde_json::from_value(json!({
        "id": "fuzz", "name": "A site", "hosting_entity": "A host", "city": "Kajaani",
        "country": "FI", "source": { "checked_on": "2026-11-20", "from": ["made for a test"] },
        "system": [{ "id": "s", "status": "operational", "partition": [{
            "id": "p", "nodes": 10, "gpus_per_node": 4, "gpu_memory_gib": 64,
            "cpus_per_node": 64, "memory_gib_per_node": 512, "container_target": "x86_64+cuda",
            "max_walltime": "1d", "max_nodes_per_job": 8,
            "billing": { "unit": "GPU-hour",
                "terms": [{ "of": "scheduler_gpus", "milliunits": 1000 }] },
        }] }],
    }))
    .ok()?;
    let allocation = Allocation {
        id: "alc_0192f0c1d2e37abc8def0123456789ab".parse().ok()?,
        project: spec.project,
        scope: AllocationScope::Federation,
        share: FundingShare::Union,
        unit: "GPU-hour".to_owned(),
        balance: Balance {
            granted: UnitMillis::from_hours(5000),
            ..Balance::default()
        },
        valid_from: now.saturating_sub(day).ok()?,
        valid_until: now.saturating_add(day).ok()?,
        local_accounts: BTreeMap::new(),
        suspended: false,
        mode: None,
        account_named_at: None,
    };
    Some(Stage {
        now,
        site,
        spec,
        allocation,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stage_is_set() {
        assert!(STAGE.is_some());
    }
}
