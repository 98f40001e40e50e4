//! A site in a few lines: a scheduler that outlives its agents, and an agent that does what a real
//! one does, one step at a time.

use std::collections::BTreeMap;

use broker_model::{AgentId, AttemptId, InstanceId, JobId, OutcomeKind, RemoteId, SiteId};
use jiff::{SignedDuration, Timestamp};
use site_adapter::{
    AttemptReport, LeaseReply, LeasedAttempt, Report, ReportReply, Seen, UsageReport,
};

use crate::agent::{outcome, refused, submitting, unused};

/// What a scheduler has, by marker.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    pub(crate) jobs: BTreeMap<AttemptId, ClusterJob>,
    /// Every time something was really started.
    pub(crate) starts: Vec<(JobId, AttemptId)>,
}

#[derive(Clone, Debug)]
pub(crate) struct ClusterJob {
    submitted_at: Timestamp,
    started_at: Option<Timestamp>,
    ended: Option<(Timestamp, OutcomeKind)>,
}

impl Cluster {
    /// As adapters do: what may exist is looked up first, and nothing else is.
    fn submit(&mut self, leased: &LeasedAttempt, may_exist: bool, now: Timestamp) {
        if may_exist && self.jobs.contains_key(&leased.attempt) {
            return;
        }
        self.starts.push((leased.job, leased.attempt));
        let job = ClusterJob {
            submitted_at: now,
            started_at: None,
            ended: None,
        };
        self.jobs.insert(leased.attempt, job);
    }

    /// Brings every job one step further: into running, and from there to its end.
    pub(crate) fn work(&mut self, now: Timestamp, fails: bool) {
        for job in self.jobs.values_mut().filter(|job| job.ended.is_none()) {
            if job.started_at.is_none() {
                job.started_at = Some(now);
            } else {
                let kind = [OutcomeKind::Completed, OutcomeKind::Failed][usize::from(fails)];
                job.ended = Some((now, kind));
            }
        }
    }

    fn cancel(&mut self, attempt: AttemptId, now: Timestamp) {
        if let Some(job) = self.jobs.get_mut(&attempt).filter(|it| it.ended.is_none()) {
            job.ended = Some((now, OutcomeKind::Cancelled));
        }
    }

    pub(crate) fn is_alive(&self, attempt: AttemptId) -> bool {
        self.jobs
            .get(&attempt)
            .is_some_and(|job| job.ended.is_none())
    }
}

#[derive(Debug)]
pub(crate) struct SimAgent {
    pub(crate) id: AgentId,
    pub(crate) instance: InstanceId,
    pub(crate) site: SiteId,
    tracked: BTreeMap<AttemptId, Tracked>,
}

#[derive(Debug)]
struct Tracked {
    leased: LeasedAttempt,
    phase: Phase,
    may_exist: bool,
    cancel: bool,
    lease_until: Timestamp,
    started: bool,
    events: Vec<AttemptReport>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    /// `Submitting` waits for the broker.
    Announcing,
    Ready,
    Unclear,
    Accepted,
    Ended,
    Closing,
}

impl Tracked {
    fn new(leased: LeasedAttempt) -> Self {
        let phase = match (&leased.accepted, leased.may_exist) {
            (Some(_), _) => Phase::Accepted,
            (None, true) => Phase::Unclear,
            (None, false) => Phase::New,
        };
        let mut tracked = Self {
            phase,
            may_exist: leased.may_exist,
            cancel: false,
            lease_until: leased.lease_until,
            started: false,
            events: Vec::new(),
            leased,
        };
        if tracked.leased.cancel && !tracked.leased.ended {
            tracked.request_cancel();
        }
        tracked
    }

    fn id(&self) -> AttemptId {
        self.leased.attempt
    }

    fn tell(&mut self, event: AttemptReport, phase: Phase) {
        self.events.push(event);
        self.phase = phase;
    }

    fn request_cancel(&mut self) {
        self.cancel = true;
        if matches!(self.phase, Phase::New | Phase::Announcing | Phase::Ready) && !self.may_exist {
            self.tell(
                refused(self.id(), "cancelled before it was sent"),
                Phase::Closing,
            );
        }
    }

    fn act(&mut self, cluster: &mut Cluster, now: Timestamp, refuses: bool) {
        match self.phase {
            Phase::New => self.tell(submitting(self.id()), Phase::Announcing),
            Phase::Ready if now < self.lease_until => self.submit(cluster, now, refuses),
            Phase::Unclear => self.look_up(cluster, now),
            Phase::Accepted => self.watch(cluster, now),
            Phase::Ended => self.meter(cluster),
            Phase::Ready | Phase::Announcing | Phase::Closing => {}
        }
    }

    fn submit(&mut self, cluster: &mut Cluster, now: Timestamp, refuses: bool) {
        if refuses && !self.may_exist {
            self.tell(refused(self.id(), "the scheduler says no"), Phase::Closing);
            return;
        }
        cluster.submit(&self.leased, self.may_exist, now);
        self.may_exist = true;
        self.accept(cluster);
    }

    fn accept(&mut self, cluster: &Cluster) {
        let seen = Seen {
            remote_id: RemoteId("7".to_owned()),
            submitted_at: cluster.jobs[&self.id()].submitted_at,
        };
        let attempt = self.id();
        self.tell(AttemptReport::Accepted { attempt, seen }, Phase::Accepted);
    }

    fn look_up(&mut self, cluster: &Cluster, now: Timestamp) {
        if cluster.jobs.contains_key(&self.id()) {
            self.accept(cluster);
        } else if self.leased.ended {
            self.tell(unused(self.id()), Phase::Closing);
        } else if self.cancel {
            self.end(now, OutcomeKind::Cancelled);
            self.tell(unused(self.id()), Phase::Closing);
        } else {
            self.tell(submitting(self.id()), Phase::Announcing);
        }
    }

    fn end(&mut self, ended_at: Timestamp, kind: OutcomeKind) {
        let ended = AttemptReport::Ended {
            attempt: self.id(),
            ended_at,
            outcome: outcome(kind),
        };
        self.tell(ended, Phase::Ended);
    }

    fn watch(&mut self, cluster: &mut Cluster, now: Timestamp) {
        if self.cancel {
            cluster.cancel(self.id(), now);
        }
        let seen = cluster.jobs[&self.id()].clone();
        if let (Some(started_at), false) = (seen.started_at, self.started) {
            let attempt = self.id();
            self.started = true;
            self.events.push(AttemptReport::Started {
                attempt,
                started_at,
            });
        }
        if let Some((ended_at, kind)) = seen.ended {
            self.end(ended_at, kind);
        }
    }

    fn meter(&mut self, cluster: &Cluster) {
        let seen = &cluster.jobs[&self.id()];
        let (ended_at, _) = seen.ended.unwrap();
        let resources = &self.leased.work.resources;
        let usage = seen.started_at.map(|started_at| UsageReport {
            elapsed_seconds: None,
            started_at,
            ended_at,
            nodes: resources.nodes,
            scheduler_gpus: resources.nodes * self.leased.work.scheduler_gpus_per_node(),
            cpus: 8,
            memory_gib: 8,
            energy_joules: None,
        });
        let attempt = self.id();
        let told = AttemptReport::Usage {
            attempt,
            usage,
            account: None,
        };
        self.tell(told, Phase::Closing);
    }

    fn stored(&mut self, events: &[AttemptReport]) {
        self.events.drain(..events.len());
        let announced = |it: &AttemptReport| matches!(it, AttemptReport::Submitting { .. });
        if self.phase == Phase::Announcing && events.iter().any(announced) {
            self.phase = Phase::Ready;
        }
    }
}

impl SimAgent {
    pub(crate) fn new(id: AgentId, instance: InstanceId, site: SiteId) -> Self {
        Self {
            id,
            instance,
            site,
            tracked: BTreeMap::new(),
        }
    }

    /// Forgets everything, as a killed process does, and comes back as another one.
    pub(crate) fn crash(&mut self, next: InstanceId) {
        self.tracked.clear();
        self.instance = next;
    }

    pub(crate) fn working_on(&self) -> Vec<AttemptId> {
        self.tracked.keys().copied().collect()
    }

    pub(crate) fn leased(&mut self, reply: LeaseReply) {
        for leased in reply.attempts {
            let known = self.tracked.entry(leased.attempt);
            known.or_insert_with(|| Tracked::new(leased));
        }
        self.stop(&reply.cancel);
    }

    fn stop(&mut self, attempts: &[AttemptId]) {
        for id in attempts {
            if let Some(tracked) = self.tracked.get_mut(id).filter(|it| !it.cancel) {
                tracked.request_cancel();
            }
        }
    }

    pub(crate) fn act(&mut self, cluster: &mut Cluster, now: Timestamp, refuses: bool) {
        for tracked in self.tracked.values_mut() {
            tracked.act(cluster, now, refuses);
        }
    }

    pub(crate) fn message(&self, renews: bool) -> Report {
        let events = self.tracked.values().flat_map(|it| it.events.clone());
        Report {
            snapshot_ttl_seconds: None,
            agent: self.id,
            instance: Some(self.instance),
            site: self.site.clone(),
            snapshot: None,
            attempts: events.collect(),
            logs: Vec::new(),
            working_on: if renews {
                self.working_on()
            } else {
                Vec::new()
            },
        }
    }

    pub(crate) fn reported(&mut self, report: &Report, reply: &ReportReply, now: Timestamp) {
        let sure = now.saturating_add(SignedDuration::from_secs(30)).unwrap();
        for (id, tracked) in &mut self.tracked {
            let of_it = report
                .attempts
                .iter()
                .filter(|event| event.attempt() == *id);
            let of_it: Vec<AttemptReport> = of_it.cloned().collect();
            tracked.stored(&of_it);
            if report.working_on.contains(id) {
                tracked.lease_until = tracked.lease_until.max(sure);
            }
        }
        self.tracked
            .retain(|_, it| it.phase != Phase::Closing || !it.events.is_empty());
        self.stop(&reply.cancel);
        self.tracked.retain(|id, _| !reply.forget.contains(id));
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.tracked.is_empty()
    }
}
