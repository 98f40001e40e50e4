use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use broker_model::Site;
use integration_tests::SiteAgent;
use url::Url;

use super::scene::{SILENCE, Scene};

/// How often what was started: by the marker of the attempt, and by the index of a task of an array.
pub(super) type Starts = BTreeMap<(String, Option<u32>), u32>;

/// A scheduler under test.
pub(super) trait Ground {
    /// Replicas of the broker. More than one share PostgreSQL, and each agent speaks to its own.
    const REPLICAS: usize = 1;

    /// How long nothing comes back from the scheduler: longer than its adapter waits.
    const SILENCE: Duration = SILENCE;

    /// What was given up in the storm has arrived by then: commands over ssh take up to 15 s.
    const LATEST: Duration = Duration::from_secs(16);

    fn site(&self) -> Site;

    /// The file in which every start and every end leaves a line, as the jobs name it and as the test does.
    fn starts(&self) -> (String, PathBuf);

    /// An agent of the site, with a bad network between it and the scheduler.
    async fn agent(&self, scene: &mut Scene, name: &str, broker: &Url) -> SiteAgent;

    /// All starts, by the scheduler's own accounting.
    fn by_accounting(&self) -> Starts;

    /// Nothing waits and nothing runs, whosever it is: what has no start by now never gets one.
    fn is_idle(&self) -> bool;

    /// What goes wrong on ways that are not HTTP begins to.
    fn roughen(&self, _seed: u64) {}

    fn calm(&self) {}

    /// What went wrong on those ways, by kind.
    fn faults(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

pub(super) fn counted(starts: impl IntoIterator<Item = (String, Option<u32>)>) -> Starts {
    let mut counted = Starts::new();
    for start in starts {
        *counted.entry(start).or_default() += 1;
    }
    counted
}
