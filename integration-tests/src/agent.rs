use std::path::{Path, PathBuf};
use std::process::Command;

use broker_model::Site;
use site_adapter_process::Config;
use site_adapter_slurm::testing::SlurmSite;
use url::Url;

use crate::{Done, Enrolment, Running, commands, program};

/// The agent of one site as its operator sets it up: a folder with configuration and identity.
#[derive(Clone, Debug)]
pub struct SiteAgent {
    site: String,
    folder: PathBuf,
    enrolment: Enrolment,
}

/// The adapter of a site's agent, and whom jobs run as.
#[derive(Clone, Debug)]
pub struct Adapter<'a> {
    pub kind: &'a str,
    pub settings: toml::Table,
    pub user: &'a str,
    pub account: Option<&'a str>,
}

impl SiteAgent {
    /// An agent that plays a site with processes of this machine.
    pub fn of_processes(folder: &Path, site: &Site, broker: &Url, enrolment: Enrolment) -> Self {
        let mut adapter = Config::simulating(site, folder.join("jobs"));
        adapter.grace_seconds = 2;
        let settings = toml::Table::try_from(adapter).expect("settings as TOML");
        // Processes run as nobody else, by their number where it has no name.
        let uid = rustix::process::geteuid().as_raw();
        let own = site_agent::passwd::name_of(uid).unwrap_or_else(|| uid.to_string());
        let adapter = Adapter {
            kind: "process",
            settings,
            user: &own,
            account: Some("lab"),
        };
        Self::with_adapter(folder, broker, enrolment, adapter)
    }

    /// An agent beside a real slurmrestd, whose jobs run as `alice` in the account `lab`.
    pub fn of_slurm(folder: &Path, slurm: &SlurmSite, broker: &Url, enrolment: Enrolment) -> Self {
        let homes = slurm.home("{user}");
        let text = format!(
            r#"
            url = "{url}"
            system = "slurm"
            reader = "bob"
            work_dir = "/home/{{user}}"
            work_dir_here = "{homes}"
            timeout_seconds = 26
            settle_seconds = 41
            token = {{ kind = "signed", key_file = "{key}", lifetime_seconds = 300 }}
            [partitions.main]
            "#,
            url = slurm.url(),
            homes = homes.display(),
            key = slurm.jwt_key().display(),
        );
        let settings = toml::from_str(&text).expect("settings as TOML");
        let adapter = Adapter {
            kind: "slurm",
            settings,
            user: "alice",
            account: Some("lab"),
        };
        Self::with_adapter(folder, broker, enrolment, adapter)
    }

    /// An agent of the site that the enrolment is for.
    pub fn with_adapter(
        folder: &Path,
        broker: &Url,
        enrolment: Enrolment,
        adapter: Adapter<'_>,
    ) -> Self {
        let Adapter {
            kind,
            settings,
            user,
            account,
        } = adapter;
        let site = enrolment.site.as_str();
        let account = account.map_or_else(String::new, |account| format!("account = {account:?}"));
        std::fs::create_dir_all(folder).expect("a folder for the agent");
        let mut config: toml::Table = toml::from_str(&format!(
            r#"
            [agent]
            site = "{site}"
            broker = "{broker}"
            data_dir = "{data}"
            tick_seconds = 1
            lease_wait_seconds = 5
            snapshot_seconds = 2
            allow_own_account = {own}
            [adapter]
            kind = "{kind}"
            [[accounts]]
            project = "*"
            user = "{user}"
            {account}
            "#,
            data = folder.join("data").display(),
            // Processes run as the agent does; a scheduler's jobs as the user named.
            own = kind == "process",
        ))
        .expect("the agent's configuration");
        table(&mut config, "adapter").insert("settings".to_owned(), settings.into());
        let agent = Self {
            site: site.to_owned(),
            folder: folder.to_owned(),
            enrolment,
        };
        agent.store(&config);
        agent
    }

    /// Trusts an authority beside the machine's own.
    pub fn trust(&self, ca_file: &Path) {
        let text = std::fs::read_to_string(self.config()).expect("the agent's configuration");
        let mut config = toml::from_str(&text).expect("TOML");
        let ca_file = ca_file.display().to_string();
        table(&mut config, "agent").insert("ca_file".to_owned(), ca_file.into());
        self.store(&config);
    }

    /// Enrols it, if it is not yet. Not through the broker's address in the configuration: that may be a
    /// front in this very process, which must not be waited for.
    fn enrol(&self) {
        if !self.folder.join("data/identity.toml").exists() {
            self.enrolment.enrol(&self.folder, &self.config());
        }
    }

    /// What the agent must never tell.
    pub fn secret(&self) -> String {
        self.identity("key")
    }

    pub fn agent_id(&self) -> String {
        self.identity("agent")
    }

    fn identity(&self, key: &str) -> String {
        let path = self.folder.join("data/identity.toml");
        let text = std::fs::read_to_string(path).expect("the agent is enrolled");
        let identity: toml::Table = toml::from_str(&text).expect("TOML");
        let value = identity.get(key).and_then(toml::Value::as_str);
        value.expect("it is there").to_owned()
    }

    /// Changes its configuration, as its operator would.
    pub fn edit(&self, change: impl FnOnce(&mut toml::Table)) {
        let text = std::fs::read_to_string(self.config()).expect("the agent's configuration");
        let mut config = toml::from_str(&text).expect("TOML");
        change(&mut config);
        self.store(&config);
    }

    pub fn start(&self) -> Running {
        self.enrol();
        let mut command = Command::new(program("alcyone-agent"));
        command
            .arg("--config")
            .arg(self.config())
            .env("ALCYONE_LOG", "debug,hyper=info,reqwest=info");
        let name = format!("the agent of {}", self.site);
        Running::start(&name, &mut command, &self.folder.join("log"))
    }

    /// `alcyone-agent check`.
    pub async fn check(&self) -> Done {
        self.enrol();
        self.run(&["check"]).await
    }

    /// `alcyone-agent WORDS…`.
    pub async fn run(&self, words: &[&str]) -> Done {
        let mut command = tokio::process::Command::new(program("alcyone-agent"));
        command.arg("--config").arg(self.config()).args(words);
        commands::run(command).await
    }

    /// `alcyone-agent confirm WORDS…`, as a person at the site types it.
    pub async fn confirm(&self, words: &[&str]) -> Done {
        let mut command = tokio::process::Command::new(program("alcyone-agent"));
        command.arg("--config").arg(self.config()).arg("confirm");
        command.args(words);
        commands::run(command).await
    }

    /// `alcyone-agent handoff WORDS…`, likewise; the agent need not run for it.
    pub async fn handoff(&self, words: &[&str]) -> Done {
        self.enrol();
        self.run(&[&["handoff"][..], words].concat()).await
    }

    fn config(&self) -> PathBuf {
        self.folder.join("agent.toml")
    }

    fn store(&self, config: &toml::Table) {
        let text = toml::to_string(config).expect("TOML");
        std::fs::write(self.config(), text).expect("a file");
    }
}

fn table<'a>(config: &'a mut toml::Table, name: &str) -> &'a mut toml::Table {
    config
        .get_mut(name)
        .and_then(toml::Value::as_table_mut)
        .expect("the section is there")
}
