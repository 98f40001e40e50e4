use std::collections::BTreeMap;
use std::path::PathBuf;

use broker_model::{PartitionId, PartitionRef, Site, SiteId, SystemId, Walltime};
use serde::{Deserialize, Serialize};
use site_adapter::local::default_path;
use site_adapter::{Error, ErrorKind, Result, Work};

/// As execve(2) has it.
const LONGEST_FIRST_LINE: usize = 255;

/// What the machine offers, and where jobs are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub site: SiteId,
    /// Belongs to this adapter alone, on a local file system.
    pub data: PathBuf,
    #[serde(rename = "partition")]
    pub partitions: Vec<PartitionConfig>,
    /// Jobs that run at once, all partitions together.
    #[serde(default = "default_max_running")]
    pub max_running: u32,
    /// Between SIGTERM and SIGKILL.
    #[serde(default = "default_grace_seconds")]
    pub grace_seconds: u32,
    /// How long the folders of ended jobs stay after their usage was read.
    #[serde(default = "default_keep_days")]
    pub keep_days: u32,
    /// The jobs' `PATH`; `sh` is `/bin/sh`, `setsid` and `sleep` must be on it.
    #[serde(default = "default_path")]
    pub path: String,
    /// More environment for the jobs. Nothing of the agent's own reaches them.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Where jobs get cgroups (v2) with limits on memory, CPUs and processes: `auto` takes the
    /// agent's own if it was delegated to it (`Delegate=yes` in its unit), `off` does without, a
    /// path names an empty cgroup for the jobs alone. Without, memory is limited by address space
    /// and nobody is told that a job ran out of it.
    #[serde(default)]
    pub cgroups: CgroupChoice,
    /// Processes and threads that one job may have; only with cgroups.
    #[serde(default = "default_max_processes")]
    pub max_processes: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CgroupChoice {
    #[default]
    Auto,
    Off,
    At(PathBuf),
}

impl TryFrom<String> for CgroupChoice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            path if path.starts_with('/') => Ok(Self::At(path.into())),
            other => Err(format!(
                "`{other}` is neither `auto` nor `off` nor the full path of a cgroup"
            )),
        }
    }
}

impl From<CgroupChoice> for String {
    fn from(choice: CgroupChoice) -> Self {
        match choice {
            CgroupChoice::Auto => "auto".to_owned(),
            CgroupChoice::Off => "off".to_owned(),
            CgroupChoice::At(path) => path.display().to_string(),
        }
    }
}

const fn default_max_processes() -> u32 {
    16_384
}

/// A partition as it is declared; a number that is absent is not limited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionConfig {
    pub system: SystemId,
    pub partition: PartitionId,
    pub nodes: u32,
    /// As a scheduler would count them: two per MI250X.
    #[serde(default)]
    pub gpus_per_node: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus_per_node: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_gib_per_node: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_walltime: Option<Walltime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_nodes_per_job: Option<u32>,
    /// Every job gets whole nodes.
    #[serde(default)]
    pub exclusive: bool,
}

const fn default_max_running() -> u32 {
    64
}

const fn default_grace_seconds() -> u32 {
    10
}

const fn default_keep_days() -> u32 {
    14
}

impl Config {
    /// A site as its file describes it, played by this machine; a partition without a number of
    /// nodes has one.
    pub fn simulating(site: &Site, data: impl Into<PathBuf>) -> Self {
        let partitions = site.systems.iter().flat_map(|system| {
            system.partitions.iter().map(|partition| PartitionConfig {
                system: system.id.clone(),
                partition: partition.id.clone(),
                nodes: partition.nodes.unwrap_or(1),
                gpus_per_node: partition
                    .gpus_per_node
                    .saturating_mul(partition.scheduler_gpus_per_gpu),
                cpus_per_node: partition.cpus_per_node,
                memory_gib_per_node: partition.memory_gib_per_node,
                max_walltime: partition.max_walltime,
                max_nodes_per_job: partition.max_nodes_per_job,
                exclusive: partition.exclusive,
            })
        });
        Self {
            site: site.id.clone(),
            data: data.into(),
            partitions: partitions.collect(),
            max_running: default_max_running(),
            grace_seconds: default_grace_seconds(),
            keep_days: default_keep_days(),
            path: default_path(),
            environment: BTreeMap::new(),
            cgroups: CgroupChoice::Auto,
            max_processes: default_max_processes(),
        }
    }

    /// The position of a partition, which is what the rest of the crate knows it by.
    pub(crate) fn position(&self, wanted: &PartitionRef) -> Option<usize> {
        if wanted.site != self.site {
            return None;
        }
        self.partitions
            .iter()
            .position(|p| p.system == wanted.system && p.partition == wanted.partition)
    }

    /// Refuses what could never start, in the words that the user reads.
    pub(crate) fn check(&self, work: &Work) -> Result<usize> {
        let position = self.position(&work.partition);
        let Some((position, partition)) = position.and_then(|p| Some((p, self.partitions.get(p)?)))
        else {
            let words = format!("{} is not a partition of this site", work.partition);
            return Err(refused(words));
        };
        partition.check(work)?;
        check_words(work)?;
        if work.image.is_some() && self.apptainer().is_none() {
            return Err(refused(format!(
                "the job has an image and `apptainer` is not on the site's path ({}): \
                 install it, or hand in a plain script",
                self.path
            )));
        }
        Ok(position)
    }

    /// Where `apptainer` is, looked up anew each time: it may be installed while the agent runs.
    pub(crate) fn apptainer(&self) -> Option<PathBuf> {
        self.program("apptainer")
    }

    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        std::env::split_paths(&self.path)
            .map(|folder| folder.join(name))
            .find(|candidate| candidate.is_file())
    }
}

impl PartitionConfig {
    fn check(&self, work: &Work) -> Result<()> {
        let asked = &work.resources;
        let max_nodes = self.max_nodes_per_job.unwrap_or(self.nodes).min(self.nodes);
        within("nodes", asked.nodes, Some(max_nodes))?;
        within(
            "GPUs per node",
            work.scheduler_gpus_per_node(),
            Some(self.gpus_per_node),
        )?;
        within(
            "CPUs per node",
            asked.cpus_per_node.unwrap_or(1),
            self.cpus_per_node,
        )?;
        within(
            "GiB of memory per node",
            asked.memory_gib_per_node.unwrap_or(0),
            self.memory_gib_per_node,
        )?;
        within(
            "seconds of walltime",
            asked.walltime.seconds(),
            self.max_walltime.map(Walltime::seconds),
        )
    }
}

/// What goes to the job's program word by word: the kernel takes no NUL, and of a `#!` line no more.
fn check_words(work: &Work) -> Result<()> {
    let script = work.script_with_interpreter();
    let first = script.lines().next().unwrap_or_default();
    if first.len() > LONGEST_FIRST_LINE {
        return Err(refused(format!(
            "the script's `#!` line has {} bytes, the system takes {LONGEST_FIRST_LINE}",
            first.len()
        )));
    }
    let image = work.image.as_deref().unwrap_or_default();
    if [first, image, &work.name]
        .iter()
        .any(|word| word.contains('\0'))
    {
        let words = "the script's first line, the image or the job's name has a NUL byte";
        return Err(refused(words.to_owned()));
    }
    Ok(())
}

fn within(what: &str, asked: u32, most: Option<u32>) -> Result<()> {
    match most {
        Some(most) if asked > most => Err(refused(format!(
            "the job asks for {asked} {what}, the partition has {most}"
        ))),
        _ => Ok(()),
    }
}

fn refused(words: String) -> Error {
    Error::new(ErrorKind::Refused, "submit", words)
}
