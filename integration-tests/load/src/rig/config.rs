use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use broker_auth::dev_issuer::DevIssuer;
use broker_ledger::Signer;
use broker_server::config::{
    Config, DatabaseConfig, FilesConfig, LedgerConfig, LimitsConfig, LogConfig, PolicyConfig,
    ServerConfig, SitesConfig, TermsConfig,
};
use url::Url;

const LEDGER: &str = "load.alcyone.invalid/ledger";

/// A `broker.toml` with everything at its default, and the secrets it names in files beside it.
pub(super) fn config(folder: &Path, database: &str, issuer: &DevIssuer) -> anyhow::Result<Config> {
    let key_file = folder.join("ledger.pem");
    let pem = Signer::from_seed(LEDGER, &rand::random())?
        .to_pem()?
        .clone();
    write_file(&key_file, &pem)?;
    Ok(Config {
        server: ServerConfig {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_url: Url::parse("http://127.0.0.1/")?,
            tls: None,
            shutdown_notice_seconds: 0,
            shutdown_grace_seconds: 1,
        },
        database: DatabaseConfig {
            url: Some(database.to_owned()),
            url_file: None,
            url_env: None,
            readers: None,
        },
        ledger: LedgerConfig {
            name: LEDGER.to_owned(),
            key_file,
        },
        policy: PolicyConfig::default(),
        sites: SitesConfig::default(),
        terms: TermsConfig::default(),
        contact: broker_server::config::ContactConfig::default(),
        portal: broker_server::config::PortalConfig::default(),
        retention: broker_server::config::RetentionConfig::default(),
        issuers: vec![issuer.issuer_config()],
        files: FilesConfig {
            dir: folder.join("files"),
            ..FilesConfig::default()
        },
        limits: LimitsConfig::default(),
        log: LogConfig::default(),
    })
}

/// Writes a file that only its owner can read.
pub(crate) fn write_file(path: &PathBuf, text: &str) -> anyhow::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}
