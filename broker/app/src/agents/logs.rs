use std::collections::BTreeMap;

use broker_model::{AttemptId, JobId};
use broker_store::{Change, Write};
use site_adapter::LogChunk;

use super::Teller;
use crate::{Broker, Result};

const CUT: &[u8] = b"\n[log cut here: the limit of stored bytes is reached]\n";

impl Broker {
    /// Stores what continues the stored logs of this agent's attempts; the rest is ignored.
    pub(super) async fn store_logs(&self, teller: &Teller, logs: Vec<LogChunk>) -> Result<()> {
        let ids: Vec<AttemptId> = logs.iter().map(|chunk| chunk.attempt).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let attempts = self.inner.store.find_attempts(&ids).await?;
        let jobs: BTreeMap<AttemptId, JobId> = attempts
            .into_iter()
            .filter(|attempt| teller.holds(attempt))
            .map(|attempt| (attempt.id, attempt.job))
            .collect();
        let mut change = Change::default();
        for chunk in logs {
            let Some(job) = jobs.get(&chunk.attempt).copied() else {
                continue;
            };
            change.writes.push(Write::AppendLog {
                job,
                attempt: chunk.attempt,
                stream: chunk.stream.as_str(),
                offset: chunk.offset,
                bytes: within(self.inner.limits.log_bytes, chunk.offset, chunk.bytes),
            });
        }
        if change.writes.is_empty() {
            return Ok(());
        }
        self.commit(change).await?;
        for job in jobs.into_values() {
            self.nudges().job(job);
        }
        Ok(())
    }
}

/// Cuts what goes over the limit of one stream, and says so in its last line.
///
/// The line goes beyond the limit, so nothing that comes later continues the stored bytes.
fn within(limit: u64, offset: u64, mut bytes: Vec<u8>) -> Vec<u8> {
    let Some(room) = limit.checked_sub(offset) else {
        return Vec::new();
    };
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    if bytes.len() > room {
        bytes.truncate(room);
        bytes.extend_from_slice(CUT);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_stored_line_says_that_the_log_was_cut_wherever_its_pieces_end() {
        for piece in 1..=12 {
            let mut stored = Vec::new();
            for (at, bytes) in b"0123456789ab".chunks(piece).enumerate() {
                let offset = (at * piece) as u64;
                let kept = within(10, offset, bytes.to_vec());
                if offset == stored.len() as u64 {
                    stored.extend(kept);
                }
            }
            let expected = [b"0123456789", CUT].concat();
            assert_eq!(stored, expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_log_of_just_the_limit_is_whole() {
        assert_eq!(within(10, 0, b"0123456789".to_vec()), b"0123456789");
        assert_eq!(within(10, 10, Vec::new()), b"");
    }
}
