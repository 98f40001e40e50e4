mod logs;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use site_adapter::{AttemptReport, LogStream, RemoteRef, Result, UsageReport};

pub(crate) use logs::{Fetch, Got, Logs};

use super::{Ended, Moment, Phase, Tracked};
use crate::backoff::after;

/// What to fetch of a job in one go.
#[derive(Debug)]
pub(crate) struct Collect {
    pub(crate) remote: RemoteRef,
    pub(crate) logs: Vec<(LogStream, Fetch)>,
    pub(crate) usage: bool,
}

#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) logs: Vec<(LogStream, Got)>,
    pub(crate) usage: Option<Result<Option<UsageReport>>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UsageState {
    Unknown,
    /// What goes to the broker once the logs are stored.
    Settled(Option<UsageReport>),
}

impl Ended {
    const fn is_metered(&self) -> bool {
        matches!(self.usage, UsageState::Settled(_))
    }
}

impl Tracked {
    /// What there is to fetch now; `room` says whether log bytes may be taken into memory.
    pub(crate) fn next_collect(&self, at: &Moment<'_>, room: bool) -> Option<Collect> {
        if at.now < self.collect_at {
            return None;
        }
        let (remote, usage) = match &self.phase {
            Phase::Accepted(live) if live.started_at.is_some() => (&live.remote, false),
            Phase::Ended(ended) => (&ended.remote, matches!(ended.usage, UsageState::Unknown)),
            _ => return None,
        };
        let is_over = matches!(&self.phase, Phase::Ended(it) if it.is_metered());
        let logs = self.logs.wanted(at, room, is_over);
        if !usage && logs.is_empty() && !self.may_finish(at) {
            return None;
        }
        Some(Collect {
            remote: remote.clone(),
            logs,
            usage,
        })
    }

    fn may_finish(&self, at: &Moment<'_>) -> bool {
        let Phase::Ended(Ended {
            usage: UsageState::Settled(_),
            seen_at,
            ..
        }) = &self.phase
        else {
            return false;
        };
        let late = is_past(*seen_at, at.config.logs_give_up, at.now);
        self.logs.are_read(at.config.max_log_bytes) || (late && self.logs.are_idle())
    }

    pub(crate) fn collected(&mut self, collected: Collected, at: &Moment<'_>) {
        self.collect_at = after(at.now, at.config.tick);
        let late = self.is_late(at);
        for (stream, got) in collected.logs {
            self.logs.got(stream, got, late);
        }
        if let Some(answer) = collected.usage {
            self.usage_told(answer, at);
            return;
        }
        self.finish(at);
    }

    /// The job ended long ago, and what cannot be read of its logs now is not waited for.
    fn is_late(&self, at: &Moment<'_>) -> bool {
        let Phase::Ended(ended) = &self.phase else {
            return false;
        };
        is_past(ended.seen_at, at.config.logs_give_up, at.now)
    }

    /// A file system may show the last lines after the scheduler shows the end, so logs are read to
    /// their end once more after the usage is known.
    fn usage_told(&mut self, answer: Result<Option<UsageReport>>, at: &Moment<'_>) {
        let attempt = self.id();
        let Phase::Ended(ended) = &mut self.phase else {
            return;
        };
        let late = is_past(ended.seen_at, at.config.usage_give_up, at.now);
        let settled = match answer {
            Ok(Some(usage)) => Some(Some(usage)),
            Ok(None) if !ended.ran => Some(None),
            Ok(None) | Err(_) if late => {
                tracing::warn!(
                    attempt.id = %attempt, remote.id = %ended.remote.remote_id,
                    "the site's accounting never told what the job used; closed without usage"
                );
                Some(None)
            }
            Ok(None) | Err(_) => None,
        };
        let Some(usage) = settled else {
            self.again_soon(at);
            self.collect_at = self.not_before;
            return;
        };
        ended.usage = UsageState::Settled(usage);
        self.touched = true;
        self.logs.look_again();
        self.collect_at = at.now;
    }

    fn finish(&mut self, at: &Moment<'_>) {
        if !self.may_finish(at) {
            return;
        }
        if let Phase::Ended(Ended {
            usage: UsageState::Settled(usage),
            remote,
            ..
        }) = &self.phase
        {
            let (usage, account) = (usage.clone(), remote.account.account.clone());
            self.close(AttemptReport::Usage {
                attempt: self.id(),
                usage,
                account,
            });
        }
    }
}

fn is_past(since: Timestamp, wait: std::time::Duration, now: Timestamp) -> bool {
    now >= after(since, wait)
}
