use std::hint::black_box;

use broker_app::setup::project_id;
use broker_model::{
    Allocation, AllocationScope, Balance, Clock as _, FundingShare, Site, SiteReadiness,
    SiteSnapshot, SiteState, SystemClock, Tally, UnitMillis,
};
use broker_placement::{Input, SiteView, place};
use broker_server::shipped;
use jiff::{SignedDuration, Timestamp};

use super::{Plan, turn_about};
use crate::rig::sample_job;
use crate::{sites, table};

const PARTITIONS: usize = 200;

/// One placement of the sample job over the shipped sites, repeated until they are enough.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<()> {
    table::section("Placement, pure");
    let now = SystemClock.now();
    let shipped: Vec<Heard> = shipped::sites()?
        .into_iter()
        .map(|site| Heard::new(site, now))
        .collect();
    let many = repeated(&shipped, now)?;
    let (spec, zones) = (sample_job()?, shipped::zones()?);
    let allocation = allocation(now);
    let views: Vec<_> = shipped.iter().map(Heard::view).collect();
    let all_views: Vec<_> = many.iter().map(Heard::view).collect();
    let tally = Tally::default();
    let unaccepted = std::collections::BTreeMap::new();
    let shut = broker_model::ShutSystems::new();
    let input = |sites| Input {
        now,
        spec: &spec,
        sites,
        allocation: &allocation,
        refused_by: &[],
        tally: &tally,
        zones: &zones,
        bound: None,
        unaccepted: &unaccepted,
        shut: &shut,
        sectors: &[],
    };
    let (few, all) = (input(&views), input(&all_views));
    anyhow::ensure!(
        place(&all).chosen.is_some(),
        "the sample job finds no partition"
    );
    let [shipped_rate, rate] = turn_about(
        plan,
        [&mut || drop(black_box(place(black_box(&few)))), &mut || {
            drop(black_box(place(black_box(&all))));
        }],
    );
    let count = |sites: &[Heard]| {
        sites
            .iter()
            .map(|heard| partitions(&heard.site))
            .sum::<usize>()
    };
    table::figure(
        &format!(
            "over the {} partitions of the shipped sites",
            count(&shipped)
        ),
        &format!("{:.1} µs", 1e6 / shipped_rate),
    );
    table::mark_below(
        &format!("over {} partitions", count(&many)),
        1e6 / rate,
        200.0,
        "µs",
    );
    Ok(())
}

struct Heard {
    site: Site,
    state: SiteState,
    snapshot: SiteSnapshot,
}

impl Heard {
    fn new(site: Site, now: Timestamp) -> Self {
        let state = SiteState {
            site: site.id.clone(),
            readiness: SiteReadiness::Ready,
            reason: None,
            observed_at: now,
            ttl_seconds: 120,
            agents: Vec::new(),
            systems: Vec::new(),
            version: 0,
        };
        Self {
            snapshot: sites::snapshot(&site, now),
            state,
            site,
        }
    }

    const fn view(&self) -> SiteView<'_> {
        SiteView {
            site: &self.site,
            state: Some(&self.state),
            snapshot: Some(&self.snapshot),
            controls: None,
        }
    }
}

fn partitions(site: &Site) -> usize {
    site.systems
        .iter()
        .map(|system| system.partitions.len())
        .sum()
}

/// The sites again and again under other names.
fn repeated(shipped: &[Heard], now: Timestamp) -> anyhow::Result<Vec<Heard>> {
    let mut many = Vec::new();
    let mut count = 0;
    for (number, heard) in shipped.iter().cycle().enumerate() {
        if count >= PARTITIONS {
            break;
        }
        let mut site = heard.site.clone();
        site.id = format!("{}-{number}", site.id).parse()?;
        count += partitions(&site);
        many.push(Heard::new(site, now));
    }
    Ok(many)
}

fn allocation(now: Timestamp) -> Allocation {
    Allocation {
        id: broker_app::setup::allocation_id("sample", "playground"),
        project: project_id("sample"),
        scope: AllocationScope::Federation,
        share: FundingShare::Union,
        unit: "GPU-hour".to_owned(),
        balance: Balance {
            granted: UnitMillis::from_hours(5000),
            ..Balance::default()
        },
        valid_from: now,
        valid_until: now
            .saturating_add(SignedDuration::from_hours(2400))
            .unwrap_or(Timestamp::MAX),
        local_accounts: std::collections::BTreeMap::new(),
        suspended: false,
        mode: None,
        account_named_at: None,
    }
}
