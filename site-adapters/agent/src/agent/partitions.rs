use broker_model::{PartitionRef, SiteSnapshot};

use super::Agent;
use crate::partitions::{Mismatch, told_of};

impl Agent {
    /// Takes in what the broker has registered beside what this snapshot told of. Said once in the log,
    /// and in the site's state for as long as it is so.
    pub(super) fn compare_partitions(&self, told: &SiteSnapshot, registered: &[PartitionRef]) {
        // Of a scheduler that does not answer nothing is known.
        if told.partitions.is_empty() {
            return;
        }
        let site = &self.config.site;
        let found = Mismatch::between(site, &told_of(site, told), registered);
        let words = found.words();
        let before = std::mem::replace(&mut self.state().mismatch, found);
        if before.words() == words {
            return;
        }
        for words in &words {
            tracing::warn!(site.id = %site, "{words}");
        }
        if words.is_empty() {
            tracing::info!(site.id = %site, "broker and agent know the same partitions now");
        }
        self.wake.snapshot.notify_one();
    }
}
