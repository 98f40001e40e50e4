use std::collections::BTreeSet;

use broker_model::ProjectId;
use broker_store::{Change, CommitError};

use super::line::{ImportBatch, ImportReport};
use crate::invalid::Faults;
use crate::{Broker, Error, Result};

/// What an import would do: one change, and the words for it.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) change: Change,
    pub(super) report: ImportReport,
    /// Whose standings are others by it.
    pub(super) projects: BTreeSet<ProjectId>,
}

impl Broker {
    /// Makes allocations be as a source says, all of it or nothing. A dry run commits nothing and says
    /// what the same import would do now.
    ///
    /// Somebody else may change one of them meanwhile: then nothing is imported, and it can be tried
    /// again.
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
        if dry_run || plan.change.writes.is_empty() {
            return Ok(plan.report);
        }
        match self.commit(plan.change).await {
            Ok(_) => {}
            Err(CommitError::Hours { .. }) => return Err(Error::Contended),
            Err(error) => return Err(error.into()),
        }
        for project in plan.projects {
            self.forget_standing(project).await;
        }
        self.nudges().pending();
        Ok(plan.report)
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
