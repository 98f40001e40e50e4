//! A broker with everything it needs, put together as `alcyone-broker serve` does it and served on
//! loopback: a development issuer whose tokens are real, a database on disk, enrolled agents, the loops.

mod config;

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use broker_app::Broker;
use broker_app::setup::{SetupFile, project_id};
use broker_auth::Authenticator;
use broker_auth::dev_issuer::{DevIssuer, DevIssuerConfig, DevPerson};
use broker_client::DeviceLogin;
use broker_client::wire::LoginView;
use broker_model::{JobSpec, Site, SystemClock};
use broker_server::{Composed, compose, open_store};
use broker_store::SqlStore;
use serde_json::{Map, json};
use tokio::task::JoinHandle;

use crate::client::{self, Connection};
use crate::database::{Kind, Scratch};
use crate::sites;
use crate::voice::Voice;

pub(crate) use config::write_file;

const AUDIENCE: &str = "urn:alcyone:load";
const ENGINEER: &str = "engineer";

/// What a broker is started from, and who may call it.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) scratch: Scratch,
    pub(crate) config: broker_server::config::Config,
    pub(crate) issuer: DevIssuer,
    /// Each site with an agent.
    pub(crate) sites: Vec<(Site, Voice)>,
}

/// A running broker.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) ground: Ground,
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    pub(crate) broker: Broker,
    pub(crate) store: SqlStore,
    running: Vec<JoinHandle<()>>,
}

impl Ground {
    /// An empty database with the schema, and an issuer that knows the sample start-up's engineer.
    pub(crate) async fn prepare(kind: Kind) -> anyhow::Result<Self> {
        let scratch = Scratch::new(kind).await?;
        let listener = tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let mut people = DevIssuerConfig::new(AUDIENCE, vec![engineer()]);
        people.access_token_seconds = 24 * 3600;
        let issuer = DevIssuer::start(listener, people, Arc::new(SystemClock))?;
        let config = config::config(scratch.folder.path(), &scratch.url, &issuer)?;
        let store = open_store(&config.database).await?;
        store.migrate().await?;
        store.close().await;
        let sites = voices(&config).await?;
        Ok(Self {
            scratch,
            config,
            issuer,
            sites,
        })
    }

    /// The sample start-up, with hours enough for any run.
    pub(crate) fn setup(&self) -> anyhow::Result<SetupFile> {
        let text = include_str!("../../../config/demo/setup.toml");
        let mut setup: SetupFile = toml::from_str(text).context("config/demo/setup.toml")?;
        for project in setup.projects.values_mut() {
            let issuer = self.issuer.issuer();
            project
                .members
                .iter_mut()
                .for_each(|member| issuer.clone_into(&mut member.issuer));
            project
                .allocations
                .values_mut()
                .for_each(|allocation| allocation.hours = u32::MAX);
        }
        setup.grants.clear();
        Ok(setup)
    }

    /// Signs the engineer in as `alcyone login` does, and returns the access token.
    pub(crate) async fn sign_in(&self) -> anyhow::Result<String> {
        let auth = Authenticator::new(vec![self.issuer.issuer_config()], Arc::new(SystemClock))?;
        let device = auth
            .device_sign_ins()
            .into_iter()
            .next()
            .context("a device client")?;
        let login = LoginView {
            issuer: device.issuer,
            client_id: device.client_id,
            scopes: device.scopes,
            resource: device.resource,
        };
        let login = DeviceLogin::start(reqwest::Client::new(), login).await?;
        self.issuer
            .approve_device(login.user_code(), ENGINEER)
            .await?;
        Ok(login.wait().await?.access_token)
    }
}

/// Lets an agent in at each site.
async fn voices(config: &broker_server::config::Config) -> anyhow::Result<Vec<(Site, Voice)>> {
    let composed = compose(config).await?;
    let mut voices = Vec::new();
    for site in shipped::sites()? {
        let voice = Voice::enrol(&composed.broker, &site.id).await?;
        voices.push((site, voice));
    }
    composed.store.close().await;
    Ok(voices)
}

impl Rig {
    pub(crate) async fn start(kind: Kind) -> anyhow::Result<Self> {
        Self::on(Ground::prepare(kind).await?, true).await
    }

    /// Serves on prepared ground. Without `feed` the sites are silent until agents speak for them.
    pub(crate) async fn on(ground: Ground, feed: bool) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let Composed {
            broker,
            store,
            sealer,
            router,
            ..
        } = compose(&ground.config).await?;
        broker.import(&ground.setup()?).await?;
        let server = axum_server::from_tcp(listener)?.serve(router.into_make_service());
        let mut running = vec![
            tokio::spawn(async move { drop(server.await) }),
            tokio::spawn(broker_app::loops::run(broker.clone(), sealer)),
        ];
        if feed {
            sites::report_all(address, &ground.sites).await?;
            running.push(tokio::spawn(keep_reporting(address, ground.sites.clone())));
        }
        let token = ground.sign_in().await?;
        Ok(Self {
            ground,
            address,
            token,
            broker,
            store,
            running,
        })
    }

    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        client::get(self.address, path, &self.token)
    }

    pub(crate) fn post(&self, path: &str, body: &[u8]) -> Vec<u8> {
        client::post(self.address, path, &self.token, body)
    }

    /// One request; its body, if the status is the expected one.
    pub(crate) async fn ask(&self, request: &[u8], expected: u16) -> anyhow::Result<Vec<u8>> {
        let mut connection = Connection::open(self.address).await?;
        let answer = connection.exchange(request).await?;
        let body = String::from_utf8_lossy(answer.body);
        ensure!(
            answer.status == expected,
            "expected {expected}, got {}: {body}",
            answer.status
        );
        Ok(answer.body.to_vec())
    }

    /// Stops serving; the database stays. What was started from is given back.
    pub(crate) async fn stop(self) -> (Ground, String) {
        self.running.iter().for_each(JoinHandle::abort);
        self.store.close().await;
        (self.ground, self.token)
    }
}

/// The sample job as the client sends it.
pub(crate) fn sample_job() -> anyhow::Result<JobSpec> {
    let text = include_str!("../../../config/demo/job.toml");
    let mut table: toml::Table = toml::from_str(text).context("config/demo/job.toml")?;
    let project = project_id("sample").to_string();
    table.insert("project".to_owned(), toml::Value::String(project));
    table.try_into().context("config/demo/job.toml")
}

/// A site's word counts for two minutes.
async fn keep_reporting(address: SocketAddr, all: Vec<(Site, String)>) {
    let mut pace = tokio::time::interval(Duration::from_secs(20));
    loop {
        pace.tick().await;
        if let Err(error) = sites::report_all(address, &all).await {
            crate::table::line(&format!("  the sites' reports failed: {error:#}"));
        }
    }
}

/// Logs as `serve` writes them by default, JSON from `info` up, into a file that goes away.
pub(crate) fn log_as_served() -> anyhow::Result<tempfile::NamedTempFile> {
    let file = tempfile::NamedTempFile::with_prefix("alcyone-load-log-")?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new("info"))
        .with_writer(Mutex::new(file.reopen()?));
    let set = logs
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .try_init();
    set.map_err(|error| anyhow::anyhow!("logs cannot be set up: {error}"))?;
    Ok(file)
}

fn engineer() -> DevPerson {
    let mut claims = Map::new();
    claims.insert(
        "schac_home_organization".to_owned(),
        json!("startup.example"),
    );
    claims.insert("acr".to_owned(), json!("https://refeds.org/profile/mfa"));
    claims.insert(
        "eduperson_assurance".to_owned(),
        json!([
            "https://refeds.org/assurance",
            "https://refeds.org/assurance/ID/unique",
            "https://refeds.org/assurance/IAP/medium",
        ]),
    );
    DevPerson {
        subject: ENGINEER.to_owned(),
        name: "Engineer".to_owned(),
        email: "engineer@startup.example".to_owned(),
        claims,
    }
}
