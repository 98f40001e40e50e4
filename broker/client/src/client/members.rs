//! Who belongs to projects and organisations, and how others come in.

use broker_model::{InvitationDraft, InvitationId, MembersOf, PersonId};

use super::Client;
use crate::Result;
use crate::wire::{AcceptRequest, InvitationView, Member};

impl Client {
    /// Everybody who was given a role there, those who can do most first.
    pub async fn members(&self, of: MembersOf) -> Result<Vec<Member>> {
        self.every(&format!("{}/members", path(of)), &[]).await
    }

    /// Takes what somebody was given there, at once.
    pub async fn remove_member(&self, of: MembersOf, person: PersonId) -> Result<Member> {
        self.delete(&format!("{}/members/{person}", path(of))).await
    }

    /// Newest first; of an organisation those into its projects, too.
    pub async fn invitations(&self, of: MembersOf) -> Result<Vec<InvitationView>> {
        self.every(&format!("{}/invitations", path(of)), &[]).await
    }

    /// Asks somebody in. The code is in the first answer only: the same `key` again tells of the invitation
    /// without it.
    pub async fn invite_member(
        &self,
        of: MembersOf,
        draft: &InvitationDraft,
        key: &str,
    ) -> Result<InvitationView> {
        let path = format!("{}/invitations", path(of));
        self.post(&path, draft, Some(key)).await
    }

    /// Takes an invitation back that nobody has accepted.
    pub async fn revoke_invitation(
        &self,
        of: MembersOf,
        id: InvitationId,
    ) -> Result<InvitationView> {
        self.delete(&format!("{}/invitations/{id}", path(of))).await
    }

    /// Comes in by a code. Again by the same person it is answered as done.
    pub async fn join(&self, code: &str) -> Result<InvitationView> {
        let code = code.to_owned();
        let request = AcceptRequest { code };
        self.post("invitations/accept", &request, None).await
    }
}

fn path(of: MembersOf) -> String {
    match of {
        MembersOf::Organisation(id) => format!("organisations/{id}"),
        MembersOf::Project(id) => format!("projects/{id}"),
    }
}
