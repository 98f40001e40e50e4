use broker_model::AttemptId;
use site_adapter::{Error, ErrorKind, LogStream, RemoteRef, Result};

use crate::adapter::PbsAdapter;
use crate::calls::files;

impl PbsAdapter {
    /// Reads as the job's own user, who may read no more there than they may: a link to another's file
    /// is of no use to them.
    pub(crate) async fn read_piece(
        &self,
        job: &RemoteRef,
        stream: LogStream,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Vec<u8>> {
        let base = self.base(job)?;
        let path = format!("{base}.{}", files::ending(stream));
        let command = files::read_log(&path, offset, max_bytes);
        files::parse_log(self.run(&job.account.user, command).await?)
    }

    fn base(&self, job: &RemoteRef) -> Result<String> {
        let attempt: AttemptId = job.marker.parse().map_err(|_| {
            Error::new(
                ErrorKind::Local,
                "read log",
                "the marker is not an attempt's id",
            )
        })?;
        let folder = self.settings.work_dir_of(&job.account.user);
        Ok(format!("{folder}/alcyone-{attempt}"))
    }
}
