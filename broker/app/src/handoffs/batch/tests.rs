use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use super::*;

const ATTEMPT: &str = "att_0192f0c1d2e37abc8def0123456789ab";

fn resources() -> Resources {
    toml::from_str("nodes = 2\ngpus_per_node = 4\nmemory_gib_per_node = 100\nwalltime = \"30h\"")
        .unwrap()
}

fn partition(target: &str, exclusive: bool) -> Partition {
    let text = format!(
        r#"
        id = "standard-g"
        gpus_per_node = 4
        scheduler_gpus_per_gpu = 2
        cpus_per_node = 56
        container_target = "{target}"
        exclusive = {exclusive}
        billing = {{ unit = "GPU-hour", terms = [{{ of = "nodes", milliunits = 1000 }}] }}
        "#
    );
    toml::from_str(&text).unwrap()
}

fn variant(image: Option<&str>, script: &str) -> Variant {
    Variant {
        image: image.map(str::to_owned),
        script: script.to_owned(),
    }
}

fn batch<'a>(
    resources: &'a Resources,
    partition: &'a Partition,
    variant: &'a Variant,
) -> Batch<'a> {
    Batch {
        attempt: ATTEMPT.parse().unwrap(),
        name: "train",
        resources,
        partition,
        variant,
        account: Some("project_465000001"),
    }
}

fn directives(script: &str, mark: &str) -> Vec<String> {
    let lines = script.lines().filter_map(|line| line.strip_prefix(mark));
    lines.map(str::to_owned).collect()
}

#[test]
fn slurm_is_told_every_resource_and_our_marker_twice() {
    let (asked, at) = (resources(), partition("x86_64+rocm", true));
    let image = variant(Some("docker://x.example/train:1"), "python train.py");
    let script = batch(&asked, &at, &image).slurm();
    assert_eq!(
        directives(&script, "#SBATCH "),
        [
            &format!("--job-name={ATTEMPT}"),
            &format!("--comment={ATTEMPT}"),
            "--partition=standard-g",
            "--nodes=2",
            "--ntasks-per-node=1",
            "--time=1-06:00:00",
            "--no-requeue",
            &format!("--output={ATTEMPT}.out"),
            &format!("--error={ATTEMPT}.err"),
            "--account=project_465000001",
            "--exclusive",
            "--gpus-per-node=8",
            "--mem=100G",
        ]
    );
    let run = "srun --nodes=2 --ntasks-per-node=1 apptainer exec --rocm \
               'docker://x.example/train:1' \"$script\"\n";
    assert!(script.ends_with(run), "{script}");
    let own = format!("\nexport ALCYONE_ATTEMPT={ATTEMPT} ALCYONE_JOB_NAME='train'\n");
    assert!(script.contains(&own), "{script}");
}

#[test]
fn pbs_is_told_every_resource_and_never_to_run_it_again() {
    let (asked, at) = (resources(), partition("x86_64+cuda", false));
    let plain = variant(None, "hostname");
    let script = batch(&asked, &at, &plain).pbs();
    assert_eq!(
        directives(&script, "#PBS "),
        [
            &format!("-N {ATTEMPT}"),
            "-q standard-g",
            "-l select=2:ncpus=1:ngpus=8:mem=100gb",
            "-l place=scatter",
            "-l walltime=30:00:00",
            "-r n",
            &format!("-o {ATTEMPT}.out"),
            &format!("-e {ATTEMPT}.err"),
            "-A project_465000001",
        ]
    );
    assert!(script.ends_with("\n\"$script\"\n"), "{script}");
}

/// PBS gives a job in full what it does not ask for and the queue limits.
#[test]
fn pbs_is_told_of_what_the_job_does_not_name_too() {
    let mut asked = resources();
    (asked.gpus_per_node, asked.memory_gib_per_node) = (0, None);
    let plain = variant(None, "hostname");
    let chunk = |at: &Partition| {
        let script = batch(&asked, at, &plain).pbs();
        directives(&script, "#PBS ").swap_remove(2)
    };
    let mut at = partition("x86_64+cuda", false);
    assert_eq!(chunk(&at), "-l select=2:ncpus=1:ngpus=0:mem=1gb");
    at.exclusive = true;
    at.memory_gib_per_node = Some(512);
    assert_eq!(chunk(&at), "-l select=2:ncpus=56:ngpus=0:mem=460gb");
    let script = batch(&asked, &at, &plain).pbs();
    assert!(script.contains("\n#PBS -l place=scatter:exclhost\n"));
    // A queue without accelerators may be one of a server that has no such resource.
    at.gpus_per_node = 0;
    assert_eq!(chunk(&at), "-l select=2:ncpus=56:mem=460gb");
}

#[test]
fn an_account_that_is_no_plain_word_is_left_out() {
    let (asked, at) = (resources(), partition("x86_64", false));
    let plain = variant(None, "hostname");
    for bad in ["a b", "a\n#SBATCH --uid=0", "$(id)", "", "-x"] {
        let mut batch = batch(&asked, &at, &plain);
        batch.account = Some(bad);
        let told = directives(&batch.slurm(), "#SBATCH ");
        assert!(!told.iter().any(|it| it.contains("--account")), "{bad:?}");
        let told = directives(&batch.pbs(), "#PBS ");
        assert!(!told.iter().any(|it| it.contains("-A ")), "{bad:?}");
    }
}

#[test]
fn whoever_hands_in_a_script_without_an_account_is_told_how_to_say_one() {
    let (asked, at) = (resources(), partition("x86_64", false));
    let plain = variant(None, "hostname");
    let with = batch(&asked, &at, &plain);
    let without = Batch {
        account: None,
        ..with
    };
    for (script, command) in [
        (without.slurm(), "sbatch --account=ACCOUNT …"),
        (without.pbs(), "qsub -A ACCOUNT …"),
    ] {
        let told = script.lines().find(|it| it.ends_with(command));
        assert!(told.is_some_and(|it| it.starts_with("# ")), "{script}");
    }
    assert!(!with.slurm().contains("No account"), "it names one");
}

/// Runs the script with a program in the place of Apptainer that prints its arguments and runs what
/// it is given: what arrives there is what the shell made of image and script.
fn run(script: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("apptainer");
    let prints = "#!/bin/sh\nprintf '<%s>' \"$1\" \"$2\" \"$3\"\nexec \"$4\"\n";
    std::fs::write(&program, prints).unwrap();
    let executable = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(&program, executable).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let file = folder.path().join("batch.sh");
    std::fs::write(&file, script).unwrap();
    let out = Command::new("sh")
        .arg(&file)
        .env("PATH", path)
        .env("PBS_O_WORKDIR", folder.path())
        .current_dir(folder.path())
        .output()
        .unwrap();
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2, "only the two scripts of the test are left");
    out
}

#[test]
fn image_and_script_arrive_letter_by_letter_and_the_exit_code_comes_back() {
    let mut asked = resources();
    asked.nodes = 1;
    let at = partition("x86_64+cuda", false);
    let nasty = variant(
        Some("docker://x'; touch pwned; '$(touch pwned)"),
        &format!("printf '%s' in $((1+1)) '$HOME' '\\n'\n: {ATTEMPT}_END\nexit 7"),
    );
    for script in [
        batch(&asked, &at, &nasty).slurm(),
        batch(&asked, &at, &nasty).pbs(),
    ] {
        let out = run(&script);
        assert_eq!(
            String::from_utf8(out.stdout).unwrap(),
            "<exec><--nv><docker://x'; touch pwned; '$(touch pwned)>in2$HOME\\n",
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        assert_eq!(out.status.code(), Some(7));
    }
}

#[test]
fn a_script_that_holds_the_line_that_would_end_it_is_taken_whole() {
    let (asked, at) = (resources(), partition("x86_64", false));
    let ends = variant(
        None,
        &format!("cat <<'{ATTEMPT}_END'\nhere\n{ATTEMPT}_END\nexit 3"),
    );
    let out = run(&batch(&asked, &at, &ends).slurm());
    assert_eq!(String::from_utf8(out.stdout).unwrap(), "here\n");
    assert_eq!(out.status.code(), Some(3));
}

/// Directives of the user's own stand behind the first command, where no scheduler reads them.
#[test]
fn the_users_own_directives_are_no_directives_of_the_script() {
    let (asked, at) = (resources(), partition("x86_64", false));
    let own = variant(None, "#!/bin/bash\n#SBATCH --uid=0\n#PBS -W umask=0\ntrue");
    for script in [
        batch(&asked, &at, &own).slurm(),
        batch(&asked, &at, &own).pbs(),
    ] {
        let command = |line: &&str| !line.starts_with('#');
        let first = script.lines().position(|line| command(&line)).unwrap();
        let theirs = script.lines().position(|line| line.contains("--uid=0"));
        assert!(theirs.unwrap() > first, "{script}");
    }
}
