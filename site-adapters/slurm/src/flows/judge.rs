//! What the bulk queries of a tick say of one job.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use site_adapter::{Activity, LocalAccount, RemoteRef};

use crate::calls::states::Queue;
use crate::known::Sight;
use crate::record::{JobRecord, Task};
use crate::states::{JobState, Phase};
use crate::value::Exit;
use crate::whole::{Records, Whole};

/// Of one job, after the bulk queries.
pub(super) enum Verdict {
    Is(Whole),
    /// So it is told, and the sources do not agree yet: ask again in the next tick.
    Passes(Whole),
    /// Not there, or the id is somebody else's now.
    Gone,
    /// Only slurmctld can tell; what to fall back on if it no longer has the job, and what the
    /// accounting has of it.
    Ask(Option<Whole>, Option<Box<Records>>),
    /// This, if slurmctld has the job.
    IfThere(Whole),
    /// In the queue; why it waits only slurmctld tells.
    Waits(Whole),
    /// Nobody can tell just now: as before, or unknown.
    Keep,
}

/// What the accounting has, by the id that a job or an array was given as a whole.
#[derive(Debug, Default)]
pub(super) struct Accounts(HashMap<u64, Vec<JobRecord>>);

impl Accounts {
    pub(super) fn add(&mut self, job: JobRecord) {
        self.0.entry(job.whole_id()).or_default().push(job);
    }

    fn of_id(&self, job: &RemoteRef) -> &[JobRecord] {
        let id = job.remote_id.0.parse().ok();
        id.and_then(|id: u64| self.0.get(&id))
            .map_or(&[], Vec::as_slice)
    }

    /// All of the job, if one record is the very submission: the later ones with its marker are what
    /// became of it after a requeue.
    pub(super) fn ours(&self, job: &RemoteRef) -> Option<Records> {
        let all = self.of_id(job);
        let carry = || all.iter().filter(|record| record.carries(&job.marker));
        carry()
            .any(|record| record.submitted_at == job.submitted_at)
            .then_some(())?;
        Records::of(carry().filter(|record| record.submitted_at >= job.submitted_at))
    }

    /// The id was given to somebody else since.
    fn is_given_away(&self, job: &RemoteRef) -> bool {
        let all = self.of_id(job);
        let newest = all.iter().max_by_key(|record| record.submitted_at);
        newest.is_some_and(|newest| !newest.carries(&job.marker))
    }
}

/// What is to be seen of a job in the list of states, where an array's tasks have ids of their own.
pub(super) fn sight(queue: &Queue, job: &RemoteRef, own: &[u64]) -> Sight {
    let id = job.remote_id.0.parse().unwrap_or(0);
    let mut digest = DefaultHasher::new();
    let mut any = false;
    for own in ids(id, own) {
        for (task, state) in queue.tasks(own) {
            any = true;
            (own, task, &state.word, state.phase == Phase::Running).hash(&mut digest);
        }
    }
    if any {
        return Sight {
            phase: Some(Phase::Running),
            tasks: digest.finish(),
        };
    }
    Sight {
        phase: queue.job(id).map(|state| state.phase),
        tasks: 0,
    }
}

/// The array's own id stands for those that wait, and is the last task's.
fn ids(whole: u64, own: &[u64]) -> impl Iterator<Item = u64> {
    let others = own.iter().copied().filter(move |own| *own != whole);
    others.chain([whole])
}

/// For the fuzzer: judges each job of the accounting by a list of states.
pub(crate) fn judge_each(queue: &Queue, records: &[JobRecord]) {
    let mut accounts = Accounts::default();
    let owned = records.iter().cloned();
    owned.for_each(|record| accounts.add(record));
    for record in records {
        let job = RemoteRef {
            marker: record.name.clone(),
            account: LocalAccount {
                user: "alice".to_owned(),
                account: None,
                qos: None,
            },
            remote_id: record.remote_id(),
            submitted_at: record.submitted_at,
        };
        let own = accounts
            .ours(&job)
            .map(|ours| ours.all().map(|task| task.id).collect());
        let own: Vec<u64> = own.unwrap_or_default();
        let _ = judge(&job, queue, &own, Some(&accounts));
    }
}

pub(super) fn judge(
    job: &RemoteRef,
    queue: &Queue,
    own: &[u64],
    accounts: Option<&Accounts>,
) -> Verdict {
    let is_queued = sight(queue, job, own).phase.is_some();
    let Some(accounts) = accounts else {
        // Only the accounting can tell what became of a job that left the queue.
        return if is_queued {
            Verdict::Ask(None, None)
        } else {
            Verdict::Keep
        };
    };
    let Some(ours) = accounts.ours(job) else {
        return if is_queued {
            Verdict::Ask(None, None)
        } else {
            Verdict::Gone
        };
    };
    let given_away = accounts.is_given_away(job);
    if given_away && !ours.is_over() {
        return Verdict::Gone;
    }
    if ours.is_array() {
        return judge_array(job, queue, own, ours);
    }
    let state = job.remote_id.0.parse().ok().and_then(|id| queue.job(id));
    let state = state.filter(|_| !given_away);
    let Some(record) = ours.all().next() else {
        return Verdict::Keep;
    };
    judge_one(record, state)
}

fn judge_one(ours: &JobRecord, queued: Option<&JobState>) -> Verdict {
    let lets_go = queued.is_none_or(|state| matches!(state.phase, Phase::Over(_)));
    if ours.is_over() && lets_go {
        let whole = Whole::single(ours.activity());
        return match queued {
            Some(_) if ours.is_unexplained() => Verdict::Ask(Some(whole), None),
            _ => Verdict::Is(whole),
        };
    }
    let Some(state) = queued else {
        return Verdict::Gone;
    };
    match state.phase {
        Phase::Waiting => Verdict::Waits(Whole::single(ours.in_state(state).queued())),
        Phase::Unknown => Verdict::Ask(None, None),
        // In the accounting not yet, or only the piece before it was put back into the queue.
        _ if ours.started_at().is_none() || ours.state.phase == Phase::Waiting => {
            Verdict::Ask(None, None)
        }
        Phase::Over(_) | Phase::Running => Verdict::Is(Whole::single(ours.running())),
    }
}

/// An array's tasks: slurmctld's states as far as it has them, and the accounting's facts.
fn judge_array(job: &RemoteRef, queue: &Queue, own: &[u64], ours: Records) -> Verdict {
    let whole_id = job.remote_id.0.parse().unwrap_or(0);
    let known: HashMap<u32, JobRecord> = ours.tasks().map(|(n, task)| (n, task.clone())).collect();
    let mut merged = ours.clone();
    let mut seen = HashMap::new();
    for own in ids(whole_id, own) {
        for (index, state) in queue.tasks(own) {
            let record = known.get(index).or_else(|| known.values().next());
            let Some(record) = record else { continue };
            let is_new = !known.contains_key(index);
            merged.add(&task_of(record, is_new, (whole_id, own, *index), state));
            seen.insert(*index, state.phase);
        }
    }
    let lives = ours.tasks().filter(|(_, task)| !task.is_over());
    let lost = lives.filter(|(index, _)| !seen.contains_key(index)).count();
    if seen.is_empty() && lost > 0 {
        return Verdict::Gone;
    }
    let agrees = |(index, phase): (&u32, &Phase)| {
        known
            .get(index)
            .is_some_and(|task| task.state.phase == *phase)
    };
    let is_settled = lost == 0 && seen.iter().all(agrees);
    match merged.whole() {
        None => Verdict::Ask(None, Some(Box::new(ours))),
        Some(whole) if !is_settled => Verdict::Passes(whole),
        Some(whole) if matches!(whole.activity, Activity::Queued { .. }) => Verdict::Waits(whole),
        Some(whole) => Verdict::Is(whole),
    }
}

/// A task in the state that slurmctld tells, with what the accounting has of it, or of another.
fn task_of(
    record: &JobRecord,
    is_new: bool,
    (array, own, index): (u64, u64, u32),
    state: &JobState,
) -> JobRecord {
    let task = Some(Task {
        array,
        indices: vec![index],
    });
    if !is_new {
        return JobRecord {
            task,
            ..record.in_state(state)
        };
    }
    let mut blank = JobRecord {
        id: own,
        task,
        start: None,
        ended_at: None,
        has_nodes: false,
        exit: Exit::default(),
        was_killed: None,
        reason: None,
        ..record.clone()
    };
    blank.state.phase = Phase::Waiting;
    blank.in_state(state)
}
