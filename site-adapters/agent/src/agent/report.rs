use site_adapter::LinkError;

use super::Agent;

impl Agent {
    /// Sends what there is to tell, as one report; returns whether there was anything.
    ///
    /// On an error nothing is lost: the same goes out with the next call.
    pub async fn report_once(&self) -> Result<bool, LinkError> {
        let Some(batch) = self.state().compose(&self.moment()) else {
            return Ok(false);
        };
        let sent_at = self.steady.now();
        let sent = self.link.report(batch.report.clone());
        let answer = self.metrics.broker_call("report", sent).await;
        self.note_link("report", &answer);
        self.note_broker(matches!(answer, Ok(_) | Err(LinkError::Refused(_))));
        let at = self.moment();
        match answer {
            Ok(reply) => {
                let mut state = self.state();
                state.heard(at.now);
                state.stored(&batch, &reply, sent_at, at.now);
                drop(state);
                if let (Some(told), Some(registered)) = (&batch.report.snapshot, &reply.partitions)
                {
                    self.compare_partitions(told, registered);
                }
            }
            Err(LinkError::Refused(words)) => {
                tracing::error!(words, "the broker refused a report");
                self.state().not_understood(&batch, &at);
                return Err(LinkError::Refused(words));
            }
            Err(error) => return Err(error),
        }
        self.observe();
        self.wake.all();
        Ok(true)
    }
}
