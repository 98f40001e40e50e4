mod transport;

use std::collections::BTreeMap;
use std::path::PathBuf;

use broker_model::{PartitionId, SystemId};
use serde::Deserialize;
use site_adapter::InvalidSettings;
use site_adapter::local::{default_apptainer, default_home, default_path, is_posix_user};

pub use transport::TransportSettings;

/// The `settings` of a site of kind `pbs`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PbsSettings {
    /// The system of the site that this PBS complex is.
    pub system: SystemId,
    /// What is offered to the broker, by the broker's name for it.
    pub partitions: BTreeMap<PartitionId, PartitionSettings>,
    #[serde(default)]
    pub transport: TransportSettings,
    /// Where qsub and the others are; a shell without a login has no such folder on its `PATH`.
    #[serde(default = "default_bin_dir")]
    pub bin_dir: String,
    /// `PBS_CONF_FILE` of the commands.
    #[serde(default = "default_conf_file")]
    pub conf_file: String,
    /// `PBS_SERVER` of the commands, if it is not the one in `conf_file`.
    #[serde(default)]
    pub server: Option<String>,
    /// A local user for reading: jobs, queues, nodes. Where `query_other_jobs` is off it must be an
    /// operator. Submitting and cancelling are done as each job's own user.
    pub reader: String,
    /// What runs a command as another user, put before it: `["sudo", "-n", "-u", "{user}", "--"]`.
    /// Empty: commands run as the user that the agent (or the ssh login) is, and as no other.
    #[serde(default)]
    pub run_as: Vec<String>,
    /// Where jobs start and write their logs and how they ended: `/home/{user}`.
    pub work_dir: String,
    #[serde(default = "default_home")]
    pub home: String,
    /// The job's `PATH`.
    #[serde(default = "default_path")]
    pub path: String,
    /// The program that runs an image.
    #[serde(default = "default_apptainer")]
    pub apptainer: String,
    /// What sites call a node's processors, memory and accelerators in `select`.
    #[serde(default = "default_cpus")]
    pub cpu_resource: String,
    #[serde(default = "default_memory")]
    pub memory_resource: String,
    #[serde(default = "default_gpus")]
    pub gpu_resource: String,
    /// The longest that one command may take; a server that hangs makes them wait for hours.
    #[serde(default = "default_command")]
    pub command_seconds: u64,
    /// The longest that qsub may take.
    #[serde(default = "default_submit")]
    pub submit_seconds: u64,
    /// How long to look for a marker before its absence is proof: longer than a qsub can live.
    #[serde(default = "default_settle")]
    pub settle_seconds: u64,
    /// Each command holds one of the host's reserved ports for a minute; more than ten a second
    /// run out of them.
    #[serde(default = "default_rate")]
    pub commands_per_second: u32,
    #[serde(default = "default_concurrency")]
    pub concurrent_commands: usize,
    /// The server's accounting folder, if the agent may read it here: `…/server_priv/accounting`.
    #[serde(default)]
    pub accounting_dir: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionSettings {
    /// PBS's queue, if it has another name.
    #[serde(default)]
    pub queue: Option<String>,
    /// What nodes of this partition call their accelerators, if it is not the site's word.
    #[serde(default)]
    pub gpu_resource: Option<String>,
    /// The kind that is told of its accelerators: `a100`.
    #[serde(default)]
    pub gpu_kind: Option<String>,
    /// Only nodes with these values in `resources_available` are counted: `{ Qlist = "gpu" }`.
    #[serde(default)]
    pub nodes_with: BTreeMap<String, String>,
    /// Put into every chunk of `select`: `{ gpu_model = "h100" }`.
    #[serde(default)]
    pub chunk: BTreeMap<String, String>,
    /// Asked for the job as a whole (`-l`): `{ filesystems = "home:eagle" }`.
    #[serde(default)]
    pub job: BTreeMap<String, String>,
    /// What a job that does not say asks for, one each where this does not say either: a resource that
    /// is not asked for may be given in full.
    #[serde(default)]
    pub cpus_per_node: Option<u32>,
    #[serde(default)]
    pub memory_gib_per_node: Option<u32>,
    /// What `apptainer exec` needs for the accelerators here: `--nv`, `--rocm`.
    #[serde(default)]
    pub container_flags: Vec<String>,
}

fn default_bin_dir() -> String {
    "/opt/pbs/bin".to_owned()
}
fn default_conf_file() -> String {
    "/etc/pbs.conf".to_owned()
}
fn default_cpus() -> String {
    "ncpus".to_owned()
}
fn default_memory() -> String {
    "mem".to_owned()
}
fn default_gpus() -> String {
    "ngpus".to_owned()
}
const fn default_command() -> u64 {
    30
}
const fn default_submit() -> u64 {
    20
}
const fn default_settle() -> u64 {
    45
}
const fn default_rate() -> u32 {
    10
}
const fn default_concurrency() -> usize {
    4
}

/// How long a command that ignores SIGTERM is let live after its time.
pub(crate) const KILL_AFTER_SECONDS: u64 = 2;

impl PbsSettings {
    /// Checks what the shape cannot say.
    pub fn validate(&self) -> Result<(), InvalidSettings> {
        if !is_local_user(&self.reader) {
            return Err(InvalidSettings::new(
                "reader",
                "not a user's name",
                USER_REMEDY,
            ));
        }
        self.validate_paths()?;
        self.validate_names()?;
        self.validate_times()?;
        if self.partitions.is_empty() {
            let remedy = "name at least one, as `[partitions.gpu]`";
            return Err(InvalidSettings::new("partitions", "there is none", remedy));
        }
        if let Some(program) = self.run_as.first()
            && !program.starts_with('/')
        {
            let remedy = "write `[\"/usr/bin/sudo\", \"-n\", \"-u\", \"{user}\", \"--\"]`";
            return Err(InvalidSettings::new(
                "run_as",
                "the program has no full path",
                remedy,
            ));
        }
        self.transport.validate()
    }

    fn validate_paths(&self) -> Result<(), InvalidSettings> {
        for (key, path) in [
            ("bin_dir", &self.bin_dir),
            ("conf_file", &self.conf_file),
            ("work_dir", &self.work_dir),
            ("home", &self.home),
        ] {
            let plain = path.starts_with('/')
                && !path.contains("..")
                && !path.chars().any(char::is_control);
            if !plain {
                let remedy = "write an absolute path without `..`; `{user}` is the local user";
                return Err(InvalidSettings::new(key, "not an absolute path", remedy));
            }
        }
        Ok(())
    }

    /// All that ends in the arguments of qsub.
    fn validate_names(&self) -> Result<(), InvalidSettings> {
        let remedy = "use letters, digits, `_`, `.`, `-`, `@` and `:`";
        let check = |key: String, text: &str| {
            if is_word(text) {
                return Ok(());
            }
            let reason = format!("`{}` is not a plain word", text.escape_debug());
            Err(InvalidSettings::new(&key, &reason, remedy))
        };
        check("cpu_resource".to_owned(), &self.cpu_resource)?;
        check("memory_resource".to_owned(), &self.memory_resource)?;
        check("gpu_resource".to_owned(), &self.gpu_resource)?;
        for (id, partition) in &self.partitions {
            let own = partition.queue.iter().chain(&partition.gpu_resource);
            let pairs = partition.chunk.iter().chain(&partition.job);
            let texts = own.chain(pairs.flat_map(|(name, value)| [name, value]));
            for text in texts {
                check(format!("partitions.{id}"), text)?;
            }
        }
        self.server
            .as_ref()
            .map_or(Ok(()), |server| check("server".to_owned(), server))
    }

    fn validate_times(&self) -> Result<(), InvalidSettings> {
        for (key, value) in [
            ("command_seconds", self.command_seconds),
            ("submit_seconds", self.submit_seconds),
        ] {
            if !(1..=600).contains(&value) {
                return Err(InvalidSettings::new(key, "out of range", "give 1 to 600"));
            }
        }
        let on_its_way = self.transport.delay_seconds();
        if self.settle_seconds <= on_its_way + self.submit_seconds + KILL_AFTER_SECONDS {
            let remedy = "give at least three seconds more than `submit_seconds`, and over ssh eight \
                          and `transport.connect_seconds`";
            let reason = "a submission could still arrive after its absence was taken for proven";
            return Err(InvalidSettings::new("settle_seconds", reason, remedy));
        }
        if !(1..=default_rate()).contains(&self.commands_per_second) {
            let reason = "out of range: more than ten a second run out of reserved ports";
            return Err(InvalidSettings::new(
                "commands_per_second",
                reason,
                "give 1 to 10",
            ));
        }
        if self.concurrent_commands == 0 {
            return Err(InvalidSettings::new(
                "concurrent_commands",
                "it is 0",
                "give 1 or more",
            ));
        }
        Ok(())
    }

    pub(crate) fn queue<'a>(
        &'a self,
        id: &'a PartitionId,
    ) -> Option<(&'a str, &'a PartitionSettings)> {
        let settings = self.partitions.get(id)?;
        Some((settings.queue.as_deref().unwrap_or(id.as_str()), settings))
    }

    pub(crate) fn gpus_of<'a>(&'a self, partition: &'a PartitionSettings) -> &'a str {
        partition
            .gpu_resource
            .as_deref()
            .unwrap_or(&self.gpu_resource)
    }

    pub(crate) fn work_dir_of(&self, user: &str) -> String {
        self.work_dir.replace("{user}", user)
    }
}

const USER_REMEDY: &str =
    "1 to 32 lower-case letters, digits, `-`, `_` or `.`, the first a letter or `_`; never `root`";

/// Not root: PBS takes no job of root's, and nothing of ours runs as it.
pub(crate) fn is_local_user(name: &str) -> bool {
    name != "root" && is_posix_user(name)
}

/// What may stand in `-l name=value` and in a queue's name without a meaning of its own to PBS.
pub(crate) fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 200
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'@' | b':'))
}

#[cfg(test)]
pub(crate) mod tests;
