use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use broker_model::FollowUp;
use policy_engine::day_in_brussels;
use serde::Serialize;

use crate::{Broker, Error, Result};

/// A follow-up with what follows from it today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FollowUpView {
    #[serde(flatten)]
    pub follow_up: FollowUp,
    pub organisation_name: String,
    pub project_name: String,
    /// Owed, and its last day is over.
    pub overdue: bool,
    /// Owed, and somebody was reminded of it.
    pub pressing: bool,
    /// Whether the policy of today lets it stand in the way of an application once it is overdue; never
    /// where nobody knows the mode.
    pub blocks: bool,
}

impl Broker {
    pub(super) async fn shown_follow_ups(&self, found: Vec<FollowUp>) -> Result<Vec<FollowUpView>> {
        let (mut organisations, mut projects) = (BTreeMap::new(), BTreeMap::new());
        for one in &found {
            if let Entry::Vacant(unknown) = organisations.entry(one.organisation) {
                let found = self.inner.store.find_organisation(one.organisation);
                unknown.insert(found.await?.map(|it| it.name));
            }
            if let Entry::Vacant(unknown) = projects.entry(one.project) {
                let found = self.inner.store.find_project(one.project);
                unknown.insert(found.await?.map(|it| it.name));
            }
        }
        let shown = found.into_iter().map(|one| {
            let organisation = organisations.get(&one.organisation).cloned().flatten();
            let project = projects.get(&one.project).cloned().flatten();
            self.follow_up_view(one, (organisation, project))
        });
        Ok(shown.collect())
    }

    pub(super) async fn shown_follow_up(&self, one: FollowUp) -> Result<FollowUpView> {
        let mut shown = self.shown_follow_ups(vec![one]).await?;
        shown.pop().ok_or(Error::NotFound("follow-up"))
    }

    fn follow_up_view(
        &self,
        one: FollowUp,
        (organisation, project): (Option<String>, Option<String>),
    ) -> FollowUpView {
        let today = day_in_brussels(self.inner.clock.now());
        let engine = self.policy();
        let in_force = |it: &policy_engine::FollowUpKind| {
            it.since <= today && it.until.is_none_or(|until| today < until)
        };
        let mut kinds = engine.follow_up_kinds().iter();
        FollowUpView {
            organisation_name: organisation.unwrap_or_default(),
            project_name: project.unwrap_or_default(),
            overdue: one.is_overdue(today),
            pressing: one.is_pressing(),
            blocks: !one.is_by_default()
                && kinds.any(|it| it.id == one.kind && it.blocks && in_force(it)),
            follow_up: one,
        }
    }
}
