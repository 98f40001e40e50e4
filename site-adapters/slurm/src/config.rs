use std::collections::BTreeMap;
use std::path::PathBuf;

use broker_model::{PartitionId, SystemId};
use serde::Deserialize;
use site_adapter::InvalidSettings;
use site_adapter::local::{default_apptainer, default_home, default_path, is_posix_user};
use url::Url;

use crate::ApiVersion;
use crate::flows::in_time::SOON;

/// The `settings` of a site of kind `slurm`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlurmSettings {
    /// Where slurmrestd listens: `http://127.0.0.1:6820`, or `https://…`.
    pub url: Url,
    /// A PEM file of the authorities to trust for `https`, in place of the machine's own.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The system of the site that this Slurm cluster is.
    pub system: SystemId,
    /// What is offered to the broker, by the broker's name for it.
    pub partitions: BTreeMap<PartitionId, PartitionSettings>,
    #[serde(default)]
    pub api_version: ApiChoice,
    /// A local user for reading: queue, nodes, accounting. Where `PrivateData` hides jobs it must be
    /// an operator. Submitting and cancelling are done as each job's own user.
    pub reader: String,
    /// `SlurmUser` of slurm.conf: besides root the user whom Slurm lets act for everybody.
    #[serde(default = "default_slurm_user")]
    pub slurm_user: String,
    pub token: TokenSource,
    /// Where jobs start and write their logs, as the nodes see it: `/home/{user}`.
    pub work_dir: String,
    /// The same folder as the agent sees it, if it is mounted elsewhere there.
    #[serde(default)]
    pub work_dir_here: Option<String>,
    #[serde(default = "default_home")]
    pub home: String,
    /// The job's `PATH`; Slurm gives it nothing else.
    #[serde(default = "default_path")]
    pub path: String,
    /// The program that runs an image.
    #[serde(default = "default_apptainer")]
    pub apptainer: String,
    /// More than 25: slurmrestd answers some calls after 20 s, and giving up before it does makes
    /// every such submission unclear.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u64,
    /// Calls to slurmrestd at the same time.
    #[serde(default = "default_calls")]
    pub concurrent_calls: usize,
    /// How long to look for a marker before its absence is proof: another agent may begin to submit up
    /// to 10 s after its lease, which may be a short one, has ended; that is on its way for as long as
    /// a call may last, and slurmctld tells the accounting of a waiting job up to 5 s late.
    #[serde(default = "default_settle")]
    pub settle_seconds: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionSettings {
    /// Slurm's name, if it is another one.
    #[serde(default)]
    pub slurm: Option<String>,
    /// Asks for `gres/gpu:TYPE:N` instead of `gres/gpu:N`.
    #[serde(default)]
    pub gpu_type: Option<String>,
    /// What `apptainer exec` needs for the accelerators here: `--nv`, `--rocm`.
    #[serde(default)]
    pub container_flags: Vec<String>,
}

/// Which version of slurmrestd's API to speak: `auto`, or one such as `v0.0.42`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum ApiChoice {
    /// The newest that the server knows; asked again when it no longer does.
    #[default]
    Auto,
    Fixed(ApiVersion),
}

impl TryFrom<String> for ApiChoice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        text.parse().map(Self::Fixed)
    }
}

/// Where the tokens for slurmrestd (JWT with `sun`, the local user) come from.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "snake_case",
    deny_unknown_fields
)]
pub enum TokenSource {
    /// Signed here with the site's `jwt.key` (HS256).
    Signed {
        key_file: PathBuf,
        #[serde(default = "default_lifetime")]
        lifetime_seconds: u64,
    },
    /// Printed by a program of the site's, which gets the user as its last argument. No shell.
    ///
    /// Where the token can be read, its `sun` has to be that user.
    Command {
        argv: Vec<String>,
        /// How long a token is good for when it does not say so itself.
        #[serde(default = "default_lifetime")]
        lifetime_seconds: u64,
    },
}

fn default_slurm_user() -> String {
    "slurm".to_owned()
}
const fn default_timeout() -> u64 {
    40
}
const fn default_calls() -> usize {
    8
}
const fn default_settle() -> u64 {
    55
}
const fn default_lifetime() -> u64 {
    600
}

impl SlurmSettings {
    /// Checks what the shape cannot say.
    pub fn validate(&self) -> Result<(), InvalidSettings> {
        if !matches!(self.url.scheme(), "http" | "https") || !self.url.username().is_empty() {
            return Err(InvalidSettings::new(
                "url",
                "not a plain HTTP address",
                "write `http://host:port` or `https://host`, without a user",
            ));
        }
        self.validate_times()?;
        if self.concurrent_calls == 0 {
            return Err(InvalidSettings::new(
                "concurrent_calls",
                "it is 0",
                "give 1 or more",
            ));
        }
        if self.partitions.is_empty() {
            return Err(InvalidSettings::new(
                "partitions",
                "there is none",
                "name at least one, as `[partitions.gpu]`",
            ));
        }
        self.validate_users()?;
        self.validate_paths()?;
        self.token.validate()
    }

    fn validate_times(&self) -> Result<(), InvalidSettings> {
        if !(26..=600).contains(&self.timeout_seconds) {
            return Err(InvalidSettings::new(
                "timeout_seconds",
                "shorter than slurmrestd's own waits, or longer than ten minutes",
                "give 26 to 600",
            ));
        }
        if self.settle_seconds < self.timeout_seconds + SOON.as_secs() + TOLD_LATE_SECONDS {
            return Err(InvalidSettings::new(
                "settle_seconds",
                "a submission could still arrive after its absence was taken for proven",
                "give at least fifteen more than `timeout_seconds`",
            ));
        }
        Ok(())
    }

    fn validate_users(&self) -> Result<(), InvalidSettings> {
        for (key, name) in [("reader", &self.reader), ("slurm_user", &self.slurm_user)] {
            if !is_posix_user(name) {
                return Err(InvalidSettings::new(key, "not a user's name", USER_REMEDY));
            }
        }
        if self.is_master(&self.reader) {
            return Err(InvalidSettings::new(
                "reader",
                "that user's token is good for everybody's jobs",
                "name a user without rights over other users' jobs, or an operator",
            ));
        }
        Ok(())
    }

    /// Users whom Slurm lets act for everybody; nothing is done as them, whatever the account mapping
    /// says.
    pub(crate) fn is_master(&self, name: &str) -> bool {
        name == "root" || name == self.slurm_user
    }

    fn validate_paths(&self) -> Result<(), InvalidSettings> {
        for (key, path) in [
            ("work_dir", Some(&self.work_dir)),
            ("work_dir_here", self.work_dir_here.as_ref()),
            ("home", Some(&self.home)),
        ] {
            if path.is_some_and(|path| !is_path_template(path)) {
                return Err(InvalidSettings::new(
                    key,
                    "not an absolute path that Slurm takes literally",
                    "write an absolute path without `%`, `\\` and `..`; `{user}` is the local user",
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn partition(&self, id: &PartitionId) -> Option<(String, &PartitionSettings)> {
        let settings = self.partitions.get(id)?;
        let name = settings.slurm.as_deref().unwrap_or(id.as_str());
        Some((name.to_owned(), settings))
    }

    pub(crate) fn work_dir_of(&self, user: &str) -> String {
        self.work_dir.replace("{user}", user)
    }

    pub(crate) fn work_dir_seen_here(&self, user: &str) -> PathBuf {
        let template = self.work_dir_here.as_ref().unwrap_or(&self.work_dir);
        PathBuf::from(template.replace("{user}", user))
    }
}

impl TokenSource {
    fn validate(&self) -> Result<(), InvalidSettings> {
        let (Self::Signed {
            lifetime_seconds, ..
        }
        | Self::Command {
            lifetime_seconds, ..
        }) = self;
        if !(30..=86_400).contains(lifetime_seconds) {
            return Err(InvalidSettings::new(
                "token.lifetime_seconds",
                format!("{lifetime_seconds} is out of range"),
                "give 30 to 86400",
            ));
        }
        match self {
            Self::Command { argv, .. } if !argv.first().is_some_and(|p| p.starts_with('/')) => {
                Err(InvalidSettings::new(
                    "token.argv",
                    "the program is not named by its full path".to_owned(),
                    "write `argv = [\"/usr/local/sbin/slurm-token\"]`",
                ))
            }
            _ => Ok(()),
        }
    }
}

/// How late slurmctld may tell the accounting of a waiting job.
const TOLD_LATE_SECONDS: u64 = 5;

const USER_REMEDY: &str =
    "1 to 32 lower-case letters, digits, `-`, `_` or `.`, the first a letter or `_`";

/// Slurm expands `%` and drops `\` in the paths of logs.
fn is_path_template(path: &str) -> bool {
    path.starts_with('/')
        && !path.contains("..")
        && path
            .chars()
            .all(|c| !c.is_control() && !matches!(c, '%' | '\\'))
}

#[cfg(test)]
mod tests;
