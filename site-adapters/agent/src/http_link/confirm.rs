//! What a person of the site asks and says through the agent.

use site_adapter::{
    ConfirmReply, ConfirmRequest, ConfirmationsReply, ConfirmationsRequest, LinkError,
};

use super::{ANSWER_TIMEOUT, HttpLink};

impl HttpLink {
    /// What waits for a person of the site.
    pub async fn confirmations(
        &self,
        request: &ConfirmationsRequest,
    ) -> Result<ConfirmationsReply, LinkError> {
        self.post("confirmations", request, ANSWER_TIMEOUT).await
    }

    /// Confirms or declines a job in the name of a local person. A job that is not asked (any more) is
    /// [`LinkError::Refused`].
    pub async fn confirm(&self, request: &ConfirmRequest) -> Result<ConfirmReply, LinkError> {
        let answer = self
            .post("confirmations/answer", request, ANSWER_TIMEOUT)
            .await;
        answer.map_err(|error| match error {
            // For a lease these come from something before the broker; here the broker says them.
            LinkError::Unreachable(words)
                if words.starts_with("404 ") || words.starts_with("409 ") =>
            {
                LinkError::Refused(words)
            }
            error => error,
        })
    }
}
