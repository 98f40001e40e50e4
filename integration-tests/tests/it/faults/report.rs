use std::time::Duration;

use super::ground::Ground;
use super::say;
use super::scene::Scene;
use super::wishes::tasks;
use integration_tests::Books;

impl Scene {
    /// What was survived, for those who read the output.
    pub(super) async fn report(
        &self,
        ground: &impl Ground,
        jobs: usize,
        seed: u64,
        took: Duration,
    ) {
        let books = Books::read(&self.engineer).await;
        let starts: usize = books.jobs.iter().map(|job| tasks(&job.spec).len()).sum();
        say(&format!(
            "{jobs} jobs at {site}: {starts} starts, each once, in {took} s; seed {seed}\n\
             killed: {kills:?}\n\
             HTTP requests: {requests:?}",
            site = self.site.id,
            took = took.as_secs(),
            kills = self.kills,
            requests = self.faults(),
        ));
        let commands = ground.faults();
        if !commands.is_empty() {
            say(&format!("commands: {commands:?}"));
        }
    }
}
