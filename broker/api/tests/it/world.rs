//! A whole broker for tests: SQLite in a folder, the shipped policy and sites, an issuer that signs
//! real tokens, and a clock that stands still. `broker/cli/tests` starts the same one.

use std::net::Ipv4Addr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use agent_link::{KeyPair, request};
use async_trait::async_trait;
use axum::Router;
use axum::http::HeaderMap;
use broker_api::{ApiState, AuthFailure, Authenticate, LoginInfo, Metrics};
use broker_app::loops::Sealer;
use broker_app::setup::SetupFile;
use broker_app::{Broker, BrokerParts, Limits};
use broker_auth::dev_issuer::{DevIssuer, DevIssuerConfig, DevPerson};
use broker_auth::{Authenticator, DeviceSignIn, Revoked};
use broker_client::wire::{LoginChoice, LoginView};
use broker_ledger::Signer;
use broker_model::{
    AgentId, AgentKey, Clock as _, EnrolledAgent, Ids, ManualClock, PartitionSnapshot, Principal,
    ProjectId, Site, SiteReadiness, SiteSnapshot, System, Zones,
};
use broker_store::{Change, Commits as _, SqlStore, StoreOptions, Write};
use jiff::SignedDuration;
use policy_engine::Engine;
use serde_json::json;
use site_adapter::Report;
use tempfile::TempDir;

pub(crate) const NOW: &str = "2026-11-20T12:00:00Z";
pub(crate) const LEDGER: &str = "broker.example/ledger";
/// What the stranger has of the issuer, and nobody else.
pub(crate) const ENTITLEMENT: &str = "urn:geant:example.org:group:hpc:role=member#aai.example";
const TOKEN_SECONDS: u32 = 900;
const PEOPLE: [&str; 11] = [
    "ada", "bo", "auditor", "finn", "lena", "operator", "stranger", "hela", "sue", "rita", "cleo",
];

const SITES: [&str; 7] = [
    include_str!("../../../../config/sites/bsc.toml"),
    include_str!("../../../../config/sites/cineca.toml"),
    include_str!("../../../../config/sites/lumi.toml"),
    include_str!("../../../../config/sites/meluxina.toml"),
    include_str!("../../../../config/sites/mimer.toml"),
    include_str!("../../../../config/sites/hammerhai.toml"),
    include_str!("../../../../config/sites/pharos.toml"),
];

pub(crate) struct World {
    pub(crate) broker: Broker,
    pub(crate) store: SqlStore,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) issuer: DevIssuer,
    pub(crate) auth: Arc<Authenticator>,
    pub(crate) sealer: Sealer,
    pub(crate) state: ApiState,
    pub(crate) router: Router,
    pub(crate) folder: TempDir,
}

/// The real authenticator, as `broker-server` asks it.
#[derive(Debug)]
struct Tokens(Arc<Authenticator>);

#[async_trait]
impl Authenticate for Tokens {
    async fn bearer(&self, token: &str) -> Result<Arc<Principal>, AuthFailure> {
        assert!(token != "makes-the-handler-panic", "as asked");
        self.0.bearer(token).await.map_err(|error| AuthFailure {
            challenge: error.challenge(),
            reason: error.code(),
            issuer: self.0.issuer_named_in(token).map(str::to_owned),
            words: error.to_string(),
            unavailable: error.is_unavailable(),
        })
    }
}

pub(crate) fn project(key: &str) -> ProjectId {
    broker_app::setup::project_id(key)
}

/// The key of the agent that every world has at meluxina, and of that at lumi.
pub(crate) fn agent_key(site: &str) -> KeyPair {
    let mut seed = [7; 32];
    seed.iter_mut()
        .zip(site.bytes())
        .for_each(|(to, from)| *to = from);
    KeyPair::from_seed(&seed)
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(StoreOptions::default(), 7).await
    }

    /// The ledger's key is made of the seed.
    pub(crate) async fn start_with(options: StoreOptions, seed: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("broker.db").display());
        let store = SqlStore::connect(&url, options).await.unwrap();
        store.migrate().await.unwrap();
        let clock = Arc::new(ManualClock::at(NOW.parse().unwrap()));
        let issuer = issuer(clock.clone()).await;
        let signer = Signer::from_seed(LEDGER, &[seed; 32]).unwrap();
        let ledger_key = Arc::new(signer.verifier());
        let broker = broker(&store, clock.clone());
        broker.import(&setup(issuer.issuer())).await.unwrap();
        let auth = Authenticator::new(vec![issuer.issuer_config()], clock.clone()).unwrap();
        let auth = Arc::new(auth);
        let login = login(&auth);
        let state = ApiState {
            broker: broker.clone(),
            auth: Arc::new(Tokens(auth.clone())),
            metrics: Arc::new(Metrics::new().unwrap()),
            login: Arc::new(login),
            ledger_key,
        };
        let router = broker_api::router(state.clone());
        let world = Self {
            broker,
            store,
            clock,
            issuer,
            auth,
            sealer: Sealer::new(signer),
            state,
            router,
            folder,
        };
        for site in ["meluxina", "lumi", "hammerhai"] {
            enrol(&world.store, &world.clock, site).await;
        }
        world.hear_sites().await;
        world
    }

    /// The headers of a request as an agent with this key sends it now.
    pub(crate) fn signed(
        &self,
        key: &KeyPair,
        key_id: &str,
        (method, uri): (&str, &str),
        body: &[u8],
    ) -> HeaderMap {
        let now = self.clock.now().as_second();
        let (method, uri) = (method.parse().unwrap(), uri.parse().unwrap());
        request::sign(key, key_id, now, (&method, &uri), body)
            .into_iter()
            .collect()
    }

    /// A second broker on the same database.
    pub(crate) fn another_replica(&self) -> Router {
        broker_api::router(ApiState {
            broker: broker(&self.store, self.clock.clone()),
            ..self.state.clone()
        })
    }

    /// Every site tells that all its nodes are free.
    pub(crate) async fn hear_sites(&self) {
        for site in self.broker.board().sites() {
            let report = Report {
                snapshot_ttl_seconds: None,
                agent: agent_id(),
                instance: None,
                site: site.id.clone(),
                snapshot: Some(self.snapshot(&site)),
                attempts: Vec::new(),
                logs: Vec::new(),
                working_on: Vec::new(),
            };
            self.broker.report(report).await.unwrap();
        }
    }

    /// What each replica does every second.
    pub(crate) async fn read_revocations(&self) {
        let stored = self.broker.revocations().await.unwrap();
        let revoked = stored.into_iter().map(|revocation| Revoked {
            issuer: revocation.issuer,
            subject: revocation.subject,
            issued_until: revocation.issued_until,
        });
        self.auth.put_revocations(revoked);
    }

    fn snapshot(&self, site: &Site) -> SiteSnapshot {
        let partitions = site.systems.iter().flat_map(free).collect();
        let observed_at = self.clock.now();
        SiteSnapshot {
            observed_at,
            readiness: SiteReadiness::Ready,
            reason: None,
            partitions,
        }
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// Moves the clock past the end of every token, and lets the sites speak again.
    pub(crate) async fn outlive_tokens(&self) {
        self.advance(i64::from(TOKEN_SECONDS) + 60);
        self.hear_sites().await;
    }

    pub(crate) async fn seal(&self) -> u64 {
        self.broker.seal_once(&self.sealer).await.unwrap()
    }

    /// A real access token, by the device grant.
    pub(crate) async fn token(&self, person: &str) -> String {
        let post = async |path: &str, form: &[(&str, &str)]| {
            let url = format!("{}{path}", self.issuer.issuer());
            let answer = reqwest::Client::new()
                .post(url)
                .form(form)
                .send()
                .await
                .unwrap();
            answer.json::<serde_json::Value>().await.unwrap()
        };
        let begun = post(
            "/device_authorization",
            &[
                ("client_id", "alcyone-cli"),
                ("scope", "openid profile email"),
                ("resource", "urn:alcyone:test"),
            ],
        )
        .await;
        let code = |name: &str| begun[name].as_str().unwrap().to_owned();
        self.issuer
            .approve_device(&code("user_code"), person)
            .await
            .unwrap();
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("client_id", "alcyone-cli"),
            ("device_code", &code("device_code")),
        ];
        post("/token", &form).await["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// Meluxina's.
pub(crate) fn agent_id() -> AgentId {
    agent_of("meluxina")
}

pub(crate) fn agent_of(site: &str) -> AgentId {
    let last = match site {
        "lumi" => 'c',
        "hammerhai" => 'd',
        _ => 'b',
    };
    format!("agt_0192f0c1d2e37abc8def0123456789a{last}")
        .parse()
        .unwrap()
}

async fn enrol(store: &SqlStore, clock: &ManualClock, site: &str) {
    let (now, key) = (clock.now(), agent_key(site));
    let agent = EnrolledAgent {
        id: agent_of(site),
        site: site.parse().unwrap(),
        invite: "inv_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
        host: "login1".to_owned(),
        program_version: "0.1.0".to_owned(),
        enrolled_at: now,
        revoked: None,
        version: 0,
    };
    let key = AgentKey {
        id: key.public().id(),
        agent: agent.id,
        public_key: key.public().to_string(),
        added_at: now,
        until: None,
        version: 0,
    };
    let change = Change {
        writes: vec![
            Write::InsertAgent(Box::new(agent)),
            Write::InsertAgentKey(Box::new(key)),
        ],
        entries: Vec::new(),
    };
    store.commit(change).await.unwrap();
}

fn free(system: &System) -> Vec<PartitionSnapshot> {
    let of = |partition: &broker_model::Partition| PartitionSnapshot {
        nodes_drained: 0,
        gpus: Vec::new(),
        reason: None,
        expected_start: None,
        system: system.id.clone(),
        partition: partition.id.clone(),
        accepting: true,
        nodes_total: partition.nodes.unwrap_or(8),
        nodes_free: partition.nodes.unwrap_or(8),
        gpus_total: 0,
        gpus_free: 0,
        max_walltime_seconds: None,
        max_nodes_per_job: None,
        jobs_running: 0,
        jobs_queued: 0,
        backlog_node_seconds: None,
    };
    system.partitions.iter().map(of).collect()
}

fn broker(store: &SqlStore, clock: Arc<ManualClock>) -> Broker {
    static POLICY: OnceLock<Arc<Engine>> = OnceLock::new();
    let policy = POLICY.get_or_init(|| Arc::new(Engine::shipped().unwrap()));
    let zones: Zones = toml::from_str(include_str!("../../../../config/zones.toml")).unwrap();
    // Long, so that a test can change what a decision was made on before it is committed.
    let limits = Limits {
        standing_ttl: Duration::from_mins(1),
        ..Limits::default()
    };
    Broker::new(BrokerParts {
        store: Arc::new(store.clone()),
        policy: policy.clone(),
        sites: SITES
            .iter()
            .map(|text| toml::from_str(text).unwrap())
            .collect(),
        zones: zones.zones,
        clock,
        ids: Arc::new(Ids::from_os()),
        limits,
        files: Some(files()),
    })
}

async fn issuer(clock: Arc<ManualClock>) -> DevIssuer {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let people = PEOPLE.iter().map(|subject| person(subject)).collect();
    let mut config = DevIssuerConfig::new("urn:alcyone:test", people);
    config.access_token_seconds = TOKEN_SECONDS;
    config.poll_seconds = 0;
    DevIssuer::start(listener, config, clock).unwrap()
}

fn person(subject: &str) -> DevPerson {
    let mut claims = json!({
        "eduperson_assurance": ["https://refeds.org/assurance/IAP/medium"],
        "acr": "https://refeds.org/profile/mfa",
    });
    if subject == "stranger" {
        claims["eduperson_entitlement"] = json!([ENTITLEMENT]);
    }
    DevPerson {
        subject: subject.to_owned(),
        name: format!("{subject} of the tests"),
        email: format!("{subject}@people.example"),
        claims: claims.as_object().unwrap().clone(),
    }
}

fn setup(issuer: &str) -> SetupFile {
    let mut setup: SetupFile = toml::from_str(include_str!("setup.toml")).unwrap();
    let members = setup
        .projects
        .values_mut()
        .flat_map(|project| &mut project.members);
    members.for_each(|member| issuer.clone_into(&mut member.issuer));
    setup
        .grants
        .iter_mut()
        .for_each(|grant| issuer.clone_into(&mut grant.issuer));
    setup
}

fn login(auth: &Authenticator) -> LoginInfo {
    let choice = |device: DeviceSignIn| LoginChoice {
        name: device.name,
        login: LoginView {
            issuer: device.issuer,
            client_id: device.client_id,
            scopes: device.scopes,
            resource: device.resource,
        },
    };
    auth.device_sign_ins().into_iter().map(choice).collect()
}

/// Files of evidence, as long as the test runs.
fn files() -> broker_app::FileStore {
    broker_app::FileStore {
        objects: Arc::new(object_store::memory::InMemory::new()),
        largest_bytes: 1024 * 1024,
    }
}
