use std::collections::BTreeMap;

use broker_model::{EntryBody, EntryKind};
use broker_store::{Change, CommitError, Entity};

use super::sift::Sieve;
use crate::{Broker, Result};

/// For how many days something is kept, by class; each is counted from the event that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Of the portal, after they ended.
    pub sessions: u32,
    /// With their files, after they were refused or withdrawn: of those that nobody ever found good and no decision on
    /// an application names. The others are of the accounts.
    pub refused_evidence: u32,
    /// After they were withdrawn.
    pub withdrawn_profiles: u32,
    /// What people wrote in them, after their last step.
    pub closed_referrals: u32,
    /// With names and logs, after their owner was erased.
    pub erased_scripts: u32,
    /// That sign-ins of before count no more, after somebody was erased.
    pub erased_logins: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            sessions: 0,
            refused_evidence: 365,
            withdrawn_profiles: 30,
            closed_referrals: 365,
            erased_scripts: 30,
            erased_logins: 2,
        }
    }
}

/// What a round of retention did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// How many of each class went.
    pub gone: BTreeMap<&'static str, u64>,
    /// Over their time, and kept by a legal hold.
    pub held: u64,
}

impl Broker {
    /// Lets go what was kept for its time and is not held. Idempotent, and any number of replicas may do
    /// it: of two that let the same go, one does.
    pub async fn retain_once(&self) -> Result<Retained> {
        let mut done = Retained::default();
        loop {
            let Sieve {
                change, gone, held, ..
            } = self.sifted().await?;
            done.held = held;
            if gone.is_empty() && change.writes.is_empty() {
                break;
            }
            match self.let_go(change, &gone).await {
                Ok(()) => {}
                // Somebody else was faster, or it is held by now: the next round looks again.
                Err(CommitError::Conflict(_) | CommitError::Duplicate(Entity::Claim)) => break,
                Err(error) => return Err(error.into()),
            }
            for (class, count) in gone {
                *done.gone.entry(class).or_default() += count;
            }
        }
        self.remove_files_once().await?;
        let old = self.inner.store.forget_old_evidence().await?;
        if old > 0 {
            tracing::info!(
                rows = old,
                "let go evidence of the table of before dossiers"
            );
        }
        if done.held > 0 {
            tracing::info!(held = done.held, "kept beyond their time by legal holds");
        }
        Ok(done)
    }

    async fn let_go(
        &self,
        mut change: Change,
        gone: &BTreeMap<&'static str, u64>,
    ) -> Result<(), CommitError> {
        if !gone.is_empty() {
            let now = self.inner.clock.now();
            let entry = EntryBody::new(now, EntryKind::RetentionApplied);
            let counted =
                |entry: EntryBody, (class, count): (&&str, &u64)| entry.with(class, *count);
            change.entries.push(gone.iter().fold(entry, counted));
        }
        self.commit(change).await.map(drop)
    }
}
