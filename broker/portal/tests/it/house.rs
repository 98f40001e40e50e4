use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use broker_app::setup::{SetupFile, project_id};
use broker_app::{Broker, BrokerParts, Limits};
use broker_auth::dev_issuer::{DevIssuer, DevIssuerConfig, DevPerson};
use broker_auth::{Authenticator, IssuerConfig};
use broker_model::PartitionSnapshot;
use broker_model::{
    AgentId, Clock, Ids, ManualClock, Outcome, OutcomeKind, RemoteId, Site, SiteId, SiteReadiness,
    SiteSnapshot,
};
use broker_portal::{Catalogues, Portal};
use broker_store::{SqlStore, StoreOptions};
use jiff::Timestamp;
use policy_engine::Engine;
use serde::Deserialize;
use serde_json::{Map, json};
use site_adapter::{
    AttemptReport, LeaseRequest, LeasedAttempt, LogChunk, LogStream, Report, Seen, UsageReport,
};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use crate::browser::Browser;

pub(crate) const ENGINEER: &str = "engineer";
pub(crate) const STRANGER: &str = "stranger";
pub(crate) const OPERATOR: &str = "operator";
/// Administers HLRS's site, and LUMI.
pub(crate) const ADMIN: &str = "admin";
/// Administers HLRS's site, and may see names.
pub(crate) const NAMER: &str = "namer";

/// Has founded something that nobody here knows yet.
pub(crate) const FOUNDER: &str = "founder";
pub(crate) const REVIEWER: &str = "reviewer";
/// Reviews, and has an organisation of their own in the tests that need one.
pub(crate) const INSIDER: &str = "insider";
/// Of the staff of LUMI's centre, and of BSC's, in the tests that need them.
pub(crate) const AT_LUMI: &str = "at-lumi";
pub(crate) const AT_BSC: &str = "at-bsc";

const SETUP: &str = r#"
[organisations.start-up]
name = "Start-up <b>& Sons</b>"
country = "FR"
size = "small"

[[organisations.start-up.evidence]]
kind = "ai_act_self_assessment"
issued_on = "2026-10-01"
source = "form of the portal"
checked_by = "reviewer"

[projects.sample]
organisation = "start-up"
name = "Sample <script>alert(1)</script>"
call_reference = "EHPC-AIF-2026PG01-128"
civilian = true
members = [{ issuer = "", subject = "engineer", lead = true }]

[projects.sample.allocations.playground]
share = "union"
unit = "GPU-hour"
hours = 5000
valid_from = "2026-11-01T00:00:00Z"
valid_until = "2027-11-01T00:00:00Z"

[projects.other]
organisation = "start-up"
name = "Other"
members = [{ issuer = "", subject = "stranger" }]

[[grants]]
issuer = ""
subject = "operator"
role = "operator"

[[grants]]
issuer = ""
subject = "reviewer"
role = "reviewer"

[[grants]]
issuer = ""
subject = "insider"
role = "reviewer"

[[grants]]
issuer = ""
subject = "admin"
role = "site_admin"
site = "hammerhai"

[[grants]]
issuer = ""
subject = "admin"
role = "site_admin"
site = "lumi"

[[grants]]
issuer = ""
subject = "namer"
role = "site_admin"
site = "hammerhai"
sees_people = true
"#;

/// A broker with its portal on a free port, an issuer, the seven sites, and one of them ready.
pub(crate) struct House {
    pub(crate) base: Url,
    pub(crate) broker: Broker,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) issuer: DevIssuer,
    agent: AgentId,
    server: JoinHandle<()>,
    _data: TempDir,
}

/// What differs between houses.
#[derive(Default)]
pub(crate) struct Ground {
    /// As browsers are told; requests go to a loopback port all the same.
    pub(crate) public_url: Option<&'static str>,
    pub(crate) second_issuer: Option<IssuerConfig>,
    pub(crate) now: Option<Timestamp>,
    pub(crate) texts: Option<Catalogues>,
}

impl Drop for House {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl House {
    pub(crate) async fn build() -> Self {
        Self::build_on(Ground::default()).await
    }

    pub(crate) async fn build_on(ground: Ground) -> Self {
        let now = ground
            .now
            .unwrap_or_else(|| "2026-11-20T12:00:00Z".parse().unwrap());
        let clock = Arc::new(ManualClock::at(now));
        let data = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let issuer = issuer(&base, clock.clone()).await;
        let broker = broker(data.path(), clock.clone()).await;
        broker.import(&setup(issuer.issuer())).await.unwrap();
        let issuers = std::iter::once(issuer.issuer_config())
            .chain(ground.second_issuer)
            .collect();
        let auth = Authenticator::new(issuers, clock.clone()).unwrap();
        let public = ground
            .public_url
            .map_or_else(|| base.clone(), |url| Url::parse(url).unwrap());
        let texts = ground.texts.unwrap_or_else(Catalogues::shipped);
        let portal = Portal::new(broker.clone(), Arc::new(auth), public)
            .with_ledger_key("demo+key")
            .with_texts(texts);
        let router = broker_portal::router(portal);
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let agent = Ids::from_os().next(&*clock);
        let house = Self {
            base,
            broker,
            clock,
            issuer,
            agent,
            server,
            _data: data,
        };
        house
            .tell(Report {
                snapshot: Some(snapshot(house.clock.now())),
                ..house.report()
            })
            .await;
        house
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(&self.base)
    }

    /// A browser in which somebody is signed in.
    pub(crate) async fn signed_in(&self, person: &str) -> Browser {
        let mut browser = self.browser();
        let page = browser.sign_in_at("/login", person).await;
        assert_eq!(page.status, 200, "{}", page.text);
        browser
    }

    /// Hands a job in through the form and returns its path.
    pub(crate) async fn hand_in(&self, browser: &mut Browser) -> String {
        let form = browser.get("/jobs/new").await;
        let quote = browser
            .submit(
                &form,
                "/jobs/new",
                &[("job", &job_file()), ("action", "quote")],
            )
            .await;
        let sent = browser
            .submit(
                &quote,
                "/jobs/new",
                &[("job", &job_file()), ("action", "submit")],
            )
            .await;
        assert_eq!(sent.status, 303, "{}", sent.text);
        sent.location().unwrap().path().to_owned()
    }

    /// Plays the site's agent: takes the placed job.
    pub(crate) async fn lease(&self) -> LeasedAttempt {
        let request = LeaseRequest {
            agent: self.agent,
            instance: None,
            site: site(),
            scheduler: None,
            systems: Vec::new(),
            only_sent: false,
            want: 1,
            wait_seconds: 0,
            working_on: Vec::new(),
        };
        self.broker
            .lease(&request)
            .await
            .unwrap()
            .attempts
            .remove(0)
    }

    pub(crate) async fn start(&self, leased: &LeasedAttempt) {
        let (attempt, now) = (leased.attempt, self.clock.now());
        let seen = Seen {
            remote_id: RemoteId("4711".to_owned()),
            submitted_at: now,
        };
        self.happened(vec![
            AttemptReport::Submitting { attempt },
            AttemptReport::Accepted { attempt, seen },
            AttemptReport::Started {
                attempt,
                started_at: now,
            },
        ])
        .await;
    }

    pub(crate) async fn log(&self, leased: &LeasedAttempt, offset: u64, bytes: &[u8]) {
        let chunk = LogChunk {
            attempt: leased.attempt,
            stream: LogStream::Stdout,
            offset,
            bytes: bytes.to_vec(),
        };
        self.tell(Report {
            logs: vec![chunk],
            ..self.report()
        })
        .await;
    }

    /// The job ends a minute later and is charged.
    pub(crate) async fn end(&self, leased: &LeasedAttempt, site_words: &str) {
        self.end_as(leased, (OutcomeKind::Completed, 0), site_words)
            .await;
    }

    pub(crate) async fn end_as(
        &self,
        leased: &LeasedAttempt,
        (kind, exit_code): (OutcomeKind, i32),
        site_words: &str,
    ) {
        let (attempt, started_at) = (leased.attempt, self.clock.now());
        self.clock.advance(jiff::SignedDuration::from_mins(1));
        let ended_at = self.clock.now();
        let outcome = Outcome {
            kind,
            exit_code: Some(exit_code),
            signal: None,
            site_words: site_words.to_owned(),
        };
        let usage = UsageReport {
            elapsed_seconds: None,
            started_at,
            ended_at,
            nodes: 1,
            scheduler_gpus: 4,
            cpus: 64,
            memory_gib: 64,
            energy_joules: None,
        };
        self.happened(vec![
            AttemptReport::Ended {
                attempt,
                ended_at,
                outcome,
            },
            AttemptReport::Usage {
                attempt,
                usage: Some(usage),
                account: Some("p<1>".to_owned()),
            },
        ])
        .await;
    }

    async fn happened(&self, attempts: Vec<AttemptReport>) {
        self.tell(Report {
            attempts,
            ..self.report()
        })
        .await;
    }

    async fn tell(&self, report: Report) {
        let reply = self.broker.report(report).await.unwrap();
        assert!(reply.forget.is_empty(), "{reply:?}");
    }

    fn report(&self) -> Report {
        Report {
            snapshot_ttl_seconds: None,
            agent: self.agent,
            instance: None,
            site: site(),
            snapshot: None,
            attempts: Vec::new(),
            logs: Vec::new(),
            working_on: Vec::new(),
        }
    }
}

pub(crate) fn job_file() -> String {
    format!(
        "name = \"train-1\"\nproject = \"{}\"\n[resources]\ngpus_per_node = 4\nwalltime = \"1h\"\n\
         [variants.\"x86_64+cuda\"]\nscript = \"echo '<script>alert(2)</script>'\"\n",
        project_id("sample")
    )
}

fn site() -> SiteId {
    "meluxina".parse().unwrap()
}

async fn issuer(base: &Url, clock: Arc<ManualClock>) -> DevIssuer {
    let person = |subject: &str, name: &str| DevPerson {
        subject: subject.to_owned(),
        name: name.to_owned(),
        email: format!("{subject}@example.org"),
        claims: assured(),
    };
    let people = vec![
        person(ENGINEER, "Ada <i>Lovelace</i>"),
        person(STRANGER, "Stranger"),
        person(OPERATOR, "Operator"),
        person("nobody", "Nobody"),
        person(ADMIN, "Hela"),
        person(NAMER, "Nils"),
        person(FOUNDER, "Maia"),
        person(REVIEWER, "Rita"),
        person(INSIDER, "Ines"),
        person(AT_LUMI, "Lumi"),
        person(AT_BSC, "Blanca"),
    ];
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let mut config = DevIssuerConfig::new("urn:test", people);
    config.portal_callbacks = vec![
        base.join("/login/callback").unwrap(),
        Url::parse("https://portal.example.eu/login/callback").unwrap(),
    ];
    DevIssuer::start(listener, config, clock).unwrap()
}

fn assured() -> Map<String, serde_json::Value> {
    let claims = json!({
        "eduperson_assurance": [
            "https://refeds.org/assurance",
            "https://refeds.org/assurance/ID/unique",
            "https://refeds.org/assurance/IAP/medium",
        ],
        "acr": "https://refeds.org/profile/mfa",
    });
    claims.as_object().unwrap().clone()
}

async fn broker(data: &Path, clock: Arc<ManualClock>) -> Broker {
    let url = format!("sqlite://{}", data.join("broker.db").display());
    let store = SqlStore::connect(&url, StoreOptions::default())
        .await
        .unwrap();
    store.migrate().await.unwrap();
    Broker::new(BrokerParts {
        store: Arc::new(store),
        policy: Arc::new(Engine::shipped().unwrap()),
        sites: sites(),
        zones: zones(),
        clock,
        ids: Arc::new(Ids::from_os()),
        limits: Limits::default(),
        files: Some(files()),
    })
}

fn config() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config")
}

fn sites() -> Vec<Site> {
    let mut paths: Vec<_> = config()
        .join("sites")
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| toml::from_str(&std::fs::read_to_string(path).unwrap());
    paths.iter().map(|path| read(path).unwrap()).collect()
}

fn zones() -> BTreeMap<String, BTreeSet<String>> {
    #[derive(Deserialize)]
    struct Zones {
        zones: BTreeMap<String, BTreeSet<String>>,
    }
    let text = std::fs::read_to_string(config().join("zones.toml")).unwrap();
    toml::from_str::<Zones>(&text).unwrap().zones
}

fn setup(issuer: &str) -> SetupFile {
    let mut setup: SetupFile = toml::from_str(SETUP).unwrap();
    for member in setup
        .projects
        .values_mut()
        .flat_map(|project| &mut project.members)
    {
        issuer.clone_into(&mut member.issuer);
    }
    setup
        .grants
        .iter_mut()
        .for_each(|grant| issuer.clone_into(&mut grant.issuer));
    setup
}

fn snapshot(observed_at: Timestamp) -> SiteSnapshot {
    SiteSnapshot {
        observed_at,
        readiness: SiteReadiness::Ready,
        reason: None,
        partitions: vec![PartitionSnapshot {
            reason: None,
            expected_start: None,
            gpus: Vec::new(),
            nodes_drained: 0,
            system: "meluxina".parse().unwrap(),
            partition: "gpu".parse().unwrap(),
            accepting: true,
            nodes_total: 200,
            nodes_free: 12,
            gpus_total: 800,
            gpus_free: 48,
            max_walltime_seconds: Some(172_800),
            max_nodes_per_job: None,
            jobs_running: 40,
            jobs_queued: 3,
            backlog_node_seconds: None,
        }],
    }
}

/// Files of evidence, as long as the test runs.
fn files() -> broker_app::FileStore {
    broker_app::FileStore {
        objects: Arc::new(object_store::memory::InMemory::new()),
        largest_bytes: 1024 * 1024,
    }
}
