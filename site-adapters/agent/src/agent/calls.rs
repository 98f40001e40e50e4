use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use site_adapter::SiteAdapter as _;

use super::{Agent, InFlight};
use crate::AccountError;
use crate::attempt::{Answer, Call};
use crate::state::{Due, Lane};

impl Agent {
    /// Makes every account, find, submit and cancel call that is due, and those that follow from
    /// them at once.
    pub async fn calls_once(&self) {
        self.lane_once(Lane::Calls).await;
    }

    pub(super) async fn lane_once(&self, lane: Lane) {
        let mut running = FuturesUnordered::new();
        loop {
            let free = self.config.max_calls.saturating_sub(running.len());
            for (guard, due) in self.take_due(lane, free) {
                running.push(self.work_on(guard, due));
            }
            if running.next().await.is_none() {
                return;
            }
        }
    }

    pub(super) async fn work_on(&self, guard: InFlight<'_>, due: Due) {
        match due {
            Due::Call(ticket, call) => {
                let answer = self.call(call).await;
                self.state().answered(ticket, answer, &self.moment());
            }
            Due::Collect(ticket, collect) => {
                let collected = self.fetch(collect).await;
                self.state().collected(ticket, collected, &self.moment());
            }
        }
        drop(guard);
        self.wake.all();
    }

    async fn call(&self, call: Call) -> Answer {
        match call {
            Call::Account(question) => {
                let answer = self.accounts.account(&question).await;
                self.note_account(&answer);
                Answer::Account(answer)
            }
            Call::Find { account, marker } => {
                let answer = self.adapter.find(&account, &marker).await;
                self.note("find", &answer);
                Answer::Found(answer)
            }
            Call::Submit(submission) => {
                let answer = self.adapter.submit(&submission).await;
                self.note("submit", &answer);
                Answer::Submitted(answer)
            }
            Call::Cancel(remote) => {
                let answer = self.adapter.cancel(&remote).await;
                self.note("cancel", &answer);
                Answer::Cancelled(answer)
            }
        }
    }

    fn note_account<T>(&self, answer: &Result<T, AccountError>) {
        let now = self.now();
        let mut state = self.state();
        let problems = &mut state.problems;
        let is_news = match answer {
            Err(error @ AccountError::Unavailable(_)) => {
                problems.note_away("accounts", error.to_string(), now)
            }
            // With such a user every job of it is refused until the site has mended its mapping.
            Err(
                error @ (AccountError::Unusable(_)
                | AccountError::Forbidden { .. }
                | AccountError::AnotherUser { .. }),
            ) => problems.note_words("accounts", error.to_string(), now),
            _ => {
                problems.solved("accounts");
                false
            }
        };
        if is_news {
            self.wake.snapshot.notify_one();
        }
    }
}
