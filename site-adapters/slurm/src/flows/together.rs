//! What the bulk queries of a tick leave open of several jobs: one read of all of slurmctld's jobs answers
//! it, where that is short.
//!
//! Of a long queue they are asked for one by one, and while the accounting is down only a few: it is
//! then of every job that changes, of all jobs after an agent's start, and for hours.

use std::collections::HashMap;

use site_adapter::{ErrorKind, RemoteRef, Result};

use crate::adapter::SlurmAdapter;
use crate::known::Sight;
use crate::whole::Records;

use super::questions::{AT_FIRST, MOST_QUESTIONS, Question};
use super::queue::Live;

/// What there is to go by beside the questions themselves.
pub(super) struct Beside<'a> {
    /// All of slurmctld's jobs, if they were read in this tick already.
    pub(super) live: Option<&'a Live>,
    pub(super) accounting_is_down: bool,
    pub(super) tells_states: bool,
}

impl SlurmAdapter {
    /// Returns the positions of the jobs that are gone.
    pub(super) async fn ask_open(
        &self,
        mut open: Vec<Question<'_>>,
        beside: &Beside<'_>,
    ) -> Result<Vec<usize>> {
        let mut gone = Vec::new();
        if let Some(live) = beside.live {
            open = self.answer_from(live, open, &mut gone);
        }
        let mut most = MOST_QUESTIONS;
        if open.len() > AT_FIRST {
            if self.is_short().await.unwrap_or(false) {
                let eyes = match beside.live {
                    Some(_) => owner_of_several(&open),
                    None => Some(self.eyes_for(open.iter().map(|it| it.job)).to_owned()),
                };
                open = self.ask_together(eyes, open, &mut gone).await;
            } else if beside.accounting_is_down {
                most = AT_FIRST + self.minute.looks(open.len() - AT_FIRST, self.clock.now());
            }
        }
        let is_only_word = !beside.tells_states && beside.live.is_none();
        gone.extend(self.ask_singly(open, most, is_only_word).await?);
        Ok(gone)
    }

    /// Reads the queue once for all, and once more for each owner of several jobs that the first did
    /// not show; returns what is left.
    async fn ask_together<'a>(
        &self,
        mut eyes: Option<String>,
        mut open: Vec<Question<'a>>,
        gone: &mut Vec<usize>,
    ) -> Vec<Question<'a>> {
        while let Some(user) = eyes {
            match self.live(&user).await {
                Ok(live) => open = self.answer_from(&live, open, gone),
                Err(error) => {
                    tracing::warn!(%error, "the queue could not be read for several jobs");
                    return open;
                }
            }
            eyes = owner_of_several(&open);
        }
        open
    }

    fn answer_from<'a>(
        &self,
        live: &Live,
        open: Vec<Question<'a>>,
        gone: &mut Vec<usize>,
    ) -> Vec<Question<'a>> {
        let mut left = Vec::new();
        for question in open {
            match live.tells(question.job) {
                Some(records) => gone.extend(self.take_in(question, Ok(records))),
                None => left.push(question),
            }
        }
        left
    }

    /// All of slurmctld's jobs, where its version tells no states and it is short: the one query of a
    /// tick. Its silence is an error: nothing else tells of life.
    pub(super) async fn live_for(&self, jobs: &[&RemoteRef]) -> Result<Option<Live>> {
        if !self.is_short().await.unwrap_or(false) {
            return Ok(None);
        }
        match self.live(self.eyes_for(jobs.iter().copied())).await {
            Ok(live) => Ok(Some(live)),
            Err(error) if error.kind == ErrorKind::Unavailable => Err(error),
            Err(error) => {
                tracing::warn!(%error, "the queue could not be read");
                Ok(None)
            }
        }
    }

    /// Takes in the jobs that the queue tells all of; returns the positions of the others. Of an array
    /// slurmctld forgets the tasks that are over, so the accounting is asked as well.
    pub(super) fn take_live(&self, jobs: &[&RemoteRef], live: Option<&Live>) -> Vec<usize> {
        let now = self.clock.now();
        let mut others = Vec::new();
        for (position, job) in jobs.iter().enumerate() {
            let records = live.and_then(|live| live.tells(job)).unwrap_or_default();
            let records = Records::of(&records).filter(|records| !records.is_array());
            match records.and_then(|records| records.whole()) {
                Some(whole) => self
                    .known
                    .told(&job.marker, Sight::default(), whole, (now, true)),
                None => others.push(position),
            }
        }
        others
    }
}

/// As whom to look further: what an owner does not see of its own jobs is not there.
fn owner_of_several(open: &[Question<'_>]) -> Option<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for question in open {
        *counts.entry(&question.job.account.user).or_default() += 1;
    }
    let (owner, _) = counts.into_iter().find(|(_, count)| *count > AT_FIRST)?;
    Some(owner.to_owned())
}
