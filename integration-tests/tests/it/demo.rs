use std::path::Path;
use std::process::{Command, Output};

use broker_client::wire::{CheckpointView, InclusionView, JobView, UsageView};
use broker_model::{Partition, Placement, StateName};
use integration_tests::program;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    job: JobView,
    placement: Placement,
    usage: UsageView,
    checkpoint: Proven,
    sites: usize,
    verified: bool,
}

/// The newest checkpoint, and the proof that the charge is under it.
#[derive(Deserialize)]
struct Proven {
    #[serde(flatten)]
    head: CheckpointView,
    inclusion: InclusionView,
}

fn demo(words: &[&str], data: &Path) -> Output {
    let mut command = Command::new(program("alcyone-broker"));
    command
        .args(["demo", "--once", "--data"])
        .arg(data)
        .args(words);
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn report(output: &Output) -> Report {
    let stdout = std::str::from_utf8(&output.stdout).unwrap();
    serde_json::from_str(stdout.lines().last().unwrap()).unwrap()
}

/// The shipped partition a job ran on.
fn partition_of(usage: &UsageView) -> Partition {
    let at = &usage.record.partition;
    let site = broker_server::shipped::sites()
        .unwrap()
        .into_iter()
        .find(|s| s.id == at.site);
    let system = site
        .unwrap()
        .systems
        .into_iter()
        .find(|system| system.id == at.system);
    system
        .unwrap()
        .partitions
        .into_iter()
        .find(|p| p.id == at.partition)
        .unwrap()
}

#[test]
fn the_demo_runs_a_job_whose_charge_follows_from_its_times() {
    let home = tempfile::tempdir().unwrap();
    let told = report(&demo(&["--json"], &home.path().join("data")));
    assert!(told.verified);
    assert_eq!(told.sites, 7);
    assert_eq!(told.job.state, StateName::Completed);
    assert_eq!(told.job.held_unit_ms.0, 0, "what was held is given back");
    assert_eq!(
        told.placement.chosen.as_ref(),
        Some(&told.usage.record.partition)
    );
    assert!(
        told.placement.considered.len() > 10,
        "every partition of seven sites is in the document"
    );
    let proven = &told.checkpoint;
    assert!(proven.inclusion.seq < proven.head.tree_size);
    assert!(proven.inclusion.entry.contains(&told.job.id.to_string()));

    let record = &told.usage.record;
    let partition = partition_of(&told.usage);
    let nodes = i64::from(record.nodes);
    let gpus = if partition.exclusive {
        nodes * i64::from(partition.gpus_per_node)
    } else {
        i64::from(record.scheduler_gpus / partition.scheduler_gpus_per_gpu)
    };
    let ran = i64::try_from(
        record
            .ended_at
            .duration_since(record.started_at)
            .as_millis(),
    )
    .unwrap();
    assert!(ran > 0);
    assert_eq!(record.charge.gpu.0, ran * gpus);
    assert_eq!(
        record.charge.charged.0,
        ran * gpus,
        "the allocation counts GPU-hours"
    );
}

#[test]
fn the_demo_runs_again_on_the_same_data_and_adds_to_it() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let first = report(&demo(&["--json"], &data));
    let second = report(&demo(&["--json"], &data));
    assert_ne!(first.job.id, second.job.id);
    let (before, after) = (first.checkpoint.head, second.checkpoint.head);
    assert!(after.tree_size > before.tree_size);
    assert_eq!(after.verifier_key, before.verifier_key);
    assert_eq!(second.job.project, first.job.project);
}

#[test]
fn the_demo_shows_people_each_step() {
    let home = tempfile::tempdir().unwrap();
    let output = demo(&[], &home.path().join("data"));
    let said = String::from_utf8(output.stdout).unwrap();
    let steps = [
        "The portal is at http://127.0.0.1:",
        "$ alcyone login",
        "$ alcyone whoami",
        "identity assurance medium, several factors",
        "$ alcyone check",
        ": eligible",
        "source: Regulation (EU) 2021/1173",
        "$ alcyone quote",
        "chosen",
        "considered",
        "rejected",
        "$ alcyone submit",
        "step 3: nonce",
        "completed",
        "$ alcyone show",
        "$ alcyone usage",
        "verified",
        "Every step held.",
    ];
    let mut rest = said.as_str();
    for step in steps {
        let at = rest
            .find(step)
            .unwrap_or_else(|| panic!("no `{step}` in what follows:\n{rest}"));
        rest = &rest[at + step.len()..];
    }
}
