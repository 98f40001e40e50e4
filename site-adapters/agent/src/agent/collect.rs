use std::sync::Arc;

use broker_model::AttemptId;
use futures::future;
use site_adapter::{LogStream, RemoteRef, SiteAdapter as _};
use tokio::task::spawn_blocking;

use super::Agent;
use crate::attempt::{Collect, Collected, Fetch, Got};
use crate::spool::Spool;
use crate::state::Lane;

impl Agent {
    /// Reads the next piece of every log that may have grown, and asks for the usage of jobs that
    /// have ended.
    pub async fn collect_once(&self) {
        self.lane_once(Lane::Collect).await;
    }

    pub(super) async fn fetch(&self, collect: Collect) -> Collected {
        let Collect {
            remote,
            logs,
            usage,
        } = collect;
        let pieces = logs.into_iter().map(|(stream, fetch)| {
            let piece = self.piece(&remote, stream, fetch);
            async move { (stream, piece.await) }
        });
        let logs = future::join_all(pieces).await;
        let usage = if usage {
            let answer = self.adapter.usage(&remote).await;
            self.note("usage", &answer);
            Some(answer)
        } else {
            None
        };
        Collected { logs, usage }
    }

    async fn piece(&self, remote: &RemoteRef, stream: LogStream, fetch: Fetch) -> Got {
        match fetch {
            Fetch::Spool { offset } => Got::Loaded(self.load(remote, stream, offset).await),
            Fetch::Move { offset, bytes } => self.keep(remote, stream, offset, bytes).await,
            Fetch::Site { offset, keep } => match self.read_log(remote, stream, offset).await {
                Ok(bytes) if keep && !bytes.is_empty() => {
                    self.keep(remote, stream, offset, bytes).await
                }
                answer => Got::Read(answer),
            },
        }
    }

    async fn read_log(
        &self,
        remote: &RemoteRef,
        stream: LogStream,
        offset: u64,
    ) -> site_adapter::Result<Vec<u8>> {
        let most = self.config.log_chunk_bytes;
        let answer = self.adapter.read_log(remote, stream, offset, most).await;
        self.note("read_log", &answer);
        answer
    }

    async fn load(
        &self,
        remote: &RemoteRef,
        stream: LogStream,
        offset: u64,
    ) -> std::io::Result<Vec<u8>> {
        let most = self.config.log_chunk_bytes;
        let read = move |spool: &Spool, attempt| spool.read_log(attempt, stream, offset, most);
        self.on_disk(remote, read).await
    }

    async fn keep(
        &self,
        remote: &RemoteRef,
        stream: LogStream,
        offset: u64,
        bytes: Vec<u8>,
    ) -> Got {
        let end = offset.saturating_add(bytes.len() as u64);
        if bytes.is_empty() {
            return Got::Kept { end };
        }
        let bytes = Arc::new(bytes);
        let copy = bytes.clone();
        let add = move |spool: &Spool, attempt| spool.keep_log(attempt, stream, offset, &copy);
        match self.on_disk(remote, add).await {
            Ok(true) => Got::Kept { end },
            Ok(false) => Got::Full(Arc::unwrap_or_clone(bytes)),
            Err(error) => {
                tracing::warn!(%error, "log bytes cannot be kept; they are read again later");
                Got::Full(Arc::unwrap_or_clone(bytes))
            }
        }
    }

    async fn on_disk<T: Send + 'static>(
        &self,
        remote: &RemoteRef,
        act: impl FnOnce(&Spool, AttemptId) -> std::io::Result<T> + Send + 'static,
    ) -> std::io::Result<T> {
        let spool = self.spool.clone();
        let attempt = remote.marker.parse::<AttemptId>();
        let (Some(spool), Ok(attempt)) = (spool, attempt) else {
            return Err(std::io::ErrorKind::NotFound.into());
        };
        spawn_blocking(move || act(&spool, attempt)).await?
    }
}
