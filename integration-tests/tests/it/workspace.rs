//! The house as `broker/ARCHITECTURE.md` tells it, held against what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Crates that decide and compute; none may bring in, by any way, what reads a clock, a socket or a
/// database.
const PURE: [&str; 6] = [
    "agent-link",
    "broker-model",
    "broker-ledger",
    "broker-accounting",
    "broker-placement",
    "policy-engine",
];
const IMPURE: [&str; 8] = [
    "tokio",
    "sqlx",
    "axum",
    "hyper",
    "reqwest",
    "rustls",
    "openidconnect",
    "tracing-subscriber",
];

/// What a crate may never depend on, by whatever way.
const NEVER: [(&str, &[&str]); 5] = [
    ("policy-engine", &["broker-model", "site-adapter"]),
    ("broker-ledger", &["broker-model"]),
    (
        "broker-app",
        &[
            "broker-auth",
            "broker-api",
            "axum",
            "reqwest",
            "site-adapter-slurm",
            "site-adapter-pbs",
            "site-adapter-process",
            "site-adapter-kubernetes",
        ],
    ),
    (
        "site-agent",
        &["broker-app", "broker-store", "broker-server"],
    ),
    (
        "broker-cli",
        &["broker-app", "broker-store", "broker-server", "broker-api"],
    ),
];

/// All of ours that what runs at a site may use itself; the agent has the adapters, too.
const AT_SITES: [&str; 3] = ["broker-model", "site-adapter", "agent-link"];
const AGENT: &str = "site-agent";

/// Most lines before a file's tests.
const MOST_LINES: usize = 500;

struct Workspace {
    /// Every package's normal and build dependencies, by name; ours and others'.
    uses: BTreeMap<String, BTreeSet<String>>,
    /// Ours, with the folder of each.
    members: BTreeMap<String, String>,
    root: PathBuf,
}

impl Workspace {
    fn read() -> Self {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
        let words = [
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--manifest-path",
            manifest,
        ];
        let output = Command::new(env!("CARGO")).args(words).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let root = PathBuf::from(told["workspace_root"].as_str().unwrap());
        let ids: BTreeSet<&str> = texts(&told["workspace_members"]).collect();
        let (mut uses, mut members) = (BTreeMap::new(), BTreeMap::new());
        for package in told["packages"].as_array().unwrap() {
            let name = package["name"].as_str().unwrap().to_owned();
            if ids.contains(package["id"].as_str().unwrap()) {
                let manifest = Path::new(package["manifest_path"].as_str().unwrap());
                let folder = manifest.parent().unwrap().strip_prefix(&root).unwrap();
                members.insert(name.clone(), folder.to_str().unwrap().to_owned());
            }
            let needed = package["dependencies"].as_array().unwrap().iter();
            let needed =
                needed.filter(|needed| needed["kind"] != "dev" && needed["optional"] != true);
            let names = needed.map(|needed| needed["name"].as_str().unwrap().to_owned());
            uses.entry(name).or_insert_with(BTreeSet::new).extend(names);
        }
        Self {
            uses,
            members,
            root,
        }
    }

    /// All that a crate brings in.
    fn reach<'a>(&'a self, crate_name: &'a str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut next = vec![crate_name];
        while let Some(name) = next.pop() {
            let needed = self
                .uses
                .get(name)
                .into_iter()
                .flatten()
                .map(String::as_str);
            next.extend(needed.filter(|needed| reached.insert(*needed)));
        }
        reached
    }

    /// The rows of the architecture's table of crates: name and folder, in its order.
    fn table(&self) -> Vec<(String, String)> {
        let text = std::fs::read_to_string(self.root.join("broker/ARCHITECTURE.md")).unwrap();
        let cells = |line: &str| {
            let mut cells = line
                .strip_prefix("| `")?
                .split('|')
                .map(|cell| cell.trim().replace('`', ""));
            Some((cells.next()?, cells.next()?))
        };
        let begin = text.lines().skip_while(|line| *line != "## Crates").skip(1);
        let section = begin.take_while(|line| !line.starts_with("## "));
        section.filter_map(cells).collect()
    }
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
}

#[test]
fn the_architecture_lists_the_crates_that_are_there() {
    let workspace = Workspace::read();
    let listed: BTreeMap<String, String> = workspace.table().into_iter().collect();
    assert_eq!(listed, workspace.members);
}

#[test]
fn every_crate_depends_only_on_crates_above_it_in_the_table() {
    let workspace = Workspace::read();
    let mut above = BTreeSet::new();
    for (name, _) in workspace.table() {
        let ours = workspace.uses[&name]
            .iter()
            .filter(|used| workspace.members.contains_key(*used));
        let upward: Vec<_> = ours.filter(|used| !above.contains(*used)).collect();
        assert!(
            upward.is_empty(),
            "{name} depends on {upward:?}, which the table has below it"
        );
        above.insert(name);
    }
}

#[test]
fn what_computes_brings_in_nothing_that_reads_or_waits() {
    let workspace = Workspace::read();
    for name in PURE {
        let reached = workspace.reach(name);
        let impure: Vec<_> = IMPURE
            .iter()
            .filter(|other| reached.contains(**other))
            .collect();
        assert!(impure.is_empty(), "{name} brings in {impure:?}");
    }
    for (name, never) in NEVER {
        let reached = workspace.reach(name);
        let wrong: Vec<_> = never
            .iter()
            .filter(|other| reached.contains(**other))
            .collect();
        assert!(wrong.is_empty(), "{name} brings in {wrong:?}");
    }
}

#[test]
fn what_runs_at_a_site_knows_nothing_of_the_broker_but_the_model() {
    let workspace = Workspace::read();
    let at_sites = |name: &str| workspace.members[name].starts_with("site-adapters/");
    let mut wrong = Vec::new();
    for name in workspace.members.keys().filter(|name| at_sites(name)) {
        let ours = { workspace.uses[name].iter() }.filter(|it| workspace.members.contains_key(*it));
        let is_fine = |used: &str| AT_SITES.contains(&used) || (name == AGENT && at_sites(used));
        let others = ours.filter(|used| !is_fine(used));
        wrong.extend(others.map(|used| (name.as_str(), used.as_str())));
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn no_file_of_the_programs_is_longer_than_a_person_reads_at_once() {
    let workspace = Workspace::read();
    let mut long = Vec::new();
    for folder in workspace.members.values() {
        for file in rust_files(&workspace.root.join(folder).join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            let lines = text
                .lines()
                .take_while(|line| line.trim() != "#[cfg(test)]")
                .count();
            let is_test = file.components().any(|part| part.as_os_str() == "tests")
                || file.file_name().is_some_and(|name| name == "tests.rs");
            if lines > MOST_LINES && !is_test {
                long.push((file, lines));
            }
        }
    }
    assert!(long.is_empty(), "{long:?}");
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
