use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{ContextV7, Timestamp as UuidTime, Uuid};

use crate::Clock;

/// A text that is not an id of the kind that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {kind} id: expected {expected}")]
pub struct InvalidId {
    pub kind: &'static str,
    pub expected: String,
    pub text: String,
}

/// Makes ids that sort by the time they were made.
///
/// The random part is what keeps ids of several replicas apart; tests pass a seeded generator.
#[derive(Debug)]
pub struct Ids {
    context: std::sync::Mutex<(ContextV7, Box<dyn RngDebug>)>,
}

trait RngDebug: rand::RngCore + Send + fmt::Debug {}
impl<T: rand::RngCore + Send + fmt::Debug> RngDebug for T {}

impl Ids {
    pub fn new(rng: impl rand::RngCore + Send + fmt::Debug + 'static) -> Self {
        Self {
            context: std::sync::Mutex::new((ContextV7::new(), Box::new(rng))),
        }
    }

    /// Ids from the operating system's entropy: what servers use.
    pub fn from_os() -> Self {
        use rand::SeedableRng;
        Self::new(rand::rngs::StdRng::from_os_rng())
    }

    /// The next id of any kind: `let job: JobId = ids.next(&clock)`.
    pub fn next<T: From<Uuid>>(&self, clock: &dyn Clock) -> T {
        T::from(self.uuid(clock))
    }

    fn uuid(&self, clock: &dyn Clock) -> Uuid {
        let now = clock.now();
        let mut guard = self
            .context
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let (context, rng) = &mut *guard;
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
        let counted = Uuid::new_v7(UuidTime::from_unix(&*context, seconds, nanos));
        let mut bytes = *counted.as_bytes();
        // The counter (42 bits, to the end of byte 11) stays, the tail is this generator's own: uuid's
        // would be ambient.
        rng.fill_bytes(&mut bytes[12..]);
        Uuid::from_bytes(bytes)
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let refuse = || InvalidId {
                    kind: $kind,
                    expected: concat!("`", $prefix, "_` and 32 hexadecimal digits").to_owned(),
                    text: text.chars().take(80).collect(),
                };
                let hex = text.strip_prefix(concat!($prefix, "_")).ok_or_else(refuse)?;
                if hex.len() != 32 || hex.bytes().any(|b| b.is_ascii_uppercase()) {
                    return Err(refuse());
                }
                Uuid::try_parse(hex).map(Self).map_err(|_| refuse())
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

uuid_id!(JobId, "job", "job");
uuid_id!(
    /// One try to run a job at one site; this text is the marker carried into the scheduler.
    AttemptId, "att", "attempt"
);
uuid_id!(ProjectId, "prj", "project");
uuid_id!(AllocationId, "alc", "allocation");
uuid_id!(OrganisationId, "org", "organisation");
uuid_id!(
    /// The pseudonym of a person. The ledger knows people only by this.
    PersonId, "per", "person"
);
uuid_id!(DecisionId, "dec", "decision");
uuid_id!(EvidenceId, "evi", "evidence");
uuid_id!(ApplicationId, "app", "application");
uuid_id!(AidId, "aid", "aid record");
uuid_id!(ReferralId, "ref", "referral");
uuid_id!(FollowUpId, "flw", "follow-up");
uuid_id!(ObjectiveId, "obj", "objective");
uuid_id!(
    /// What others know an organisation by until both have agreed to meet.
    ProfileId, "prf", "profile"
);
uuid_id!(WindowId, "win", "capacity window");
uuid_id!(DrainId, "drn", "drain");
uuid_id!(IncidentId, "inc", "incident");
uuid_id!(VetoId, "vet", "veto");
uuid_id!(AgentId, "agt", "agent");
uuid_id!(InviteId, "inv", "invite");
uuid_id!(InvitationId, "ivt", "invitation");
uuid_id!(
    /// One run of an agent's program, new at every start: two processes may be given one agent id.
    /// A later run has a greater id.
    InstanceId, "ins", "agent instance"
);

impl AgentId {
    /// Holds the lease of what no agent works on, because a person hands it in.
    pub const NOBODY: Self = Self(Uuid::nil());
    /// Held the lease of what a revoked agent had to let go: free for whoever asks next.
    pub const RELEASED: Self = Self(Uuid::max());
}

macro_rules! name_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let fits = (1..=64).contains(&text.len())
                    && text.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
                if fits {
                    return Ok(Self(text.to_owned()));
                }
                Err(InvalidId {
                    kind: $kind,
                    expected: "1 to 64 letters, digits, `-`, `_` or `.`, the first a letter or digit"
                        .to_owned(),
                    text: text.chars().take(80).collect(),
                })
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

name_id!(
    /// An AI factory: `bsc`, `lumi`. Stable and opaque; names and aliases are data of the site.
    SiteId, "site"
);
name_id!(SystemId, "system");
name_id!(
    /// What people have to accept: `platform`, `site-lumi`.
    TermsId, "terms document"
);
name_id!(
    /// Who helps: `lumi`, `antenna-be`. A factory's centre need not be called as its site is.
    CentreId, "support centre"
);
name_id!(
    /// What jobs go to at a system: a Slurm partition, a PBS queue, a Kubernetes namespace.
    PartitionId, "partition"
);

/// What the site calls a job: a Slurm job id, a PBS id, a process group.
///
/// Never an identity by itself: schedulers give ids out again.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RemoteId(pub String);

impl fmt::Display for RemoteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RemoteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A partition by its full name; written `site/system/partition`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionRef {
    pub site: SiteId,
    pub system: SystemId,
    pub partition: PartitionId,
}

impl fmt::Display for PartitionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.site, self.system, self.partition)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;

    use super::*;
    use crate::ManualClock;

    #[test]
    fn ids_made_in_one_instant_differ_and_sort_after_older_ones() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let ids = Ids::from_os();
        let first: JobId = ids.next(&clock);
        clock.advance(jiff::SignedDuration::from_secs(1));
        let later: BTreeSet<JobId> = (0..1000).map(|_| ids.next(&clock)).collect();
        assert_eq!(later.len(), 1000);
        assert!(later.iter().all(|id| *id > first));
    }

    #[test]
    fn ids_made_in_one_instant_sort_as_they_were_made() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let ids = Ids::from_os();
        let made: Vec<JobId> = (0..1000).map(|_| ids.next(&clock)).collect();
        assert!(made.is_sorted(), "queues go by id");
    }

    #[test]
    fn an_id_of_another_kind_is_refused_with_the_expected_form() {
        let error = "prj_0192f0c1d2e37abc8def0123456789ab"
            .parse::<JobId>()
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("expected `job_` and 32 hexadecimal digits")
        );
    }

    #[test]
    fn an_id_survives_its_text() {
        let id: JobId = Ids::from_os().next(&ManualClock::at(Timestamp::UNIX_EPOCH));
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn a_site_id_takes_no_slash_and_no_newline() {
        for bad in ["", "a/b", "a\nb", "-a", "a b", "$(x)"] {
            assert!(bad.parse::<SiteId>().is_err(), "{bad:?}");
        }
    }
}
