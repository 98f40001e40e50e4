use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use broker_model::{
    Clock, Outcome, OutcomeKind, PartitionSnapshot, RemoteId, SiteReadiness, SiteSnapshot,
};
use jiff::{SignedDuration, Timestamp};
use site_adapter::{
    Activity, Error, ErrorKind, LocalAccount, LogStream, ProbeResult, RemoteJob, RemoteRef, Result,
    SiteAdapter, Submission, Submitted, UsageReport,
};

use crate::broker::MemoryBroker;

/// How a call fails: before it had its effect, or after.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Before(ErrorKind),
    After(ErrorKind),
}

/// A scheduler that follows a script: a job is queued at the first poll, runs at the second and ends
/// at the third, and calls fail as told.
#[derive(Debug)]
pub(crate) struct ScriptedSite {
    broker: Arc<MemoryBroker>,
    clock: Arc<dyn Clock>,
    script: Mutex<Script>,
}

#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) jobs: BTreeMap<String, Job>,
    pub(crate) faults: BTreeMap<&'static str, VecDeque<Fault>>,
    pub(crate) calls: Vec<&'static str>,
    /// Under which account and to which partition each job was sent.
    pub(crate) sent_to: Vec<(String, String)>,
    /// Markers that the scheduler no longer has any trace of.
    pub(crate) gone: BTreeSet<String>,
    /// Neither accounting nor files of any job are left.
    pub(crate) purged: bool,
    /// The activity of the next polls, in place of the usual three.
    pub(crate) activities: VecDeque<Activity>,
    /// Jobs get no further than after so many polls.
    pub(crate) most_polls: Option<u32>,
    /// How many times accounting has nothing yet.
    pub(crate) usage_late: u32,
    pub(crate) stdout: Vec<u8>,
    /// What the snapshots tell of.
    pub(crate) partitions: Vec<PartitionSnapshot>,
    /// Subsystems and what is wrong with them.
    pub(crate) probes: Vec<(&'static str, &'static str)>,
    /// What the log shows only once accounting has the job: a slow file system.
    pub(crate) last_words: Vec<u8>,
}

#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) remote_id: RemoteId,
    pub(crate) submitted_at: Timestamp,
    pub(crate) starts: u32,
    pub(crate) polls: u32,
    pub(crate) cancelled: bool,
}

impl ScriptedSite {
    pub(crate) fn new(broker: Arc<MemoryBroker>, clock: Arc<dyn Clock>) -> Self {
        let script = Script {
            stdout: b"hello\nworld\n".to_vec(),
            ..Script::default()
        };
        Self {
            broker,
            clock,
            script: Mutex::new(script),
        }
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn fail(&self, call: &'static str, fault: Fault) {
        self.script()
            .faults
            .entry(call)
            .or_default()
            .push_back(fault);
    }

    pub(crate) fn starts(&self) -> Vec<u32> {
        self.script().jobs.values().map(|job| job.starts).collect()
    }

    pub(crate) fn count(&self, call: &str) -> usize {
        self.script().calls.iter().filter(|c| **c == call).count()
    }

    fn call<T>(&self, name: &'static str, act: impl FnOnce(&mut Script) -> Result<T>) -> Result<T> {
        let mut script = self.script();
        script.calls.push(name);
        let fault = script.faults.get_mut(name).and_then(VecDeque::pop_front);
        let error = |kind| Error::new(kind, name, "as the script says");
        match fault {
            None => act(&mut script),
            Some(Fault::Before(kind)) => Err(error(kind)),
            Some(Fault::After(kind)) => {
                act(&mut script)?;
                Err(error(kind))
            }
        }
    }

    fn outcome(kind: OutcomeKind) -> Outcome {
        Outcome {
            kind,
            exit_code: Some(0),
            signal: None,
            site_words: "SCRIPTED".to_owned(),
        }
    }

    fn activity(&self, job: &Job) -> Activity {
        let started_at = job.submitted_at + SignedDuration::from_secs(10);
        match (job.cancelled, job.polls) {
            (true, polls) => Activity::Ended {
                started_at: (polls >= 2).then_some(started_at),
                ended_at: self.clock.now(),
                outcome: Self::outcome(OutcomeKind::Cancelled),
            },
            (false, 0 | 1) => Activity::Queued {
                reason: Some("Priority".to_owned()),
                expected_start: None,
            },
            (false, 2) => Activity::Running { started_at },
            (false, _) => Activity::Ended {
                started_at: Some(started_at),
                ended_at: started_at + SignedDuration::from_secs(5),
                outcome: Self::outcome(OutcomeKind::Completed),
            },
        }
    }

    fn seen(&self, marker: &str, job: &Job) -> RemoteJob {
        RemoteJob {
            tasks: None,
            marker: marker.to_owned(),
            remote_id: job.remote_id.clone(),
            submitted_at: job.submitted_at,
            activity: self.activity(job),
        }
    }
}

#[async_trait]
impl SiteAdapter for ScriptedSite {
    async fn snapshot(&self) -> Result<SiteSnapshot> {
        self.call("snapshot", |script| {
            Ok(SiteSnapshot {
                observed_at: self.clock.now(),
                readiness: SiteReadiness::Ready,
                reason: None,
                partitions: script.partitions.clone(),
            })
        })
    }

    async fn submit(&self, submission: &Submission) -> Result<Submitted> {
        assert!(
            self.broker.has_stored_submitting(submission.attempt),
            "sent before the broker had stored `Submitting`"
        );
        self.call("submit", |script| {
            let partition = submission.work.partition.partition.to_string();
            let user = submission.account.user.clone();
            script.sent_to.push((user, partition));
            let id = RemoteId((script.jobs.len() + 1).to_string());
            let fresh = Job {
                remote_id: id,
                submitted_at: self.clock.now(),
                starts: 0,
                polls: 0,
                cancelled: false,
            };
            let job = script.jobs.entry(submission.marker()).or_insert(fresh);
            let adopted = submission.may_exist && job.starts > 0;
            job.starts += u32::from(!adopted);
            Ok(Submitted {
                remote_id: job.remote_id.clone(),
                submitted_at: job.submitted_at,
                adopted,
            })
        })
    }

    async fn find(&self, _: &LocalAccount, marker: &str) -> Result<Option<RemoteJob>> {
        self.call("find", |script| {
            let job = script
                .jobs
                .get(marker)
                .filter(|_| !script.gone.contains(marker) && !script.purged);
            Ok(job.map(|job| self.seen(marker, job)))
        })
    }

    async fn poll(&self, jobs: &[RemoteRef]) -> Result<Vec<RemoteJob>> {
        self.call("poll", |script| {
            let mut seen = Vec::new();
            for asked in jobs
                .iter()
                .filter(|job| !script.gone.contains(&job.marker) && !script.purged)
            {
                let Some(job) = script.jobs.get_mut(&asked.marker) else {
                    continue;
                };
                job.polls = (job.polls + 1).min(script.most_polls.unwrap_or(u32::MAX));
                let mut told = self.seen(&asked.marker, job);
                if let Some(activity) = script.activities.pop_front() {
                    told.activity = activity;
                }
                seen.push(told);
            }
            Ok(seen)
        })
    }

    async fn cancel(&self, job: &RemoteRef) -> Result<()> {
        self.call("cancel", |script| {
            if let Some(job) = script.jobs.get_mut(&job.marker) {
                job.cancelled = true;
            }
            Ok(())
        })
    }

    async fn usage(&self, job: &RemoteRef) -> Result<Option<UsageReport>> {
        self.call("usage", |script| {
            if script.purged {
                return Ok(None);
            }
            if script.usage_late > 0 {
                script.usage_late -= 1;
                return Ok(None);
            }
            let last_words = std::mem::take(&mut script.last_words);
            script.stdout.extend(last_words);
            let ran = script.jobs.get(&job.marker).filter(|job| job.polls >= 2);
            Ok(ran.map(|job| UsageReport {
                elapsed_seconds: None,
                started_at: job.submitted_at + SignedDuration::from_secs(10),
                ended_at: job.submitted_at + SignedDuration::from_secs(15),
                nodes: 1,
                scheduler_gpus: 0,
                cpus: 1,
                memory_gib: 1,
                energy_joules: None,
            }))
        })
    }

    async fn read_log(
        &self,
        _: &RemoteRef,
        stream: LogStream,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>> {
        self.call("read_log", |script| {
            if stream == LogStream::Stderr || script.purged {
                return Ok(Vec::new());
            }
            let from = usize::try_from(offset).unwrap().min(script.stdout.len());
            let to = (from + max_bytes).min(script.stdout.len());
            Ok(script.stdout[from..to].to_vec())
        })
    }

    async fn probe(&self) -> Vec<ProbeResult> {
        let probes = self.script().probes.clone();
        let result = |(subsystem, problem): (&str, &str)| ProbeResult {
            subsystem: subsystem.to_owned(),
            problem: (!problem.is_empty()).then(|| problem.to_owned()),
        };
        probes.into_iter().map(result).collect()
    }
}
