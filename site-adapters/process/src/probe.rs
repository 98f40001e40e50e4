use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use site_adapter::ProbeResult;

use crate::cgroup::Cgroups;
use crate::config::{CgroupChoice, Config};

pub(crate) fn all(config: &Config) -> Vec<ProbeResult> {
    vec![
        result("data folder", folder(&config.data)),
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

fn folder(data: &Path) -> Option<String> {
    let file = data.join("tmp").join("probe");
    let tried = File::create(&file)
        .and_then(|mut file| file.write_all(b"probe").and_then(|()| file.sync_all()))
        .and_then(|()| fs::remove_file(&file));
    tried
        .err()
        .map(|error| format!("{} cannot be written: {error}", data.display()))
}

fn programs(config: &Config) -> Option<String> {
    let missing = ["setsid", "sleep"]
        .into_iter()
        .find(|name| config.program(name).is_none())?;
    Some(format!("`{missing}` is not on the path {}", config.path))
}
