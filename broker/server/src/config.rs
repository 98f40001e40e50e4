//! `broker.toml`. Secrets are not in it: it names files or environment variables that hold them.

mod parts;
mod retention;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use broker_auth::IssuerConfig;
use serde::{Deserialize, Serialize};
use url::Url;

pub use parts::{
    ContactConfig, FilesConfig, LimitsConfig, LogConfig, LogFormat, PortalConfig, S3Config,
    TermsConfig,
};
pub use retention::RetentionConfig;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: ServerConfig,
    pub database: DatabaseConfig,
    pub ledger: LedgerConfig,
    #[serde(default)]
    pub policy: PolicyConfig,
    #[serde(default)]
    pub sites: SitesConfig,
    #[serde(default)]
    pub terms: TermsConfig,
    #[serde(default)]
    pub contact: ContactConfig,
    #[serde(default)]
    pub portal: PortalConfig,
    #[serde(default)]
    pub issuers: Vec<IssuerConfig>,
    #[serde(default)]
    pub files: FilesConfig,
    #[serde(default)]
    pub limits: LimitsConfig,
    #[serde(default)]
    pub retention: RetentionConfig,
    #[serde(default)]
    pub log: LogConfig,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    pub listen: SocketAddr,
    /// Where people reach it; behind a proxy this is the proxy's address.
    pub public_url: Url,
    /// Without it the broker speaks plain HTTP, for a proxy on the same machine.
    #[serde(default)]
    pub tls: Option<TlsConfig>,
    /// How long after SIGTERM it still takes connections, while `/readyz` answers 503.
    #[serde(default = "one")]
    pub shutdown_notice_seconds: u32,
    /// How long requests may go on after that.
    #[serde(default = "thirty")]
    pub shutdown_grace_seconds: u32,
}

const fn one() -> u32 {
    1
}

const fn thirty() -> u32 {
    30
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// PEM, the server's certificate first.
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
}

/// Exactly one of the three. `url` may hold no password.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `sqlite:///var/lib/alcyone/broker.db` or `postgres://broker@db.example.eu/alcyone`.
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub url_file: Option<PathBuf>,
    #[serde(default)]
    pub url_env: Option<String>,
    #[serde(default)]
    pub readers: Option<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerConfig {
    /// In every checkpoint, for ever: `broker.example.eu/ledger`.
    pub name: String,
    /// Ed25519, PKCS#8 PEM, made by `alcyone-broker ledger-key`.
    pub key_file: PathBuf,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyConfig {
    /// A folder with `rules/` and `tables/`; the shipped policy set without it.
    #[serde(default)]
    pub dir: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SitesConfig {
    /// A folder with one `<site>.toml` each; the seven shipped ones without it.
    #[serde(default)]
    pub dir: Option<PathBuf>,
}

impl Config {
    /// Reads a file; what is wrong is said with its name, line and key. Paths in it are taken from
    /// the folder it lies in.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{}: cannot be read", path.display()))?;
        let mut config: Self = toml::from_str(&text)
            .map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        config.resolve(folder);
        config
            .validate()
            .with_context(|| format!("{}", path.display()))?;
        Ok(config)
    }

    fn resolve(&mut self, folder: &Path) {
        let from = |path: &mut PathBuf| *path = folder.join(&*path);
        from(&mut self.ledger.key_file);
        from(&mut self.files.dir);
        if let Some(s3) = &mut self.files.s3 {
            from(&mut s3.secret_access_key_file);
        }
        for path in [
            &mut self.database.url_file,
            &mut self.policy.dir,
            &mut self.sites.dir,
            &mut self.terms.dir,
            &mut self.contact.dir,
            &mut self.portal.texts,
        ] {
            path.as_mut().map(from);
        }
        if let Some(tls) = &mut self.server.tls {
            from(&mut tls.certificate_file);
            from(&mut tls.key_file);
        }
        for issuer in &mut self.issuers {
            let portal = issuer
                .portal
                .as_mut()
                .and_then(|p| p.client_secret_file.as_mut());
            let asking = issuer
                .introspection
                .as_mut()
                .and_then(|i| i.client_secret_file.as_mut());
            portal.into_iter().chain(asking).for_each(from);
        }
    }

    fn validate(&self) -> anyhow::Result<()> {
        if self.issuers.is_empty() {
            bail!("issuers: there is none, so nobody could sign in; add an `[[issuers]]` table");
        }
        for issuer in &self.issuers {
            issuer
                .validate()
                .with_context(|| format!("issuers: {}", issuer.issuer))?;
        }
        let loopback = self
            .server
            .public_url
            .host_str()
            .is_some_and(is_loopback_host);
        if self.server.public_url.scheme() == "http" && !loopback {
            bail!(
                "server.public_url: tokens would travel in clear over {}; use https",
                self.server.public_url
            );
        }
        self.limits.validate()?;
        self.retention.validate()?;
        self.files.validate()?;
        tracing_subscriber::EnvFilter::try_new(&self.log.filter)
            .with_context(|| format!("log.filter: `{}`", self.log.filter))?;
        self.database.url().map(drop)
    }
}

pub(crate) fn is_loopback_host(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

impl DatabaseConfig {
    /// The address of the database, from wherever it is kept.
    pub fn url(&self) -> anyhow::Result<String> {
        match (&self.url, &self.url_file, &self.url_env) {
            (Some(url), None, None) => {
                if Url::parse(url).is_ok_and(|url| url.password().is_some()) {
                    bail!(
                        "database.url: it holds a password; put the address into a file and name it as `url_file`"
                    );
                }
                Ok(url.clone())
            }
            (None, Some(file), None) => Ok(std::fs::read_to_string(file)
                .with_context(|| format!("database.url_file: {}", file.display()))?
                .trim()
                .to_owned()),
            (None, None, Some(name)) => {
                std::env::var(name).with_context(|| format!("database.url_env: {name} is not set"))
            }
            _ => bail!("database: give exactly one of `url`, `url_file`, `url_env`"),
        }
    }
}
