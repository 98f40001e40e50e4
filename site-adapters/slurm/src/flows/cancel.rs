use site_adapter::{Error, ErrorKind, RemoteRef, Result};

use crate::adapter::{SlurmAdapter, plain_id};
use crate::calls::cancel;
use crate::record::JobRecord;

type Ours<'a> = &'a (dyn Fn(&JobRecord) -> bool + Sync);

impl SlurmAdapter {
    pub(crate) async fn cancel_job(&self, job: &RemoteRef) -> Result<()> {
        let ours = |seen: &JobRecord| seen.is(job);
        self.stop(&job.account.user, plain_id(job)?, &ours).await
    }

    /// Stops a job if the id still is ours, and looks if that was heeded.
    pub(crate) async fn stop(&self, user: &str, id: &str, ours: Ours<'_>) -> Result<()> {
        if self.unstopped(user, id, ours).await?.is_none() {
            return Ok(());
        }
        let answer = self.transport.call(user, |_| cancel::request(id)).await?;
        cancel::parse(&answer)?;
        match self.unstopped(user, id, ours).await? {
            None => Ok(()),
            Some(word) => Err(Error::new(
                ErrorKind::Unavailable,
                "DELETE job",
                format!("job {id} is {word} still; the request was not heeded"),
            )),
        }
    }

    /// The state of a job of ours, or of one of its tasks, that nobody has stopped; `None` if there is
    /// none.
    async fn unstopped(&self, user: &str, id: &str, ours: Ours<'_>) -> Result<Option<String>> {
        let jobs = self.jobs(user, id).await?;
        let unstopped = jobs.into_iter().find(|job| ours(job) && !is_ending(job));
        Ok(unstopped.map(|job| job.state.word))
    }
}

/// Over, or as good as: a job whose nodes do not let it go needs their daemon and no cancelling.
const fn is_ending(job: &JobRecord) -> bool {
    job.is_over() || job.state.is_completing
}
