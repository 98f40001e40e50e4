use std::fmt;

use async_trait::async_trait;
use broker_model::{
    AgentId, AttemptId, InstanceId, JobId, Outcome, PartitionRef, PersonId, ProjectId, RemoteId,
    SiteId, SystemId,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use broker_model::SiteSnapshot;

use crate::{LogStream, UsageReport, Work};

/// How an agent speaks with the broker: in one process, or over HTTPS (`/agent/v1`).
///
/// The agent always dials; both calls may be repeated without harm. Who the agent is, and for which
/// site it may speak, is a matter of the transport, not of these messages.
#[async_trait]
pub trait BrokerLink: fmt::Debug + Send + Sync + 'static {
    /// Takes work of the agent's site, waiting up to `wait_seconds` for some (long poll).
    async fn lease(&self, request: LeaseRequest) -> Result<LeaseReply, LinkError>;

    /// Tells what happened; answered once it is stored durably.
    async fn report(&self, report: Report) -> Result<ReportReply, LinkError>;
}

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Try again later, with a pause.
    #[error("the broker cannot be reached: {0}")]
    Unreachable(String),
    /// The broker asks to be left alone for so long; then as if it could not be reached.
    #[error("the broker asks to come back later: {words}")]
    Busy {
        words: String,
        retry_after: std::time::Duration,
    },
    /// A person has to act: the agent's key or token is not accepted.
    #[error("the broker does not accept this agent: {0}")]
    Unauthorized(String),
    /// The broker did not understand; trying the same again is no use.
    #[error("the broker refused the message: {0}")]
    Refused(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaseRequest {
    pub agent: AgentId,
    /// Which process asks: two that were given one agent id must not both send an attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    pub site: SiteId,
    /// Names the scheduler behind the agent, the same for agents that reach the same one: what was
    /// announced for one scheduler is nobody's who cannot look it up there. None: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<String>,
    /// The systems it hands jobs in at; all of the site's when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub systems: Vec<SystemId>,
    /// Nothing that is not at the scheduler yet, neither new nor its own: it cannot hand jobs in now, and
    /// another agent of the site may.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_sent: bool,
    /// At most this many new attempts.
    pub want: u32,
    pub wait_seconds: u32,
    /// What the agent already works on. The broker answers with the open attempts of the site that
    /// are missing here: after a restart the list is empty and everything comes back.
    pub working_on: Vec<AttemptId>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseReply {
    pub attempts: Vec<LeasedAttempt>,
    /// Of what the agent works on: stop these at the site.
    pub cancel: Vec<AttemptId>,
    /// The broker's clock while it answered: how long the leases last is counted from here, since the
    /// agent's clock may show another time. Absent from older brokers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Timestamp>,
}

impl LeaseRequest {
    pub fn serves(&self, system: &SystemId) -> bool {
        self.systems.is_empty() || self.systems.contains(system)
    }
}

/// An attempt to work on: a new one, or one that was begun by another agent or before a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeasedAttempt {
    pub attempt: AttemptId,
    pub job: JobId,
    pub project: ProjectId,
    /// Whose job it is: the site maps people to its own accounts. Absent for what agents of older
    /// brokers leased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonRef>,
    /// The project's account at this site as the allocation names it, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_hint: Option<String>,
    pub work: Work,
    pub lease_until: Timestamp,
    /// A submit may have been sent before: look the marker up first.
    pub may_exist: bool,
    /// What the broker last heard, if the scheduler had accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Seen>,
    /// Its end is reported and only the usage is missing: find the marker, meter, report usage.
    #[serde(default)]
    pub ended: bool,
    /// Cancelled or superseded: stop it at the site if it is there, then report the end.
    pub cancel: bool,
    /// How far each log is stored, in bytes.
    #[serde(default)]
    pub stdout_offset: u64,
    #[serde(default)]
    pub stderr_offset: u64,
}

/// A person, as the broker and the issuer of their login know them. Personal data: only the site
/// that runs the person's job is told, for its account mapping.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PersonRef {
    pub id: PersonId,
    pub issuer: String,
    pub subject: String,
}

/// What the scheduler knows the attempt by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub remote_id: RemoteId,
    pub submitted_at: Timestamp,
}

/// Everything an agent has to tell in one message; also renews the leases of what it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    pub agent: AgentId,
    /// As in the lease request; nobody but the process that holds the lease is listened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    pub site: SiteId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SiteSnapshot>,
    /// How long the snapshot's word on the site counts, if nothing newer comes; the broker keeps it
    /// within its own bounds, and has a time of its own for who says none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_ttl_seconds: Option<u32>,
    #[serde(default)]
    pub attempts: Vec<AttemptReport>,
    #[serde(default)]
    pub logs: Vec<LogChunk>,
    /// Attempts the agent still works on: their leases are renewed.
    #[serde(default)]
    pub working_on: Vec<AttemptId>,
}

/// One thing that happened to an attempt. Reported in order; repeats are harmless.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum AttemptReport {
    /// The next thing the agent does is to send it to the scheduler. Stored before it is sent.
    Submitting {
        attempt: AttemptId,
    },
    Accepted {
        attempt: AttemptId,
        seen: Seen,
    },
    /// The scheduler said no, or the attempt is proven never to have reached it.
    Refused {
        attempt: AttemptId,
        reason: String,
    },
    Started {
        attempt: AttemptId,
        started_at: Timestamp,
    },
    /// Why it waits, or when it will start, as the scheduler says now.
    Waiting {
        attempt: AttemptId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_start: Option<Timestamp>,
    },
    /// The scheduler took it back into its queue: preempted, or a node failed.
    Requeued {
        attempt: AttemptId,
        /// The scheduler's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        words: Option<String>,
    },
    Ended {
        attempt: AttemptId,
        ended_at: Timestamp,
        outcome: Outcome,
    },
    /// From the site's own accounting; the attempt is done once this is stored. `None` when the
    /// job never started, or the site's accounting will not tell.
    Usage {
        attempt: AttemptId,
        usage: Option<UsageReport>,
        /// What the scheduler charged the job to, as the agent handed it in: a project's account, never
        /// a person's user name. Absent where the site's mapping names none, and from older agents.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<String>,
    },
}

impl AttemptReport {
    pub const fn attempt(&self) -> AttemptId {
        match self {
            Self::Submitting { attempt }
            | Self::Accepted { attempt, .. }
            | Self::Refused { attempt, .. }
            | Self::Started { attempt, .. }
            | Self::Waiting { attempt, .. }
            | Self::Requeued { attempt, .. }
            | Self::Ended { attempt, .. }
            | Self::Usage { attempt, .. } => *attempt,
        }
    }
}

/// A piece of a log. The broker keeps what continues the stored bytes and ignores what it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogChunk {
    pub attempt: AttemptId,
    pub stream: LogStream,
    pub offset: u64,
    /// Base64 on the wire: logs are bytes, not always UTF-8.
    #[serde(with = "base64_bytes")]
    pub bytes: Vec<u8>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportReply {
    /// Of what the agent works on: stop these at the site.
    pub cancel: Vec<AttemptId>,
    /// No longer the agent's: another one leased them, or the broker knows nothing of them.
    pub forget: Vec<AttemptId>,
    /// All that is registered of the site, for the agent to compare with what it offers. Told where the
    /// report has a snapshot or says nothing at all; absent from older brokers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<Vec<PartitionRef>>,
}

mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        STANDARD
            .decode(text.as_bytes())
            .map_err(serde::de::Error::custom)
    }
}
