//! What organisations can show, and what reviewers find.

use std::time::Duration;

use broker_model::{
    AidRecord, Evidence, EvidenceDraft, EvidenceFinding, EvidenceId, OrganisationId,
    ScreeningDraft, SignatoryHint,
};
use reqwest::Method;

use super::{Client, SILENCE};
use crate::wire::Undertaking;
use crate::{Result, body};

/// A line slower than this is taken for a dead one.
const SLOWEST_BYTES_PER_SECOND: u64 = 16 * 1024;

impl Client {
    /// All that an organisation ever handed in, oldest first.
    pub async fn evidence(&self, of: OrganisationId) -> Result<Vec<Evidence>> {
        self.every(&format!("organisations/{of}/evidence"), &[])
            .await
    }

    /// The de minimis aid that national hours were to an organisation, oldest first.
    pub async fn aid(&self, of: OrganisationId) -> Result<Vec<AidRecord>> {
        self.every(&format!("organisations/{of}/aid"), &[]).await
    }

    /// Whose aid counts together with an organisation's.
    pub async fn undertaking(&self, of: OrganisationId) -> Result<Undertaking> {
        self.get(&format!("organisations/{of}/undertaking"), &[])
            .await
    }

    /// Records what a reviewer found in lists of sanctions or export control.
    pub async fn record_screening(
        &self,
        of: OrganisationId,
        draft: &ScreeningDraft,
        key: &str,
    ) -> Result<Evidence> {
        let path = format!("organisations/{of}/screenings");
        self.post(&path, draft, Some(key)).await
    }

    /// Hands evidence in; it counts once a reviewer has found it good.
    pub async fn hand_in_evidence(
        &self,
        of: OrganisationId,
        draft: &EvidenceDraft,
        key: &str,
    ) -> Result<Evidence> {
        let path = format!("organisations/{of}/evidence");
        self.post(&path, draft, Some(key)).await
    }

    /// Takes evidence back. Again changes nothing.
    pub async fn withdraw_evidence(&self, of: OrganisationId, id: EvidenceId) -> Result<Evidence> {
        let path = format!("organisations/{of}/evidence/{id}/withdraw");
        self.post(&path, &serde_json::json!({}), None).await
    }

    /// Says what a reviewer found.
    pub async fn check_evidence(
        &self,
        of: OrganisationId,
        id: EvidenceId,
        finding: &EvidenceFinding,
    ) -> Result<Evidence> {
        let path = format!("organisations/{of}/evidence/{id}/check");
        self.post(&path, finding, None).await
    }

    /// Keeps a file with evidence; the same bytes again change nothing.
    pub async fn add_evidence_file(
        &self,
        (of, id): (OrganisationId, EvidenceId),
        (name, media_type): (&str, &str),
        bytes: &[u8],
    ) -> Result<Evidence> {
        let url = self.url(&format!("organisations/{of}/evidence/{id}/files"));
        let seconds = bytes.len() as u64 / SLOWEST_BYTES_PER_SECOND;
        let patience = SILENCE + Duration::from_secs(seconds);
        let request = || {
            { self.uploads.request(Method::POST, url.clone()) }
                .query(&[("name", name)])
                .header("Content-Type", media_type)
                .timeout(patience)
                .body(bytes.to_vec())
        };
        let response = self.authorized(request).await?;
        self.read(response).await
    }

    /// The bytes of a file, by their digest.
    pub async fn evidence_file(
        &self,
        (of, id): (OrganisationId, EvidenceId),
        sha256: &str,
    ) -> Result<Vec<u8>> {
        let path = format!("organisations/{of}/evidence/{id}/files/{sha256}");
        let request = || self.request(Method::GET, &path, &[]);
        let response = self.authorized(request).await?;
        body::bytes(response, &path).await
    }

    /// What the newest list of signatories of the AI Pact says of its name; for reviewers and operators.
    pub async fn signatory_hint(&self, of: OrganisationId) -> Result<SignatoryHint> {
        let path = format!("organisations/{of}/signatories");
        self.get(&path, &[]).await
    }

    /// What nobody has looked at, of every organisation, oldest first; for reviewers.
    pub async fn evidence_to_check(&self) -> Result<Vec<Evidence>> {
        self.every("reviews/evidence", &[]).await
    }
}
