use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use broker_app::setup::project_id;
use broker_auth::IssuerConfig;
use broker_ledger::VerifierKey;
use broker_model::{ProjectId, Site, SiteId};
use broker_server::config::{
    Config, DatabaseConfig, FilesConfig, LedgerConfig, LimitsConfig, LogConfig, PolicyConfig,
    ServerConfig, SitesConfig, TermsConfig, TlsConfig,
};
use tempfile::TempDir;
use url::Url;

use crate::front::loopback;
use crate::people::{AUDITOR, ENGINEER};
use crate::{Done, Enrolment, Running, SiteAgent, commands, free_port, leftovers, program, until};

const READY: Duration = Duration::from_mins(1);

/// What differs between the brokers of the tests.
#[derive(Debug)]
pub struct Setup {
    pub issuer: IssuerConfig,
    pub sites: Vec<Site>,
    /// `None`: SQLite in the installation's folder.
    pub database: Option<String>,
    pub replicas: usize,
    pub tls: Option<Tls>,
    pub limits: LimitsConfig,
    pub shutdown_grace_seconds: u32,
    /// Added to the file that `import` reads; `(the demo's)` stands for the issuer.
    pub more_to_import: String,
    /// `None`: the set that the program was built with.
    pub policy_dir: Option<PathBuf>,
}

/// A certificate for `localhost` as its own authority.
#[derive(Clone, Debug)]
pub struct Tls {
    pub certificate_pem: String,
    pub key_pem: String,
}

impl Setup {
    pub fn new(issuer: IssuerConfig, sites: Vec<Site>) -> Self {
        Self {
            issuer,
            sites,
            database: None,
            replicas: 1,
            tls: None,
            limits: LimitsConfig {
                lease_seconds: Some(10),
                ..LimitsConfig::default()
            },
            shutdown_grace_seconds: 5,
            more_to_import: String::new(),
            policy_dir: None,
        }
    }
}

/// A broker as an operator sets it up: files in a folder, a migrated database, a start-up with a
/// project and hours.
#[derive(Debug)]
pub struct Installation {
    folder: TempDir,
    ports: Vec<u16>,
    front: u16,
    secure: bool,
    ledger_key: VerifierKey,
}

impl Installation {
    /// Runs `ledger-key`, `config check`, `migrate`, `import` and `doctor` as the README says.
    pub async fn set_up(setup: Setup) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let made = Self {
            ports: (0..setup.replicas).map(|_| free_port()).collect(),
            front: free_port(),
            secure: setup.tls.is_some(),
            ledger_key: ledger_key(folder.path()).await,
            folder,
        };
        made.write_files(&setup);
        let setup_file = made.path("setup.toml");
        let setup_file = setup_file.to_str().expect("UTF-8");
        for verb in [
            vec!["config", "check"],
            vec!["migrate"],
            vec!["import"],
            vec!["doctor"],
        ] {
            let mut words = verb.clone();
            let file = made.config(0);
            words.extend(["--config", file.to_str().expect("UTF-8")]);
            words.extend((verb == ["import"]).then_some(setup_file));
            let _said = made.broker(&words).await.with(0);
        }
        made
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The configuration file of a replica.
    pub fn config(&self, replica: usize) -> PathBuf {
        self.path(&format!("broker-{replica}.toml"))
    }

    /// The project of the sample start-up; [`ENGINEER`] leads it.
    pub fn project(&self) -> ProjectId {
        project_id("sample")
    }

    pub const fn ledger_key(&self) -> &VerifierKey {
        &self.ledger_key
    }

    /// Where a replica listens.
    pub fn port(&self, replica: usize) -> u16 {
        *self.ports.get(replica).expect("a replica of that number")
    }

    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// Where people reach it when a [`Front`](crate::Front) stands there.
    pub const fn front_port(&self) -> u16 {
        self.front
    }

    pub fn url(&self, replica: usize) -> Url {
        if self.secure {
            let port = self.port(replica);
            return Url::parse(&format!("https://localhost:{port}")).expect("a URL");
        }
        loopback(self.port(replica))
    }

    /// `alcyone-broker WORDS…`.
    pub async fn broker(&self, words: &[&str]) -> Done {
        let mut command = tokio::process::Command::new(program("alcyone-broker"));
        command.args(words).current_dir(self.folder.path());
        commands::run(command).await
    }

    /// Starts a replica without waiting for it.
    pub fn launch(&self, replica: usize) -> Running {
        let mut command = Command::new(program("alcyone-broker"));
        command
            .args(["serve", "--config"])
            .arg(self.config(replica));
        let name = format!("replica {replica} of the broker");
        Running::start(
            &name,
            &mut command,
            &self.path(&format!("broker-{replica}.log")),
        )
    }

    /// Starts a replica and waits until it is ready.
    pub async fn serve(&self, replica: usize) -> Running {
        let mut running = self.launch(replica);
        let address = self.url(replica).join("/readyz").expect("a path");
        let mut builder = reqwest::Client::builder();
        if self.secure {
            let pem = std::fs::read(self.path("certificate.pem")).expect("the certificate");
            let own = reqwest::Certificate::from_pem(&pem).expect("a certificate");
            builder = builder.tls_certs_merge([own]);
        }
        let http = builder.build().expect("an HTTP client");
        until("the broker is ready", READY, async || {
            assert!(running.exited().is_none(), "it ended: {}", running.said());
            let answer = http.get(address.clone()).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        running
    }

    /// The agent of a site of this broker, on processes of this machine.
    pub fn agent(&self, site: &Site, broker: &Url) -> SiteAgent {
        let folder = self.path(&format!("agent-{}", site.id));
        SiteAgent::of_processes(&folder, site, broker, self.enrolment(&site.id))
    }

    /// How an agent of a site comes in here: by an invite of the operator's command, before it is first
    /// started.
    pub fn enrolment(&self, site: &SiteId) -> Enrolment {
        Enrolment {
            site: site.clone(),
            broker_config: self.config(0),
            doors: (0..self.ports.len()).map(|it| self.url(it)).collect(),
            ca_file: self.secure.then(|| self.path("certificate.pem")),
        }
    }

    fn write_files(&self, setup: &Setup) {
        std::fs::create_dir(self.path("sites")).expect("a folder");
        for site in &setup.sites {
            let text = toml::to_string(site).expect("a site as TOML");
            self.write(&format!("sites/{}.toml", site.id), &text);
        }
        if let Some(tls) = &setup.tls {
            self.write("certificate.pem", &tls.certificate_pem);
            write_secret(&self.path("certificate-key.pem"), &tls.key_pem);
        }
        self.write("setup.toml", &setup_file(setup));
        for replica in 0..self.ports.len() {
            let config = self.replica_config(replica, setup);
            let text = toml::to_string(&config).expect("a configuration as TOML");
            std::fs::write(self.config(replica), text).expect("a file");
        }
    }

    fn replica_config(&self, replica: usize, setup: &Setup) -> Config {
        let own = || format!("sqlite://{}", self.path("broker.db").display());
        let public_url = if self.ports.len() > 1 {
            loopback(self.front)
        } else {
            self.url(replica)
        };
        Config {
            server: ServerConfig {
                listen: ([127, 0, 0, 1], self.port(replica)).into(),
                public_url,
                tls: setup.tls.is_some().then(|| TlsConfig {
                    certificate_file: "certificate.pem".into(),
                    key_file: "certificate-key.pem".into(),
                }),
                shutdown_notice_seconds: 1,
                shutdown_grace_seconds: setup.shutdown_grace_seconds,
            },
            database: DatabaseConfig {
                url: Some(setup.database.clone().unwrap_or_else(own)),
                url_file: None,
                url_env: None,
                readers: None,
            },
            ledger: LedgerConfig {
                name: self.ledger_key.name().to_owned(),
                key_file: "ledger-key.pem".into(),
            },
            policy: PolicyConfig {
                dir: setup.policy_dir.clone(),
            },
            sites: SitesConfig {
                dir: Some("sites".into()),
            },
            terms: TermsConfig::default(),
            contact: broker_server::config::ContactConfig::default(),
            portal: broker_server::config::PortalConfig::default(),
            retention: broker_server::config::RetentionConfig::default(),
            issuers: vec![setup.issuer.clone()],
            files: FilesConfig::default(),
            limits: setup.limits.clone(),
            log: LogConfig::default(),
        }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a file");
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        leftovers::end_jobs(self.folder.path());
    }
}

const LEDGER: &str = "broker.example.eu/ledger";

/// Makes the ledger's key with the program, and returns what it tells auditors.
async fn ledger_key(folder: &Path) -> VerifierKey {
    let mut command = tokio::process::Command::new(program("alcyone-broker"));
    command
        .args(["ledger-key", "--name", LEDGER, "ledger-key.pem"])
        .current_dir(folder);
    let said = commands::run(command).await.with(0).stdout;
    said.lines()
        .last()
        .expect("the key")
        .parse()
        .expect("a verifier key")
}

/// The demo's start-up, with this test's issuer and people.
fn setup_file(setup: &Setup) -> String {
    let text = concat!(include_str!("../../config/demo/setup.toml"), "\n");
    let text = [text, &setup.more_to_import].concat();
    text.replace("(the demo's)", &setup.issuer.issuer)
        .replace("\"engineer\"", &format!("\"{ENGINEER}\""))
        .replace("subject = \"auditor\"", &format!("subject = \"{AUDITOR}\""))
}

/// A file that only its owner can read.
pub(crate) fn write_secret(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .expect("a file for a secret");
    file.write_all(text.as_bytes())
        .expect("the secret is written");
}
