//! What can be had of cgroups on this machine: the real ones where v2 is mounted and writable, and
//! a folder in their place for the limits that only a delegated controller enforces.

use std::fs;
use std::path::{Path, PathBuf};

use broker_model::OutcomeKind;
use rustix::process::{Pid, test_kill_process};
use site_adapter::{RemoteRef, SiteAdapter as _};
use site_adapter_process::{CgroupChoice, ProcessAdapter};

use crate::rig::{Rig, completed, ended, running, wait_for};

/// A folder in the place of a cgroup file system, whose limits are there to be read.
async fn pretended(rig: &Rig) -> (ProcessAdapter, PathBuf) {
    let base = rig.file("cgroups");
    fs::create_dir(&base).unwrap();
    fs::write(base.join("cgroup.controllers"), "memory\n").unwrap();
    fs::write(base.join("cgroup.subtree_control"), "").unwrap();
    let choice = CgroupChoice::At(base.clone());
    (rig.open_with(|config| config.cgroups = choice).await, base)
}

/// A file that the kernel would have made.
fn put(place: &Path, name: &str, text: &str) {
    fs::write(place.join(name), text).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_gets_limits_for_what_it_asked_for() {
    let rig = Rig::new();
    let (adapter, base) = pretended(&rig).await;
    let mut submission = rig.submission("ulimit -v");
    submission.work.resources.memory_gib_per_node = Some(2);
    submission.work.resources.cpus_per_node = Some(3);
    let place = base.join(submission.marker());
    fs::create_dir(&place).unwrap();
    for name in [
        "memory.max",
        "memory.swap.max",
        "memory.oom.group",
        "cpu.max",
        "pids.max",
        "cgroup.procs",
    ] {
        put(&place, name, "");
    }
    let job = rig.submit(&adapter, &submission).await;
    completed(&adapter, &job).await;
    let limit = |name: &str| fs::read_to_string(place.join(name)).unwrap();
    assert_eq!(limit("memory.max"), "2147483648");
    assert_eq!(
        (limit("memory.swap.max"), limit("memory.oom.group")),
        ("0".into(), "1".into())
    );
    assert_eq!(limit("cpu.max"), "300000 100000");
    assert_eq!(limit("pids.max"), "16384");
    assert_eq!(limit("cgroup.procs"), "0\n", "the job itself went in");
    assert_eq!(
        limit("cgroup.kill"),
        "1\n",
        "and what was left of it was killed"
    );
    let log = crate::rig::log(&adapter, &job, site_adapter::LogStream::Stdout).await;
    assert_eq!(
        log, "unlimited\n",
        "address space is not limited beside a cgroup"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_the_kernel_ended_for_its_memory_is_out_of_memory() {
    let rig = Rig::new();
    let (adapter, base) = pretended(&rig).await;
    for (events, exit, kind) in [
        (
            "low 0\nmax 12\noom 1\noom_kill 1\n",
            "kill -s KILL $$",
            OutcomeKind::OutOfMemory,
        ),
        (
            "low 0\nmax 12\noom 1\noom_kill 1\n",
            "exit 0",
            OutcomeKind::Completed,
        ),
        (
            "low 0\nmax 12\noom 0\noom_kill 0\n",
            "exit 3",
            OutcomeKind::Failed,
        ),
    ] {
        let submission = rig.submission(exit);
        let place = base.join(submission.marker());
        fs::create_dir(&place).unwrap();
        put(&place, "pids.max", "");
        put(&place, "memory.events", events);
        let job = rig.submit(&adapter, &submission).await;
        let outcome = ended(&adapter, &job).await;
        assert_eq!(outcome.kind, kind, "{outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_cgroups_the_probe_says_why_and_jobs_run() {
    let rig = Rig::new();
    let adapter = rig
        .open_with(|config| config.cgroups = CgroupChoice::Off)
        .await;
    let probes = adapter.probe().await;
    let said = probes
        .iter()
        .find(|probe| probe.subsystem.starts_with("cgroups"));
    assert_eq!(said.unwrap().subsystem, "cgroups (not used: switched off)");
    assert_eq!(said.unwrap().problem, None);
    let job = rig.submit(&adapter, &rig.submission("exit 0")).await;
    completed(&adapter, &job).await;
    rig.leave(adapter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cgroup_that_is_named_and_cannot_be_had_is_never_done_without() {
    let rig = Rig::new();
    let mut config = rig.config.clone();
    config.cgroups = CgroupChoice::At(rig.file("nowhere/at/all"));
    let probes = site_adapter_process::probe_beside(&config);
    let said = probes.iter().find(|probe| probe.subsystem == "cgroups");
    assert!(said.unwrap().problem.is_some());
    let clock = std::sync::Arc::clone(&rig.clock);
    let error = ProcessAdapter::open(config, clock).await.unwrap_err();
    assert!(error.message.contains("nowhere/at/all"), "{error}");
}

/// A cgroup of the machine's own, and the way it is removed again.
struct Real(PathBuf);

impl Real {
    fn make() -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let v2 = mounts.lines().find(|line| line.contains(" - cgroup2 "))?;
        let base = Path::new(v2.split(' ').nth(4)?).join(format!("alcyone-{}", std::process::id()));
        match fs::create_dir(&base) {
            Ok(()) => Some(Self(base)),
            Err(error) => {
                eprintln!("skipped: {}: {error}", base.display());
                None
            }
        }
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        // The kernel's files go with their folder.
        for job in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let _ = fs::remove_dir(job.path());
        }
        let _ = fs::remove_dir(&self.0);
    }
}

/// With the kernel's own: also a process that left the job's session ends with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_left_the_jobs_session_ends_with_its_cgroup() {
    let Some(real) = Real::make() else {
        eprintln!("skipped: no cgroup2 file system that can be written is mounted here");
        return;
    };
    let rig = Rig::new();
    let choice = CgroupChoice::At(real.0.clone());
    let adapter = rig.open_with(|config| config.cgroups = choice).await;
    let script = format!(
        "setsid sh -c 'echo $$ > ready; exec sleep 600' &\n{}",
        rig.gated("cat /proc/self/cgroup")
    );
    let job = rig.submit(&adapter, &rig.submission(&script)).await;
    running(&adapter, &job).await;
    let runaway = wait_for("the child has written its number", async || {
        number(&rig, &job)
    })
    .await;
    rig.open_gate();
    completed(&adapter, &job).await;
    let log = crate::rig::log(&adapter, &job, site_adapter::LogStream::Stdout).await;
    let own = format!("0::/alcyone-{}/{}", std::process::id(), job.marker);
    assert!(log.lines().any(|line| line == own), "{log}");
    wait_for("the runaway is gone", async || {
        test_kill_process(runaway).is_err().then_some(())
    })
    .await;
}

fn number(rig: &Rig, job: &RemoteRef) -> Option<Pid> {
    let text = fs::read_to_string(rig.folder("live", job).join("work/ready")).ok()?;
    Pid::from_raw(text.trim().parse().ok()?)
}
