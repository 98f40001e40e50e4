//! What is owed after allocations: who hands it in, who is reminded, and what it stands in the way of.

mod moved;
mod moves;
mod opened;
mod owed;
mod remind;
mod shown;

use std::collections::{BTreeMap, BTreeSet};

use broker_model::{Desk, EntryBody, EntryKind, FollowUp, FollowUpId, OrganisationId, Role};
use policy_engine::day_in_brussels;

pub(crate) use owed::{Owed, overdue};
pub use shown::FollowUpView;

use crate::{Broker, Caller, Error, Result, next_after};

impl Broker {
    /// All that an organisation owes or owed, oldest first.
    pub async fn organisation_follow_ups(
        &self,
        caller: &Caller,
        of: OrganisationId,
    ) -> Result<Vec<FollowUpView>> {
        self.organisation(caller, of).await?;
        let mut found: Vec<FollowUp> = self.dossiers_of(of).await?;
        let sees_all = caller.represents(of) || caller.sees_all_organisations();
        found.retain(|it| sees_all || audits(caller, it));
        self.shown_follow_ups(found).await
    }

    /// Those of the organisations the caller speaks for, and of the projects they work in, oldest first.
    pub async fn my_follow_ups(&self, caller: &Caller) -> Result<Vec<FollowUpView>> {
        let mut mine: BTreeMap<FollowUpId, FollowUp> = BTreeMap::new();
        let mut of: BTreeSet<_> = caller.organisations().into_iter().collect();
        for role in caller.roles.iter() {
            if let Role::Member { project } | Role::Lead { project } = role {
                let project = self.inner.store.find_project(*project).await?;
                of.extend(project.map(|it| it.organisation));
            }
        }
        for organisation in of {
            let all: Vec<FollowUp> = self.dossiers_of(organisation).await?;
            let own = all.into_iter().filter(|it| is_own(caller, it));
            mine.extend(own.map(|it| (it.id, it)));
        }
        self.shown_follow_ups(mine.into_values().collect()).await
    }

    /// One that the caller may see.
    pub async fn follow_up(&self, caller: &Caller, id: FollowUpId) -> Result<FollowUpView> {
        let found = self.found_follow_up(caller, id).await?;
        self.shown_follow_up(found).await
    }

    /// What is overdue anywhere, the longest overdue first; an auditor of one share sees what was given of it.
    pub async fn overdue_follow_ups(&self, caller: &Caller) -> Result<Vec<FollowUpView>> {
        let sees_all = caller.sees_all_organisations();
        if !sees_all && !caller.is_auditor() {
            return Err(Error::Forbidden("`reviewer`, `auditor`, or `operator`"));
        }
        let today = day_in_brussels(self.inner.clock.now());
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page: Vec<FollowUp> =
                { self.dossiers_on(&Desk::Reviewers, after.as_ref()) }.await?;
            after = next_after(&page, |it| it.id);
            let overdue = page.into_iter().filter(|it| it.is_overdue(today));
            found.extend(overdue.filter(|it| sees_all || audits(caller, it)));
            if after.is_none() {
                break;
            }
        }
        found.sort_by_key(|it| (it.due_on, it.id));
        self.shown_follow_ups(found).await
    }

    async fn found_follow_up(&self, caller: &Caller, id: FollowUpId) -> Result<FollowUp> {
        let found: Option<FollowUp> = self.dossier(&id).await?;
        let may_see = |it: &FollowUp| {
            caller.sees_all_organisations() || is_own(caller, it) || audits(caller, it)
        };
        found.filter(may_see).ok_or(Error::NotFound("follow-up"))
    }

    /// An entry on one, by the broker itself unless somebody signs it.
    fn follow_up_entry(&self, kind: EntryKind, about: &FollowUp) -> EntryBody {
        let mut entry = EntryBody::new(self.inner.clock.now(), kind)
            .with("follow_up", about.id.to_string())
            .with("follow_up_kind", about.kind.clone());
        entry.organisation = Some(about.organisation);
        entry.project = Some(about.project);
        entry.allocation = Some(about.allocation);
        entry
    }
}

/// Of an organisation that the caller speaks for, or of a project that they work in.
fn is_own(caller: &Caller, follow_up: &FollowUp) -> bool {
    caller.represents(follow_up.organisation) || caller.may_use(follow_up.project)
}

fn audits(caller: &Caller, follow_up: &FollowUp) -> bool {
    caller.audits(Some(&follow_up.share))
}
