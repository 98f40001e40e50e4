use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{ContainerTarget, JobId, OutcomeKind, ProjectId, SiteId};

/// A job as its user writes it: portable, and the same in TOML and JSON.
///
/// Deserializing checks the shape; [`JobSpec::validate`] checks what a shape cannot say. Nothing
/// here names a scheduler, and nothing here may be pasted into a command line: adapters send
/// fields as data and the script as a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    pub name: String,
    pub project: ProjectId,
    pub resources: Resources,
    /// One way to run it per container target; placement picks the partition and with it the way.
    pub variants: BTreeMap<ContainerTarget, Variant>,
    #[serde(default)]
    pub data: DataNeeds,
    #[serde(default)]
    pub placement: PlacementWishes,
    /// Many tasks of one script: a sweep, or a set of inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<ArraySpec>,
    /// Jobs of the same project that this one waits for; it is placed at their site.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<After>,
}

/// The tasks of an array: each runs the same script on one node of its own and finds its number in
/// `ALCYONE_ARRAY_INDEX` (from 0) and their count in `ALCYONE_ARRAY_SIZE`, at every site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArraySpec {
    pub tasks: u32,
    /// At most this many at the same time; absent: as many as the site lets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_once: Option<u32>,
}

/// A job that another one waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct After {
    pub job: JobId,
    #[serde(default)]
    pub when: AfterWhen,
}

/// How a job must have ended for those that wait for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterWhen {
    #[default]
    Completed,
    /// Any end but completed.
    Failed,
    Ended,
}

impl ArraySpec {
    /// What Slurm, PBS and Kubernetes all take with their defaults or nearly so (`MaxArraySize`
    /// 1001 and `max_array_size` 10 000 are what sites shipped with set).
    pub const MAX_TASKS: u32 = 10_000;
}

impl AfterWhen {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Ended => "ended",
        }
    }

    /// Whether an end of this kind is what was waited for.
    pub const fn fits(self, kind: OutcomeKind) -> bool {
        match self {
            Self::Completed => matches!(kind, OutcomeKind::Completed),
            Self::Failed => !matches!(kind, OutcomeKind::Completed),
            Self::Ended => true,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    #[serde(default = "one")]
    pub nodes: u32,
    /// Physical accelerators per node, as the vendor sells them: an MI250X is one, not two GCDs.
    #[serde(default)]
    pub gpus_per_node: u32,
    /// At least this much memory on each GPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_memory_gib: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus_per_node: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_gib_per_node: Option<u32>,
    pub walltime: Walltime,
}

const fn one() -> u32 {
    1
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// `docker://…`, `oras://…` or an absolute path of a `.sif`; none means a plain script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The shell script to run. Without a `#!` line it gets `#!/bin/sh`.
    pub script: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataNeeds {
    /// `EU`, or an ISO 3166-1 country code: where data may be processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residency: Option<String>,
    #[serde(default)]
    pub sensitivity: Sensitivity,
}

#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    #[default]
    Public,
    Internal,
    Personal,
    /// GDPR Art. 9 data, health data among them.
    Special,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacementWishes {
    /// Sites to take when the forecast is not much worse there.
    #[serde(default)]
    pub prefer: Vec<SiteId>,
    /// Only these sites, when not empty.
    #[serde(default)]
    pub require: Vec<SiteId>,
    #[serde(default)]
    pub exclude: Vec<SiteId>,
    /// Whether partitions that their site calls experimental may be taken.
    #[serde(default)]
    pub experimental: bool,
    /// Whether the job may be started again elsewhere after its site is lost.
    #[serde(default)]
    pub restartable: bool,
}

/// The longest a job may run; written `90m`, `6h`, `2d`, `1h30m` or in seconds (`5400s`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Walltime {
    seconds: u32,
}

impl Walltime {
    /// A year: no site of the federation allows more.
    pub const MAX_SECONDS: u32 = 366 * 86_400;

    pub fn from_seconds(seconds: u32) -> Option<Self> {
        (1..=Self::MAX_SECONDS)
            .contains(&seconds)
            .then_some(Self { seconds })
    }

    pub const fn seconds(self) -> u32 {
        self.seconds
    }

    /// Whole minutes, rounded up: what Slurm and many limits count in.
    pub const fn minutes_up(self) -> u32 {
        self.seconds.div_ceil(60)
    }
}

impl fmt::Display for Walltime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.seconds;
        for (size, letter) in [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')] {
            if rest >= size {
                write!(f, "{}{letter}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

impl FromStr for Walltime {
    type Err = InvalidSpec;

    fn from_str(text: &str) -> Result<Self, InvalidSpec> {
        let refuse = || InvalidSpec {
            field: "resources.walltime".to_owned(),
            reason: format!(
                "`{}` is not a duration",
                text.chars().take(40).collect::<String>()
            ),
            allowed: "`90m`, `6h`, `2d`, `1h30m` or `5400s`, at most 366d".to_owned(),
        };
        let mut total: u64 = 0;
        let mut digits = String::new();
        for c in text.chars() {
            if c.is_ascii_digit() && digits.len() < 9 {
                digits.push(c);
                continue;
            }
            let size = match c {
                'd' => 86_400,
                'h' => 3600,
                'm' => 60,
                's' => 1,
                _ => return Err(refuse()),
            };
            total += digits.parse::<u64>().map_err(|_| refuse())? * size;
            digits.clear();
        }
        if !digits.is_empty() {
            return Err(refuse());
        }
        u32::try_from(total)
            .ok()
            .and_then(Self::from_seconds)
            .ok_or_else(refuse)
    }
}

impl Serialize for Walltime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Walltime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A field whose value cannot be accepted: where, why, and what would be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{field}: {reason}; allowed: {allowed}")]
pub struct InvalidSpec {
    pub field: String,
    pub reason: String,
    pub allowed: String,
}

impl JobSpec {
    /// Most bytes a script may have; slurmrestd and PBS take more, people do not write more.
    pub const MAX_SCRIPT_BYTES: usize = 256 * 1024;
    /// Most jobs that one job may wait for.
    pub const MAX_AFTER: usize = 16;

    /// Checks every field that ends up at a site and returns all that is wrong, not the first.
    pub fn validate(&self) -> Result<(), Vec<InvalidSpec>> {
        let mut wrong = Vec::new();
        check_name(&self.name, &mut wrong);
        self.resources.validate(&mut wrong);
        if self.variants.is_empty() {
            wrong.push(invalid(
                "variants",
                "there is none",
                "at least one, as `[variants.\"x86_64+cuda\"]`",
            ));
        }
        for (target, variant) in &self.variants {
            variant.validate(&format!("variants.\"{target}\""), &mut wrong);
        }
        if let Some(residency) = &self.data.residency {
            let is_code = residency.len() == 2 && residency.bytes().all(|b| b.is_ascii_uppercase());
            if !is_code {
                wrong.push(invalid(
                    "data.residency",
                    "not a country code",
                    "`EU` or two capital letters (ISO 3166-1)",
                ));
            }
        }
        if let Some(array) = &self.array {
            array.validate(self.resources.nodes, &mut wrong);
        }
        check_after(&self.after, &mut wrong);
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// How many times the walltime and the resources are asked for: the tasks of an array.
    pub fn tasks(&self) -> u32 {
        self.array.map_or(1, |array| array.tasks)
    }
}

impl ArraySpec {
    fn validate(self, nodes: u32, wrong: &mut Vec<InvalidSpec>) {
        if !(1..=Self::MAX_TASKS).contains(&self.tasks) {
            wrong.push(invalid(
                "array.tasks",
                &format!("{} is out of range", self.tasks),
                &format!("1 to {}", Self::MAX_TASKS),
            ));
        }
        if self.at_once == Some(0) {
            wrong.push(invalid(
                "array.at_once",
                "none could ever start",
                "at least 1, or leave it out",
            ));
        }
        if nodes != 1 {
            wrong.push(invalid(
                "resources.nodes",
                "each task of an array runs on one node",
                "1, or no `array`",
            ));
        }
    }
}

fn check_after(after: &[After], wrong: &mut Vec<InvalidSpec>) {
    if after.len() > JobSpec::MAX_AFTER {
        wrong.push(invalid(
            "after",
            &format!("it names {} jobs", after.len()),
            &format!("at most {}", JobSpec::MAX_AFTER),
        ));
    }
    for (position, one) in after.iter().enumerate() {
        if after
            .iter()
            .take(position)
            .any(|other| other.job == one.job)
        {
            wrong.push(invalid(
                &format!("after[{position}].job"),
                "the job is named twice",
                "each job once",
            ));
        }
    }
}

impl Resources {
    fn validate(&self, wrong: &mut Vec<InvalidSpec>) {
        let mut within = |field: &str, value: u32, from: u32, to: u32| {
            if !(from..=to).contains(&value) {
                wrong.push(invalid(
                    &format!("resources.{field}"),
                    &format!("{value} is out of range"),
                    &format!("{from} to {to}"),
                ));
            }
        };
        within("nodes", self.nodes, 1, 100_000);
        within("gpus_per_node", self.gpus_per_node, 0, 1024);
        within(
            "gpu_memory_gib",
            self.gpu_memory_gib.unwrap_or(1),
            1,
            65_536,
        );
        within("cpus_per_node", self.cpus_per_node.unwrap_or(1), 1, 65_536);
        within(
            "memory_gib_per_node",
            self.memory_gib_per_node.unwrap_or(1),
            1,
            1_048_576,
        );
    }
}

impl Variant {
    fn validate(&self, at: &str, wrong: &mut Vec<InvalidSpec>) {
        if self.script.trim().is_empty() {
            wrong.push(invalid(
                &format!("{at}.script"),
                "it is empty",
                "a shell script",
            ));
        }
        if self.script.len() > JobSpec::MAX_SCRIPT_BYTES {
            wrong.push(invalid(
                &format!("{at}.script"),
                "it is too long",
                "at most 256 KiB",
            ));
        }
        if self.script.contains('\0') {
            wrong.push(invalid(
                &format!("{at}.script"),
                "it holds a NUL byte",
                "text",
            ));
        }
        if self.image.as_deref().is_some_and(|image| !is_image(image)) {
            wrong.push(invalid(
                &format!("{at}.image"),
                "not an image reference",
                "`docker://host/path:tag`, `oras://host/path:tag` or an absolute path ending in `.sif`, \
                 of letters, digits and `. _ - / : @`",
            ));
        }
    }
}

fn check_name(name: &str, wrong: &mut Vec<InvalidSpec>) {
    let fits = (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if !fits {
        wrong.push(invalid(
            "name",
            "it holds a character that schedulers treat in different ways, or is too long",
            "1 to 64 letters, digits, `-`, `_` or `.`, the first a letter or digit",
        ));
    }
}

fn is_image(image: &str) -> bool {
    let rest = ["docker://", "oras://"]
        .iter()
        .find_map(|scheme| image.strip_prefix(scheme));
    let fits = |text: &str| {
        !text.is_empty()
            && text.len() <= 512
            && !text.contains("..")
            && text.bytes().all(|b| {
                b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/' | b':' | b'@')
            })
    };
    match rest {
        Some(rest) => fits(rest) && !rest.starts_with(['/', '-', '.']),
        None => image.starts_with('/') && image.strip_suffix(".sif").is_some() && fits(image),
    }
}

fn invalid(field: &str, reason: &str, allowed: &str) -> InvalidSpec {
    InvalidSpec {
        field: field.to_owned(),
        reason: reason.to_owned(),
        allowed: allowed.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = r#"
        name = "finetune-7b"
        project = "prj_0192f0c1d2e37abc8def0123456789ab"
        [resources]
        nodes = 2
        gpus_per_node = 4
        walltime = "6h"
        [variants."x86_64+cuda"]
        image = "docker://example.org/train:cuda"
        script = "srun python train.py"
    "#;

    #[test]
    fn the_job_file_of_the_design_is_read() {
        let spec: JobSpec = toml::from_str(JOB).unwrap();
        assert_eq!(spec.resources.walltime.seconds(), 21_600);
        assert_eq!(spec.validate(), Ok(()));
    }

    #[test]
    fn an_unknown_field_is_refused_with_its_line_and_what_is_allowed() {
        let error = toml::from_str::<JobSpec>(&JOB.replace("nodes", "nodez"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("line 5"), "{error}");
        assert!(error.contains("expected one of `nodes`"), "{error}");
    }

    #[test]
    fn walltimes_are_read_and_printed() {
        for (text, seconds) in [("90m", 5400), ("1h30m", 5400), ("2d", 172_800), ("59s", 59)] {
            assert_eq!(text.parse::<Walltime>().unwrap().seconds(), seconds);
        }
        assert_eq!(Walltime::from_seconds(5400).unwrap().to_string(), "1h30m");
        for bad in ["", "6", "h", "-1h", "1w", "0s", "367d", "99999999999d"] {
            assert!(bad.parse::<Walltime>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_array_and_its_dependencies_are_checked_with_the_rest() {
        let text = format!(
            "after = [{{ job = \"job_0192f0c1d2e37abc8def0123456789ab\" }}]\n{JOB}[array]\ntasks = 0\nat_once = 0\n"
        );
        let spec: JobSpec = toml::from_str(&text).unwrap();
        assert_eq!(spec.after[0].when, AfterWhen::Completed);
        let wrong = spec.validate().unwrap_err();
        let fields: Vec<_> = wrong.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(fields, ["array.tasks", "array.at_once", "resources.nodes"]);
        let twice = JobSpec {
            after: vec![spec.after[0]; 2],
            array: None,
            ..spec
        };
        assert_eq!(twice.validate().unwrap_err()[0].field, "after[1].job");
    }

    #[test]
    fn an_array_asks_for_its_tasks() {
        let plain: JobSpec = toml::from_str(JOB).unwrap();
        assert_eq!(plain.tasks(), 1);
        let array = ArraySpec {
            tasks: 10,
            at_once: Some(4),
        };
        let many = JobSpec {
            array: Some(array),
            ..plain
        };
        assert_eq!(many.tasks(), 10);
    }

    #[test]
    fn names_and_images_that_a_shell_could_read_are_refused() {
        let good: JobSpec = toml::from_str(JOB).unwrap();
        for bad in ["a;b", "a\nb", "$(id)", "a b", "--x", "é", ""] {
            let spec = JobSpec {
                name: bad.to_owned(),
                ..good.clone()
            };
            assert_eq!(spec.validate().unwrap_err()[0].field, "name", "{bad:?}");
        }
        for bad in [
            "docker://a b",
            "docker://$(id)",
            "http://x/y",
            "/x/../y.sif",
            "docker://-x",
            "x.sif",
        ] {
            assert!(!is_image(bad), "{bad}");
        }
    }
}
