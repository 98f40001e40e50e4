use broker_model::RemoteId;
use jiff::Timestamp;
use site_adapter::{Activity, RemoteJob, RemoteRef, TaskCounts, UsageReport};

use crate::attributes::Attributes;
use crate::calls::number;
use crate::record_file::RecordFile;
use crate::states::{End, Phase, RAN_BEFORE, outcome, phase};
use crate::times::{duration, epoch, gib, time};

/// One job, as qstat or the accounting log tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobRecord {
    /// With the server's name: `25.pbshead`, `7[].pbshead`, `7[3].pbshead`.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) substate: Option<i64>,
    pub(crate) submitted_at: Timestamp,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    exit_status: Option<i64>,
    comment: String,
    run_count: u64,
    depends: bool,
    expected_start: Option<Timestamp>,
    tasks: Option<TaskCounts>,
    asked: Asked,
    pub(crate) queue: String,
    walltime_asked: Option<u64>,
    /// What PBS itself counted as the run time.
    walltime_used: Option<u64>,
}

/// What the job asked for, as PBS holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Asked {
    nodes: u32,
    cpus: u32,
    gpus: u32,
    memory_gib: u32,
}

/// What resources are called at the site.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names<'a> {
    pub(crate) cpus: &'a str,
    pub(crate) memory: &'a str,
    /// Every partition's.
    pub(crate) gpus: &'a [&'a str],
}

impl JobRecord {
    /// `None` where a name, a state or the time of submission is missing: no record of a job.
    pub(crate) fn from_qstat(id: &str, told: &Attributes, names: Names<'_>) -> Option<Self> {
        let text = |key: &str| told.get(key).map(String::as_str);
        let when = |key: &str| text(key).and_then(|text| time(text).or_else(|| epoch(text)));
        let number = |key: &str| text(key).and_then(|text| text.parse::<i64>().ok());
        Some(Self {
            id: id.to_owned(),
            name: text("Job_Name")?.to_owned(),
            state: text("job_state")?.to_owned(),
            substate: number("substate"),
            submitted_at: when("ctime")?,
            started_at: when("stime"),
            ended_at: when("obittime")
                .or_else(|| when("history_timestamp"))
                .or_else(|| when("mtime")),
            exit_status: number("Exit_status"),
            comment: text("comment").unwrap_or_default().trim().to_owned(),
            run_count: number("run_count")
                .and_then(|count| count.try_into().ok())
                .unwrap_or(0),
            depends: text("depend").is_some_and(|depend| depend.contains("after")),
            expected_start: when("estimated.start_time"),
            tasks: text("array_state_count")
                .filter(|_| text("array") == Some("True"))
                .map(task_counts),
            asked: Asked::read(told, names),
            queue: text("queue").unwrap_or_default().to_owned(),
            walltime_asked: text("Resource_List.walltime").and_then(duration),
            walltime_used: text("resources_used.walltime").and_then(duration),
        })
    }

    /// A job that is over, by the accounting log's `E` line; times are numbers there.
    pub(crate) fn from_accounting(id: &str, told: &Attributes, names: Names<'_>) -> Option<Self> {
        let mut told = told.clone();
        for (theirs, ours) in [
            ("jobname", "Job_Name"),
            ("start", "stime"),
            ("end", "obittime"),
        ] {
            if let Some(value) = told.remove(theirs) {
                told.insert(ours.to_owned(), value);
            }
        }
        told.insert("job_state".to_owned(), "F".to_owned());
        Self::from_qstat(id, &told, names)
    }

    /// Whether it is the very job: the id alone is no identity, PBS's numbers begin anew.
    pub(crate) fn is(&self, job: &RemoteRef) -> bool {
        self.name == job.marker && self.submitted_at == job.submitted_at
    }

    pub(crate) fn phase(&self) -> Phase {
        phase(&self.state, self.substate)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.phase() == Phase::Over
    }

    /// PBS alone does not tell how it is: its end, or all since it went to another server.
    pub(crate) fn needs_own_word(&self) -> bool {
        matches!(self.phase(), Phase::Over | Phase::Elsewhere) && !self.is_array()
    }

    /// An array as a whole.
    pub(crate) const fn is_array(&self) -> bool {
        self.tasks.is_some()
    }

    pub(crate) const fn depends(&self) -> bool {
        self.depends
    }

    pub(crate) const fn has_started(&self) -> bool {
        self.started_at.is_some()
    }

    /// What the caller can do with it, with how its wrapper says it ended if it does.
    ///
    /// The exit status is read only of a job that is over: one that runs again keeps that of the
    /// run before.
    pub(crate) fn activity(&self, own: Option<&RecordFile>) -> Activity {
        match (self.phase(), self.started_at) {
            (Phase::Waiting, _) | (Phase::Running, None) => Activity::Queued {
                reason: self.reason(),
                expected_start: self.expected_start,
            },
            (Phase::Running, Some(started_at)) => Activity::Running { started_at },
            (Phase::Elsewhere, _) => own
                .filter(|own| self.is_who_wrote(own))
                .map_or(Activity::Unknown, RecordFile::under_way),
            (Phase::Over, started_at) => Activity::Ended {
                started_at,
                ended_at: self.ended_at.or(started_at).unwrap_or(self.submitted_at),
                outcome: outcome(&self.end(own)),
            },
        }
    }

    pub(crate) fn end(&self, own: Option<&RecordFile>) -> End<'_> {
        End {
            exit_status: self.exit_status,
            substate: self.substate,
            comment: &self.comment,
            depends: self.depends,
            has_started: self.has_started(),
            used_its_time: self
                .walltime_asked
                .is_some_and(|asked| self.run_seconds() >= asked),
            run_count: self.run_count,
            own_status: own.and_then(RecordFile::status),
            has_begun: own.is_some(),
            unlaunched: own.is_some_and(RecordFile::was_not_launched),
            out_of_memory: own.is_some_and(RecordFile::ran_out_of_memory),
        }
    }

    /// Another job of the same attempt was let run the code, and this one ended at once for it.
    pub(crate) fn stood_back_for(&self, own: &RecordFile) -> bool {
        self.exit_status == Some(i64::from(RAN_BEFORE)) && !self.is_who_wrote(own)
    }

    /// A job may name itself with another alias of the server than qstat does.
    pub(crate) fn is_who_wrote(&self, own: &RecordFile) -> bool {
        number(&own.job_id) == number(&self.id)
    }

    /// Whether PBS says that the script ended by itself, of which its own record has to tell.
    pub(crate) const fn ended_by_itself(&self) -> bool {
        matches!(self.exit_status, Some(0..=252))
    }

    /// When the scheduler expects to start it, while it waits.
    pub(crate) fn forecast(&self) -> Option<Timestamp> {
        self.expected_start
            .filter(|_| self.phase() == Phase::Waiting)
    }

    pub(crate) fn reason(&self) -> Option<String> {
        if !self.comment.is_empty() {
            return Some(crate::answer::words(&self.comment));
        }
        let word = match (self.state.as_str(), self.substate) {
            ("H", Some(22)) => "Held: waits for another job",
            ("H", _) => "Held",
            ("W", _) => "Waits for its time",
            ("R", _) => "Being sent to its node",
            ("T", _) => "In transit to another queue",
            _ => return None,
        };
        Some(word.to_owned())
    }

    pub(crate) fn remote(&self, marker: &str, activity: Activity) -> RemoteJob {
        RemoteJob {
            marker: marker.to_owned(),
            remote_id: RemoteId(self.id.clone()),
            submitted_at: self.submitted_at,
            activity,
            tasks: self.tasks,
        }
    }

    /// What it used, once it is over. `None` for a job that never started.
    pub(crate) fn usage(&self) -> Option<UsageReport> {
        let (started_at, ended_at) = (self.started_at?, self.ended_at?);
        self.is_over().then(|| UsageReport {
            started_at,
            ended_at: ended_at.max(started_at),
            nodes: self.asked.nodes.max(1),
            scheduler_gpus: self.asked.gpus,
            cpus: self.asked.cpus.max(1),
            memory_gib: self.asked.memory_gib,
            energy_joules: None,
            elapsed_seconds: self.walltime_used,
        })
    }

    /// An array's start where the server lost it in a crash: that of its first task.
    pub(crate) fn started_with(mut self, tasks: &[Self]) -> Self {
        let first = tasks.iter().filter(|task| task.ran());
        let first = first.filter_map(|task| task.started_at).min();
        self.started_at = self.started_at.or(first);
        self
    }

    /// How long it ran by PBS's own count: one job, one task of an array, or one piece of a job that was
    /// run again. The times alone would charge for a suspension, and for the time that the server was
    /// down and did not hear of the end.
    pub(crate) fn run_seconds(&self) -> u64 {
        let span = self
            .started_at
            .zip(self.ended_at)
            .map(|(start, end)| end.duration_since(start));
        let span = span.and_then(|span| u64::try_from(span.as_secs()).ok());
        self.walltime_used.or(span).unwrap_or(0)
    }

    /// It was on a node: a task that was deleted while it waited has a start and was on none.
    pub(crate) const fn ran(&self) -> bool {
        self.run_count > 0
    }

    pub(crate) const fn ran_again(&self) -> bool {
        self.run_count > 1
    }

    /// Which task of an array it is.
    pub(crate) fn task_index(&self) -> Option<u32> {
        let (_, rest) = self.id.split_once('[')?;
        rest.split_once(']')?.0.parse().ok()
    }

    pub(crate) const fn started_at(&self) -> Option<Timestamp> {
        self.started_at
    }

    pub(crate) const fn ended_at(&self) -> Option<Timestamp> {
        self.ended_at
    }
}

/// The run times of pieces or tasks added up.
pub(crate) fn run_seconds<'a>(records: impl IntoIterator<Item = &'a JobRecord>) -> u64 {
    let each = records.into_iter().map(JobRecord::run_seconds);
    each.fold(0, u64::saturating_add)
}

impl Asked {
    fn read(told: &Attributes, names: Names<'_>) -> Self {
        let text = |name: &str| told.get(&format!("Resource_List.{name}"));
        let count = |name: &str| text(name).and_then(|text| text.parse::<u32>().ok());
        let gpus = names.gpus.iter().filter_map(|name| count(name));
        Self {
            nodes: count("nodect").unwrap_or(1),
            cpus: count(names.cpus).unwrap_or(1),
            gpus: gpus.max().unwrap_or(0),
            memory_gib: text(names.memory).and_then(|text| gib(text)).unwrap_or(0),
        }
    }
}

/// `Queued:0 Running:5 Exiting:0 Expired:0`. How expired ones ended is told one by one, at the end.
fn task_counts(text: &str) -> TaskCounts {
    let mut counts = TaskCounts::default();
    for (name, number) in text
        .split_whitespace()
        .filter_map(|word| word.split_once(':'))
    {
        let number: u32 = number.parse().unwrap_or(0);
        match name {
            "Queued" => counts.queued = number,
            "Running" | "Exiting" => counts.running = counts.running.saturating_add(number),
            "Expired" => counts.completed = number,
            _ => {}
        }
    }
    counts
}
