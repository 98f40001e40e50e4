use std::collections::{BTreeMap, BTreeSet};

use broker_model::{CentreId, Desk, Dossier, Referral, ReferralId};
use jiff::Timestamp;

use super::shown::ReferralView;
use crate::{Broker, Caller, Error, Result};

impl Broker {
    /// One that the caller may see: of an organisation they speak for, begun with a job of a project they
    /// work in, or that their centre has or had.
    pub async fn referral(&self, caller: &Caller, id: ReferralId) -> Result<ReferralView> {
        let found = self.found_referral(caller, id).await?;
        self.shown_referral(caller, found).await
    }

    /// Those of the organisations the caller speaks for, and those that began with jobs of their projects,
    /// oldest first.
    pub async fn my_referrals(&self, caller: &Caller) -> Result<Vec<ReferralView>> {
        let mut mine: BTreeMap<ReferralId, Referral> = BTreeMap::new();
        let mut of: BTreeSet<_> = caller.organisations().into_iter().collect();
        for project in caller.projects().unwrap_or_default() {
            let project = self.inner.store.find_project(project).await?;
            of.extend(project.map(|it| it.organisation));
        }
        for organisation in of {
            let all: Vec<Referral> = self.dossiers_of(organisation).await?;
            let own = all.into_iter().filter(|it| is_own(caller, it));
            mine.extend(own.map(|it| (it.id, it)));
        }
        self.shown_referrals(caller, mine.into_values()).await
    }

    /// What waits at a centre, for its staff, oldest first. What waits at one that left the directory is for
    /// operators, too.
    pub async fn centre_referrals(
        &self,
        caller: &Caller,
        (centre, after): (&CentreId, Option<ReferralId>),
    ) -> Result<Vec<ReferralView>> {
        let (is_staff, is_listed) = (
            caller.is_staff_of(centre),
            self.directory().centre(centre).is_some(),
        );
        if !is_staff && is_listed {
            return Err(Error::Forbidden("`centre_staff` of this centre"));
        }
        if !is_staff && !caller.is_operator() {
            return Err(Error::NotFound("support centre"));
        }
        let desk = Desk::Centre(centre.clone());
        let waiting: Vec<Referral> = self.dossiers_on(&desk, after.as_ref()).await?;
        if !is_listed && waiting.is_empty() && after.is_none() {
            return Err(Error::NotFound("support centre"));
        }
        self.shown_referrals(caller, waiting).await
    }

    /// Those that no centre acknowledged in time, the longest overdue first: all for an operator, those of
    /// their centres for staff.
    pub async fn overdue_referrals(&self, caller: &Caller) -> Result<Vec<ReferralView>> {
        let centres = caller.centres();
        if !caller.is_operator() && centres.is_empty() {
            return Err(Error::Forbidden("`operator`, or `centre_staff`"));
        }
        let due = if caller.is_operator() {
            self.dossiers_due().await?
        } else {
            self.overdue_at(&centres).await?
        };
        self.shown_referrals(caller, due).await
    }

    /// How many referrals are open at each centre that the directory does not have: nobody finds those by the
    /// lists of centres.
    pub async fn stranded_referrals(&self) -> Result<BTreeMap<CentreId, usize>> {
        let directory = self.directory();
        let (mut after, mut stranded) = (String::new(), BTreeMap::new());
        loop {
            let page: Vec<Referral> = self.dossiers_between((&after, "~")).await?;
            let Some(last) = page.last() else {
                return Ok(stranded);
            };
            after = last.id.to_string();
            let open = page.iter().filter(|it| it.is_open());
            for leg in open.filter_map(Referral::leg) {
                if directory.centre(&leg.centre).is_none() {
                    *stranded.entry(leg.centre.clone()).or_default() += 1;
                }
            }
        }
    }

    /// From the desks themselves: the longest overdue of all would be those of a centre that is asleep.
    async fn overdue_at(&self, centres: &[CentreId]) -> Result<Vec<Referral>> {
        let now = self.inner.clock.now();
        let mut found: Vec<Referral> = Vec::new();
        for centre in centres {
            let desk = Desk::Centre(centre.clone());
            let mut after = None;
            loop {
                let page: Vec<Referral> = self.dossiers_on(&desk, after.as_ref()).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.id);
                found.extend(page.into_iter().filter(|it| is_due(it, now)));
            }
        }
        found.sort_by_key(Dossier::due_at);
        Ok(found)
    }

    pub(super) async fn found_referral(&self, caller: &Caller, id: ReferralId) -> Result<Referral> {
        let found: Option<Referral> = self.dossier(&id).await?;
        let found = found.filter(|it| caller.is_operator() || may_see(caller, it));
        found.ok_or(Error::NotFound("referral"))
    }

    async fn shown_referrals(
        &self,
        caller: &Caller,
        found: impl IntoIterator<Item = Referral>,
    ) -> Result<Vec<ReferralView>> {
        let mut shown = Vec::new();
        for referral in found {
            shown.push(self.shown_referral(caller, referral).await?);
        }
        Ok(shown)
    }
}

fn is_due(referral: &Referral, now: Timestamp) -> bool {
    referral.due_at().is_some_and(|due| due <= now)
}

/// Of an organisation that the caller speaks for, or begun with a job of a project that they work in.
pub(super) fn is_own(caller: &Caller, referral: &Referral) -> bool {
    caller.represents(referral.organisation)
        || referral.project.is_some_and(|it| caller.may_use(it))
}

/// A centre that handed it over knows it, and may read what became of it.
fn may_see(caller: &Caller, referral: &Referral) -> bool {
    is_own(caller, referral) || caller.staffed().any(|centre| referral.was_at(centre))
}
