use site_adapter::{Error, ErrorKind, RemoteRef, Result};

use crate::adapter::PbsAdapter;
use crate::calls::{cancel, files, is_job_id};

use super::questions::Said;

impl PbsAdapter {
    /// Deletes the job if the id still is ours. qdel answers before the job has ended: up to half a
    /// minute if it ignores SIGTERM.
    ///
    /// It is noted down beside the record: without a history nobody else tells that a job was deleted.
    /// Code may take SIGTERM for a wish to end well, and what ignores it is killed before a word.
    pub(crate) async fn cancel_job(&self, job: &RemoteRef) -> Result<()> {
        let id = job.remote_id.0.as_str();
        if !is_job_id(id) {
            let message = format!("`{}` is no job id of PBS's", id.escape_debug());
            return Err(Error::new(ErrorKind::Protocol, "qdel", message));
        }
        let user = &job.account.user;
        let seen = match self.say_of(user, id).await? {
            Said::Job(seen) if seen.is(job) && !seen.is_over() => seen,
            Said::Job(_) | Said::Unknown => return Ok(()),
            Said::Nothing => {
                let message = format!("the server would not tell of job {id}; it was not deleted");
                return Err(Error::new(ErrorKind::Unavailable, "qdel", message));
            }
        };
        let since = self.clock.now();
        let ran = self.pbs(user, cancel::command(id)).await?;
        cancel::parse(&ran)?;
        if ran.is_ok() && (seen.has_started() || seen.depends()) {
            let path = files::cancel_path(&self.settings.work_dir_of(user), &job.marker);
            self.write_note(user, &path, &files::cancel_note(since))
                .await;
        }
        Ok(())
    }
}
