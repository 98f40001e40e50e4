use std::time::Duration;

use site_adapter::{LocalAccount, RemoteJob, Result};
use tokio::time::Instant;

use crate::adapter::KubernetesAdapter;
use crate::names;

const PAUSE: Duration = Duration::from_secs(2);
/// A look that took longer may have waited for an etcd that hung: what lay there comes right after.
const SLOW: Duration = Duration::from_secs(2);

impl KubernetesAdapter {
    /// Looks until the marker is found, or has been absent for the settling time.
    ///
    /// One look is no proof: a create whose answer was lost may still be worked on by the API server, or
    /// lie in an etcd that hangs, and be applied once that goes on. Only a 404 counts that the API server
    /// says itself; who may not look gets a 403 and an error.
    pub(crate) async fn find_job(
        &self,
        account: &LocalAccount,
        marker: &str,
    ) -> Result<Option<RemoteJob>> {
        let (namespace, name) = (self.namespace(account)?, names::job_name(marker)?);
        let mut sure_at = Instant::now() + self.settle();
        loop {
            let begun = Instant::now();
            let last = begun >= sure_at;
            if let Some(found) = self.look(&namespace, &name, marker).await? {
                return Ok(Some(found));
            }
            if begun.elapsed() > SLOW {
                sure_at = Instant::now() + self.settle();
            } else if last {
                return Ok(None);
            }
            tokio::time::sleep_until((Instant::now() + PAUSE).min(sure_at)).await;
        }
    }

    /// One look at what is stored.
    pub(crate) async fn look(
        &self,
        namespace: &str,
        name: &str,
        marker: &str,
    ) -> Result<Option<RemoteJob>> {
        let seen = self.seen(namespace, name).await?;
        let ours = seen.filter(|seen| seen.job.marker == marker);
        Ok(ours.map(|seen| seen.view().remote(seen.view().activity(None))))
    }
}
