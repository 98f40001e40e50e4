use std::fs;
use std::io;
use std::sync::Arc;

use broker_model::{AfterWhen, OutcomeKind};
use site_adapter::{Activity, RemoteAfter};

use crate::folder::{Meta, sync_folder};
use crate::states::{self, Exit};

use super::{Inner, is_marker};

enum Decision {
    Wait,
    Go,
    Never,
}

impl Inner {
    /// Lets go the jobs whose conditions have come true, and ends those whose never will; which may
    /// decide others.
    pub(super) fn release_held(&self) {
        loop {
            let held = self.roster().held();
            let mut changed = false;
            for meta in held {
                match self.decide(&meta) {
                    Decision::Wait => {}
                    Decision::Go => changed |= self.roster().let_go(&meta.marker),
                    Decision::Never => match self.end_held(&meta, Exit::Dependency) {
                        Ok(()) => changed = true,
                        Err(error) => {
                            let marker = &meta.marker;
                            tracing::warn!(attempt = marker, %error, "its end cannot be written");
                        }
                    },
                }
            }
            if !changed {
                return;
            }
        }
    }

    fn decide(&self, meta: &Meta) -> Decision {
        let mut decision = Decision::Go;
        for after in &meta.work.after {
            match self.look_back(after) {
                Decision::Never => return Decision::Never,
                Decision::Wait => decision = Decision::Wait,
                Decision::Go => {}
            }
        }
        decision
    }

    fn look_back(&self, after: &RemoteAfter) -> Decision {
        let marker = &after.marker;
        if !is_marker(marker) {
            return Decision::Never;
        }
        match (self.end_of(marker), after.when) {
            // Between its folder and the memory, or not over.
            (None, _) if self.live(marker).path().exists() => Decision::Wait,
            (_, AfterWhen::Ended) => Decision::Go,
            (Some(kind), when)
                if (kind == OutcomeKind::Completed) == (when == AfterWhen::Completed) =>
            {
                Decision::Go
            }
            _ => Decision::Never,
        }
    }

    fn end_of(&self, marker: &str) -> Option<OutcomeKind> {
        let folder = self.ended(marker);
        let meta = folder.meta().ok()??;
        let ended = match folder.summary() {
            Some(summary) => summary.activity(),
            None => states::ended(&folder, &meta)?,
        };
        match ended {
            Activity::Ended { outcome, .. } => Some(outcome.kind),
            _ => None,
        }
    }

    /// Ends a job that waits for another.
    pub(super) fn end_held(&self, meta: &Arc<Meta>, exit: Exit) -> io::Result<()> {
        if meta.work.array.is_some() {
            self.put_array_away(meta, exit)?;
            self.roster().let_fall(&meta.marker);
            return Ok(());
        }
        let folder = self.live(&meta.marker);
        folder.write_exit(exit)?;
        let mut roster = self.roster();
        fs::rename(folder.path(), self.ended(&meta.marker).path())?;
        roster.let_fall(&meta.marker);
        drop(roster);
        sync_folder(&self.folders("ended"))?;
        sync_folder(&self.folders("live"))
    }
}
