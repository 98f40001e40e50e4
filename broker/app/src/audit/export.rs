use broker_ledger::VerifierKey;
use broker_ledger::export::{Header, WriteError, Writer};
use broker_store::{StoreError, StoredCheckpoint};
use futures::stream::{self, Stream};

use crate::{Broker, Caller, Error, Result};

const ENTRIES_AT_ONCE: u32 = 1000;

enum Stage {
    Begin(Vec<VerifierKey>),
    Entries(Writer<Vec<u8>>),
    Done,
}

impl Broker {
    /// Streams the ledger up to the newest checkpoint in the export format that
    /// `broker_ledger::export::verify` reads. For auditors: it holds every project's entries.
    pub async fn export(
        &self,
        caller: &Caller,
        origin: &str,
        keys: Vec<VerifierKey>,
    ) -> Result<impl Stream<Item = Result<Vec<u8>>> + Send + use<>> {
        if !caller.may_audit() {
            return Err(Error::Forbidden("auditor"));
        }
        let export = Export {
            broker: self.clone(),
            origin: origin.to_owned(),
            head: self.checkpoint().await?,
        };
        Ok(stream::try_unfold(
            (export, Stage::Begin(keys)),
            |(export, stage)| async move {
                let Some((bytes, next)) = export.step(stage).await? else {
                    return Ok(None);
                };
                Ok(Some((bytes, (export, next))))
            },
        ))
    }
}

struct Export {
    broker: Broker,
    origin: String,
    head: StoredCheckpoint,
}

impl Export {
    async fn step(&self, stage: Stage) -> Result<Option<(Vec<u8>, Stage)>> {
        match stage {
            Stage::Begin(keys) => {
                let header = Header::new(&self.origin, keys, 0, self.head.tree_size);
                let mut writer = Writer::start(Vec::new(), &header).map_err(unreadable)?;
                let bytes = std::mem::take(writer.out());
                Ok(Some((bytes, Stage::Entries(writer))))
            }
            Stage::Entries(writer) => self.entries(writer).await.map(Some),
            Stage::Done => Ok(None),
        }
    }

    async fn entries(&self, mut writer: Writer<Vec<u8>>) -> Result<(Vec<u8>, Stage)> {
        let size = self.head.tree_size;
        let rows = self
            .broker
            .inner
            .store
            .entries(writer.next(), ENTRIES_AT_ONCE)
            .await?;
        for row in rows.iter().filter(|row| row.seq < size) {
            writer.entry(row.seq, &row.text).map_err(unreadable)?;
        }
        if rows.is_empty() && writer.next() < size {
            return Err(missing(writer.next()));
        }
        if writer.next() < size {
            let bytes = std::mem::take(writer.out());
            return Ok((bytes, Stage::Entries(writer)));
        }
        writer
            .checkpoint(&self.head.note, &[])
            .map_err(unreadable)?;
        Ok((writer.finish().map_err(unreadable)?, Stage::Done))
    }
}

fn missing(seq: u64) -> Error {
    let reason = format!("entry {seq} is sealed and is not there");
    Error::Store(StoreError::Unreadable {
        table: "ledger_entries",
        reason,
    })
}

/// What is stored does not fit together: damage, not the caller's mistake.
fn unreadable(error: WriteError) -> Error {
    Error::Store(StoreError::Unreadable {
        table: "ledger_entries",
        reason: error.to_string(),
    })
}
