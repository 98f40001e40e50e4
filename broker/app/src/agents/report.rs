use std::collections::{BTreeMap, BTreeSet};

use broker_model::{
    AgentId, Attempt, AttemptId, AttemptState, InstanceId, PartitionRef, SiteId, System,
};
use broker_store::{Change, CommitError, Entity, StoreError, Write};
use futures::future::join_all;
use jiff::SignedDuration;
use site_adapter::{AttemptReport, Report, ReportReply};

use crate::agents::TRIES;
use crate::agents::step::Step;
use crate::{Broker, Error, Result};

/// Who reports.
#[derive(Debug)]
pub(super) struct Teller {
    agent: AgentId,
    instance: Option<InstanceId>,
    site: SiteId,
}

impl Teller {
    pub(super) fn holds(&self, attempt: &Attempt) -> bool {
        !attempt.is_handed_over()
            && attempt.is_leased_to(self.agent, self.instance)
            && attempt.partition.site == self.site
    }
}

/// What became of one attempt's part of a report.
enum Told {
    Stored,
    /// The broker has given it up, and the site still has it.
    Stop(AttemptId),
    /// Another agent has it or had it since, or it is closed, or the broker does not know it.
    Forget(AttemptId),
}

impl Broker {
    /// Stores what an agent tells; when this returns `Ok` all of it is durable. Events of one attempt
    /// apply in order, those of different attempts share commits. What was told before changes nothing.
    ///
    /// An event that the broker can make nothing of holds nobody up: it is logged, and the agent is
    /// told to forget the attempt, which comes back to it with its next full look.
    pub async fn report(&self, report: Report) -> Result<ReportReply> {
        let Report {
            agent,
            instance,
            site,
            snapshot,
            snapshot_ttl_seconds,
            attempts,
            logs,
            working_on,
        } = report;
        let teller = Teller {
            agent,
            instance,
            site,
        };
        let site = &teller.site;
        let is_empty = attempts.is_empty() && logs.is_empty() && working_on.is_empty();
        let compares = snapshot.is_some() || is_empty;
        if let Some(snapshot) = snapshot {
            let told = (snapshot, snapshot_ttl_seconds);
            self.hear((teller.agent, site), told).await?;
        }
        // Before the events: once an attempt is settled, who follows its log takes it for complete.
        self.store_logs(&teller, logs).await?;
        let mut by_attempt: BTreeMap<AttemptId, Vec<&AttemptReport>> = BTreeMap::new();
        for event in &attempts {
            by_attempt.entry(event.attempt()).or_default().push(event);
        }
        let told = by_attempt
            .iter()
            .map(|(attempt, events)| self.tell(&teller, *attempt, events));
        let (mut stop, mut forget) = (BTreeSet::new(), BTreeSet::new());
        let renewed = self.renew(&teller, &working_on);
        let (told, renewed) = (join_all(told).await, renewed.await?);
        for told in told.into_iter().chain(renewed.into_iter().map(Ok)) {
            match told? {
                Told::Stored => {}
                Told::Stop(attempt) => drop(stop.insert(attempt)),
                Told::Forget(attempt) => drop(forget.insert(attempt)),
            }
        }
        let named = |id: &AttemptId| working_on.contains(id) || by_attempt.contains_key(id);
        let asked = self.inner.store.cancel_requests(site).await?;
        stop.extend(asked.into_iter().filter(named));
        Ok(ReportReply {
            cancel: stop.difference(&forget).copied().collect(),
            forget: forget.into_iter().collect(),
            partitions: compares.then(|| self.partitions_known(site)).flatten(),
        })
    }

    /// What an agent of the site can be given jobs for.
    fn partitions_known(&self, site: &SiteId) -> Option<Vec<PartitionRef>> {
        let site = self.board().find(site)?;
        let of = |system: &System| {
            let (site, system_id) = (site.id.clone(), system.id.clone());
            let partitions = system.partitions.iter();
            let named = partitions.map(move |it| PartitionRef {
                site: site.clone(),
                system: system_id.clone(),
                partition: it.id.clone(),
            });
            named.collect::<Vec<_>>()
        };
        Some(site.systems.iter().flat_map(of).collect())
    }

    async fn tell(
        &self,
        teller: &Teller,
        id: AttemptId,
        events: &[&AttemptReport],
    ) -> Result<Told> {
        for _ in 0..TRIES {
            let error = match self.tell_once(teller, id, events).await {
                Ok(told) => return Ok(told),
                Err(CommitError::Conflict(Entity::Job | Entity::Attempt)) => continue,
                Err(CommitError::Store(error)) if is_passing(&error) => return Err(error.into()),
                Err(error) => error,
            };
            tracing::error!(attempt.id = %id, site.id = %teller.site, %error,
                "what an agent told of an attempt cannot be stored; a person has to look at it");
            return Ok(Told::Forget(id));
        }
        Err(Error::Contended)
    }

    /// Nobody but the holder of the lease is listened to, even after it ran out: whoever held it
    /// since may have sent the job, and only the scheduler knows.
    async fn tell_once(
        &self,
        teller: &Teller,
        id: AttemptId,
        events: &[&AttemptReport],
    ) -> Result<Told, CommitError> {
        let Some(attempt) = self.inner.store.find_attempt(id).await? else {
            return Ok(Told::Forget(id));
        };
        if !teller.holds(&attempt) || attempt.settled {
            return Ok(Told::Forget(id));
        }
        let Some(job) = self.inner.store.find_job(attempt.job).await? else {
            return Ok(Told::Forget(id));
        };
        let mut step = Step::new(self, job, attempt);
        for event in events {
            step.apply(event).await?;
        }
        let told = match (step.is_misinformed(), step.is_superseded()) {
            (true, _) => Told::Forget(id),
            (false, true) => Told::Stop(id),
            (false, false) => Told::Stored,
        };
        step.commit().await?;
        Ok(told)
    }

    /// Prolongs leases that are half over; says of which attempts the agent must let go.
    async fn renew(&self, teller: &Teller, working_on: &[AttemptId]) -> Result<Vec<Told>> {
        let (mut told, mut left) = (Vec::new(), working_on.to_vec());
        for _ in 0..TRIES {
            if left.is_empty() {
                return Ok(told);
            }
            left = self.renew_once(teller, &left, &mut told).await?;
        }
        Err(Error::Contended)
    }

    /// Returns those that somebody else changed meanwhile. They are looked at again, since an agent
    /// whose lease went to another must not hear that it was prolonged.
    async fn renew_once(
        &self,
        teller: &Teller,
        working_on: &[AttemptId],
        told: &mut Vec<Told>,
    ) -> Result<Vec<AttemptId>> {
        let now = self.inner.clock.now();
        let attempts = self.inner.store.find_attempts(working_on).await?;
        let known: BTreeSet<AttemptId> = attempts.iter().map(|attempt| attempt.id).collect();
        let unknown = working_on.iter().filter(|id| !known.contains(id));
        told.extend(unknown.map(|id| Told::Forget(*id)));
        let half = SignedDuration::try_from(self.inner.limits.lease / 2).unwrap_or_default();
        let mut renewals = Vec::new();
        for mut attempt in attempts {
            if !teller.holds(&attempt) || attempt.settled {
                told.push(Told::Forget(attempt.id));
                continue;
            }
            if attempt.state == AttemptState::Lost {
                told.push(Told::Stop(attempt.id));
            }
            if attempt.lease_until.duration_since(now) < half {
                attempt.lease_until = self.lease_end();
                renewals.push(self.renew_one(attempt));
            }
        }
        let renewed: Result<Vec<Option<AttemptId>>> =
            join_all(renewals).await.into_iter().collect();
        Ok(renewed?.into_iter().flatten().collect())
    }

    /// Returns the attempt if it was changed meanwhile.
    async fn renew_one(&self, attempt: Attempt) -> Result<Option<AttemptId>> {
        let id = attempt.id;
        let change = Change {
            writes: vec![Write::UpdateAttempt(Box::new(attempt))],
            entries: Vec::new(),
        };
        match self.commit(change).await {
            Ok(_) => Ok(None),
            Err(CommitError::Conflict(_)) => Ok(Some(id)),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether the same report may be stored when it is repeated.
const fn is_passing(error: &StoreError) -> bool {
    !matches!(error, StoreError::Unreadable { .. })
}
