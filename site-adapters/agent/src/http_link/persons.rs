//! What a person of the site asks and says through the agent.

use reqwest::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use site_adapter::{
    ConfirmReply, ConfirmRequest, ConfirmationsReply, ConfirmationsRequest, HandoffReportReply,
    HandoffReportRequest, HandoffScriptReply, HandoffScriptRequest, HandoffsReply, HandoffsRequest,
    LinkError,
};

use super::{ANSWER_TIMEOUT, HttpLink};
use crate::exchange::Miss;

impl HttpLink {
    /// What waits for a person of the site.
    pub async fn confirmations(
        &self,
        request: &ConfirmationsRequest,
    ) -> Result<ConfirmationsReply, LinkError> {
        Ok(self.post("confirmations", request, ANSWER_TIMEOUT).await?)
    }

    /// Confirms or declines a job in the name of a local person. A job that is not asked (any more) is
    /// [`LinkError::Refused`].
    pub async fn confirm(&self, request: &ConfirmRequest) -> Result<ConfirmReply, LinkError> {
        self.say("confirmations/answer", request).await
    }

    /// What people carry to the site.
    pub async fn handoffs(&self, request: &HandoffsRequest) -> Result<HandoffsReply, LinkError> {
        Ok(self.post("handoffs", request, ANSWER_TIMEOUT).await?)
    }

    /// Fetches the batch script of a carried job. One that is over, or was never carried here, is
    /// [`LinkError::Refused`].
    pub async fn handoff_script(
        &self,
        request: &HandoffScriptRequest,
    ) -> Result<HandoffScriptReply, LinkError> {
        self.say("handoffs/script", request).await
    }

    /// Tells what became of a carried job. What does not fit, or contradicts what was told before, is
    /// [`LinkError::Refused`]; the same again is not.
    pub async fn report_handoff(
        &self,
        request: &HandoffReportRequest,
    ) -> Result<HandoffReportReply, LinkError> {
        self.say("handoffs/report", request).await
    }

    async fn say<Q: Serialize + Sync, A: DeserializeOwned>(
        &self,
        path: &str,
        request: &Q,
    ) -> Result<A, LinkError> {
        let answer = self.post(path, request, ANSWER_TIMEOUT).await;
        answer.map_err(|miss| match miss {
            // A loop would try again; a person is told what the broker says of the job.
            Miss::Refusal(told)
                if matches!(told.status, StatusCode::NOT_FOUND | StatusCode::CONFLICT) =>
            {
                LinkError::Refused(told.words)
            }
            miss => miss.into(),
        })
    }
}
