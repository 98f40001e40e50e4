//! What a centre is shown of a job that failed, so that nobody has to tell it again.

use std::sync::LazyLock;

use broker_model::{
    AttemptId, Job, JobId, Outcome, Placement, ReferralJob, ReferralLog, ReferralPlacement,
    StateName,
};
use regex_lite::Regex;
use site_adapter::LogStream;

use super::redact;
use crate::{Broker, Caller, Error, Result};

/// Most lines of a log that go along.
const LINES: usize = 100;
/// So much of its end is read for them.
const BYTES: u64 = 64 * 1024;

pub(super) const fn has_failed(job: &Job) -> bool {
    matches!(job.state.name(), StateName::Failed | StateName::TimedOut)
}

impl Broker {
    /// What a centre would be shown of a job, for a member of its project to look at before it is sent; of
    /// one that did not fail there is nothing to show.
    pub async fn referral_evidence(&self, caller: &Caller, id: JobId) -> Result<ReferralJob> {
        let job = self.job(caller, id).await?;
        if !caller.may_use(job.spec.project) {
            return Err(Error::Forbidden("`member` of this project"));
        }
        if !has_failed(&job) {
            let state = job.state.name().as_str();
            let words = format!("the job is {state}: there is no failure to ask a centre about");
            return Err(Error::NotWaiting(words));
        }
        self.failure_of(&job).await
    }

    /// The evidence of a job, redacted.
    pub(super) async fn failure_of(&self, job: &Job) -> Result<ReferralJob> {
        let store = &self.inner.store;
        let placement = store.find_placement(job.id).await?;
        let newest = store.attempts_of(job.id).await?.last().map(|it| it.id);
        let mut logs = Vec::new();
        if let Some(attempt) = job.attempt.or(newest) {
            for stream in [LogStream::Stdout, LogStream::Stderr] {
                logs.extend(self.end_of_log(job, (attempt, stream)).await?);
            }
        }
        Ok(ReferralJob {
            job: job.id,
            name: redact(&job.spec.name),
            state: job.state.name(),
            ended_at: job.state.ended_at(),
            outcome: job.state.outcome().map(|it| Outcome {
                site_words: redact(&it.site_words),
                ..it.clone()
            }),
            ran_on: job.state.partition().cloned(),
            refusals: job
                .refusals
                .iter()
                .map(|it| redact(&it.to_string()))
                .collect(),
            placement: placement.as_ref().map(summary),
            logs,
        })
    }

    async fn end_of_log(
        &self,
        job: &Job,
        (attempt, stream): (AttemptId, LogStream),
    ) -> Result<Option<ReferralLog>> {
        let (store, name) = (&self.inner.store, stream.as_str());
        let length = store.log_length(attempt, name).await?;
        let from = length.saturating_sub(BYTES);
        let most = usize::try_from(BYTES).unwrap_or(usize::MAX);
        let bytes = store.read_log(job.id, name, from, most).await?;
        // It takes its time, which others need. Where it fails, nothing goes along.
        let read = tokio::task::spawn_blocking(move || readable(&bytes, from > 0));
        let (text, cut) = read.await.unwrap_or_default();
        Ok((!text.is_empty()).then(|| ReferralLog {
            stream: name.to_owned(),
            text,
            cut: cut || from > 0,
        }))
    }
}

/// The last lines of a log, redacted, and whether there were more. What begins within a line loses it.
fn readable(bytes: &[u8], is_cut: bool) -> (String, bool) {
    let text = String::from_utf8_lossy(bytes);
    let whole = match text.split_once('\n') {
        Some((_, rest)) if is_cut => rest,
        _ => &text,
    };
    last_lines(&redact(&as_shown(whole)))
}

fn summary(placement: &Placement) -> ReferralPlacement {
    let feasible = { placement.considered.iter() }.filter(|it| it.rejections.is_empty());
    let feasible = feasible.count();
    ReferralPlacement {
        decided_at: placement.decided_at,
        chosen: placement.chosen.clone(),
        reason: redact(&placement.reason),
        feasible,
        rejected: placement.considered.len() - feasible,
    }
}

/// As a terminal would leave it: without colours, and of a progress bar only what it came to. What is hidden
/// between control characters would not be found to be a secret.
fn as_shown(text: &str) -> String {
    #[expect(clippy::expect_used, reason = "the pattern is a constant")]
    static ESCAPES: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)")
            .expect("a pattern is valid")
    });
    let plain = ESCAPES.replace_all(text, "");
    let line = |line: &str| {
        let shown = line.trim_end_matches('\r').rsplit('\r').next();
        let shown = shown.unwrap_or_default().chars();
        shown
            .filter(|c| !c.is_control() || *c == '\t')
            .collect::<String>()
    };
    plain.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// The last lines of a text, and whether there were more.
fn last_lines(text: &str) -> (String, bool) {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let more = lines.len().saturating_sub(LINES);
    let last = lines.get(more..).unwrap_or_default();
    (last.join("\n"), more > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_as_a_terminal_leaves_it() {
        let log =
            "\u{1b}[31mError\u{1b}[0m: \u{1b}]0;title\u{7}no\r\n 1%\r 50%\r100%\nkey\u{0}s\tx";
        assert_eq!(as_shown(log), "Error: no\n100%\nkeys\tx");
    }

    #[test]
    fn the_last_hundred_lines_go_along() {
        let log: Vec<String> = (1..=250).map(|it| it.to_string()).collect();
        let (text, cut) = last_lines(&log.join("\n"));
        assert!(text.starts_with("151\n") && text.ends_with("\n250") && cut);
        assert_eq!(last_lines("a\nb\n\n"), ("a\nb".to_owned(), false));
    }
}
