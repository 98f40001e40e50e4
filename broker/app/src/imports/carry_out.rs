use std::collections::BTreeSet;

use broker_model::ProjectId;
use broker_store::{Change, CommitError};

use super::line::{ImportBatch, ImportReport};
use crate::invalid::Faults;
use crate::{Broker, Error, Result};

/// What an import would do, and the words for it.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Put together before this one: each of lines that are whole, and what a later one rests on is in an
    /// earlier one.
    earlier: Vec<Change>,
    change: Change,
    pub(super) report: ImportReport,
    /// Whose standings are others by it.
    pub(super) projects: BTreeSet<ProjectId>,
}

impl Plan {
    /// The one that is put together now.
    pub(super) const fn change(&mut self) -> &mut Change {
        &mut self.change
    }

    pub(super) fn next_change(&mut self) {
        self.earlier.push(std::mem::take(&mut self.change));
    }
}

impl Broker {
    /// Makes allocations be as a source says. All lines are checked before the first is imported; up to 5000
    /// of them are imported all or not at all, more in parts that are. A dry run commits nothing and says
    /// what the same import would do now.
    ///
    /// Somebody else may change one of them meanwhile: then this part and those after it are not imported.
    /// Trying again imports what is missing and changes nothing else.
    pub async fn import_allocations(
        &self,
        batch: &ImportBatch,
        dry_run: bool,
    ) -> Result<ImportReport> {
        let mut faults = Faults::default();
        faults.extend(batch.faults.clone());
        check_source(&batch.source, &mut faults);
        let plan = self.import_plan(batch, &mut faults).await?;
        faults.check("import")?;
        if dry_run {
            return Ok(plan.report);
        }
        let changes = plan.earlier.into_iter().chain([plan.change]);
        let changes = changes.filter(|it| !it.writes.is_empty());
        let done = self.import_parts(changes).await;
        for project in plan.projects {
            self.forget_standing(project).await;
        }
        self.nudges().pending();
        done.map(|()| plan.report)
    }

    async fn import_parts(&self, changes: impl Iterator<Item = Change>) -> Result<()> {
        for (n, change) in changes.enumerate() {
            let done = self.commit(change).await;
            if done.is_err() && n > 0 {
                tracing::warn!(
                    parts = n,
                    "so many parts of an import are done, and this one is not"
                );
            }
            match done {
                Ok(_) => {}
                Err(CommitError::Hours { .. }) => return Err(Error::Contended),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// It stands in the names of claims, before a colon.
fn check_source(source: &str, faults: &mut Faults) {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    if source.is_empty() || source.len() > 100 || !source.bytes().all(is_plain) {
        let reason = format!("`{}` cannot name one", source.escape_debug());
        let allowed = "1 to 100 lower case letters, digits, `-`, `_` and `.`";
        faults.add("source", reason, allowed);
    }
}
