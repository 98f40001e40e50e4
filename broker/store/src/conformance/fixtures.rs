use std::collections::BTreeMap;

use broker_model::{
    AgentId, Allocation, AllocationId, AllocationScope, Attempt, AttemptId, AttemptState, Balance,
    Charge, Clock, DataNeeds, DecisionId, EntryBody, EntryKind, FundingShare, GpuMillis,
    HoldReason, Ids, Job, JobId, JobSpec, JobState, ManualClock, Organisation, OrganisationId,
    Outcome, OutcomeKind, PartitionRef, PersonId, Placement, PlacementWishes, Project, ProjectId,
    Resources, SizeClass, UnitMillis, UsageRecord, Variant, Walltime,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    Change, CommitError, Committed, Person, Store, StoredDecision, StoredPlacement, Write,
};

/// Ids and times for one test; every id is a millisecond younger than the one before.
pub(super) struct World {
    ids: Ids,
    clock: ManualClock,
}

/// An organisation with a project and an allocation of 100 hours, stored.
pub(super) struct Account {
    pub(super) organisation: OrganisationId,
    pub(super) project: ProjectId,
    pub(super) allocation: AllocationId,
}

impl World {
    pub(super) fn new() -> Self {
        let start = Timestamp::from_microsecond(1_790_000_000_123_456).unwrap();
        Self {
            ids: Ids::from_os(),
            clock: ManualClock::at(start),
        }
    }

    pub(super) fn id<T: From<uuid::Uuid>>(&self) -> T {
        self.clock.advance(SignedDuration::from_micros(1001));
        self.ids.next(&self.clock)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn organisation(&self) -> Organisation {
        Organisation::new(self.id(), "Pleione Labs", "FI", SizeClass::Small)
    }

    pub(super) fn project(&self, organisation: OrganisationId) -> Project {
        Project {
            id: self.id(),
            organisation,
            name: "protein folding".to_owned(),
            call_reference: None,
            civilian: Some(true),
            sectors: vec!["health".to_owned()],
            ai_act: None,
            settled: Vec::new(),
        }
    }

    pub(super) fn allocation(&self, project: ProjectId, hours: i64) -> Allocation {
        let id = self.id();
        Allocation {
            id,
            project,
            scope: AllocationScope::Federation,
            share: FundingShare::National("FI".to_owned()),
            unit: "GPU-hour".to_owned(),
            balance: Balance {
                granted: UnitMillis::from_hours(hours),
                ..Balance::default()
            },
            valid_from: self.now(),
            valid_until: self.now() + SignedDuration::from_hours(1000),
            local_accounts: BTreeMap::new(),
            suspended: false,
            mode: None,
            account_named_at: None,
        }
    }

    pub(super) async fn account(&self, store: &dyn Store) -> Account {
        let organisation = self.organisation();
        let project = self.project(organisation.id);
        let allocation = self.allocation(project.id, 100);
        let account = Account {
            organisation: organisation.id,
            project: project.id,
            allocation: allocation.id,
        };
        let writes = vec![
            Write::PutOrganisation(Box::new(organisation)),
            Write::PutProject(Box::new(project)),
            Write::InsertAllocation(Box::new(allocation)),
        ];
        commit(store, writes).await.unwrap();
        account
    }

    pub(super) fn person(&self, subject: &str) -> Person {
        Person {
            id: self.id(),
            issuer: "https://issuer.example.org".to_owned(),
            subject: subject.to_owned(),
            name: Some("Maia Ödegård".to_owned()),
            email: None,
            first_seen_at: self.now(),
        }
    }

    pub(super) fn decision(&self) -> StoredDecision {
        StoredDecision {
            id: self.id(),
            organisation: self.id(),
            result: "eligible".to_owned(),
            policy_digest: "ab12".to_owned(),
            document: "{\"rules\": [ ],\t\"note\":\"ü\\u0000\"}".to_owned(),
            decided_at: self.now(),
        }
    }

    pub(super) fn job_of(&self, project: ProjectId) -> Job {
        let id: JobId = self.id();
        let variant = Variant {
            image: None,
            script: "echo 'one'\necho \"två\"\n".to_owned(),
        };
        Job {
            id,
            spec: JobSpec {
                after: Vec::new(),
                array: None,
                name: "fold".to_owned(),
                project,
                resources: Resources {
                    nodes: 1,
                    gpus_per_node: 4,
                    gpu_memory_gib: None,
                    cpus_per_node: None,
                    memory_gib_per_node: None,
                    walltime: Walltime::from_seconds(3600).unwrap(),
                },
                variants: BTreeMap::from([("x86_64+cuda".parse().unwrap(), variant)]),
                data: DataNeeds::default(),
                placement: PlacementWishes::default(),
            },
            owner: self.id::<PersonId>(),
            allocation: self.id(),
            decision: self.id::<DecisionId>(),
            state: JobState::Pending,
            held: UnitMillis::ZERO,
            attempt: None,
            cancel_requested_at: None,
            refused_by: Vec::new(),
            refusals: Vec::new(),
            created_at: self.now(),
            updated_at: self.now(),
            version: 1,
        }
    }

    pub(super) fn job(&self) -> Job {
        let project = self.id();
        self.job_of(project)
    }

    /// A pending job, stored.
    pub(super) async fn stored_job(&self, store: &dyn Store) -> Job {
        let job = self.job();
        let write = Write::InsertJob(Box::new(job.clone()));
        commit(store, vec![write]).await.unwrap();
        job
    }

    pub(super) fn attempt(&self, job: JobId) -> Attempt {
        let id: AttemptId = self.id();
        Attempt {
            id,
            job,
            partition: partition("lumi"),
            state: AttemptState::Leased,
            leased_by: self.id::<AgentId>(),
            instance: None,
            scheduler: None,
            lease_until: self.now(),
            settled: false,
            created_at: self.now(),
            updated_at: self.now(),
            version: 1,
        }
    }

    pub(super) fn placement(&self, reason: &str) -> Placement {
        Placement {
            decided_at: self.now(),
            considered: Vec::new(),
            chosen: Some(partition("lumi")),
            reason: reason.to_owned(),
        }
    }

    pub(super) fn usage(&self, project: ProjectId, ended_at: Timestamp) -> UsageRecord {
        UsageRecord {
            project,
            attempt: self.id(),
            mode: Some("aif_playground".to_owned()),
            started_at: ended_at - SignedDuration::from_hours(1),
            ended_at,
            scheduler_gpus: 8,
            cpus: 56,
            energy_joules: Some(1),
            ..usage_of_others(&self.clock, partition("lumi"), 4)
        }
    }

    pub(super) fn entry(&self, job: Option<JobId>) -> EntryBody {
        let mut entry = EntryBody::new(self.now(), EntryKind::JobAccepted);
        entry.job = job;
        entry
    }
}

/// Of the Union's share, in an hour that has just ended, by nobody whom a test knows.
pub fn usage_of_others(clock: &dyn Clock, partition: PartitionRef, gpu_hours: i64) -> UsageRecord {
    let ids = Ids::from_os();
    let ended_at = clock.now() - SignedDuration::from_secs(1);
    UsageRecord {
        attempt: ids.next(clock),
        job: ids.next(clock),
        allocation: ids.next(clock),
        project: ids.next(clock),
        organisation: ids.next(clock),
        share: FundingShare::Union,
        mode: None,
        organisation_was: None,
        partition,
        started_at: ended_at - SignedDuration::from_hours(1),
        ended_at,
        nodes: 1,
        scheduler_gpus: 4,
        cpus: 0,
        energy_joules: None,
        local_account: None,
        charge: Charge {
            site_units: UnitMillis::from_hours(gpu_hours),
            site_unit: "GPU-hour".to_owned(),
            gpu: GpuMillis::from_hours(gpu_hours),
            charged: UnitMillis::from_hours(gpu_hours),
        },
    }
}

pub(super) fn partition(site: &str) -> PartitionRef {
    PartitionRef {
        site: site.parse().unwrap(),
        system: "main".parse().unwrap(),
        partition: "gpu".parse().unwrap(),
    }
}

pub(super) fn placed(site: &str) -> JobState {
    JobState::Placed {
        partition: partition(site),
    }
}

/// For a person of the site.
pub(super) fn waiting(site: &str, since: Timestamp) -> JobState {
    JobState::Held {
        reason: HoldReason::Confirmation,
        partition: Some(partition(site)),
        since,
    }
}

pub(super) fn completed(at: Timestamp) -> JobState {
    let outcome = outcome();
    JobState::Completed {
        ended_at: at,
        outcome,
        ran: None,
    }
}

pub(super) fn outcome() -> Outcome {
    Outcome {
        kind: OutcomeKind::Completed,
        exit_code: Some(0),
        signal: None,
        site_words: "COMPLETED".to_owned(),
    }
}

pub(super) async fn commit(
    store: &dyn Store,
    writes: Vec<Write>,
) -> Result<Committed, CommitError> {
    let entries = Vec::new();
    store.commit(Change { writes, entries }).await
}

pub(super) fn insert_placement(job: JobId, job_version: i64, placement: &Placement) -> Write {
    Write::InsertPlacement(Box::new(StoredPlacement {
        job,
        job_version,
        document: serde_json::to_string(placement).unwrap(),
        inputs: format!("{{\"version\" : {job_version}}}"),
    }))
}
