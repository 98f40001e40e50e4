//! The batch script that Slurm gets.

use site_adapter::{Error, ErrorKind, Submission};

const OPERATION: &str = "POST job/submit";

/// What runs a container: the program, and its flags per accelerator (`--nv`, `--rocm`).
pub(crate) struct Container<'a> {
    pub(crate) program: &'a str,
    pub(crate) flags: &'a [String],
}

/// Returns the script to hand to Slurm.
///
/// Without an image it is the user's own, with a `#!` line (slurmrestd takes one without, and the
/// job fails). With an image a wrapper of ours writes the user's script into a file and runs that in
/// the image: once on a single node, once on each node of several (by `srun`, so the image needs no
/// Slurm inside). The tasks of an array get such a wrapper too, since each must be told its index
/// and Slurm's own name for that is not ours. The script goes into the wrapper as a here-document
/// with a quoted delimiter, which no shell expands; on standard input it could be eaten by a program
/// it starts. How the script ended the wrapper passes on, a signal by sending it to itself.
pub(crate) fn batch_script(
    submission: &Submission,
    container: &Container<'_>,
) -> Result<String, Error> {
    let work = &submission.work;
    let script = work.script_with_interpreter();
    let run = match &work.image {
        Some(image) => in_image(image, work.resources.nodes, container),
        None if work.array.is_some() => "\"$script\"".to_owned(),
        None => return Ok(script),
    };
    let marker = submission.marker();
    let delimiter = format!("{marker}_END");
    if script.lines().any(|line| line == delimiter) {
        return Err(Error::new(
            ErrorKind::Refused,
            OPERATION,
            "the script holds the line that would end it; take that line out",
        ));
    }
    // Tasks share a folder, and their scripts are files in it.
    let (name, index) = match work.array {
        Some(_) => (
            format!("alcyone-{marker}-$SLURM_ARRAY_TASK_ID.sh"),
            "export ALCYONE_ARRAY_INDEX=\"$SLURM_ARRAY_TASK_ID\"\n",
        ),
        None => (format!("alcyone-{marker}.sh"), ""),
    };
    let newline = if script.ends_with('\n') { "" } else { "\n" };
    Ok(format!(
        "#!/bin/sh\n\
         {index}\
         script=\"$PWD/{name}\"\n\
         trap 'rm -f \"$script\"' EXIT\n\
         umask 077\n\
         cat >\"$script\" <<'{delimiter}' || exit 1\n\
         {script}{newline}{delimiter}\n\
         chmod 700 \"$script\" || exit 1\n\
         {run}\n\
         status=$?\n\
         rm -f \"$script\"\n\
         [ \"$status\" -le 128 ] || kill -s \"$(kill -l \"$status\")\" $$ 2>/dev/null\n\
         exit \"$status\"\n"
    ))
}

fn in_image(image: &str, nodes: u32, container: &Container<'_>) -> String {
    let launcher = if nodes > 1 {
        format!("srun --nodes={nodes} --ntasks-per-node=1 ")
    } else {
        String::new()
    };
    let flags = container.flags.iter().map(|flag| quoted(flag) + " ");
    format!(
        "{launcher}{} exec {}{} \"$script\"",
        quoted(container.program),
        flags.collect::<String>(),
        quoted(image)
    )
}

/// One word for a POSIX shell, whatever it holds.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Command;

    use broker_model::ArraySpec;

    use super::*;
    use crate::calls::tests::submission;

    #[test]
    fn a_plain_script_gets_an_interpreter_and_nothing_else() {
        let mut plain = submission();
        plain.work.script = "hostname; echo \"$HOME\" `id`".to_owned();
        let container = Container {
            program: "apptainer",
            flags: &[],
        };
        assert_eq!(
            batch_script(&plain, &container).unwrap(),
            "#!/bin/sh\nhostname; echo \"$HOME\" `id`"
        );
    }

    /// Runs the wrapper with a program in the place of Apptainer that prints its arguments and runs
    /// the script it is given: what arrives there is what the shell made of image and script.
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
        submission.work.resources.nodes = 1;
        submission.work.image = Some("docker://x'; touch pwned; '$(touch pwned)".to_owned());
        submission.work.script = "printf '%s' in $((1+1)) '$HOME' '\\n'\nexit 7".to_owned();
        let container = Container {
            program: program.to_str().unwrap(),
            flags: &["--nv".to_owned()],
        };
        let script = folder.path().join("batch.sh");
        std::fs::write(&script, batch_script(&submission, &container).unwrap()).unwrap();
        let run = Command::new("sh")
            .arg(&script)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let out = String::from_utf8(run.stdout).unwrap();
        assert_eq!(
            out,
            "<exec><--nv><docker://x'; touch pwned; '$(touch pwned)>in2$HOME\\n",
            "{}",
            String::from_utf8_lossy(&run.stderr)
        );
        assert_eq!(run.status.code(), Some(7));
        let left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left.len(), 2, "only the two scripts of the test: {left:?}");
    }

    /// The wrapper of a task, run by a shell in the place of slurmd.
    fn run_as_task(script: &str, index: &str) -> std::process::Output {
        let folder = tempfile::tempdir().unwrap();
        let mut array = submission();
        array.work.array = Some(ArraySpec {
            tasks: 4,
            at_once: None,
        });
        array.work.script = script.to_owned();
        let container = Container {
            program: "apptainer",
            flags: &[],
        };
        let batch = folder.path().join("batch.sh");
        std::fs::write(&batch, batch_script(&array, &container).unwrap()).unwrap();
        let run = Command::new("sh")
            .arg(&batch)
            .env("SLURM_ARRAY_TASK_ID", index)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1, "the task's script is left behind");
        run
    }

    #[test]
    fn a_task_is_told_its_index_and_ends_as_its_script_does() {
        let run = run_as_task("printf '%s' \"$ALCYONE_ARRAY_INDEX $#\"; exit 7", "3");
        assert_eq!(String::from_utf8(run.stdout).unwrap(), "3 0");
        assert_eq!(run.status.code(), Some(7));
        let run = run_as_task("kill -s USR1 $$", "0");
        assert_eq!(run.status.signal(), Some(10), "{run:?}");
        let run = run_as_task("exit 200", "0");
        assert_eq!(run.status.code(), Some(200), "no signal has that number");
    }

    #[test]
    fn a_script_that_holds_its_own_end_is_refused() {
        let mut submission = submission();
        submission.work.image = Some("/images/x.sif".to_owned());
        submission.work.script = format!("a\n{}_END\nrm -rf /", submission.marker());
        let container = Container {
            program: "apptainer",
            flags: &[],
        };
        let error = batch_script(&submission, &container).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
    }
}
