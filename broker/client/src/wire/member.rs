use broker_model::{
    InvitationId, InvitationStateName, InvitedRole, OrganisationId, PersonId, ProjectId,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Somebody who belongs to a project or an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub person: PersonId,
    /// As their issuer calls them, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What they were given; where they were removed, what is gone.
    pub roles: Vec<InvitedRole>,
    /// Who asks.
    pub you: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonName {
    pub person: PersonId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// An invitation into a project, or where none is named into an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationView {
    pub id: InvitationId,
    pub organisation: OrganisationId,
    pub organisation_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_name: Option<String>,
    pub role: InvitedRole,
    /// While it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meant_for: Option<String>,
    pub state: InvitationStateName,
    pub invited_by: PersonName,
    pub invited_at: Timestamp,
    pub expires_at: Timestamp,
    /// Who accepted or revoked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_by: Option<PersonName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    /// Only in the answer that made the invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// `POST /invitations/accept`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptRequest {
    pub code: String,
}
