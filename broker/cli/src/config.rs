use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::cli::Cli;
use crate::exit::Failure;

/// What the command line and the environment say of the two, before a verb needs them: an offline
/// check needs neither.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    broker: Option<Url>,
    home: Option<PathBuf>,
    allow_http: bool,
}

impl Place {
    pub(crate) fn of(cli: &Cli) -> Self {
        Self {
            broker: cli.broker.clone(),
            home: cli.home.clone().or_else(default_home),
            allow_http: cli.allow_http,
        }
    }

    /// The folder that keeps things, which need not be there yet.
    pub(crate) fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// For what speaks to the broker.
    pub(crate) fn settings(&self) -> Result<Settings, Failure> {
        let settings = self.named()?;
        settings.check_transport(self.allow_http)?;
        Ok(settings)
    }

    /// For what only looks at what is kept for that broker.
    pub(crate) fn named(&self) -> Result<Settings, Failure> {
        let home = self.home.clone().ok_or_else(|| {
            Failure::Usage(
                "there is no home folder; give one with --home or ALCYONE_HOME".to_owned(),
            )
        })?;
        let file = read(&home.join("config.toml"))?;
        let broker = self.broker.clone().or(file.broker).ok_or_else(|| {
            Failure::Usage(format!(
                "which broker? give --broker URL, set ALCYONE_BROKER, or write `broker = \"https://…\"` into {}",
                home.join("config.toml").display()
            ))
        })?;
        Ok(Settings { broker, home })
    }
}

/// Where the broker is, and the folder that keeps login and trusted keys.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) broker: Url,
    pub(crate) home: PathBuf,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsFile {
    #[serde(default)]
    broker: Option<Url>,
}

impl Settings {
    /// Refuses to send a login where others can read it on the way.
    fn check_transport(&self, allow_http: bool) -> Result<(), Failure> {
        let stays_here = match self.broker.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if self.broker.scheme() == "https" || stays_here || allow_http {
            return Ok(());
        }
        Err(Failure::Usage(format!(
            "{}: the login would travel in clear; use https, or say --allow-http (ALCYONE_ALLOW_HTTP=1) \
             if nobody else is on the way",
            self.broker
        )))
    }

    /// A name for this broker that is safe in a file name.
    pub(crate) fn broker_name(&self) -> String {
        let host = self.broker.host_str().unwrap_or("broker");
        let port = self.broker.port_or_known_default().unwrap_or(0);
        let safe = |c: char| {
            if c.is_ascii_alphanumeric() || c == '.' || c == '-' {
                c
            } else {
                '_'
            }
        };
        format!("{}-{port}", host.chars().map(safe).collect::<String>())
    }
}

fn default_home() -> Option<PathBuf> {
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")));
    config.map(|config| config.join("alcyone"))
}

fn read(path: &Path) -> Result<SettingsFile, Failure> {
    let wrong = |error: String| Failure::Usage(format!("{}: {error}", path.display()));
    match std::fs::read_to_string(path) {
        Ok(text) => toml::from_str(&text).map_err(|error| wrong(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(SettingsFile::default()),
        Err(error) => Err(wrong(error.to_string())),
    }
}
