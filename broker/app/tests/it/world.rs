use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use broker_app::jobs::Accepted;
use broker_app::loops::Sealer;
use broker_app::setup::{AllocationSetup, SetupFile, allocation_id, project_id};
use broker_app::{Broker, BrokerParts, Caller, Limits};
use broker_ledger::Signer;
use broker_model::{
    Allocation, AllocationId, Assurance, Automation, Clock as _, IdentityAssurance, Ids, Job,
    JobId, JobSpec, ManualClock, Partition, Principal, Site,
};
use broker_store::testing::TestPostgres;
use broker_store::{SqlStore, Store, StoreOptions};
use jiff::{SignedDuration, Timestamp};
use policy_engine::Engine;

pub(crate) const ISSUER: &str = "https://id.example.eu";
pub(crate) const LEDGER: &str = "alcyone.example.eu/ledger";

/// One federation on one database, and any number of replicas of the broker on it.
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) ids: Arc<Ids>,
    pub(crate) sites: Vec<Site>,
    pub(crate) limits: Limits,
    /// Files of evidence, as long as the test runs.
    pub(crate) files: Arc<object_store::memory::InMemory>,
    url: String,
    _folder: Option<tempfile::TempDir>,
}

/// The seven sites as they are shipped, but each letting programs submit.
fn shipped() -> Vec<Site> {
    let files = [
        include_str!("../../../../config/sites/bsc.toml"),
        include_str!("../../../../config/sites/cineca.toml"),
        include_str!("../../../../config/sites/lumi.toml"),
        include_str!("../../../../config/sites/meluxina.toml"),
        include_str!("../../../../config/sites/mimer.toml"),
        include_str!("../../../../config/sites/hammerhai.toml"),
        include_str!("../../../../config/sites/pharos.toml"),
    ];
    let site = |text: &str| {
        let mut site: Site = toml::from_str(text).unwrap();
        site.automation = Automation::Allowed;
        for system in &mut site.systems {
            system.access.route_by_share.clear();
        }
        site
    };
    files.into_iter().map(site).collect()
}

fn policy() -> Arc<Engine> {
    static SHIPPED: OnceLock<Arc<Engine>> = OnceLock::new();
    SHIPPED
        .get_or_init(|| Arc::new(Engine::shipped().unwrap()))
        .clone()
}

fn zones() -> BTreeMap<String, BTreeSet<String>> {
    let eu = ["DE", "ES", "FI", "GR", "IT", "LU", "SE"].map(str::to_owned);
    BTreeMap::from([("EU".to_owned(), BTreeSet::from(eu))])
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        // Memory where there is some: what is tested here is not the disk.
        let shm = std::path::Path::new("/dev/shm");
        let folder = if shm.is_dir() {
            tempfile::tempdir_in(shm)
        } else {
            tempfile::tempdir()
        };
        let folder = folder.unwrap();
        let url = format!("sqlite://{}/alcyone.db", folder.path().display());
        Self::on(url, Some(folder)).await
    }

    /// `None`, after a word about it, where PostgreSQL is not installed.
    pub(crate) async fn postgres() -> Option<Self> {
        let url = TestPostgres::shared()?.create_database().await;
        Some(Self::on(url, None).await)
    }

    /// One on each database that is there.
    pub(crate) async fn each() -> Vec<Self> {
        let mut worlds = vec![Self::sqlite().await];
        worlds.extend(Self::postgres().await);
        worlds
    }

    async fn on(url: String, folder: Option<tempfile::TempDir>) -> Self {
        let start: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let world = Self {
            clock: Arc::new(ManualClock::at(start)),
            ids: Arc::new(Ids::from_os()),
            sites: shipped(),
            limits: Limits {
                standing_ttl: Duration::ZERO,
                ..Limits::default()
            },
            files: Arc::default(),
            url,
            _folder: folder,
        };
        world.store().await.migrate().await.unwrap();
        world.import(5000, false).await;
        world
    }

    pub(crate) async fn store(&self) -> SqlStore {
        SqlStore::connect(&self.url, StoreOptions::default())
            .await
            .unwrap()
    }

    /// A replica of the broker, with connections of its own.
    pub(crate) async fn broker(&self) -> Broker {
        self.broker_over(Arc::new(self.store().await))
    }

    pub(crate) fn broker_over(&self, store: Arc<dyn Store>) -> Broker {
        Broker::new(BrokerParts {
            store,
            policy: policy(),
            sites: self.sites.clone(),
            zones: zones(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            limits: self.limits.clone(),
            files: Some(broker_app::FileStore {
                objects: self.files.clone(),
                largest_bytes: 1024 * 1024,
            }),
        })
    }

    /// Importing again changes hours and suspension.
    pub(crate) async fn import(&self, hours: u32, suspended: bool) {
        let mut file = setup();
        let grant = allocation_of(&mut file);
        (grant.hours, grant.suspended) = (hours, suspended);
        self.broker().await.import(&file).await.unwrap();
    }

    /// A project `key` of the same organisation and engineer, with these allocations (key, hours, and the
    /// term they are valid in).
    pub(crate) async fn import_project(&self, key: &str, allocations: &[(&str, u32, &str, &str)]) {
        use std::fmt::Write as _;
        let mut text = format!(
            r#"
            [organisations.startup]
            name = "Sample Start-up"
            country = "FR"
            size = "small"
            [projects.{key}]
            organisation = "startup"
            name = "{key}"
            civilian = true
            [[projects.{key}.members]]
            issuer = "{ISSUER}"
            subject = "engineer"
            "#
        );
        for (name, hours, from, until) in allocations {
            write!(
                text,
                r#"
                [projects.{key}.allocations.{name}]
                share = "union"
                unit = "GPU-hour"
                hours = {hours}
                valid_from = "{from}"
                valid_until = "{until}"
                "#
            )
            .unwrap();
        }
        let file: SetupFile = toml::from_str(&text).unwrap();
        self.broker().await.import(&file).await.unwrap();
    }

    /// A project `aging` of an organisation of its own, whose evidence runs out; importing again adds
    /// some.
    pub(crate) async fn import_aging(&self, issued_on: &str, expires_on: &str) {
        let file = format!(
            r#"
            [organisations.aging]
            name = "Aging Start-up"
            country = "FR"
            size = "small"
            [[organisations.aging.evidence]]
            kind = "ai_act_self_assessment"
            issued_on = "{issued_on}"
            expires_on = "{expires_on}"
            source = "form of the portal"
            checked_by = "reviewer"
            [projects.aging]
            organisation = "aging"
            name = "Aging"
            civilian = true
            [[projects.aging.members]]
            issuer = "{ISSUER}"
            subject = "engineer"
            [projects.aging.allocations.grant]
            share = "union"
            unit = "GPU-hour"
            hours = 100
            valid_from = "2026-11-01T00:00:00Z"
            valid_until = "2031-11-01T00:00:00Z"
            "#
        );
        let file: SetupFile = toml::from_str(&file).unwrap();
        self.broker().await.import(&file).await.unwrap();
    }

    /// Submits one after the other: ids made in one instant have no order.
    pub(crate) async fn submit_in_turn(&self, broker: &Broker, spec: JobSpec) -> Job {
        self.clock.advance(SignedDuration::from_millis(1));
        submit(broker, spec).await
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Says how jobs get into a site.
    pub(crate) fn let_in(&mut self, site: &str, automation: Automation) {
        let mut sites = self.sites.iter_mut();
        let site = sites.find(|it| it.id.as_str() == site).unwrap();
        site.automation = automation;
    }

    /// Leaves every partition out of the registry that this does not keep.
    pub(crate) fn keep_partitions(&mut self, keep: impl Fn(&Site, &Partition) -> bool) {
        for site in &mut self.sites {
            let whole = site.clone();
            for system in &mut site.systems {
                system.partitions.retain(|it| keep(&whole, it));
            }
        }
    }
}

/// A start-up with its evidence, a project, and an allocation.
pub(crate) fn setup() -> SetupFile {
    let file = format!(
        r#"
        [organisations.startup]
        name = "Sample Start-up"
        country = "FR"
        size = "small"
        [[organisations.startup.evidence]]
        kind = "ai_act_self_assessment"
        issued_on = "2026-10-01"
        source = "form of the portal"
        checked_by = "reviewer"
        [projects.sample]
        organisation = "startup"
        name = "Sample"
        civilian = true
        [[projects.sample.members]]
        issuer = "{ISSUER}"
        subject = "engineer"
        [projects.sample.allocations.grant]
        share = "union"
        unit = "GPU-hour"
        hours = 5000
        valid_from = "2026-11-01T00:00:00Z"
        valid_until = "2031-11-01T00:00:00Z"
        [[grants]]
        issuer = "{ISSUER}"
        subject = "auditor"
        role = "auditor"
        [[grants]]
        issuer = "{ISSUER}"
        subject = "admin"
        role = "site_admin"
        site = "lumi"
        [[grants]]
        issuer = "{ISSUER}"
        subject = "operator"
        role = "operator"
        "#
    );
    toml::from_str(&file).unwrap()
}

pub(crate) fn allocation_of(file: &mut SetupFile) -> &mut AllocationSetup {
    let project = file.projects.get_mut("sample").unwrap();
    project.allocations.get_mut("grant").unwrap()
}

pub(crate) fn principal(subject: &str) -> Arc<Principal> {
    Arc::new(Principal {
        issuer: ISSUER.to_owned(),
        subject: subject.to_owned(),
        name: None,
        email: None,
        email_verified: false,
        home_organisation: None,
        assurance: Assurance {
            identity: IdentityAssurance::High,
            multi_factor: true,
        },
        entitlements: BTreeSet::new(),
    })
}

pub(crate) async fn engineer(broker: &Broker) -> Caller {
    broker.caller(principal("engineer")).await.unwrap()
}

/// A job of one node with four GPUs for an hour: 4 GPU-hours wherever it runs.
pub(crate) fn spec() -> JobSpec {
    let text = format!(
        r#"
        name = "fold"
        project = "{}"
        [resources]
        nodes = 1
        gpus_per_node = 4
        walltime = "1h"
        [variants."x86_64+cuda"]
        script = "echo cuda"
        [variants."x86_64+rocm"]
        script = "echo rocm"
        "#,
        project_id("sample")
    );
    toml::from_str(&text).unwrap()
}

pub(crate) fn at(sites: &[&str]) -> JobSpec {
    let mut spec = spec();
    spec.placement.require = sites.iter().map(|site| site.parse().unwrap()).collect();
    spec
}

pub(crate) fn restartable(spec: JobSpec) -> JobSpec {
    let mut spec = spec;
    spec.placement.restartable = true;
    spec
}

pub(crate) async fn submit(broker: &Broker, spec: JobSpec) -> Job {
    let caller = engineer(broker).await;
    match broker.submit(&caller, spec, None).await.unwrap() {
        Accepted::New { job, .. } => *job,
        Accepted::Repeated(_) => panic!("no key, no repeat"),
    }
}

pub(crate) async fn job(broker: &Broker, id: JobId) -> Job {
    broker.store().find_job(id).await.unwrap().unwrap()
}

pub(crate) fn grant() -> AllocationId {
    allocation_id("sample", "grant")
}

pub(crate) async fn allocation(broker: &Broker) -> Allocation {
    let allocation = broker.store().find_allocation(grant()).await;
    allocation.unwrap().unwrap()
}

pub(crate) fn signer() -> Signer {
    Signer::from_seed(LEDGER, &[7; 32]).unwrap()
}

pub(crate) fn sealer() -> Sealer {
    Sealer::new(signer())
}
