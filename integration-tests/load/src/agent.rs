//! An agent's words without a scheduler behind it: what the broker's own part of a job costs.

use anyhow::Context as _;
use broker_app::Broker;
use broker_model::{
    AgentId, AttemptId, Clock as _, Ids, Outcome, OutcomeKind, RemoteId, SiteId, SystemClock,
};
use site_adapter::{AttemptReport, LeaseRequest, LeasedAttempt, Report, Seen, UsageReport};

#[derive(Clone, Debug)]
pub(crate) struct Teller {
    broker: Broker,
    site: SiteId,
    agent: AgentId,
}

impl Teller {
    pub(crate) fn new(broker: &Broker, site: &SiteId) -> Self {
        let agent = Ids::from_os().next(&SystemClock);
        Self {
            broker: broker.clone(),
            site: site.clone(),
            agent,
        }
    }

    /// Leases up to so many placed jobs.
    pub(crate) async fn lease(&self, want: u32) -> anyhow::Result<Vec<LeasedAttempt>> {
        let request = LeaseRequest {
            agent: self.agent,
            instance: None,
            site: self.site.clone(),
            scheduler: None,
            systems: Vec::new(),
            only_sent: false,
            want,
            wait_seconds: 0,
            working_on: Vec::new(),
        };
        Ok(self.broker.lease(&request).await?.attempts)
    }

    /// Tells of a job that began and ended at once, with its usage: five reports of each attempt.
    pub(crate) async fn finish(&self, leased: &[LeasedAttempt]) -> anyhow::Result<()> {
        let attempts = leased
            .iter()
            .flat_map(|one| whole_life(one.attempt))
            .collect();
        let report = Report {
            snapshot_ttl_seconds: None,
            agent: self.agent,
            instance: None,
            site: self.site.clone(),
            snapshot: None,
            attempts,
            logs: Vec::new(),
            working_on: Vec::new(),
        };
        let reply = self.broker.report(report).await?;
        anyhow::ensure!(
            reply.forget.is_empty(),
            "the broker knows nothing of {:?}",
            reply.forget
        );
        Ok(())
    }

    /// Takes one job to its end; its attempt.
    pub(crate) async fn finish_one(&self) -> anyhow::Result<AttemptId> {
        let leased = self.lease(1).await?;
        let attempt = leased.first().context("nothing to lease")?.attempt;
        self.finish(&leased).await?;
        Ok(attempt)
    }
}

fn whole_life(attempt: AttemptId) -> [AttemptReport; 5] {
    let now = SystemClock.now();
    let seen = Seen {
        remote_id: RemoteId("1".to_owned()),
        submitted_at: now,
    };
    let outcome = Outcome {
        kind: OutcomeKind::Completed,
        exit_code: Some(0),
        signal: None,
        site_words: "COMPLETED".to_owned(),
    };
    let usage = UsageReport {
        elapsed_seconds: None,
        started_at: now,
        ended_at: now,
        nodes: 1,
        scheduler_gpus: 2,
        cpus: 1,
        memory_gib: 0,
        energy_joules: None,
    };
    [
        AttemptReport::Submitting { attempt },
        AttemptReport::Accepted { attempt, seen },
        AttemptReport::Started {
            attempt,
            started_at: now,
        },
        AttemptReport::Ended {
            attempt,
            ended_at: now,
            outcome,
        },
        AttemptReport::Usage {
            attempt,
            usage: Some(usage),
            account: None,
        },
    ]
}
