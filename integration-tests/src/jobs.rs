use std::path::{Path, PathBuf};

use broker_client::Client;
use broker_client::wire::{JobView, UsageView};
use broker_model::{
    AllocationScope, ContainerTarget, DataNeeds, JobSpec, PlacementWishes, ProjectId, Resources,
    SiteId, UnitMillis, Variant, Walltime,
};

/// A job to hand in, for every target that the test sites have.
#[derive(Clone, Debug)]
pub struct JobFile(pub JobSpec);

impl JobFile {
    pub fn new(project: ProjectId, name: &str, script: &str) -> Self {
        let target = |text: &str| text.parse::<ContainerTarget>().expect("a target");
        let variant = Variant {
            image: None,
            script: script.to_owned(),
        };
        Self(JobSpec {
            after: Vec::new(),
            array: None,
            name: name.to_owned(),
            project,
            resources: Resources {
                nodes: 1,
                gpus_per_node: 1,
                gpu_memory_gib: None,
                cpus_per_node: None,
                memory_gib_per_node: None,
                walltime: Walltime::from_seconds(600).expect("a walltime"),
            },
            variants: ["x86_64+cuda", "x86_64+rocm"]
                .map(|text| (target(text), variant.clone()))
                .into(),
            data: DataNeeds::default(),
            placement: PlacementWishes::default(),
        })
    }

    /// Runs at this site and nowhere else.
    #[must_use]
    pub fn only_at(mut self, site: &str) -> Self {
        self.0.placement.require = vec![site.parse::<SiteId>().expect("a site's id")];
        self
    }

    #[must_use]
    pub fn within(mut self, seconds: u32) -> Self {
        self.0.resources.walltime = Walltime::from_seconds(seconds).expect("a walltime");
        self
    }

    /// Writes it as a person would, and returns the path.
    pub fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join(format!("{}.toml", self.0.name));
        std::fs::write(&path, toml::to_string(&self.0).expect("a job as TOML")).expect("a file");
        path
    }
}

/// All that a project's books say, read over the API.
#[derive(Clone, Debug)]
pub struct Books {
    pub granted: UnitMillis,
    pub used: UnitMillis,
    pub held: UnitMillis,
    pub lost: UnitMillis,
    pub remaining: UnitMillis,
    pub jobs: Vec<JobView>,
    pub usage: Vec<UsageView>,
}

impl Books {
    /// What was charged is read first and the balance last: of books that are still written to, the
    /// balance knows at least every charge that is listed.
    pub async fn read(client: &Client) -> Self {
        let usage = all_usage(client).await;
        let jobs = all_jobs(client).await;
        let me = client.whoami().await.expect("whoami");
        let allocations = me.projects.iter().flat_map(|project| &project.allocations);
        let sum = |of: fn(&broker_client::wire::AllocationView) -> UnitMillis| {
            allocations.clone().map(of).sum::<UnitMillis>()
        };
        Self {
            granted: sum(|a| a.balance.granted),
            used: sum(|a| a.balance.used),
            held: sum(|a| a.balance.held),
            lost: sum(|a| a.balance.lost),
            remaining: sum(|a| a.remaining),
            jobs,
            usage,
        }
    }

    /// granted = used + held + lost + remaining, and used is the sum of what was charged.
    pub fn must_add_up(&self) {
        let whole = self.used + self.held + self.lost + self.remaining;
        assert_eq!(self.granted, whole, "the balance has a hole");
        let charged = self.usage.iter().map(|usage| usage.record.charge.charged);
        assert_eq!(self.used, charged.sum(), "used is not what was charged");
        let held = self
            .jobs
            .iter()
            .map(|job| job.held_unit_ms)
            .sum::<UnitMillis>();
        assert_eq!(self.held, held, "held is not what jobs hold");
        for usage in &self.usage {
            let of_it = self.jobs.iter().find(|job| job.id == usage.record.job);
            must_be_the_price(usage, of_it.map_or(1, |job| job.spec.tasks()));
        }
    }
}

/// The charge follows from the times and the hardware of the record; counted here by hand, apart
/// from `broker-accounting`. Of an array it is at most that of tasks which all ran from its start to its end.
fn must_be_the_price(usage: &UsageView, tasks: u32) {
    let record = &usage.record;
    let ran = i64::try_from(
        record
            .ended_at
            .duration_since(record.started_at)
            .as_millis(),
    );
    let ran = ran.expect("a job of less than 290 million years") * i64::from(tasks);
    let gpus = i64::from(record.scheduler_gpus);
    let (gpu, site) = match record.partition.site.as_str() {
        // Half GPUs, whole nodes of four.
        "beta" => (
            ran * 4 * i64::from(record.nodes),
            ran * i64::from(record.nodes),
        ),
        _ => (ran * gpus, ran * gpus),
    };
    let charge = &record.charge;
    assert_eq!(
        charge.charged.0,
        charge.gpu.0,
        "{:?} counts GPU-hours",
        AllocationScope::Federation
    );
    if tasks > 1 {
        assert!((0..=gpu).contains(&charge.gpu.0), "{record:?}");
        assert!((0..=site).contains(&charge.site_units.0), "{record:?}");
        return;
    }
    assert_eq!(charge.gpu.0, gpu, "{record:?}");
    assert_eq!(charge.site_units.0, site, "{record:?}");
}

async fn all_jobs(client: &Client) -> Vec<JobView> {
    let mut all = Vec::new();
    let mut query = vec![("limit", "50".to_owned())];
    loop {
        let page = client.jobs(&query).await.expect("a page of jobs");
        all.extend(page.items);
        query.truncate(1);
        let Some(cursor) = page.next_cursor else {
            return all;
        };
        query.push(("cursor", cursor));
    }
}

async fn all_usage(client: &Client) -> Vec<UsageView> {
    let mut all = Vec::new();
    let mut query = vec![("limit", "50".to_owned())];
    loop {
        let page = client.usage(&query).await.expect("a page of usage");
        all.extend(page.items);
        query.truncate(1);
        let Some(cursor) = page.next_cursor else {
            return all;
        };
        query.push(("cursor", cursor));
    }
}
