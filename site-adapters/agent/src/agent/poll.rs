use site_adapter::SiteAdapter as _;

use super::Agent;

impl Agent {
    /// Asks the scheduler for the state of every job in one query; returns whether it answered.
    pub async fn poll_once(&self) -> bool {
        let (tickets, jobs) = self.state().live();
        if jobs.is_empty() {
            return true;
        }
        let answer = self.adapter.poll(&jobs).await;
        self.note("poll", &answer);
        let Ok(seen) = answer else {
            return false;
        };
        let now = self.now();
        let asked = tickets.into_iter().zip(jobs);
        self.state().polled(asked, &seen, now);
        self.metrics.ticked(now);
        self.observe();
        self.wake.all();
        true
    }
}
