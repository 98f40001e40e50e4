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
/// Slurm inside). The script goes into the wrapper as a here-document with a quoted delimiter, which
/// no shell expands; on standard input it could be eaten by a program it starts.
pub(crate) fn batch_script(
    submission: &Submission,
    container: &Container<'_>,
) -> Result<String, Error> {
    let script = submission.work.script_with_interpreter();
    let Some(image) = &submission.work.image else {
        return Ok(script);
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
    let nodes = submission.work.resources.nodes;
    let launcher = if nodes > 1 {
        format!("srun --nodes={nodes} --ntasks-per-node=1 ")
    } else {
        String::new()
    };
    let flags = container.flags.iter().map(|flag| quoted(flag) + " ");
    let run = format!(
        "{launcher}{} exec {}{} \"$script\"",
        quoted(container.program),
        flags.collect::<String>(),
        quoted(image)
    );
    let newline = if script.ends_with('\n') { "" } else { "\n" };
    Ok(format!(
        "#!/bin/sh\n\
         script=\"$PWD/alcyone-{marker}.sh\"\n\
         trap 'rm -f \"$script\"' EXIT\n\
         umask 077\n\
         cat >\"$script\" <<'{delimiter}' || exit 1\n\
         {script}{newline}{delimiter}\n\
         chmod 700 \"$script\" || exit 1\n\
         {run}\n"
    ))
}

/// One word for a POSIX shell, whatever it holds.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;

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
