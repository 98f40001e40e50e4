use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Desk, Dossier, InvitationId, OrganisationId, PersonId, ProjectId, Role};

/// For how long an invitation is good where nobody says otherwise.
pub const DEFAULT_INVITATION_DAYS: u32 = 14;
/// Whoever has not come in by then is better asked again.
pub const LONGEST_INVITATION_DAYS: u32 = 60;

/// Lets one person in, once: whoever is signed in and has its code gets its role.
///
/// The code is nowhere in it: a claim in the name of the code's digest leads here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    pub id: InvitationId,
    /// The project's, where it is into one.
    pub organisation: OrganisationId,
    /// Into a project; none is into the organisation itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    pub role: InvitedRole,
    /// Whom the inviter thinks of: a name or an address, personal data. Nothing rests on it, and it is gone
    /// once the code is spent, revoked or found to have expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meant_for: Option<String>,
    pub invited_by: PersonId,
    pub invited_at: Timestamp,
    pub expires_at: Timestamp,
    #[serde(flatten)]
    pub state: InvitationState,
    #[serde(skip)]
    pub version: i64,
}

/// What somebody did with it; that its time is over follows from the clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum InvitationState {
    Open,
    Accepted(Settled),
    Revoked(Settled),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    pub by: PersonId,
    pub at: Timestamp,
}

/// In one word, for lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationStateName {
    Open,
    Accepted,
    Revoked,
    Expired,
}

/// A role that somebody can be invited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitedRole {
    /// Of a project.
    Lead,
    /// Of a project.
    Member,
    /// Of an organisation.
    Representative,
}

/// Where people belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembersOf {
    Organisation(OrganisationId),
    Project(ProjectId),
}

/// Whom somebody asks in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvitationDraft {
    /// `member` in a project and `representative` in an organisation, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<InvitedRole>,
    /// For the inviter's side to tell invitations apart.
    pub meant_for: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_days: Option<u32>,
}

impl Invitation {
    pub fn state_at(&self, now: Timestamp) -> InvitationStateName {
        match self.state {
            InvitationState::Accepted(_) => InvitationStateName::Accepted,
            InvitationState::Revoked(_) => InvitationStateName::Revoked,
            InvitationState::Open if now >= self.expires_at => InvitationStateName::Expired,
            InvitationState::Open => InvitationStateName::Open,
        }
    }

    pub const fn of(&self) -> MembersOf {
        match self.project {
            Some(project) => MembersOf::Project(project),
            None => MembersOf::Organisation(self.organisation),
        }
    }

    /// What whoever accepts it may do then; nothing for a role that is none of there.
    pub fn granted(&self) -> Option<Role> {
        self.role.of(self.of())
    }

    /// Over, by somebody's hand; whom it was meant for is nobody's business any more.
    #[must_use]
    pub fn settled(mut self, state: InvitationState) -> Self {
        self.meant_for = None;
        self.state = state;
        self
    }
}

impl InvitedRole {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Member => "member",
            Self::Representative => "representative",
        }
    }

    /// The role there, if it is one of there.
    pub const fn of(self, of: MembersOf) -> Option<Role> {
        match (self, of) {
            (Self::Lead, MembersOf::Project(project)) => Some(Role::Lead { project }),
            (Self::Member, MembersOf::Project(project)) => Some(Role::Member { project }),
            (Self::Representative, MembersOf::Organisation(organisation)) => {
                Some(Role::Representative { organisation })
            }
            _ => None,
        }
    }
}

impl fmt::Display for InvitedRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl MembersOf {
    /// The roles there, the first one being the one that somebody always has to have.
    pub const fn roles(self) -> &'static [InvitedRole] {
        match self {
            Self::Organisation(_) => &[InvitedRole::Representative],
            Self::Project(_) => &[InvitedRole::Lead, InvitedRole::Member],
        }
    }

    /// What somebody is invited to if nothing is said: the least.
    pub const fn usual_role(self) -> InvitedRole {
        match self {
            Self::Organisation(_) => InvitedRole::Representative,
            Self::Project(_) => InvitedRole::Member,
        }
    }
}

impl Dossier for Invitation {
    const KIND: &'static str = "invitation";
    type Id = InvitationId;

    fn id(&self) -> InvitationId {
        self.id
    }

    fn organisation(&self) -> OrganisationId {
        self.organisation
    }

    fn desk(&self) -> Option<Desk> {
        None
    }

    /// When whom it is meant for is to be forgotten.
    fn due_at(&self) -> Option<Timestamp> {
        self.meant_for.as_ref().map(|_| self.expires_at)
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn open() -> Invitation {
        let now = Timestamp::UNIX_EPOCH;
        Invitation {
            id: "ivt_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
            organisation: "org_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
            project: Some("prj_0192f0c1d2e37abc8def0123456789ab".parse().unwrap()),
            role: InvitedRole::Member,
            meant_for: Some("Maia".to_owned()),
            invited_by: "per_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
            invited_at: now,
            expires_at: now + SignedDuration::from_hours(24),
            state: InvitationState::Open,
            version: 0,
        }
    }

    #[test]
    fn an_invitation_runs_out_only_while_nobody_has_settled_it() {
        let one = open();
        let (before, after) = (one.invited_at, one.expires_at);
        assert_eq!(one.state_at(before), InvitationStateName::Open);
        assert_eq!(one.state_at(after), InvitationStateName::Expired);
        let (by, at) = (one.invited_by, before);
        let settled = Settled { by, at };
        for (state, name) in [
            (
                InvitationState::Accepted(settled),
                InvitationStateName::Accepted,
            ),
            (
                InvitationState::Revoked(settled),
                InvitationStateName::Revoked,
            ),
        ] {
            let one = one.clone().settled(state);
            assert_eq!(one.state_at(after), name);
            assert_eq!(one.meant_for, None, "nobody needs it any more");
            assert_eq!(one.due_at(), None);
        }
    }

    #[test]
    fn a_project_has_no_representatives_and_an_organisation_no_leads() {
        let mut one = open();
        assert!(matches!(one.granted(), Some(Role::Member { .. })));
        one.role = InvitedRole::Representative;
        assert_eq!(one.granted(), None);
        one.project = None;
        assert!(matches!(one.granted(), Some(Role::Representative { .. })));
        one.role = InvitedRole::Lead;
        assert_eq!(one.granted(), None);
    }

    #[test]
    fn an_invitation_reads_back_as_it_was_written() {
        let (by, at) = (open().invited_by, open().invited_at);
        let one = open().settled(InvitationState::Accepted(Settled { by, at }));
        let text = serde_json::to_string(&one).unwrap();
        assert!(text.contains(r#""state":"accepted","by":"per_"#), "{text}");
        assert_eq!(serde_json::from_str::<Invitation>(&text).unwrap(), one);
    }
}
