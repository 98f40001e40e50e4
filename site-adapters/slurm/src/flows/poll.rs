//! One query a tick, whatever the number of jobs: the states of `jobs/state/`.
//!
//! It has ids and no names, and slurmctld gives the ids of lost jobs out again, so the accounting is
//! asked whose an id is when a job is new, has changed or has left the queue: one more query in such
//! a tick, of at most [`IDS_AT_ONCE`] ids. Jobs that do not change are checked beside those, or by a
//! few queries a minute ([`Minute`](crate::minute::Minute)). The accounting alone cannot tell that a
//! job still lives (a lost one stays RUNNING there for ever). What both leave open is asked of
//! slurmctld job by job, up to a bound: a job not yet in the accounting, or a changed one while the
//! accounting is down. Why jobs wait is asked once a minute (`waiting.rs`).
//!
//! The tasks of an array are in both under ids of their own; whose they are the accounting tells.
//!
//! Slurm before 24.05 has no `jobs/state/`: there all of slurmctld's jobs are read where they are few,
//! and the accounting is asked for those that are not among them and for arrays. Where they are many
//! the accounting is asked, each tick for some, and slurmctld for two jobs, to hear that it is alive.

use site_adapter::{Activity, RemoteJob, RemoteRef, Result};

use crate::adapter::{SlurmAdapter, plain_id};
use crate::calls::accounting::Accounted;
use crate::calls::states::Queue;
use crate::known::Sight;
use crate::whole::Whole;

use super::judge::{Accounts, Verdict, judge, sight};
use super::questions::{Believed, MOST_QUESTIONS, Question};
use super::queue::Live;
use super::together::Beside;

/// Ids in one query: 7 KB of address at most, and proxies commonly take 8. slurmrestd takes 13.
const IDS_AT_ONCE: usize = 500;
/// Before 24.05: jobs whose life is looked at in a tick. Two, so that one of which nobody can tell
/// is not taken for a silent slurmctld.
const LOOKS: usize = 2;

/// Jobs with their state in slurmctld, where it tells states.
pub(super) struct Polled<'a> {
    pub(super) jobs: Vec<&'a RemoteRef>,
    queue: Option<Queue>,
    /// All of slurmctld's jobs, where it tells no states and they are few.
    live: Option<Live>,
}

impl Polled<'_> {
    pub(super) const fn tells_states(&self) -> bool {
        self.queue.is_some()
    }

    pub(super) fn sight(&self, job: &RemoteRef, own: &[u64]) -> Sight {
        self.queue
            .as_ref()
            .map_or_else(Sight::default, |queue| sight(queue, job, own))
    }
}

impl SlurmAdapter {
    pub(crate) async fn poll_jobs(&self, jobs: &[RemoteRef]) -> Result<Vec<RemoteJob>> {
        // What is no Slurm id is no job here, and has no place in an address.
        let jobs: Vec<&RemoteRef> = jobs.iter().filter(|job| plain_id(job).is_ok()).collect();
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let queue = self.queue(&jobs).await?;
        let live = match queue {
            Some(_) => None,
            None => self.live_for(&jobs).await?,
        };
        let polled = Polled { jobs, queue, live };
        let asked = self.turn_of(&polled);
        let accounts = self.accounts(&polled.jobs, &asked).await;
        let accounts = match &accounts {
            Ok(accounts) => Some(accounts),
            Err(error) => {
                tracing::warn!(%error, "the accounting does not tell of the jobs that changed");
                None
            }
        };
        let verdicts = self.judge_all(&polled, &asked, accounts);
        let beside = Beside {
            live: polled.live.as_ref(),
            accounting_is_down: accounts.is_none(),
            tells_states: polled.tells_states(),
        };
        let mut gone = self.settle_open(&polled, verdicts, &beside).await?;
        gone.extend(self.ask_why(&polled).await?);
        self.forget(&polled, &gone);
        self.known.keep_only(&polled.jobs);
        let told = polled.jobs.iter().enumerate();
        Ok(told
            .filter(|(position, _)| !gone.contains(position))
            .map(|(_, job)| {
                let whole = self.known.whole(job);
                whole
                    .unwrap_or(Whole::single(Activity::Unknown))
                    .remote(job)
            })
            .collect())
    }

    /// States by id; `None` where the version has no `jobs/state/`.
    async fn queue(&self, jobs: &[&RemoteRef]) -> Result<Option<Queue>> {
        // All of it is 80 bytes a job, and one call still.
        let few = Some(jobs).filter(|jobs| jobs.len() <= IDS_AT_ONCE);
        let ids: Vec<&str> = few.map_or(Vec::new(), |jobs| {
            jobs.iter().map(|job| job.remote_id.0.as_str()).collect()
        });
        self.states(self.transport.reader(), &ids).await
    }

    /// Positions of the jobs to ask the accounting for in this tick, by one query.
    fn turn_of(&self, polled: &Polled<'_>) -> Vec<usize> {
        if polled.queue.is_none() {
            let others = self.take_live(&polled.jobs, polled.live.as_ref());
            let jobs: Vec<&RemoteRef> = of(&polled.jobs, &others).collect();
            let turns = self.known.longest_untold(&jobs, IDS_AT_ONCE);
            return of(&others, &turns).collect();
        }
        let sight = |job: &RemoteRef, own: &[u64]| polled.sight(job, own);
        let now = self.clock.now();
        let turns = self.known.turns(&polled.jobs, sight, now);
        let mut asked = turns.changed;
        let is_free = !asked.is_empty();
        if is_free || (!turns.old.is_empty() && self.minute.may_check(now)) {
            asked.extend(turns.old);
        }
        asked.truncate(IDS_AT_ONCE);
        asked
    }

    async fn accounts(&self, jobs: &[&RemoteRef], asked: &[usize]) -> Result<Accounts> {
        let ids: Vec<&str> = of(jobs, asked)
            .map(|job| job.remote_id.0.as_str())
            .collect();
        let mut accounts = Accounts::default();
        if ids.is_empty() {
            return Ok(accounts);
        }
        for Accounted { job, .. } in self.accounted(self.transport.reader(), &ids).await? {
            accounts.add(job);
        }
        Ok(accounts)
    }

    fn judge_all(
        &self,
        polled: &Polled<'_>,
        asked: &[usize],
        accounts: Option<&Accounts>,
    ) -> Vec<(usize, Verdict)> {
        let jobs = asked
            .iter()
            .filter_map(|position| Some((*position, *polled.jobs.get(*position)?)));
        let Some(queue) = &polled.queue else {
            let (positions, jobs): (Vec<usize>, Vec<&RemoteRef>) = jobs.unzip();
            let verdicts = self.judge_without_queue(&jobs, accounts, polled.live.as_ref());
            return positions.into_iter().zip(verdicts).collect();
        };
        let judged = jobs.map(|(position, job)| {
            let ours = accounts.and_then(|accounts| accounts.ours(job));
            if let Some(ours) = ours.as_ref().filter(|ours| ours.is_array()) {
                let own = ours.all().map(|task| task.id);
                self.known.has_own_ids(job, own.collect());
            }
            let own = self.known.own_ids(job);
            (position, judge(job, queue, &own, accounts))
        });
        judged.collect()
    }

    /// Takes in what is told and puts the open questions to slurmctld; returns which jobs are gone.
    async fn settle_open(
        &self,
        polled: &Polled<'_>,
        verdicts: Vec<(usize, Verdict)>,
        beside: &Beside<'_>,
    ) -> Result<Vec<usize>> {
        let now = self.clock.now();
        let (mut gone, mut open) = (Vec::new(), Vec::new());
        for (position, verdict) in verdicts {
            let Some(job) = polled.jobs.get(position) else {
                continue;
            };
            let sight = polled.sight(job, &self.known.own_ids(job));
            let told = |sight, whole| self.known.told(&job.marker, sight, whole, (now, false));
            let mut ask = |believed| {
                open.push(Question {
                    position,
                    job,
                    sight,
                    believed,
                });
            };
            match verdict {
                Verdict::Is(whole) => told(sight, whole),
                Verdict::Passes(whole) => told(Sight::default(), whole),
                Verdict::Waits(whole) => told(sight, self.with_known_reason(job, whole)),
                Verdict::Gone => gone.push(position),
                Verdict::Ask(otherwise, records) => ask(Believed::Answer(otherwise, records)),
                Verdict::IfThere(whole) => ask(Believed::IfThere(whole)),
                Verdict::Keep => {}
            }
        }
        gone.extend(self.ask_open(open, beside).await?);
        Ok(gone)
    }

    fn forget(&self, polled: &Polled<'_>, gone: &[usize]) {
        for job in gone
            .iter()
            .filter_map(|position| polled.jobs.get(*position))
        {
            self.known.gone(&job.marker);
        }
    }

    /// With the reason that slurmctld gave before.
    fn with_known_reason(&self, job: &RemoteRef, whole: Whole) -> Whole {
        match self.known.whole(job) {
            Some(before) if is_reasoned(&before) => Whole {
                activity: before.activity,
                ..whole
            },
            _ => whole,
        }
    }

    /// Slurm before 24.05: life is checked of a few jobs a tick, in turn. A job that is over in the
    /// accounting is looked at too: it may be completing still, and 22.05 writes no exit codes there.
    /// So is an array of which it tells anything new: of the tasks that wait it writes nothing. Of
    /// what is among the jobs that were read a look costs nothing.
    fn judge_without_queue(
        &self,
        jobs: &[&RemoteRef],
        accounts: Option<&Accounts>,
        live: Option<&Live>,
    ) -> Vec<Verdict> {
        let due = self.known.longest_unseen(jobs, LOOKS);
        let mut looks = MOST_QUESTIONS / 2;
        let judge = |(position, job): (usize, &&RemoteRef)| {
            let is_read = live.is_some_and(|live| live.tells(job).is_some());
            let is_due = is_read || due.contains(&position);
            let Some(ours) = accounts.and_then(|accounts| accounts.ours(job)) else {
                return Verdict::Ask(None, None);
            };
            let Some(whole) = ours.whole() else {
                return Verdict::Ask(None, Some(Box::new(ours)));
            };
            if ours.is_over() {
                looks = looks.saturating_sub(usize::from(!is_read));
                return match looks {
                    0 => Verdict::Is(whole),
                    _ => Verdict::Ask(Some(whole), Some(Box::new(ours))),
                };
            }
            if ours.is_array() && (is_due || self.has_moved(job, &whole)) {
                return Verdict::Ask(None, Some(Box::new(ours)));
            }
            match (ours.is_array(), is_due, &whole.activity) {
                (true, ..) => self.known.whole(job).map_or(Verdict::Keep, Verdict::Is),
                (false, true, Activity::Queued { .. }) => Verdict::Ask(None, None),
                (false, true, _) => Verdict::IfThere(whole),
                (false, false, Activity::Queued { .. }) => Verdict::Waits(whole),
                (false, false, _) => Verdict::Is(whole),
            }
        };
        jobs.iter().enumerate().map(judge).collect()
    }

    /// Whether the accounting has other counts of an array's tasks than were told, or none were.
    fn has_moved(&self, job: &RemoteRef, now: &Whole) -> bool {
        let counts = |whole: &Whole| whole.tasks.map(|it| (it.running, it.completed, it.failed));
        let told = self.known.whole(job);
        told.is_none_or(|told| counts(&told) != counts(now))
    }
}

fn of<'a, T: Copy>(all: &'a [T], positions: &'a [usize]) -> impl Iterator<Item = T> + 'a {
    positions
        .iter()
        .filter_map(|position| all.get(*position).copied())
}

const fn is_reasoned(whole: &Whole) -> bool {
    matches!(
        whole.activity,
        Activity::Queued {
            reason: Some(_),
            ..
        }
    )
}
