use site_adapter::{LeaseRequest, LinkError};

use super::Agent;
use crate::attempt::Heard;

impl Agent {
    /// Asks the broker for work, letting it hold the answer for so long; returns how many attempts
    /// and cancel requests came that the agent did not know.
    pub async fn lease_once(&self, wait_seconds: u32) -> Result<usize, LinkError> {
        let request = self.lease_request(wait_seconds).await;
        let asked_at = self.steady.now();
        let answer = self
            .metrics
            .broker_call("lease", self.link.lease(request))
            .await;
        self.note_broker(answer.is_ok());
        self.note_link("lease", &answer);
        let reply = answer?;
        let heard = Heard {
            asked_at,
            steady: self.steady.now(),
            now: self.now(),
            answered_at: reply.now,
        };
        let news = {
            let mut state = self.state();
            state.heard(heard.now);
            state.leased(reply, &heard)
        };
        if news > 0 {
            self.wake.all();
        }
        self.observe();
        Ok(news)
    }

    async fn lease_request(&self, wait_seconds: u32) -> LeaseRequest {
        let is_drained = self.drained().await.is_some();
        let (working_on, known) = {
            let state = self.state();
            (state.working_on(), state.len())
        };
        let only_sent = self.cannot_hand_in();
        let taken = u32::try_from(known).unwrap_or(u32::MAX);
        let free = self.config.max_attempts.saturating_sub(taken);
        LeaseRequest {
            agent: self.config.id,
            instance: Some(self.config.instance),
            site: self.config.site.clone(),
            scheduler: self.config.scheduler.clone(),
            systems: self.config.systems.clone(),
            only_sent,
            want: if only_sent || is_drained {
                0
            } else {
                free.min(self.room_for_unsent())
            },
            wait_seconds,
            working_on,
        }
    }

    /// How many more attempts may wait here to be sent: each is in memory with its script.
    pub(super) fn room_for_unsent(&self) -> u32 {
        let unsent = u32::try_from(self.state().unsent()).unwrap_or(u32::MAX);
        self.config.max_unsent.saturating_sub(unsent)
    }
}
