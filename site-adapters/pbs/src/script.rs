//! The script that PBS gets: a wrapper that starts the user's code once, and writes down its end.

use site_adapter::{Error, ErrorKind, Result, Submission};

use crate::states::{NOT_LAUNCHED, RAN_BEFORE};
use crate::transport::quoted;

const OPERATION: &str = "qsub";

/// What the adapter's settings add.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) work_dir: &'a str,
    pub(crate) path: &'a str,
    pub(crate) apptainer: &'a str,
    pub(crate) container_flags: &'a [String],
    pub(crate) cpus_per_node: u32,
    pub(crate) memory_gib_per_node: u32,
}

/// Returns the script for qsub.
///
/// The user's script is a here-document with a quoted delimiter, which no shell expands; what else is
/// a user's stands quoted. `#PBS` lines in it are no directives: qsub stops to look for them at the
/// first command. The environment is exported here, since everybody can read what `-v` sets.
///
/// The record is made with `set -C`, which only one process can (`O_EXCL`): when PBS starts the job
/// again, after a node's daemon was restarted, or another job of the same attempt, this one ends at
/// once. It is made with blanks to be written over, so that a full disk does not lose the end. `trap :`
/// lets the wrapper outlive a SIGTERM to the whole job, and its child not.
///
/// Who was killed for memory is not told: PBS's cgroups hook says so in a log of the node's. So the
/// kernel's own count is read before and after the code, where the job has a cgroup.
pub(crate) fn batch_script(submission: &Submission, around: &Surroundings<'_>) -> Result<String> {
    let script = checked(submission)?;
    let marker = submission.marker();
    let newline = if script.ends_with('\n') { "" } else { "\n" };
    let delimiter = format!("{marker}_END");
    let base = format!("{}/alcyone-{marker}", around.work_dir);
    Ok(format!(
        "#!/bin/sh\n\
         mask=$(umask)\n\
         umask 077\n\
         cd {work_dir} || exit {NOT_LAUNCHED}\n\
         base={base}\n\
         {place}\
         facts=\"start $PBS_JOBID $(date +%s) {facts}\"\n\
         {guard}\
         {UNLAUNCHED}\
         umask \"$mask\"\n\
         true >>\"$base.out\" && true >>\"$base.err\" || unlaunched\n\
         {launch_check}\
         (umask 077; cat >\"$script\") <<'{delimiter}' || unlaunched\n\
         {script}{newline}{delimiter}\n\
         chmod 700 \"$script\" || unlaunched\n\
         {environment}\
         trap : HUP INT QUIT TERM USR1 USR2 XCPU\n\
         {KILLED_FOR_MEMORY}\
         before=$(killed) oom=\n\
         {run} </dev/null >>\"$base.out\" 2>>\"$base.err\"\n\
         status=$?\n\
         after=$(killed)\n\
         [ \"${{after:-$before}}\" = \"${{before:-$after}}\" ] || oom=' oom'\n\
         printf '%s\\nend %s %s%s\\n' \"$facts\" \"$status\" \"$(date +%s)\" \"$oom\" 1<>\"$record\"\n\
         rm -f \"$script\"\n\
         exit \"$status\"\n",
        work_dir = quoted(around.work_dir),
        base = quoted(&base),
        place = place(submission),
        facts = facts(submission, around),
        guard = guard(submission.work.restartable),
        launch_check = launch_check(submission, &script, around),
        environment = environment(submission, around),
        run = run(submission, &script, around),
    ))
}

/// Ends a wrapper that has its record and cannot start the user's code.
const UNLAUNCHED: &str = "\
unlaunched() {
printf '%s\\nend 254 %s unlaunched\\n' \"$facts\" \"$(date +%s)\" 1<>\"$record\"
exit 254
}
";

/// How often the kernel killed in the job's own cgroup, of version 2 or 1, which PBS's hook names by the
/// job's number; nothing where it has none, for `pbs_mom`'s is everybody's on that node.
const KILLED_FOR_MEMORY: &str = "\
killed() {
number=${PBS_JOBID%%[!0-9]*}
while IFS=: read -r _ kinds own; do
case $own/ in
*[!0-9]\"$number\"[!0-9]*) ;;
*) continue ;;
esac
case ,$kinds, in
,,) cat \"/sys/fs/cgroup$own/memory.events\" ;;
*,memory,*) cat \"/sys/fs/cgroup/memory$own/memory.oom_control\" ;;
esac
done 2>/dev/null </proc/self/cgroup | sed -n 's/^oom_kill //p'
}
";

fn checked(submission: &Submission) -> Result<String> {
    let work = &submission.work;
    let script = work.script_with_interpreter();
    let delimiter = format!("{}_END", submission.marker());
    let refused = |message: &str| Err(Error::new(ErrorKind::Refused, OPERATION, message));
    if let Some(line) = script.lines_with_cr().next() {
        return refused(&format!(
            "line {line} of the script ends with a carriage return (Windows line ends), which no \
             interpreter here takes; save it with Unix line ends"
        ));
    }
    if script.contains('\0') {
        return refused("the script holds a NUL byte; take it out");
    }
    if script.lines().any(|line| line == delimiter) {
        return refused("the script holds the line that would end it; take that line out");
    }
    if work.image.is_some() && work.resources.nodes > 1 {
        return refused(
            "an image on several nodes is not started by PBS; ask for one node, or start the \
             container in the script itself (`mpiexec … apptainer exec …`)",
        );
    }
    Ok(script)
}

trait CarriageReturns {
    /// Numbers of lines that end with one.
    fn lines_with_cr(&self) -> impl Iterator<Item = usize>;
}

impl CarriageReturns for str {
    fn lines_with_cr(&self) -> impl Iterator<Item = usize> {
        let lines = self.split('\n').enumerate();
        lines
            .filter(|(_, line)| line.ends_with('\r'))
            .map(|(number, _)| number + 1)
    }
}

/// Where the record and the script are: each task of an array has its own.
fn place(submission: &Submission) -> String {
    match submission.work.array {
        Some(array) if array.tasks > 1 => format!(
            "ALCYONE_ARRAY_INDEX=$PBS_ARRAY_INDEX ALCYONE_ARRAY_SIZE={}\n\
             export ALCYONE_ARRAY_INDEX ALCYONE_ARRAY_SIZE\n\
             mkdir -p \"$base.tasks\" || exit {NOT_LAUNCHED}\n\
             record=$base.tasks/$PBS_ARRAY_INDEX script=$base.$PBS_ARRAY_INDEX.sh\n",
            array.tasks
        ),
        Some(_) => "ALCYONE_ARRAY_INDEX=0 ALCYONE_ARRAY_SIZE=1\n\
                    export ALCYONE_ARRAY_INDEX ALCYONE_ARRAY_SIZE\n\
                    record=$base.job script=$base.sh\n"
            .to_owned(),
        None => "record=$base.job script=$base.sh\n".to_owned(),
    }
}

fn facts(submission: &Submission, around: &Surroundings<'_>) -> String {
    let (work, resources) = (&submission.work, &submission.work.resources);
    let on_all = |per_node: u32| per_node.saturating_mul(resources.nodes);
    let tasks = work
        .array
        .map_or_else(String::new, |array| format!(" tasks={}", array.tasks));
    format!(
        "walltime={} nodes={} cpus={} gpus={} memory_gib={}{tasks}",
        resources.walltime.seconds(),
        resources.nodes,
        on_all(around.cpus_per_node),
        on_all(work.scheduler_gpus_per_node()),
        on_all(around.memory_gib_per_node),
    )
}

fn guard(restartable: bool) -> String {
    let write = "printf '%s\\n%40s\\n' \"$facts\" ''";
    if restartable {
        return format!("{write} >\"$record\" || exit {NOT_LAUNCHED}\n");
    }
    format!(
        "(set -C; {write} >\"$record\") 2>/dev/null || {{\n\
         [ ! -e \"$record\" ] || exit {RAN_BEFORE}\n\
         exit {NOT_LAUNCHED}\n\
         }}\n"
    )
}

/// The interpreter or the container program, before anything of the user's is started.
fn launch_check(submission: &Submission, script: &str, around: &Surroundings<'_>) -> String {
    let program = match &submission.work.image {
        Some(_) => around.apptainer,
        None => interpreter(script).0,
    };
    let (path, program) = (quoted(around.path), quoted(program));
    format!(
        "if ! (PATH={path}; command -v {program}) >/dev/null; then\n\
         printf 'alcyone: %s is not on this node\\n' {program} >>\"$base.err\"\n\
         unlaunched\n\
         fi\n"
    )
}

/// The `#!` line, as execve(2) takes it apart: the rest of it is one argument.
fn interpreter(script: &str) -> (&str, Option<&str>) {
    let first = script.lines().next().unwrap_or_default();
    let first = first.trim_start_matches("#!").trim();
    match first.split_once([' ', '\t']) {
        Some((program, argument)) => (program, Some(argument.trim())),
        None => (first, None),
    }
}

fn environment(submission: &Submission, around: &Surroundings<'_>) -> String {
    format!(
        "ALCYONE_ATTEMPT={} ALCYONE_JOB_NAME={} LANG=C.UTF-8 PATH={}\n\
         export ALCYONE_ATTEMPT ALCYONE_JOB_NAME LANG PATH\n",
        quoted(&submission.marker()),
        quoted(&submission.work.name),
        quoted(around.path)
    )
}

/// The script is not executed but handed to its interpreter: the folder may be mounted `noexec`.
fn run(submission: &Submission, script: &str, around: &Surroundings<'_>) -> String {
    if let Some(image) = &submission.work.image {
        let flags = around.container_flags.iter().map(|flag| quoted(flag) + " ");
        return format!(
            "{} exec {}{} \"$script\"",
            quoted(around.apptainer),
            flags.collect::<String>(),
            quoted(image)
        );
    }
    let (program, argument) = interpreter(script);
    let argument = argument.map_or_else(String::new, |argument| format!(" {}", quoted(argument)));
    format!("{}{argument} \"$script\"", quoted(program))
}

#[cfg(test)]
mod tests;
