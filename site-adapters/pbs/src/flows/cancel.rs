use site_adapter::{Error, ErrorKind, RemoteRef, Result};

use crate::adapter::PbsAdapter;
use crate::calls::{cancel, is_job_id};

use super::questions::Said;

impl PbsAdapter {
    /// Deletes the job if the id still is ours. qdel answers before the job has ended: up to half a
    /// minute if it ignores SIGTERM.
    pub(crate) async fn cancel_job(&self, job: &RemoteRef) -> Result<()> {
        let id = job.remote_id.0.as_str();
        if !is_job_id(id) {
            let message = format!("`{}` is no job id of PBS's", id.escape_debug());
            return Err(Error::new(ErrorKind::Protocol, "qdel", message));
        }
        let user = &job.account.user;
        match self.say_of(user, id).await? {
            Said::Job(seen) if seen.is(job) && !seen.is_over() => {}
            Said::Job(_) | Said::Unknown => return Ok(()),
            Said::Nothing => {
                let message = format!("the server would not tell of job {id}; it was not deleted");
                return Err(Error::new(ErrorKind::Unavailable, "qdel", message));
            }
        }
        cancel::parse(&self.pbs(user, cancel::command(id)).await?)
    }
}
