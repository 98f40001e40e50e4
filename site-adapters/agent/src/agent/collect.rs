use futures::future;
use site_adapter::{LogStream, SiteAdapter as _};

use super::Agent;
use crate::attempt::{Collect, Collected};
use crate::state::Lane;

impl Agent {
    /// Reads the next piece of every log that may have grown, and asks for the usage of jobs that
    /// have ended.
    pub async fn collect_once(&self) {
        self.lane_once(Lane::Collect).await;
    }

    pub(super) async fn fetch(&self, collect: Collect) -> Collected {
        let reads = collect.logs.iter().map(|(stream, offset)| {
            let read = self.read_log(&collect, *stream, *offset);
            async move { (*stream, read.await) }
        });
        let logs = future::join_all(reads).await;
        let usage = if collect.usage {
            let answer = self.adapter.usage(&collect.remote).await;
            self.note("usage", &answer);
            Some(answer)
        } else {
            None
        };
        Collected { logs, usage }
    }

    async fn read_log(
        &self,
        collect: &Collect,
        stream: LogStream,
        offset: u64,
    ) -> site_adapter::Result<Vec<u8>> {
        let most = self.config.log_chunk_bytes;
        let answer = self
            .adapter
            .read_log(&collect.remote, stream, offset, most)
            .await;
        self.note("read_log", &answer);
        answer
    }
}
