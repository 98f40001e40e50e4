use site_adapter::{LeaseRequest, LinkError};

use super::Agent;

impl Agent {
    /// Asks the broker for work, letting it hold the answer for so long; returns how many attempts
    /// and cancel requests came that the agent did not know.
    pub async fn lease_once(&self, wait_seconds: u32) -> Result<usize, LinkError> {
        let request = self.lease_request(wait_seconds);
        let reply = self.link.lease(request).await?;
        let now = self.now();
        let news = {
            let mut state = self.state();
            state.broker_heard_at = Some(now);
            state.leased(reply, now)
        };
        if news > 0 {
            self.wake.all();
        }
        self.observe();
        Ok(news)
    }

    fn lease_request(&self, wait_seconds: u32) -> LeaseRequest {
        let working_on = self.state().working_on();
        let taken = u32::try_from(working_on.len()).unwrap_or(u32::MAX);
        LeaseRequest {
            agent: self.config.id,
            instance: Some(self.config.instance),
            site: self.config.site.clone(),
            want: self.config.max_attempts.saturating_sub(taken),
            wait_seconds,
            working_on,
        }
    }
}
