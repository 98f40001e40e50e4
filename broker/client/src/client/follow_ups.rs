//! What is owed after allocations.

use broker_model::{
    FollowUp, FollowUpId, FulfilmentDraft, OrganisationId, ReopeningDraft, WaiverDraft,
};

use super::Client;
use crate::Result;
use crate::wire::FollowUpView;

impl Client {
    /// Those of every organisation that the caller speaks for, and of their projects.
    pub async fn follow_ups(&self) -> Result<Vec<FollowUpView>> {
        self.every("follow-ups", &[]).await
    }

    /// All that an organisation owes or owed, oldest first.
    pub async fn organisation_follow_ups(&self, of: OrganisationId) -> Result<Vec<FollowUpView>> {
        let path = format!("organisations/{of}/follow-ups");
        self.every(&path, &[]).await
    }

    /// What is overdue anywhere, the longest first; for reviewers, auditors and operators.
    pub async fn overdue_follow_ups(&self) -> Result<Vec<FollowUpView>> {
        self.every("reviews/overdue-follow-ups", &[]).await
    }

    pub async fn follow_up(&self, id: FollowUpId) -> Result<FollowUpView> {
        self.get(&format!("follow-ups/{id}"), &[]).await
    }

    /// Hands in what is owed. The same `key` and draft again give the first answer again, as below.
    pub async fn fulfil_follow_up(
        &self,
        id: FollowUpId,
        draft: &FulfilmentDraft,
        key: &str,
    ) -> Result<FollowUp> {
        let path = format!("follow-ups/{id}/fulfilment");
        self.post(&path, draft, Some(key)).await
    }

    /// Says as a reviewer that it is not owed any more.
    pub async fn waive_follow_up(
        &self,
        id: FollowUpId,
        draft: &WaiverDraft,
        key: &str,
    ) -> Result<FollowUp> {
        let path = format!("follow-ups/{id}/waiver");
        self.post(&path, draft, Some(key)).await
    }

    /// Says as a reviewer that it is owed again, or gives it another last day.
    pub async fn reopen_follow_up(
        &self,
        id: FollowUpId,
        draft: &ReopeningDraft,
        key: &str,
    ) -> Result<FollowUp> {
        let path = format!("follow-ups/{id}/reopening");
        self.post(&path, draft, Some(key)).await
    }
}
