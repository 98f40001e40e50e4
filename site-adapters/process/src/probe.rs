use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use site_adapter::ProbeResult;

use crate::cgroup::Cgroups;
use crate::config::{CgroupChoice, Config};

pub(crate) fn all(config: &Config) -> Vec<ProbeResult> {
    let tried = config.data.join("tmp").join("probe");
    subsystems(config, written(&tried))
}

/// Probes beside an adapter that may be at work over the same folder: takes no lock, starts no job.
///
/// The folder is made when it is not there, as [`ProcessAdapter::open`](crate::ProcessAdapter::open) would.
#[must_use]
pub fn probe_beside(config: &Config) -> Vec<ProbeResult> {
    let name = format!("probe-{}", std::process::id());
    let made = fs::create_dir_all(&config.data);
    let folder = made.and_then(|()| written(&config.data.join(name)));
    subsystems(config, folder)
}

fn subsystems(config: &Config, folder: io::Result<()>) -> Vec<ProbeResult> {
    let unwritable = |error| format!("{} cannot be written: {error}", config.data.display());
    vec![
        result("data folder", folder.err().map(unwritable)),
        result("programs", programs(config)),
        cgroups(config),
    ]
}

pub(crate) fn result(subsystem: &str, problem: Option<String>) -> ProbeResult {
    ProbeResult {
        subsystem: subsystem.to_owned(),
        problem,
    }
}

/// To do without cgroups is no problem where nobody asked for them, and is said in the name.
fn cgroups(config: &Config) -> ProbeResult {
    match (Cgroups::find(config), &config.cgroups) {
        (Ok(_), _) => result("cgroups", None),
        (Err(why), CgroupChoice::At(_)) => result("cgroups", Some(why)),
        (Err(why), _) => result(&format!("cgroups (not used: {why})"), None),
    }
}

fn written(file: &Path) -> io::Result<()> {
    let mut open = File::create(file)?;
    open.write_all(b"probe").and_then(|()| open.sync_all())?;
    fs::remove_file(file)
}

fn programs(config: &Config) -> Option<String> {
    let missing = ["setsid", "sleep"]
        .into_iter()
        .find(|name| config.program(name).is_none())?;
    Some(format!("`{missing}` is not on the path {}", config.path))
}
