//! The batch script that a person hands in, for Slurm and for PBS.
//!
//! Directives hold ids, numbers and names of one plain word. What the user wrote stands behind the first
//! command, where neither `sbatch` nor `qsub` reads directives any more, in a here-document with a
//! quoted delimiter, which no shell expands; the image is one quoted word.

use std::fmt::Write as _;

use broker_model::{AttemptId, Partition, Resources, Variant, Walltime};

/// What a script is made of, all of it as it was when the job was placed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch<'a> {
    pub(super) attempt: AttemptId,
    pub(super) name: &'a str,
    pub(super) resources: &'a Resources,
    pub(super) partition: &'a Partition,
    pub(super) variant: &'a Variant,
    /// The project's account at the site, where the allocation names one.
    pub(super) account: Option<&'a str>,
}

impl Batch<'_> {
    pub(super) fn slurm(&self) -> String {
        let Resources {
            nodes, walltime, ..
        } = self.resources;
        let marker = self.attempt;
        let mut lines = vec![
            format!("--job-name={marker}"),
            format!("--comment={marker}"),
            format!("--partition={}", self.partition.id),
            format!("--nodes={nodes}"),
            "--ntasks-per-node=1".to_owned(),
            format!("--time={}", clock(*walltime)),
            "--no-requeue".to_owned(),
            format!("--output={marker}.out"),
            format!("--error={marker}.err"),
        ];
        lines.extend(self.account().map(|it| format!("--account={it}")));
        if self.partition.exclusive {
            lines.push("--exclusive".to_owned());
        }
        let cpus = self.resources.cpus_per_node;
        lines.extend(cpus.map(|it| format!("--cpus-per-task={it}")));
        if self.gpus() > 0 {
            lines.push(format!("--gpus-per-node={}", self.gpus()));
        }
        match self.resources.memory_gib_per_node {
            Some(memory) => lines.push(format!("--mem={memory}G")),
            // The whole of it, not what the site gives by default to one task.
            None if self.partition.exclusive => lines.push("--mem=0".to_owned()),
            None => {}
        }
        let launcher = format!("srun --nodes={nodes} --ntasks-per-node=1 ");
        let unpaid = self.without_account("sbatch --account=ACCOUNT");
        self.script("#SBATCH ", &lines, &unpaid, &launcher)
    }

    /// PBS takes a chunk without `ncpus` for one of a single CPU, and may give in full what is not asked
    /// for, so every number is said; `-r n` because a job that is run again by itself would be one that
    /// ran twice.
    pub(super) fn pbs(&self) -> String {
        let Resources {
            nodes, walltime, ..
        } = self.resources;
        let marker = self.attempt;
        let chunk = self.chunk();
        // The host, which may be cut into several vnodes.
        let place = if self.partition.exclusive {
            "scatter:exclhost"
        } else {
            "scatter"
        };
        let mut lines = vec![
            format!("-N {marker}"),
            format!("-q {}", self.partition.id),
            format!("-l select={nodes}:{chunk}"),
            format!("-l place={place}"),
            format!("-l walltime={}", seconds(*walltime)),
            "-r n".to_owned(),
            format!("-o {marker}.out"),
            format!("-e {marker}.err"),
        ];
        lines.extend(self.account().map(|it| format!("-A {it}")));
        let unpaid = self.without_account("qsub -A ACCOUNT");
        let enter = unpaid + "cd \"$PBS_O_WORKDIR\" || exit 1\n";
        self.script("#PBS ", &lines, &enter, "pbsdsh -- ")
    }

    /// What each node is asked for: of one that the job has for itself what it offers, otherwise one of
    /// what the job does not name.
    fn chunk(&self) -> String {
        let (asked, at) = (self.resources, self.partition);
        let whole = |number: Option<u32>| number.filter(|_| at.exclusive);
        let cpus = asked.cpus_per_node.or(whole(at.cpus_per_node));
        // A node offers less memory than its data sheet has, and one that asks for more never runs.
        let offered = |memory: u32| memory - memory.div_ceil(10);
        let memory = whole(at.memory_gib_per_node).map(offered);
        let memory = asked.memory_gib_per_node.or(memory).unwrap_or(1).max(1);
        let mut chunk = format!("ncpus={}", cpus.unwrap_or(1));
        // Where no node has any, nobody may have made the resource, and to name it is a refusal.
        if at.gpus_per_node > 0 || self.gpus() > 0 {
            let _ = write!(chunk, ":ngpus={}", self.gpus());
        }
        chunk + &format!(":mem={memory}gb")
    }

    /// As the scheduler counts them.
    fn gpus(&self) -> u32 {
        let per_gpu = self.partition.scheduler_gpus_per_gpu;
        self.resources.gpus_per_node.saturating_mul(per_gpu)
    }

    /// Only a plain word: a directive has no quoting that both schedulers read alike.
    fn account(&self) -> Option<&str> {
        let is_word = |it: &&str| {
            let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
            (1..=64).contains(&it.len()) && !it.starts_with('-') && it.bytes().all(fits)
        };
        self.account.filter(is_word)
    }

    /// A script without an account goes to whatever the site takes for one, or is refused: said where
    /// whoever hands it in reads it. The account is theirs to say there, since the script stays as it is.
    fn without_account(&self, command: &str) -> String {
        if self.account().is_some() {
            return String::new();
        }
        format!(
            "# No account: the allocation names none at this site. Ask the site which one pays, and say it\n\
             # when you hand this in: {command} …\n"
        )
    }

    fn script(&self, mark: &str, directives: &[String], enter: &str, launcher: &str) -> String {
        let marker = self.attempt;
        let user = &self.variant.script;
        let interpreter = if user.starts_with("#!") {
            ""
        } else {
            "#!/bin/sh\n"
        };
        let newline = if user.ends_with('\n') { "" } else { "\n" };
        let end = delimiter(marker, user);
        let run = self.run(launcher);
        let name = quoted(self.name);
        let directives = directives
            .iter()
            .fold(String::new(), |all, line| all + mark + line + "\n");
        format!(
            "#!/bin/sh\n\
             {directives}\
             # Prepared by Alcyone. Hand it in once, as it is: {marker} is what the site finds it by.\n\
             {enter}\
             export ALCYONE_ATTEMPT={marker} ALCYONE_JOB_NAME={name}\n\
             script=\"$PWD/alcyone-{marker}.sh\"\n\
             trap 'rm -f \"$script\"' EXIT\n\
             umask 077\n\
             cat >\"$script\" <<'{end}' || exit 1\n\
             {interpreter}{user}{newline}{end}\n\
             chmod 700 \"$script\" || exit 1\n\
             {run}\n"
        )
    }

    /// The script as it is runs once, on the first node; in an image it runs once on each node, since
    /// the image has no launcher of the site inside.
    fn run(&self, launcher: &str) -> String {
        let Some(image) = &self.variant.image else {
            return "\"$script\"".to_owned();
        };
        let launcher = if self.resources.nodes > 1 {
            launcher
        } else {
            ""
        };
        let flag = match self.partition.container_target.as_str().split_once('+') {
            Some((_, "cuda")) => "--nv ",
            Some((_, "rocm")) => "--rocm ",
            _ => "",
        };
        format!(
            "{launcher}apptainer exec {flag}{} \"$script\"",
            quoted(image)
        )
    }
}

/// A line that the user's script does not hold.
fn delimiter(marker: AttemptId, user: &str) -> String {
    let mut end = format!("{marker}_END");
    while user.lines().any(|line| line == end) {
        end.push('_');
    }
    end
}

/// One word for a POSIX shell, whatever it holds.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// `1-06:00:00`, as sbatch(1) reads it.
fn clock(walltime: Walltime) -> String {
    let all = walltime.seconds();
    let (days, rest) = (all / 86_400, all % 86_400);
    format!(
        "{days}-{:02}:{:02}:{:02}",
        rest / 3600,
        rest % 3600 / 60,
        rest % 60
    )
}

/// `30:00:00`: PBS knows no days.
fn seconds(walltime: Walltime) -> String {
    let all = walltime.seconds();
    format!("{:02}:{:02}:{:02}", all / 3600, all % 3600 / 60, all % 60)
}

#[cfg(test)]
#[path = "batch/tests.rs"]
mod tests;
