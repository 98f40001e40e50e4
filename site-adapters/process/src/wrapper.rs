//! The one program that stands between the adapter and a job, and outlives the adapter.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::process::Stdio;

use site_adapter::Work;
use tokio::process::{Child, Command};

use crate::capacity::Grant;
use crate::config::Config;
use crate::folder::{Folder, Meta};

/// Runs in the job's folder as the leader of its own process group; the job gets a session of its
/// own, so a signal to the job's group leaves the wrapper alive to write down how it ended.
///
/// A constant: what belongs to a user comes as arguments and is only ever used quoted. The words are
/// POSIX sh; `wait` returns early when a trapped signal comes, so it is asked again while the job
/// is there, and once more in case the job ended in that moment (127: it was told before).
///
/// At the end the timers get a SIGTERM, and each reaps its own `sleep`, since in a container nobody
/// may be there to reap orphans. A shell that was just forked can lose a signal before it has set
/// its trap: hence the look at `exit`, which is written first, and the SIGKILL for the `sleep`.
///
/// `exit` is there before the wrapper, full of blanks, and is written over in place: a job that has
/// filled the disk has ended all the same.
///
/// The job is moved into its cgroup, if it has one, and the wrapper is not: the kernel ends all of a
/// cgroup that is out of memory, and then somebody has to tell. What is left in it is killed.
pub(crate) const WRAPPER: &str = r#"
wall=$1; grace=$2; memory=$3; cgroup=$4; shift 4
set -fC
job=; killer=; stop=
told() {
  line=
  { read -r line <exit; } 2>/dev/null
  [ -n "$line" ]
}
timer() {
  trap '[ "$!" = "$job" ] || kill -s KILL "$!"; wait; exit 0' TERM
  if told; then exit 0; fi
  sleep "$1" &
  wait "$!"
}
term() {
  stop=1
  if [ -z "$job" ] || [ -n "$killer" ]; then return 0; fi
  kill -s TERM -- "-$job" 2>/dev/null || kill -s TERM "$job" 2>/dev/null
  { timer "$grace" && kill -s KILL -- "-$job"; } 2>/dev/null &
  killer=$!
}
trap term TERM
trap : HUP INT
start_time() { shift 21; started=$1; }
read -r stat </proc/$$/stat
start_time $stat
read -r boot </proc/sys/kernel/random/boot_id
printf '%s %s %s\n' "$$" "$started" "$boot" 2>/dev/null >pid || exit 0
if [ -e cancelled ]; then printf 'never\n' 1<>exit; exit 0; fi
case $1 in
  */*) [ -f "$1" ] && [ -x "$1" ] ;;
  *) command -v "$1" >/dev/null ;;
esac || { printf 'unlaunched\n' 1<>exit; exit 0; }
{ timer "$wall" && { : >timedout; kill -s TERM $$; }; } 2>/dev/null &
(
  trap - TERM HUP INT
  [ -z "$cgroup" ] || printf '0\n' >>"$cgroup/cgroup.procs" || exit 125
  [ "$memory" = 0 ] || ulimit -v "$memory" || exit 125
  cd work || exit 125
  exec setsid "$@"
) </dev/null >>stdout 2>>stderr &
job=$!
[ -z "$stop" ] || term
while :; do
  wait "$job"; status=$?
  kill -0 "$job" 2>/dev/null || break
done
wait "$job"; again=$?
[ "$again" = 127 ] || status=$again
kill -s KILL -- "-$job" 2>/dev/null
if [ -n "$cgroup" ]; then
  [ "$status" = 0 ] || {
    while read -r name count; do
      if [ "$name" = oom_kill ] && [ "$count" != 0 ]; then status=oom; fi
    done <"$cgroup/memory.events"
  } 2>/dev/null
  { printf '1\n' >>"$cgroup/cgroup.kill"; } 2>/dev/null
fi
printf '%s\n' "$status" 1<>exit
trap '' TERM
kill -s TERM 0
wait
"#;

/// Starts the wrapper of a job whose grant is written down. Needs a tokio runtime, which reaps it.
pub(crate) fn spawn(
    config: &Config,
    folder: &Folder,
    meta: &Meta,
    grant: &Grant,
    cgroup: Option<&Path>,
) -> io::Result<Child> {
    let resources = &meta.work.resources;
    // Of address space, for want of better: a cgroup limits what is used.
    let memory_kib = match (cgroup, resources.memory_gib_per_node) {
        (None, Some(gib)) => u64::from(gib) * u64::from(resources.nodes) * 1024 * 1024,
        _ => 0,
    };
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(WRAPPER)
        .arg("alcyone-job")
        .arg(resources.walltime.seconds().to_string())
        .arg(config.grace_seconds.to_string())
        .arg(memory_kib.to_string())
        .arg(cgroup.unwrap_or(Path::new("")))
        .args(argv(config, folder, &meta.work))
        .env_clear()
        .envs(environment(config, folder, meta, grant))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    command.spawn()
}

/// The interpreter and the script, as execve(2) would put them together from the `#!` line.
///
/// The script itself is not executed: its file system may be mounted `noexec`, and a file that was
/// just written can be busy (`ETXTBSY`) while another thread forks.
fn argv(config: &Config, folder: &Folder, work: &Work) -> Vec<OsString> {
    let script = work.script_with_interpreter();
    let first = script.lines().next().unwrap_or_default();
    let first = first.trim_start_matches("#!").trim();
    let (interpreter, argument) = match first.split_once([' ', '\t']) {
        Some((interpreter, argument)) => (interpreter, argument.trim()),
        None => (first, ""),
    };
    let mut argv: Vec<OsString> = Vec::new();
    if let (Some(image), Some(apptainer)) = (&work.image, config.apptainer()) {
        argv.push(apptainer.into());
        argv.extend(["exec", "--bind"].map(OsString::from));
        argv.push(folder.path().into());
        argv.push("--pwd".into());
        argv.push(folder.work().into());
        argv.push(image.into());
    }
    argv.push(interpreter.into());
    if !argument.is_empty() {
        argv.push(argument.into());
    }
    argv.push(folder.script().into());
    argv
}

fn environment(
    config: &Config,
    folder: &Folder,
    meta: &Meta,
    grant: &Grant,
) -> BTreeMap<OsString, OsString> {
    let mut gpus = String::new();
    for (position, gpu) in grant.gpus.iter().enumerate() {
        let comma = if position == 0 { "" } else { "," };
        // Writing to a string does not fail.
        let _ = write!(gpus, "{comma}{gpu}");
    }
    let mut environment: BTreeMap<OsString, OsString> = config
        .environment
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let own: [(&str, OsString); 9] = [
        ("PATH", config.path.clone().into()),
        ("HOME", folder.work().into()),
        ("ALCYONE_ATTEMPT", meta.marker.clone().into()),
        ("ALCYONE_JOB_NAME", meta.work.name.clone().into()),
        ("ALCYONE_PARTITION", meta.work.partition.to_string().into()),
        ("ALCYONE_NODES", grant.nodes.len().to_string().into()),
        ("ALCYONE_CPUS", grant.cpus.to_string().into()),
        ("ALCYONE_GPUS", gpus.clone().into()),
        ("CUDA_VISIBLE_DEVICES", gpus.into()),
    ];
    environment.extend(own.map(|(name, value)| (name.into(), value)));
    if let (Some(array), Some(index)) = (meta.work.array, meta.task) {
        let task: [(&str, OsString); 3] = [
            ("ALCYONE_TASK", meta.key().into()),
            ("ALCYONE_ARRAY_INDEX", index.to_string().into()),
            ("ALCYONE_ARRAY_SIZE", array.tasks.to_string().into()),
        ];
        environment.extend(task.map(|(name, value)| (name.into(), value)));
    }
    environment
}

#[cfg(test)]
mod tests {
    use broker_model::{Resources, Walltime};
    use jiff::Timestamp;
    use site_adapter::LocalAccount;

    use super::*;
    use crate::folder::Claim;
    use crate::states::Exit;

    fn config(data: &std::path::Path) -> Config {
        let text = format!("site = 's'\ndata = '{}'\npartition = []", data.display());
        toml::from_str(&text).unwrap()
    }

    fn meta(script: &str) -> Meta {
        Meta {
            marker: "att_0192f0c1d2e37abc8def0123456789ab".to_owned(),
            account: LocalAccount {
                user: "p1".to_owned(),
                account: None,
                qos: None,
            },
            submitted_at: Timestamp::UNIX_EPOCH,
            task: None,
            work: Work {
                after: Vec::new(),
                array: None,
                restartable: false,
                name: "j".to_owned(),
                resources: Resources {
                    nodes: 1,
                    gpus_per_node: 0,
                    gpu_memory_gib: None,
                    cpus_per_node: None,
                    memory_gib_per_node: None,
                    walltime: Walltime::from_seconds(60).unwrap(),
                },
                image: None,
                script: script.to_owned(),
                partition: toml::from_str("site='s'\nsystem='s'\npartition='p'").unwrap(),
                scheduler_gpus_per_gpu: 1,
                exclusive: false,
            },
        }
    }

    #[tokio::test]
    async fn of_many_wrappers_for_one_job_one_runs_it() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::at(home.path().join("job"));
        let meta = meta("echo ran >> ../../trace");
        folder.write_new(&meta).unwrap();
        let config = config(home.path());
        let wrappers: Vec<Child> = (0..8)
            .map(|_| spawn(&config, &folder, &meta, &Grant::default(), None).unwrap())
            .collect();
        for mut wrapper in wrappers {
            wrapper.wait().await.unwrap();
        }
        let trace = std::fs::read_to_string(home.path().join("trace")).unwrap();
        assert_eq!(trace, "ran\n");
        assert_eq!(folder.exit().map(|(exit, _)| exit), Some(Exit::Status(0)));
    }

    #[tokio::test]
    async fn a_wrapper_that_finds_its_job_cancelled_does_not_run_it() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::at(home.path().join("job"));
        let meta = meta("echo ran >> ../../trace");
        folder.write_new(&meta).unwrap();
        folder.mark(crate::folder::Mark::Cancelled).unwrap();
        let config = config(home.path());
        let mut wrapper = spawn(&config, &folder, &meta, &Grant::default(), None).unwrap();
        wrapper.wait().await.unwrap();
        assert!(!home.path().join("trace").exists());
        assert_eq!(folder.exit().map(|(exit, _)| exit), Some(Exit::Never));
        assert!(matches!(folder.claim(), Claim::Written { .. }));
    }

    /// On a disk of 64 KiB, in namespaces of its own; and in a group of its own, which it ends.
    #[test]
    fn a_job_that_fills_the_disk_has_ended_all_the_same() {
        let namespaces = ["--user", "--map-root-user", "--mount"];
        let mut probe = std::process::Command::new("unshare");
        let may = probe.args(namespaces).arg("true").status();
        let required = std::env::var_os("ALCYONE_REQUIRE_SERVICES").is_some_and(|it| it == "1");
        if !required && !may.is_ok_and(|status| status.success()) {
            eprintln!("skipped: no disk of its own, this machine forbids namespaces");
            return;
        }
        let home = tempfile::tempdir().unwrap();
        let stage = r#"
            mount -t tmpfs -o size=64k none "$1" || exit 77
            mkdir -p "$1/job/work" && cd "$1/job" || exit 1
            printf '%16s' '' >exit
            setsid --wait /bin/sh -c "$2" alcyone-job 60 1 0 '' /bin/sh -c 'dd if=/dev/zero of=fill bs=1k; exit 3'
            echo more 2>/dev/null >more
            [ ! -s more ] || exit 78
            cat exit
        "#;
        let output = std::process::Command::new("unshare")
            .args(namespaces)
            .args(["/bin/sh", "-c", stage, "sh"])
            .arg(home.path())
            .arg(WRAPPER)
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{:?} {words}", output.status);
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            "3\n              "
        );
    }

    #[test]
    fn an_image_goes_to_apptainer_as_one_argument_with_the_folder_bound() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("apptainer"), "").unwrap();
        let mut config = config(home.path());
        config.path = home.path().display().to_string();
        let mut work = meta("#!/bin/bash -e -u\necho").work;
        work.image = Some("docker://example.org/train:cuda".to_owned());
        let argv = argv(&config, &Folder::at("/data/job".into()), &work);
        let apptainer = home.path().join("apptainer");
        let expected = [
            apptainer.to_str().unwrap(),
            "exec",
            "--bind",
            "/data/job",
            "--pwd",
            "/data/job/work",
            "docker://example.org/train:cuda",
            "/bin/bash",
            "-e -u",
            "/data/job/script",
        ];
        assert_eq!(argv, expected);
    }
}
