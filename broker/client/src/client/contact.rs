//! The single point of contact: who helps, referrals to them, and whom an organisation may meet.

use broker_model::{
    CentreId, OrganisationId, Profile, ProfileDraft, ProfileId, Referral, ReferralDraft,
    ReferralId, ReferralMove,
};
use reqwest::Method;

use super::Client;
use crate::Result;
use crate::wire::{CentreQuery, ContactVocabulary, Match, Ranking, ReferralView, SupportCentre};

impl Client {
    /// Every support centre with what is known of it.
    pub async fn support_centres(&self) -> Result<Vec<SupportCentre>> {
        self.every("support-centres", &[]).await
    }

    /// The words of a need, and where money may come from.
    pub async fn contact_vocabulary(&self) -> Result<ContactVocabulary> {
        self.get("support-centres/vocabulary", &[]).await
    }

    /// Who helps best with a need, and why; nothing of it is stored.
    pub async fn find_centres(&self, query: &CentreQuery) -> Result<Ranking> {
        self.post("support-centres/find", query, None).await
    }

    /// Sends an organisation to a centre. The same `key` and draft again give the first answer again.
    pub async fn refer(&self, draft: &ReferralDraft, key: &str) -> Result<Referral> {
        self.post("referrals", draft, Some(key)).await
    }

    /// Those of every organisation that the caller speaks for, and of their projects.
    pub async fn referrals(&self) -> Result<Vec<ReferralView>> {
        self.every("referrals", &[]).await
    }

    /// What waits at a centre, oldest first; for its staff.
    pub async fn centre_referrals(&self, centre: &CentreId) -> Result<Vec<ReferralView>> {
        let path = format!("support-centres/{centre}/referrals");
        self.every(&path, &[]).await
    }

    /// Those that no centre acknowledged in time.
    pub async fn overdue_referrals(&self) -> Result<Vec<ReferralView>> {
        self.every("reviews/overdue-referrals", &[]).await
    }

    pub async fn referral(&self, id: ReferralId) -> Result<ReferralView> {
        self.get(&format!("referrals/{id}"), &[]).await
    }

    /// What its centre, or its organisation, does with it.
    pub async fn move_referral(
        &self,
        id: ReferralId,
        made: &ReferralMove,
        key: &str,
    ) -> Result<Referral> {
        let path = format!("referrals/{id}/moves");
        self.post(&path, made, Some(key)).await
    }

    /// What an organisation publishes to be matched.
    pub async fn profile(&self, of: OrganisationId) -> Result<Profile> {
        self.get(&format!("organisations/{of}/profile"), &[]).await
    }

    /// Publishes a profile, or says anew what stands in it.
    pub async fn publish_profile(
        &self,
        of: OrganisationId,
        draft: &ProfileDraft,
        key: &str,
    ) -> Result<Profile> {
        let path = format!("organisations/{of}/profile");
        let request =
            || { self.request(Method::PUT, &path, &[]).json(draft) }.header("Idempotency-Key", key);
        let response = self.authorized(request).await?;
        self.read(response).await
    }

    /// Takes it back with all its texts.
    pub async fn withdraw_profile(&self, of: OrganisationId) -> Result<Profile> {
        self.delete(&format!("organisations/{of}/profile")).await
    }

    /// Whom an organisation that published a profile may meet.
    pub async fn matches(&self, of: OrganisationId) -> Result<Vec<Match>> {
        self.every(&format!("organisations/{of}/matches"), &[])
            .await
    }

    /// Says that the organisation would meet whoever this profile is of. Again changes nothing.
    pub async fn show_interest(&self, of: OrganisationId, other: ProfileId) -> Result<Match> {
        let path = format!("organisations/{of}/matches/{other}/interest");
        let request = || self.request(Method::PUT, &path, &[]);
        let response = self.authorized(request).await?;
        self.read(response).await
    }

    /// Takes that back; from then on neither sees who the other is.
    pub async fn withdraw_interest(&self, of: OrganisationId, other: ProfileId) -> Result<Match> {
        let path = format!("organisations/{of}/matches/{other}/interest");
        self.delete(&path).await
    }
}
