//! An agent by hand: it says what a test lets it say.

use broker_app::Broker;
use broker_model::{
    AgentId, AttemptId, Clock as _, InstanceId, Outcome, OutcomeKind, PartitionSnapshot, RemoteId,
    Site, SiteId, SiteReadiness, SiteSnapshot, SystemStatus,
};
use jiff::Timestamp;
use site_adapter::{
    AttemptReport, LeaseReply, LeaseRequest, LeasedAttempt, LogChunk, LogStream, Report,
    ReportReply, Seen, UsageReport,
};

use crate::world::World;

pub(crate) struct Agent<'w> {
    pub(crate) world: &'w World,
    pub(crate) id: AgentId,
    pub(crate) instance: Option<InstanceId>,
    pub(crate) site: SiteId,
}

impl<'w> Agent<'w> {
    pub(crate) fn of(world: &'w World, site: &str) -> Self {
        Self {
            world,
            id: world.ids.next(&*world.clock),
            instance: None,
            site: site.parse().unwrap(),
        }
    }

    pub(crate) fn request(&self, want: u32, working_on: &[AttemptId]) -> LeaseRequest {
        LeaseRequest {
            agent: self.id,
            instance: self.instance,
            site: self.site.clone(),
            scheduler: None,
            systems: Vec::new(),
            only_sent: false,
            want,
            wait_seconds: 0,
            working_on: working_on.to_vec(),
        }
    }

    pub(crate) async fn ask(
        &self,
        broker: &Broker,
        want: u32,
        working_on: &[AttemptId],
    ) -> LeaseReply {
        let request = self.request(want, working_on);
        let mut reply = broker.lease(&request).await.unwrap();
        reply.attempts.sort_by_key(|attempt| attempt.job);
        reply
    }

    /// Asks as an agent that is busy with something else.
    pub(crate) async fn ask_busy(&self, broker: &Broker, want: u32) -> LeaseReply {
        let busy_with = [self.world.ids.next(&*self.world.clock)];
        self.ask(broker, want, &busy_with).await
    }

    /// What an agent that has nothing is given.
    pub(crate) async fn lease(&self, broker: &Broker) -> Vec<LeasedAttempt> {
        self.ask(broker, 100, &[]).await.attempts
    }

    pub(crate) async fn lease_one(&self, broker: &Broker) -> LeasedAttempt {
        let mut attempts = self.lease(broker).await;
        assert_eq!(attempts.len(), 1, "{attempts:?}");
        attempts.remove(0)
    }

    pub(crate) fn message(&self, attempts: Vec<AttemptReport>) -> Report {
        Report {
            snapshot_ttl_seconds: None,
            agent: self.id,
            instance: self.instance,
            site: self.site.clone(),
            snapshot: None,
            attempts,
            logs: Vec::new(),
            working_on: Vec::new(),
        }
    }

    pub(crate) async fn report(
        &self,
        broker: &Broker,
        attempts: Vec<AttemptReport>,
    ) -> ReportReply {
        broker.report(self.message(attempts)).await.unwrap()
    }

    pub(crate) async fn renew(&self, broker: &Broker, working_on: &[AttemptId]) -> ReportReply {
        let report = Report {
            working_on: working_on.to_vec(),
            ..self.message(Vec::new())
        };
        broker.report(report).await.unwrap()
    }

    /// Tells that the site is ready and every machine of it free.
    pub(crate) async fn show(&self, broker: &Broker) {
        let report = Report {
            snapshot: Some(self.snapshot()),
            ..self.message(Vec::new())
        };
        broker.report(report).await.unwrap();
    }

    pub(crate) async fn log(&self, broker: &Broker, attempt: AttemptId, offset: u64, text: &str) {
        let report = Report {
            logs: vec![chunk(attempt, offset, text)],
            ..self.message(Vec::new())
        };
        broker.report(report).await.unwrap();
    }

    pub(crate) fn snapshot(&self) -> SiteSnapshot {
        let mut sites = self.world.sites.iter();
        let site = sites.find(|site| site.id == self.site).unwrap();
        SiteSnapshot {
            observed_at: self.world.now(),
            readiness: SiteReadiness::Ready,
            reason: None,
            partitions: partitions(site),
        }
    }

    pub(crate) fn started(&self, attempt: AttemptId) -> AttemptReport {
        AttemptReport::Started {
            attempt,
            started_at: self.world.clock.now(),
        }
    }

    pub(crate) fn accepted(&self, attempt: AttemptId) -> AttemptReport {
        AttemptReport::Accepted {
            attempt,
            seen: Seen {
                remote_id: RemoteId("4711".to_owned()),
                submitted_at: self.world.clock.now(),
            },
        }
    }

    pub(crate) fn ended(&self, attempt: AttemptId, kind: OutcomeKind) -> AttemptReport {
        AttemptReport::Ended {
            attempt,
            ended_at: self.world.clock.now(),
            outcome: outcome(kind),
        }
    }

    /// What the job's partition counts for a run of so many minutes that ends now.
    pub(crate) fn used(&self, leased: &LeasedAttempt, minutes: i64) -> AttemptReport {
        AttemptReport::Usage {
            attempt: leased.attempt,
            usage: Some(self.usage(leased, minutes)),
            account: None,
        }
    }

    pub(crate) fn usage(&self, leased: &LeasedAttempt, minutes: i64) -> UsageReport {
        let ended_at = self.world.clock.now();
        let run = jiff::SignedDuration::from_mins(minutes);
        let nodes = leased.work.resources.nodes;
        UsageReport {
            elapsed_seconds: None,
            started_at: ended_at.saturating_sub(run).unwrap_or(Timestamp::MIN),
            ended_at,
            nodes,
            scheduler_gpus: nodes * leased.work.scheduler_gpus_per_node(),
            cpus: 8 * nodes,
            memory_gib: 16 * nodes,
            energy_joules: None,
        }
    }

    /// From announced to running.
    pub(crate) async fn start(&self, broker: &Broker, attempt: AttemptId) {
        self.report(broker, vec![submitting(attempt)]).await;
        let events = vec![self.accepted(attempt), self.started(attempt)];
        self.report(broker, events).await;
    }

    /// From running to settled.
    pub(crate) async fn finish(&self, broker: &Broker, leased: &LeasedAttempt, minutes: i64) {
        let events = vec![
            self.ended(leased.attempt, OutcomeKind::Completed),
            self.used(leased, minutes),
        ];
        self.report(broker, events).await;
    }
}

fn partitions(site: &Site) -> Vec<PartitionSnapshot> {
    let operational = |status| status == SystemStatus::Operational;
    let mut all = Vec::new();
    for system in site.systems.iter().filter(|it| operational(it.status)) {
        for partition in &system.partitions {
            let nodes = partition.nodes.unwrap_or(100);
            all.push(PartitionSnapshot {
                reason: None,
                expected_start: None,
                gpus: Vec::new(),
                nodes_drained: 0,
                system: system.id.clone(),
                partition: partition.id.clone(),
                accepting: true,
                nodes_total: nodes,
                nodes_free: nodes,
                gpus_total: 0,
                gpus_free: 0,
                max_walltime_seconds: None,
                max_nodes_per_job: None,
                jobs_running: 0,
                jobs_queued: 0,
                backlog_node_seconds: None,
            });
        }
    }
    all
}

pub(crate) fn submitting(attempt: AttemptId) -> AttemptReport {
    AttemptReport::Submitting { attempt }
}

pub(crate) fn refused(attempt: AttemptId, reason: &str) -> AttemptReport {
    AttemptReport::Refused {
        attempt,
        reason: reason.to_owned(),
    }
}

pub(crate) fn unused(attempt: AttemptId) -> AttemptReport {
    AttemptReport::Usage {
        attempt,
        usage: None,
        account: None,
    }
}

pub(crate) fn outcome(kind: OutcomeKind) -> Outcome {
    Outcome {
        kind,
        exit_code: Some(0),
        signal: None,
        site_words: "COMPLETED".to_owned(),
    }
}

pub(crate) fn chunk(attempt: AttemptId, offset: u64, text: &str) -> LogChunk {
    LogChunk {
        attempt,
        stream: LogStream::Stdout,
        offset,
        bytes: text.as_bytes().to_vec(),
    }
}
