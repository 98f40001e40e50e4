//! Limits by cgroup v2 (cgroups(7), the kernel's `admin-guide/cgroup-v2`), where one is delegated.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::capacity::Grant;
use crate::config::{CgroupChoice, Config};
use crate::folder::Meta;

/// What a job's share of a CPU is counted in.
const PERIOD_MICROSECONDS: u64 = 100_000;

const LEAF: &str = "agent";

/// A cgroup in which each job gets one of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cgroups {
    base: PathBuf,
    max_processes: u32,
}

impl Cgroups {
    /// Makes ready the cgroup of the settings, or says in words why there is none.
    pub(crate) fn find(config: &Config) -> Result<Self, String> {
        let base = match &config.cgroups {
            CgroupChoice::Off => return Err("switched off".to_owned()),
            CgroupChoice::At(base) => base.clone(),
            CgroupChoice::Auto => {
                let unit = own_unit()?;
                let failed = |error: io::Error| {
                    format!("{}: {error}; give the unit `Delegate=yes`", unit.display())
                };
                make_room(&unit).map_err(failed)?;
                unit.join("jobs")
            }
        };
        let failed = |error: io::Error| format!("{}: {error}", base.display());
        if !base.is_dir() {
            fs::create_dir(&base).map_err(failed)?;
        }
        enable(&base).map_err(failed)?;
        Ok(Self {
            base,
            max_processes: config.max_processes,
        })
    }

    /// The cgroup that jobs get, if any: whoever names one would rather run nothing than jobs without limits.
    pub(crate) fn choose(config: &Config) -> Result<Option<Self>, String> {
        match (Self::find(config), &config.cgroups) {
            (Ok(found), _) => Ok(Some(found)),
            (Err(why), CgroupChoice::At(_)) => Err(why),
            (Err(why), CgroupChoice::Auto) => {
                tracing::info!(why, "jobs run without limits by cgroup");
                Ok(None)
            }
            (Err(_), CgroupChoice::Off) => Ok(None),
        }
    }

    /// A fresh cgroup with the job's limits in it.
    pub(crate) fn make(&self, meta: &Meta, grant: &Grant) -> io::Result<PathBuf> {
        let place = self.base.join(meta.key());
        match fs::create_dir(&place) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        for (file, value) in limits(meta, grant, self.max_processes) {
            match write(&place.join(file), &value) {
                // Its controller is not delegated.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                written => written?,
            }
        }
        Ok(place)
    }

    /// What is still in it was killed by the wrapper, and may take a moment to be gone: a cgroup that
    /// stays is empty and costs nothing.
    pub(crate) fn remove(&self, key: &str) {
        if let Err(error) = fs::remove_dir(self.base.join(key))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(job = key, %error, "its cgroup stays");
        }
    }
}

/// Files and values, for what the job asked for: what it did not ask for is not limited. Swap would
/// make of a limit on memory one on speed; and half a job is none, so all of it is killed.
fn limits(meta: &Meta, grant: &Grant, max_processes: u32) -> Vec<(&'static str, String)> {
    let mut limits = vec![("pids.max", max_processes.to_string())];
    if meta.work.resources.memory_gib_per_node.is_some() {
        let bytes = u64::from(grant.memory_gib) << 30;
        limits.push(("memory.max", bytes.to_string()));
        limits.push(("memory.swap.max", "0".to_owned()));
        limits.push(("memory.oom.group", "1".to_owned()));
    }
    if meta.work.resources.cpus_per_node.is_some() {
        let quota = u64::from(grant.cpus) * PERIOD_MICROSECONDS;
        limits.push(("cpu.max", format!("{quota} {PERIOD_MICROSECONDS}")));
    }
    limits
}

/// The cgroup of the agent's unit, if it is v2, not the root, and may limit memory.
fn own_unit() -> Result<PathBuf, String> {
    let read = |path: &str| fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
    let mounts = read("/proc/self/mountinfo")?;
    let own = read("/proc/self/cgroup")?;
    let place = without_leaf(place_of(&mounts, &own)?);
    let controllers = fs::read_to_string(place.join("cgroup.controllers"));
    let controllers = controllers.map_err(|error| format!("{}: {error}", place.display()))?;
    if !controllers
        .split_ascii_whitespace()
        .any(|it| it == "memory")
    {
        return Err(format!("{} has no memory controller", place.display()));
    }
    Ok(place)
}

/// The agent may be in its leaf already, moved there by itself or by `DelegateSubgroup=agent`.
fn without_leaf(place: PathBuf) -> PathBuf {
    match (place.file_name(), place.parent()) {
        (Some(name), Some(unit)) if name == LEAF => unit.to_owned(),
        _ => place,
    }
}

fn place_of(mounts: &str, own: &str) -> Result<PathBuf, String> {
    // proc_pid_mountinfo(5): after a lone `-` the type; the mount point is the fifth field.
    let is_v2 = |line: &&str| {
        let kind = line.split_once(" - ").map(|(_, rest)| rest);
        kind.is_some_and(|rest| rest.starts_with("cgroup2 "))
    };
    let mount = mounts
        .lines()
        .find(is_v2)
        .and_then(|line| line.split(' ').nth(4));
    let mount = mount.ok_or("no cgroup2 file system is mounted")?;
    let path = own.lines().find_map(|line| line.strip_prefix("0::"));
    match path.map(|path| path.trim_start_matches('/')) {
        None => Err("this process is in no cgroup of version 2".to_owned()),
        Some("") => Err("the agent runs in the root cgroup, which is nobody's to limit".to_owned()),
        Some(path) => Ok(Path::new(mount).join(path)),
    }
}

/// A cgroup either has processes or gives out controllers: those in it, the agent and the wrappers of
/// its jobs, move to a leaf.
fn make_room(own: &Path) -> io::Result<()> {
    let leaf = own.join(LEAF);
    if !leaf.is_dir() {
        fs::create_dir(&leaf)?;
    }
    for pid in fs::read_to_string(own.join("cgroup.procs"))?.lines() {
        match write(&leaf.join("cgroup.procs"), pid) {
            // It ended meanwhile (ESRCH).
            Err(error) if error.raw_os_error() == Some(3) => {}
            written => written?,
        }
    }
    enable(own)
}

/// Gives out those of the controllers that are there, one by one: one that is not fails all of a line.
fn enable(place: &Path) -> io::Result<()> {
    let there = fs::read_to_string(place.join("cgroup.controllers"))?;
    for controller in ["memory", "cpu", "pids"] {
        if there.split_ascii_whitespace().any(|it| it == controller) {
            write(
                &place.join("cgroup.subtree_control"),
                &format!("+{controller}"),
            )?;
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .open(path)?
        .write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
        29 23 0:26 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory\n\
        30 23 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

    #[test]
    fn the_agents_own_cgroup_is_found_and_the_root_is_not_taken() {
        let own = "4:memory:/other\n0::/system.slice/alcyone-agent.service\n";
        let place = place_of(MOUNTS, own).unwrap();
        let expected = "/sys/fs/cgroup/system.slice/alcyone-agent.service";
        assert_eq!(place, Path::new(expected));
        let root = place_of(MOUNTS, "0::/\n").unwrap_err();
        assert!(root.contains("root cgroup"), "{root}");
        assert!(place_of(MOUNTS, "4:memory:/other\n").is_err());
        let v1 = MOUNTS.lines().next().unwrap_or_default();
        assert!(place_of(v1, own).unwrap_err().contains("no cgroup2"));
    }

    #[test]
    fn controllers_are_given_out_one_by_one_and_only_those_that_are_there() {
        let place = tempfile::tempdir().unwrap();
        let file = |name: &str| place.path().join(name);
        fs::write(file("cgroup.controllers"), "cpuset cpu pids\n").unwrap();
        fs::write(file("cgroup.subtree_control"), "").unwrap();
        enable(place.path()).unwrap();
        // The kernel takes each line by itself; a plain file keeps the last.
        assert_eq!(
            fs::read_to_string(file("cgroup.subtree_control")).unwrap(),
            "+pids"
        );
        fs::remove_file(file("cgroup.controllers")).unwrap();
        assert!(enable(place.path()).is_err(), "not a cgroup at all");
    }
}
