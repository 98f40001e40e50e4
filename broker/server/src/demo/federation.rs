use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use broker_app::{Broker, Limits};
use broker_auth::Authenticator;
use broker_auth::dev_issuer::{DevIssuer, DevIssuerConfig};
use broker_ledger::{Signer, VerifierKey};
use broker_model::{Site, SiteReadiness, SystemClock};
use broker_portal::Catalogues;
use broker_store::{SqlStore, StoreOptions};
use policy_engine::Engine;
use tokio::task::JoinHandle;
use url::Url;

use crate::compose::{Composed, Ingredients, assemble, login_key};
use crate::config::FilesConfig;
use crate::demo::people;
use crate::serve::count_commits;
use crate::{EmbeddedSites, files, listen, registry, revocations, shipped};

const AUDIENCE: &str = "urn:alcyone:demo";
const LEDGER: &str = "demo.alcyone.invalid/ledger";

/// A running federation on embedded defaults.
#[derive(Debug)]
pub struct Demo {
    portal: Url,
    home: PathBuf,
    issuer: DevIssuer,
    broker: Broker,
    store: SqlStore,
    sites: EmbeddedSites,
    ledger_key: VerifierKey,
    running: Vec<JoinHandle<()>>,
}

impl Demo {
    /// Starts issuer, broker and the seven sites; returns once each site has reported.
    pub async fn start(address: SocketAddr, data: &Path) -> anyhow::Result<Self> {
        if !address.ip().is_loopback() {
            bail!("the demo lets anybody in and listens on loopback only, not on {address}");
        }
        let data = prepare(data)?;
        let listener = listen::bind(address)?;
        let portal = Url::parse(&format!("http://{}", listener.local_addr()?))?;
        let issuer = start_issuer(&portal).await?;
        let sites = shipped::sites()?;
        let seed = seed(&data)?;
        let signer = Signer::from_seed(LEDGER, &seed)?;
        let ledger_key = signer.verifier();
        let composed = assemble(Ingredients {
            store: open(&data).await?,
            policy: Engine::shipped()?,
            sites: sites.clone(),
            auth: Authenticator::new(vec![issuer.issuer_config()], Arc::new(SystemClock))?,
            signer,
            login_key: login_key(&seed),
            public_url: portal.clone(),
            limits: Limits::default(),
            files: files::store(&FilesConfig {
                dir: data.join("files"),
                ..FilesConfig::default()
            })?,
            texts: Catalogues::shipped(),
        })?;
        let Composed {
            broker,
            store,
            auth,
            metrics,
            sealer,
            router,
            ..
        } = composed;
        broker.keep_policy().await?;
        broker.put_terms(shipped::example_terms()?);
        registry::adopt(&broker).await?;
        broker.import(&people::setup(issuer.issuer())?).await?;
        let server = axum_server::from_tcp(listener)?.serve(router.into_make_service());
        let running = vec![
            tokio::spawn(async move {
                if let Err(error) = server.await {
                    tracing::error!(%error, "the demo's server stopped");
                }
            }),
            tokio::spawn(broker_app::loops::run(broker.clone(), sealer)),
            tokio::spawn(revocations::watch(broker.clone(), auth)),
            tokio::spawn(count_commits(store.clone(), metrics.clone())),
        ];
        let folder = data.join("sites");
        let agents = EmbeddedSites::start(&broker, &sites, &folder, Some(&metrics)).await?;
        let demo = Self {
            portal,
            home: data.join("client"),
            issuer,
            broker,
            store,
            sites: agents,
            ledger_key,
            running,
        };
        demo.wait_for(&sites).await?;
        Ok(demo)
    }

    pub const fn portal(&self) -> &Url {
        &self.portal
    }

    pub const fn issuer(&self) -> &DevIssuer {
        &self.issuer
    }

    pub const fn broker(&self) -> &Broker {
        &self.broker
    }

    /// What the sealer's signatures are checked with.
    pub const fn ledger_key(&self) -> &VerifierKey {
        &self.ledger_key
    }

    /// The folder where the demo's client keeps its logins.
    pub fn home(&self, person: &str) -> PathBuf {
        self.home.join(person)
    }

    /// The sites whose agents speak. One that a visitor drained before the last Ctrl-C is among them.
    pub fn heard_sites(&self) -> usize {
        let views = self.broker.sites();
        let heard = views.iter().filter(|it| is_heard(it));
        heard.count()
    }

    /// Waits for the demo's own agents; what visitors registered besides may have none.
    async fn wait_for(&self, sites: &[Site]) -> anyhow::Result<()> {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        for _ in 0..600 {
            look.tick().await;
            if self.silent_of(sites).is_empty() {
                return Ok(());
            }
        }
        let silent = self.silent_of(sites).join(", ");
        bail!("not heard within 30 s: {silent}")
    }

    fn silent_of(&self, sites: &[Site]) -> Vec<String> {
        let own = |it: &&broker_app::SiteView| sites.iter().any(|site| site.id == it.site.id);
        let views = self.broker.sites();
        let silent = views.iter().filter(own).filter(|it| !is_heard(it));
        silent.map(|it| it.site.id.to_string()).collect()
    }

    /// Stops everything in order: agents, loops, server, database.
    pub async fn stop(self) {
        self.sites.stop().await;
        self.running.iter().for_each(JoinHandle::abort);
        self.store.close().await;
    }
}

fn prepare(data: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(data).with_context(|| format!("{}", data.display()))?;
    Ok(std::fs::canonicalize(data)?)
}

async fn start_issuer(portal: &Url) -> anyhow::Result<DevIssuer> {
    let listener = tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
    let mut config = DevIssuerConfig::new(AUDIENCE, people::people());
    config.portal_callbacks = vec![portal.join("/login/callback")?];
    config.public_url = Some(portal.clone());
    Ok(DevIssuer::start(listener, config, Arc::new(SystemClock))?)
}

async fn open(data: &Path) -> anyhow::Result<SqlStore> {
    let url = format!("sqlite://{}", data.join("broker.db").display());
    let store = SqlStore::connect(&url, StoreOptions::default()).await?;
    store.migrate().await?;
    Ok(store)
}

/// The ledger's key seed, made on the first start of this data folder.
fn seed(data: &Path) -> anyhow::Result<[u8; 32]> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = data.join("ledger.seed");
    if let Ok(bytes) = std::fs::read(&path) {
        return bytes
            .try_into()
            .map_err(|_| anyhow::anyhow!("{} does not hold 32 bytes", path.display()));
    }
    let seed: [u8; 32] = rand::random();
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    file.write_all(&seed)?;
    file.sync_all()?;
    Ok(seed)
}

fn is_heard(view: &broker_app::SiteView) -> bool {
    view.readiness != SiteReadiness::Unknown
}
