//! The emulator against recordings of OpenPBS 23.06.06: the same command, the same exit code and words.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use emulated_pbs::Emulator;
use tempfile::TempDir;

fn server() -> (Emulator, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_emulated-pbs"));
    let pbs = Emulator::install(&folder.path().join("pbs"), program).unwrap();
    (pbs, folder)
}

/// Exit code, standard output and standard error.
fn run(pbs: &Emulator, line: &str) -> (i32, String, String) {
    let mut words = line.split(' ');
    let mut command = Command::new(pbs.bin_dir().join(words.next().unwrap()));
    command.args(words).env("USER", "alice").env("TZ", "UTC");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A refusal may come before the script is read.
    let _ = child.stdin.take().unwrap().write_all(b"sleep 60\n");
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn commands_end_as_recorded() {
    let (pbs, _folder) = server();
    for (line, code, words) in [
        (
            "qstat -f -F json 99999.pbshead",
            153,
            "qstat: Unknown Job Id 99999.pbshead",
        ),
        (
            "qstat -f -F json 12x",
            1,
            "illegally formed job identifier: 12x",
        ),
        ("qstat -F json 1", 2, "conflicting options"),
        ("qstat -Q -f -F json nosuchq", 170, "Unknown queue nosuchq"),
        ("qdel 99999", 153, "qdel: Unknown Job Id 99999"),
        ("qdel abc", 1, "illegally formed job identifier: abc"),
        ("qdel", 2, "usage"),
        ("qselect -N nosuchname", 0, ""),
        ("qsub -q nosuchq", 170, "qsub: Unknown queue"),
        ("qsub -q disabledq", 173, "qsub: Queue is not enabled"),
        ("qsub -N a/b", 2, "illegal -N value"),
        ("qsub -J 3-3", 2, "illegal -J value"),
        ("qsub -J 0-20000", 3, "Array job exceeds"),
        ("qsub -l walltime=tenminutes", 166, "Resource_List.walltime"),
        ("qsub -l select=0:ncpus=1", 166, "Illegal attribute"),
        ("qsub -l select=1:mem=1Gi", 166, "select.mem"),
        ("qsub -l nosuchres=3", 187, "Unknown resource"),
        ("qsub -q gpu -l walltime=02:00:00", 188, "resource limits"),
        ("qsub -q gpu -l select=3:ngpus=3", 188, "resource limits"),
        ("qsub -W depend=nosuch:1", 2, "illegal -W value"),
    ] {
        let (told, _, stderr) = run(&pbs, line);
        assert_eq!(told, code, "{line}: {stderr}");
        assert!(stderr.contains(words), "{line}: {stderr}");
    }
}

#[test]
fn ids_begin_at_zero_and_may_jump() {
    let (pbs, _folder) = server();
    assert_eq!(
        run(&pbs, "qsub -h"),
        (0, "0.pbshead\n".to_owned(), String::new())
    );
    assert_eq!(run(&pbs, "qsub -h -J 0-4").1, "1[].pbshead\n");
    pbs.switch("jump", "1").unwrap();
    assert_eq!(run(&pbs, "qsub -h").1, "1000.pbshead\n");
    assert_eq!(run(&pbs, "qsub -z -h").1, "");
}

#[test]
fn a_server_that_is_down_answers_each_command_in_its_own_way() {
    let (pbs, _folder) = server();
    pbs.switch("server_down", "").unwrap();
    for (line, code) in [
        ("qstat -f -F json 1", 255),
        ("qsub", 162),
        ("qdel 1", 162),
        ("qselect", 162),
        ("pbsnodes -a -F json", 1),
    ] {
        let (told, stdout, stderr) = run(&pbs, line);
        assert_eq!(told, code, "{line}");
        assert!(
            stderr.contains("Connection refused") && stderr.contains("15010"),
            "{stderr}"
        );
        assert_eq!(
            stdout.contains("pbs_version"),
            line.contains("qstat"),
            "{stdout}"
        );
    }
}

#[test]
fn several_ids_are_answered_as_the_dialect_does() {
    let (pbs, _folder) = server();
    for _ in 0..2 {
        run(&pbs, "qsub -h");
    }
    let jobs = |line: &str| run(&pbs, line).1.matches("\"Job_Name\"").count();
    assert_eq!(jobs("qstat -f -F json 0 1"), 2);
    assert_eq!(run(&pbs, "qstat -f -F json 0 99").0, 153);
    let (code, stdout, stderr) = run(&pbs, "qstat -E -f -F json 0 99");
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(stdout.matches("\"Job_Name\"").count(), 1);
    pbs.switch("dialect", "main").unwrap();
    assert_eq!(jobs("qstat -f -F json 0 1"), 1, "openpbs#2672");
    assert_eq!(jobs("qstat -E -f -F json 0 1"), 2);
    assert_eq!(run(&pbs, "qstat -u alice -f -F json").0, 2);
}

#[test]
fn a_known_and_an_unknown_id_in_one_qdel_kill_the_server() {
    let (pbs, _folder) = server();
    run(&pbs, "qsub -h");
    let (code, _, stderr) = run(&pbs, "qdel 0 99999");
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(run(&pbs, "qstat").0, 255);
}

#[test]
fn without_history_a_live_job_is_not_told_of_with_x() {
    let (pbs, _folder) = server();
    run(&pbs, "qsub -h");
    pbs.switch("history_off", "").unwrap();
    let (code, stdout, stderr) = run(&pbs, "qstat -x -f -F json 0");
    assert_eq!(code, 0);
    assert!(!stdout.contains("Jobs") && stderr.contains("not configured to maintain job history"));
    assert!(
        run(&pbs, "qstat -f -F json 0")
            .1
            .contains("\"job_state\":\"H\"")
    );
}

#[test]
fn a_finished_job_needs_x_and_a_deleted_one_has_no_exit_status() {
    let (pbs, _folder) = server();
    run(&pbs, "qsub -h");
    assert_eq!(run(&pbs, "qdel 0").0, 0);
    assert_eq!(run(&pbs, "qstat -f -F json 0").0, 35);
    assert_eq!(run(&pbs, "qdel 0").0, 35);
    let (_, stdout, _) = run(&pbs, "qstat -x -f -F json 0");
    assert!(stdout.contains("\"job_state\":\"F\"") && stdout.contains("\"substate\":91"));
    assert!(!stdout.contains("Exit_status"), "{stdout}");
}

#[test]
fn times_are_in_the_zone_of_whoever_asks() {
    let (pbs, _folder) = server();
    run(&pbs, "qsub -h");
    let ctime = |zone: &str| {
        let mut command = Command::new(pbs.bin_dir().join("qstat"));
        let output = command.args(["-f", "0"]).env("TZ", zone).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .find(|line| line.contains("ctime"))
            .unwrap()
            .to_owned()
    };
    assert_ne!(ctime("UTC"), ctime("Europe/Vienna"));
}

/// Each way of being cut off, until the server has as many jobs as answers were lost, and no more.
#[test]
fn on_a_bad_way_answers_are_lost_and_what_reached_the_server_is_kept() {
    let (pbs, _folder) = server();
    let qsub = || {
        let mut command = Command::new(pbs.rough_dir().join("qsub"));
        command.args(["-N", "rough", "-h"]).env("USER", "alice");
        command.stdin(Stdio::null()).output().unwrap()
    };
    assert!(qsub().status.success(), "good until told otherwise");
    assert!(pbs.faults().is_empty());
    // Its draws have every one of these before the first silence, which lasts.
    pbs.roughen(33).unwrap();
    let mut answers = 1;
    let told = |kind: &str| pbs.faults().get(kind).copied().unwrap_or(0);
    while [
        "cut_before",
        "cut_after",
        "error_before",
        "error_after",
        "truncated",
    ]
    .iter()
    .any(|kind| told(kind) == 0)
    {
        answers += usize::from(qsub().status.success());
    }
    let kept = told("cut_after") + told("error_after") + told("truncated") + told("late");
    let late = usize::try_from(told("late")).unwrap();
    let jobs = pbs.jobs("rough").unwrap();
    let most = answers + usize::try_from(kept).unwrap();
    assert!((most - late..=most).contains(&jobs), "{jobs} of {most}");
    pbs.clear("rough").unwrap();
    assert!(qsub().status.success());
}
