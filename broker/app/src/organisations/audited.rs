//! What an auditor of one share sees: the organisations that have hours of it, or asked for some.

use broker_model::{
    Application, ApplicationState, FundingShare, Organisation, OrganisationId, Role,
};
use broker_store::{Page, StoredDecision};
use serde_json::Value;

use crate::applications::share_by;
use crate::{Broker, Caller, Result};

impl Caller {
    /// Audits all shares. An operator is no auditor, and may look for another reason.
    pub(crate) fn audits_every_share(&self) -> bool {
        self.roles.contains(&Role::Auditor { share: None })
    }

    /// Sees figures of a funder: an auditor of any share, or an operator.
    pub fn sees_figures(&self) -> bool {
        self.is_operator() || self.is_auditor()
    }

    /// Of all shares at once.
    pub fn sees_every_figure(&self) -> bool {
        self.is_operator() || self.audits_every_share()
    }

    /// The shares that this person audits and no others; nothing where it is all of them.
    pub fn audited_shares(&self) -> Vec<FundingShare> {
        let share = |role: &Role| match role {
            Role::Auditor { share } => share.clone(),
            _ => None,
        };
        self.roles.iter().filter_map(share).collect()
    }
}

impl Broker {
    /// Costs by the number of organisations up to the last that is shown: there is no index from shares to them.
    pub(super) async fn audited_organisations(
        &self,
        caller: &Caller,
        page: &Page<OrganisationId>,
    ) -> Result<Vec<Organisation>> {
        let (mut found, mut page) = (Vec::new(), page.clone());
        loop {
            let some = self.inner.store.list_organisations(&page).await?;
            let is_last = some.len() < page.limit as usize;
            page.before = some.last().map(|it| it.id);
            for one in some {
                if caller.represents(one.id) || self.is_audited(caller, &one).await? {
                    found.push(one);
                }
                if found.len() >= page.limit as usize {
                    return Ok(found);
                }
            }
            if is_last {
                return Ok(found);
            }
        }
    }

    /// Whether hours of a share that the caller audits were given to it, or asked for.
    pub(super) async fn is_audited(&self, caller: &Caller, of: &Organisation) -> Result<bool> {
        if caller.audits_every_share() {
            return Ok(true);
        }
        let shares = caller.audited_shares();
        if shares.is_empty() {
            return Ok(false);
        }
        for project in self.inner.store.projects_of(of.id).await? {
            let allocations = self.inner.store.allocations_of(project.id).await?;
            if allocations.iter().any(|it| shares.contains(&it.share)) {
                return Ok(true);
            }
        }
        let applications: Vec<Application> = self.dossiers_of(of.id).await?;
        for application in &applications {
            if self.is_of_shares(application, of, &shares).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether who may look at the organisation may look at this application of it, too: an auditor of one share
    /// sees no other share's.
    pub(crate) async fn sees_application(
        &self,
        caller: &Caller,
        (application, of): (&Application, &Organisation),
    ) -> Result<bool> {
        if caller.represents(of.id)
            || caller.sees_all_organisations()
            || caller.audits_every_share()
        {
            return Ok(true);
        }
        let shares = caller.audited_shares();
        self.is_of_shares(application, of, &shares).await
    }

    /// The same of a decision about it: by whose hours it was about, where its question says that, else by the
    /// organisation alone.
    pub(crate) async fn sees_decision(
        &self,
        caller: &Caller,
        stored: &StoredDecision,
    ) -> Result<bool> {
        let of = stored.organisation;
        let shares = caller.audited_shares();
        let sees_all = caller.sees_all_organisations() || caller.audits_every_share();
        if caller.represents(of) || sees_all || shares.is_empty() {
            return Ok(true);
        }
        let known = self.inner.store.find_organisation(of).await?;
        let country = known.map(|it| it.country).unwrap_or_default();
        let document: Value = serde_json::from_str(&stored.document).unwrap_or_default();
        let said = |at: &str| document.pointer(at).and_then(Value::as_str);
        let given = said("/question/shares/of").and_then(|it| it.parse().ok());
        let by_mode = || share_by(&self.policy(), said("/question/mode/id")?, &country);
        let share: Option<FundingShare> = given.or_else(by_mode);
        Ok(share.is_none_or(|it| shares.contains(&it)))
    }

    /// By the hours that it got, or else by those that its mode gives to who is established there.
    async fn is_of_shares(
        &self,
        application: &Application,
        of: &Organisation,
        shares: &[FundingShare],
    ) -> Result<bool> {
        let got = match &application.state {
            ApplicationState::Accepted { allocation, .. } => {
                self.inner.store.find_allocation(*allocation).await?
            }
            _ => None,
        };
        let by_mode = || share_by(&self.policy(), &application.mode, &of.country);
        let asked = || application.share.clone().or_else(by_mode);
        let share = got.map(|it| it.share).or_else(asked);
        Ok(share.is_some_and(|it| shares.contains(&it)))
    }
}
