use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agent_link::KeyPair;
use anyhow::{Context as _, anyhow, bail};
use axum::Router;
use broker_api::{ApiState, LoginInfo, Metrics};
use broker_app::loops::Sealer;
use broker_app::{AgentDoor, Broker, BrokerParts, FileStore, Limits};
use broker_auth::{Authenticator, DeviceSignIn};
use broker_client::wire::{LoginChoice, LoginView};
use broker_ledger::Signer;
use broker_model::{Clock, Ids, Site, SiteId, SystemClock};
use broker_portal::{Catalogues, Portal};
use broker_store::{SqlStore, StoreOptions};
use policy_engine::Engine;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::auth::TokenAuth;
use crate::config::{Config, DatabaseConfig};
use crate::{contact, files, policy, roles, secrets, shipped, terms, texts, tls};

/// From the head of a request for a page to the head of its answer. Signing in asks an issuer meanwhile.
const PAGE_TIME: Duration = Duration::from_secs(30);

/// A broker with everything around it, ready to be served.
#[derive(Debug)]
pub struct Composed {
    pub broker: Broker,
    pub store: SqlStore,
    pub auth: Arc<Authenticator>,
    pub metrics: Arc<Metrics>,
    pub sealer: Sealer,
    pub router: Router,
}

/// What differs between a configured broker and the demo's.
#[derive(Debug)]
pub(crate) struct Ingredients {
    pub(crate) store: SqlStore,
    pub(crate) policy: Engine,
    pub(crate) sites: Vec<Site>,
    pub(crate) auth: Authenticator,
    pub(crate) signer: Signer,
    /// Seals the cookie of a sign-in on its way; the same in every replica.
    pub(crate) login_key: [u8; 32],
    pub(crate) public_url: Url,
    pub(crate) limits: Limits,
    pub(crate) files: FileStore,
    pub(crate) texts: Catalogues,
}

/// Puts a broker together from its configuration; the schema must be current.
pub async fn compose(config: &Config) -> anyhow::Result<Composed> {
    let store = open_store(&config.database).await?;
    check_schema(&store).await?;
    let sites = sites(config)?;
    let rules = roles::rules(&config.issuers)?;
    let terms = terms::load(config)?;
    let directory = contact::load(config)?;
    let texts = texts::load(config)?;
    for warning in texts::in_english(&texts) {
        tracing::warn!("{warning}");
    }
    let composed = assemble(Ingredients {
        store,
        policy: policy::load(config)?,
        auth: Authenticator::new(config.issuers.clone(), Arc::new(SystemClock))?,
        signer: signer(config)?,
        login_key: login_key(&std::fs::read(&config.ledger.key_file)?),
        sites,
        public_url: config.server.public_url.clone(),
        limits: Limits {
            retention: config.retention.days(),
            ..config.limits.limits()
        },
        files: files::store(&config.files)?,
        texts,
    })?;
    composed.broker.put_role_rules(rules);
    composed.broker.put_terms(terms);
    composed.broker.put_directory(directory);
    contact::warn_of_stranded(&composed.broker).await;
    Ok(composed)
}

/// Refuses to work on a schema that is older than this program, or newer.
pub(crate) async fn check_schema(store: &SqlStore) -> anyhow::Result<()> {
    let pending = store.check_schema().await.context("database")?;
    if !pending.is_empty() {
        bail!(
            "database: {} is not applied; run `alcyone-broker migrate` first",
            pending.join(", ")
        );
    }
    Ok(())
}

/// Reads everything that `compose` reads from files, without a database.
/// Returns what an operator may want to mend all the same.
pub(crate) fn check(config: &Config) -> anyhow::Result<Vec<String>> {
    policy::load(config)?;
    let terms = terms::load(config)?;
    contact::load(config)?;
    let texts = texts::load(config)?;
    let sites = sites(config)?;
    roles::rules(&config.issuers)?;
    let is_filed = |id: &SiteId| sites.iter().any(|site| site.id == *id);
    let mut warnings = roles::unknown_sites(&config.issuers, is_filed);
    warnings.extend(terms::unknown_sites(&terms, is_filed));
    if !warnings.is_empty() {
        warnings.push(
            "what is registered without a file is in the database: `doctor` looks there".to_owned(),
        );
    }
    signer(config)?;
    Authenticator::new(config.issuers.clone(), Arc::new(SystemClock))?;
    config.server.tls.as_ref().map_or(Ok(()), tls::check)?;
    warnings.extend(secrets::warnings(config)?);
    warnings.extend(texts::in_english(&texts));
    Ok(warnings)
}

pub(crate) fn assemble(parts: Ingredients) -> anyhow::Result<Composed> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let broker = Broker::new(BrokerParts {
        store: Arc::new(parts.store.clone()),
        policy: Arc::new(parts.policy),
        sites: parts.sites,
        zones: shipped::zones()?,
        clock,
        ids: Arc::new(Ids::from_os()),
        limits: parts.limits,
        files: Some(parts.files),
    });
    broker.put_agent_door(AgentDoor {
        url: parts.public_url.clone(),
        key: agent_key(&parts.signer)?,
    });
    let auth = Arc::new(parts.auth);
    let metrics = Arc::new(Metrics::new()?);
    let ledger_key = parts.signer.verifier();
    let portal = Portal::new(broker.clone(), auth.clone(), parts.public_url)
        .with_ledger_key(&ledger_key.to_string())
        .with_login_key(&parts.login_key)
        .with_texts(parts.texts);
    let state = ApiState {
        broker: broker.clone(),
        auth: Arc::new(TokenAuth(auth.clone())),
        metrics: metrics.clone(),
        login: Arc::new(login_info(&auth)),
        ledger_key: Arc::new(ledger_key),
    };
    let pages = broker_api::within(broker_portal::router(portal), PAGE_TIME);
    let pages = broker_api::observed(pages, metrics.clone());
    let router = broker_api::router(state).merge(pages);
    let sealer = Sealer::new(parts.signer);
    Ok(Composed {
        broker,
        store: parts.store,
        auth,
        metrics,
        sealer,
        router,
    })
}

fn login_info(auth: &Authenticator) -> LoginInfo {
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

/// A reader of SQLite computes in this process and keeps some 5 MiB; one of PostgreSQL waits for the server.
const SQLITE_READERS: u32 = 4;

/// Opens the database that the configuration names, without touching its schema.
pub async fn open_store(config: &DatabaseConfig) -> anyhow::Result<SqlStore> {
    let url = config.url()?;
    let mut options = StoreOptions::default();
    if let Some(readers) = config.readers {
        options.readers = readers;
    } else if url.starts_with("sqlite:") {
        options.readers = SQLITE_READERS;
    }
    SqlStore::connect(&url, options).await.context("database")
}

pub(crate) fn sites(config: &Config) -> anyhow::Result<Vec<Site>> {
    let sites = match &config.sites.dir {
        Some(dir) => shipped::sites_from(dir)?,
        None => shipped::sites()?,
    };
    if sites.is_empty() {
        bail!("sites.dir: no `*.toml` there, so there would be nowhere to compute");
    }
    for site in &sites {
        if let Err(faults) = site.validate() {
            let said: Vec<String> = faults.iter().map(|it| format!("\n  {it}")).collect();
            let said = said.concat();
            bail!(
                "sites.dir: {} is not a site that can be registered:{said}",
                site.id
            );
        }
    }
    Ok(sites)
}

fn signer(config: &Config) -> anyhow::Result<Signer> {
    let file = &config.ledger.key_file;
    let pem = std::fs::read_to_string(file).with_context(|| {
        format!(
            "ledger.key_file: {}; make one with `alcyone-broker ledger-key`",
            file.display()
        )
    })?;
    Signer::from_pem(&config.ledger.name, &pem)
        .with_context(|| format!("ledger.key_file: {}", file.display()))
}

/// A key for the portal out of the ledger's, which every replica has; the hash gives nothing of it away.
pub(crate) fn login_key(ledger_key: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new_with_prefix(b"alcyone portal sign-in\n");
    digest.update(ledger_key);
    digest.finalize().into()
}

/// What the broker signs its answers to agents with: out of the ledger's key, which every replica has.
/// Another ledger key is another broker to its agents, which then have to be enrolled anew.
fn agent_key(ledger: &Signer) -> anyhow::Result<KeyPair> {
    let mut digest = Sha256::new_with_prefix(b"alcyone answers to agents\n");
    // As it is written anew, so that white space in the file makes no difference.
    digest.update(ledger.to_pem()?.as_bytes());
    Ok(KeyPair::from_seed(&digest.finalize().into()))
}

/// Makes a folder that nobody but this account looks into; one that is there stays as it is.
pub(crate) fn private_folder(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes a signing key in a new file that only its owner can read; returns the verifier key. A folder
/// that is not there yet is made for the owner alone.
pub(crate) fn new_ledger_key(name: &str, file: &Path) -> anyhow::Result<String> {
    let signer = Signer::from_seed(name, &rand::random())?;
    if let Some(folder) = file.parent().filter(|folder| !folder.exists()) {
        private_folder(folder).with_context(|| folder.display().to_string())?;
    }
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file);
    let mut out = opened.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow!(
            "{}: it is there already, and a key is never written over; name another file",
            file.display()
        ),
        _ => anyhow::Error::new(error).context(file.display().to_string()),
    })?;
    out.write_all(signer.to_pem()?.as_bytes())?;
    out.sync_all()?;
    Ok(signer.verifier().to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_ledger_key_and_the_folder_it_makes_are_their_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = folder.path().join("secrets");
        let file = secrets.join("ledger-key.pem");
        new_ledger_key("broker.example/ledger", &file).unwrap();
        assert_eq!((mode(&secrets), mode(&file)), (0o700, 0o600));
    }

    #[test]
    fn only_a_file_that_is_there_is_called_one_that_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger-key.pem");
        let made = |file: &Path| new_ledger_key("broker.example/ledger", file);
        made(&file).unwrap();
        let said = |file: &Path| format!("{:#}", made(file).unwrap_err());
        assert!(
            said(&file).contains("never written over"),
            "{}",
            said(&file)
        );
        let under_a_file = said(&file.join("key.pem"));
        assert!(!under_a_file.contains("written over"), "{under_a_file}");
    }
}
