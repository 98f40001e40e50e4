use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use broker_model::ArraySpec;

use super::*;
use crate::calls::tests::submission;
use crate::record_file::RecordFile;

fn script(submission: &Submission, folder: &Path) -> String {
    batch_script(
        submission,
        &Surroundings {
            work_dir: folder.to_str().unwrap(),
            path: "/usr/local/bin:/usr/bin:/bin",
            apptainer: "apptainer",
            container_flags: &[],
            cpus_per_node: 4,
            memory_gib_per_node: 1,
        },
    )
    .unwrap()
}

fn run_in(folder: &Path, script: &str) -> Output {
    let file = folder.join("batch");
    std::fs::write(&file, script).unwrap();
    let mut command = Command::new("sh");
    command.arg(&file).env_clear().env("PATH", "/usr/bin:/bin");
    command
        .env("PBS_JOBID", "25.pbshead")
        .env("PBS_ARRAY_INDEX", "3");
    command.current_dir("/").output().unwrap()
}

fn record(folder: &Path, marker: &str) -> RecordFile {
    let text = std::fs::read_to_string(folder.join(format!("alcyone-{marker}.job"))).unwrap();
    RecordFile::parse(text.lines()).unwrap()
}

fn log(folder: &Path, marker: &str, end: &str) -> String {
    std::fs::read_to_string(folder.join(format!("alcyone-{marker}.{end}"))).unwrap()
}

#[test]
fn the_code_runs_once_and_its_end_is_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let mut submission = submission();
    submission.work.script = "echo ran; echo bad >&2; exit 7".to_owned();
    let marker = submission.marker();
    let wrapper = script(&submission, folder.path());
    assert_eq!(run_in(folder.path(), &wrapper).status.code(), Some(7));
    assert_eq!(record(folder.path(), &marker).status(), Some(7));
    assert_eq!(log(folder.path(), &marker, "out"), "ran\n");
    assert_eq!(log(folder.path(), &marker, "err"), "bad\n");

    // PBS starts the job again: a node's daemon was restarted.
    assert_eq!(
        run_in(folder.path(), &wrapper).status.code(),
        Some(RAN_BEFORE)
    );
    assert_eq!(log(folder.path(), &marker, "out"), "ran\n");
    assert_eq!(record(folder.path(), &marker).status(), Some(7));
}

#[test]
fn code_that_may_be_started_again_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut submission = submission();
    submission.work.script = "echo ran".to_owned();
    submission.work.restartable = true;
    let wrapper = script(&submission, folder.path());
    run_in(folder.path(), &wrapper);
    run_in(folder.path(), &wrapper);
    assert_eq!(
        log(folder.path(), &submission.marker(), "out"),
        "ran\nran\n"
    );
}

#[test]
fn a_users_words_reach_no_shell() {
    let folder = tempfile::tempdir().unwrap();
    let mut submission = submission();
    submission.work.name = "'; touch pwned; '$(touch pwned)".to_owned();
    submission.work.script = "#!/bin/sh -e\ncat \"$0\"\nprintf %s \"$ALCYONE_JOB_NAME\"\n\
        #PBS -q nosuch\n'`id` $HOME \\n\n"
        .replace("\n'`id`", "\n: '\n`id`\n'\n: '");
    submission.work.script.push_str("'\nexit 0");
    let output = run_in(folder.path(), &script(&submission, folder.path()));
    let expected = format!("{}\n{}", submission.work.script, submission.work.name);
    let said = log(folder.path(), &submission.marker(), "out");
    assert_eq!(
        said,
        expected,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(!folder.path().join("pwned").exists());
}

#[test]
fn a_signal_to_the_whole_job_ends_the_code_and_is_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let mut submission = submission();
    // Both the code and the wrapper above it get the signal, as from PBS.
    submission.work.script = "kill -TERM $PPID; kill -TERM $$; sleep 60".to_owned();
    run_in(folder.path(), &script(&submission, folder.path()));
    assert_eq!(
        record(folder.path(), &submission.marker()).status(),
        Some(143)
    );
}

/// Runs code that raises or leaves the count of a made-up cgroup, whose lines are the kernel's.
fn ran_out_of_memory(cgroup: &str, counts: &str, code: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("cgroup");
    let own = root.join(counts);
    std::fs::create_dir_all(own.parent().unwrap()).unwrap();
    std::fs::write(&own, "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n").unwrap();
    std::fs::write(folder.path().join("self"), cgroup).unwrap();
    let mut submission = submission();
    submission.work.script = code.replace("COUNTS", own.to_str().unwrap());
    let wrapper = script(&submission, folder.path())
        .replace("/sys/fs/cgroup", root.to_str().unwrap())
        .replace(
            "/proc/self/cgroup",
            folder.path().join("self").to_str().unwrap(),
        );
    assert_eq!(run_in(folder.path(), &wrapper).status.code(), Some(137));
    record(folder.path(), &submission.marker()).ran_out_of_memory()
}

#[test]
fn a_kill_for_memory_is_known_by_the_kernels_count() {
    const UNIFIED: &str = "0::/pbs_jobs.service/jobid/25.pbshead\n";
    const FIRST: &str = "5:cpu,cpuacct:/x\n4:memory:/pbs_jobs/25.pbshead\n0::/\n";
    let killed = "echo 'oom_kill 2' >COUNTS; exit 137";
    for (cgroup, counts) in [
        (UNIFIED, "pbs_jobs.service/jobid/25.pbshead/memory.events"),
        (FIRST, "memory/pbs_jobs/25.pbshead/memory.oom_control"),
    ] {
        assert!(ran_out_of_memory(cgroup, counts, killed), "{cgroup}");
        assert!(!ran_out_of_memory(cgroup, counts, "exit 137"), "{cgroup}");
        let unread = "rm COUNTS; exit 137";
        assert!(!ran_out_of_memory(cgroup, counts, unread), "{cgroup}");
    }
    // Without PBS's hook all jobs of a node are in its daemon's cgroup.
    let shared = "0::/system.slice/pbs.service\n";
    let counts = "system.slice/pbs.service/memory.events";
    assert!(!ran_out_of_memory(shared, counts, killed));
}

#[test]
fn what_cannot_be_started_is_no_failure_of_the_code() {
    let folder = tempfile::tempdir().unwrap();
    let mut no_interpreter = submission();
    no_interpreter.work.script = "#!/no/such/shell\nexit 0".to_owned();
    let output = run_in(folder.path(), &script(&no_interpreter, folder.path()));
    assert_eq!(output.status.code(), Some(NOT_LAUNCHED));
    let marker = no_interpreter.marker();
    assert!(record(folder.path(), &marker).was_not_launched());
    assert!(log(folder.path(), &marker, "err").contains("/no/such/shell is not on this node"));

    let in_the_way = tempfile::tempdir().unwrap();
    let log = in_the_way.path().join(format!("alcyone-{marker}.out"));
    std::fs::create_dir(log).unwrap();
    let output = run_in(in_the_way.path(), &script(&submission(), in_the_way.path()));
    assert_eq!(output.status.code(), Some(NOT_LAUNCHED));
    assert!(record(in_the_way.path(), &marker).was_not_launched());

    let nowhere = folder.path().join("missing");
    let output = run_in(folder.path(), &script(&submission(), &nowhere));
    assert_eq!(output.status.code(), Some(NOT_LAUNCHED));
}

#[test]
fn each_task_of_an_array_has_its_own_record_and_knows_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let mut submission = submission();
    submission.work.array = Some(ArraySpec {
        tasks: 5,
        at_once: None,
    });
    submission.work.script = "echo $ALCYONE_ARRAY_INDEX of $ALCYONE_ARRAY_SIZE".to_owned();
    run_in(folder.path(), &script(&submission, folder.path()));
    let marker = submission.marker();
    assert_eq!(log(folder.path(), &marker, "out"), "3 of 5\n");
    assert!(
        folder
            .path()
            .join(format!("alcyone-{marker}.tasks/3"))
            .exists()
    );
}

#[test]
fn image_and_script_reach_the_container_program_letter_by_letter() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("apptainer");
    std::fs::write(
        &program,
        "#!/bin/sh\nprintf '<%s>' \"$1\" \"$2\" \"$3\"\nexec \"$4\"\n",
    )
    .unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut submission = submission();
    submission.work.image = Some("docker://x'; touch pwned; '$(touch pwned)".to_owned());
    submission.work.script = "exit 7".to_owned();
    let wrapper = batch_script(
        &submission,
        &Surroundings {
            work_dir: folder.path().to_str().unwrap(),
            path: "/usr/bin:/bin",
            apptainer: program.to_str().unwrap(),
            container_flags: &["--nv".to_owned()],
            cpus_per_node: 1,
            memory_gib_per_node: 0,
        },
    );
    let output = run_in(folder.path(), &wrapper.unwrap());
    assert_eq!(output.status.code(), Some(7));
    let said = log(folder.path(), &submission.marker(), "out");
    assert_eq!(
        said,
        "<exec><--nv><docker://x'; touch pwned; '$(touch pwned)>"
    );
}

#[test]
fn windows_line_ends_and_a_script_that_holds_its_own_end_are_refused() {
    let refused = |text: &str| {
        let mut submission = submission();
        submission.work.script = text.replace("END", &format!("{}_END", submission.marker()));
        let around = Surroundings {
            work_dir: "/tmp",
            path: "/bin",
            apptainer: "apptainer",
            container_flags: &[],
            cpus_per_node: 1,
            memory_gib_per_node: 0,
        };
        let error = batch_script(&submission, &around).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
        error.message
    };
    assert!(refused("#!/bin/sh\r\necho x\r\n").contains("line 1 "));
    assert!(refused("#!/bin/sh\nEND\nrm -rf /").contains("the line that would end it"));
    assert!(refused("a\0b").contains("NUL"));
}
