use std::collections::{BTreeMap, BTreeSet};

use broker_model::{
    AllocationId, Application, ApplicationId, ApplicationState, FundingShare, Indicators, Job,
    Organisation, OrganisationId, OrganisationWas,
};
use broker_store::Used;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::IndicatorQuery;
use super::compute::{Access, Outcome, Use, indicators};
use crate::applications::share_by;
use crate::eligibility::size_name;
use crate::organisations::size_on;
use crate::replay::question_of;
use crate::{Broker, MOST_AT_ONCE, Result};

type Organisations = BTreeMap<OrganisationId, Organisation>;

impl Broker {
    /// Costs by the number of usage records and applications of the period.
    pub(crate) async fn computed(&self, asked: IndicatorQuery) -> Result<Indicators> {
        let (from, end) = (begin(asked.from), begin(next(asked.to)));
        let is_asked = |it: &FundingShare| asked.share.as_ref().is_none_or(|share| share == it);
        let mut used = self.inner.store.used_between(from, end).await?;
        used.retain(|it| is_asked(&it.share));
        let applications = self.handed_in_between(from, end).await?;
        let of_use = used.iter().map(|it| it.organisation);
        let applying = applications.iter().map(|it| it.organisation);
        let organisations = self.by_id(of_use.chain(applying).collect()).await?;
        let mut shown = Vec::new();
        for one in &used {
            shown.push(self.use_of(one, (&organisations, asked.to)).await?);
        }
        let mut access = Vec::new();
        for application in &applications {
            let share = self.share_asked(application, &organisations).await?;
            if let Some(share) = share.filter(is_asked) {
                access.push(self.access_of(application, share).await?);
            }
        }
        let period = (asked.from, asked.to, asked.share.clone());
        Ok(indicators(period, &shown, &access))
    }

    /// By their ids, which sort by the time they were made.
    async fn handed_in_between(&self, from: Timestamp, end: Timestamp) -> Result<Vec<Application>> {
        let (mut after, before) = (first_id(from), first_id(end));
        let mut found: Vec<Application> = Vec::new();
        loop {
            let page: Vec<Application> = self.dossiers_between((&after, &before)).await?;
            let is_last = page.len() < MOST_AT_ONCE as usize;
            if let Some(last) = page.last() {
                after = last.id.to_string();
            }
            found.extend(page);
            if is_last {
                return Ok(found);
            }
        }
    }

    async fn by_id(&self, ids: BTreeSet<OrganisationId>) -> Result<Organisations> {
        let mut found = Organisations::new();
        let ids: Vec<OrganisationId> = ids.into_iter().collect();
        for some in ids.chunks(MOST_AT_ONCE as usize) {
            let some = self.inner.store.find_organisations(some).await?;
            found.extend(some.into_iter().map(|it| (it.id, it)));
        }
        Ok(found)
    }

    async fn use_of(&self, one: &Used, (known, on): (&Organisations, Date)) -> Result<Use> {
        let was = one.was.clone().or_else(|| {
            let now = known.get(&one.organisation)?;
            Some(OrganisationWas {
                size: size_on(&self.policy(), now, on),
                country: now.country.clone(),
                kind: now.kind,
            })
        });
        let project = self.inner.store.find_project(one.project).await?;
        Ok(Use {
            organisation: one.organisation,
            is_by_present: one.was.is_none(),
            size: was.as_ref().map_or("unclear", |it| size_name(it.size)),
            country: was.map(|it| it.country).unwrap_or_default(),
            sectors: project.map(|it| it.sectors).unwrap_or_default(),
            gpu: one.gpu,
        })
    }

    /// The share that it got; else the one that its mode gives to its organisation, if the mode says it.
    async fn share_asked(
        &self,
        of: &Application,
        known: &Organisations,
    ) -> Result<Option<FundingShare>> {
        if let ApplicationState::Accepted { allocation, .. } = &of.state {
            let given = self.inner.store.find_allocation(*allocation).await?;
            return Ok(given.map(|it| it.share));
        }
        if of.share.is_some() {
            return Ok(of.share.clone());
        }
        let country = match self.country_found(of).await? {
            Some(then) => then,
            None => {
                { known.get(&of.organisation) }.map_or_else(String::new, |it| it.country.clone())
            }
        };
        Ok(share_by(&self.policy(), &of.mode, &country))
    }

    /// Where the organisation was established when it applied, as the decision of that day keeps it.
    async fn country_found(&self, of: &Application) -> Result<Option<String>> {
        let found = self.inner.store.find_decision(of.found).await?;
        let asked = found.and_then(|it| question_of(&it.document).ok());
        Ok(asked.map(|it| it.organisation.country))
    }

    /// When the first local account was named, or else when a site's accounting told one for the first job.
    async fn account_of(
        &self,
        of: AllocationId,
        first_job: Option<&Job>,
    ) -> Result<Option<Timestamp>> {
        let allocation = self.inner.store.find_allocation(of).await?;
        let named = allocation.and_then(|it| it.account_named_at);
        let (None, Some(job)) = (named, first_job) else {
            return Ok(named);
        };
        let used = self.inner.store.usage_of(job.id).await?;
        let told = used.iter().filter(|it| it.local_account.is_some());
        Ok(told.map(|it| it.ended_at).min())
    }

    async fn access_of(&self, application: &Application, share: FundingShare) -> Result<Access> {
        let outcome = match &application.state {
            ApplicationState::Submitted => Outcome::Waiting,
            ApplicationState::Withdrawn { .. } => Outcome::Withdrawn,
            ApplicationState::Rejected { ruling } => Outcome::Rejected { at: ruling.at },
            ApplicationState::Accepted {
                ruling,
                project,
                allocation,
                ..
            } => {
                let first = self.inner.store.first_job(*project).await?;
                Outcome::Accepted {
                    at: ruling.at,
                    account_at: self.account_of(*allocation, first.as_ref()).await?,
                    first_job_at: first.map(|it| it.created_at),
                }
            }
        };
        Ok(Access {
            share,
            applied_at: application.applied_at,
            outcome,
        })
    }
}

/// The first instant of a day, in UTC as usage is counted.
fn begin(day: Date) -> Timestamp {
    let midnight = day.to_zoned(TimeZone::UTC);
    midnight.map_or(Timestamp::MAX, |it| it.timestamp())
}

fn next(day: Date) -> Date {
    day.tomorrow().unwrap_or(day)
}

/// What is before every id of an application that was made from then on: ids begin with their milliseconds.
fn first_id(at: Timestamp) -> String {
    let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
    format!("{}_{millis:012x}", ApplicationId::PREFIX)
}

#[cfg(test)]
mod tests {
    use broker_model::{Ids, ManualClock};
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn an_id_lies_behind_the_first_of_its_millisecond_and_before_that_of_the_next() {
        let at: Timestamp = "2026-11-20T12:00:00.123456Z".parse().unwrap();
        let id: ApplicationId = Ids::from_os().next(&ManualClock::at(at));
        let next = first_id(at + SignedDuration::from_millis(1));
        let id = id.to_string();
        assert!(first_id(at) < id && id < next, "{id} {next}");
    }
}
