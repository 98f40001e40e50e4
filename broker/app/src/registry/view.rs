use broker_model::{
    CapacityWindow, Drain, Incident, OrganisationLimit, OrganisationUse, OrganisationVeto, SiteId,
    Veto, WindowId, WindowUse,
};

use crate::{Broker, Caller, Error, Result};

/// All that is set at a site, with what is used of it.
#[derive(Clone, Debug)]
pub struct ControlsView {
    pub windows: Vec<WindowView>,
    pub drains: Vec<Drain>,
    pub incidents: Vec<Incident>,
    pub vetoes: Vec<Veto>,
    pub organisation_vetoes: Vec<OrganisationVeto>,
    pub limits: Vec<(OrganisationLimit, OrganisationUse)>,
}

#[derive(Clone, Debug)]
pub struct WindowView {
    pub window: CapacityWindow,
    pub uses: WindowUse,
}

impl Broker {
    /// For the site's administrators; for others it is not there.
    pub async fn controls(&self, caller: &Caller, site: &SiteId) -> Result<ControlsView> {
        if !caller.is_admin_of(site) {
            return Err(Error::NotFound("site that you administer"));
        }
        let heard = self.board().heard();
        let listed = heard.find(site).ok_or(Error::NotFound("site"))?;
        let set = &listed.controls;
        let ids: Vec<WindowId> = set.windows.iter().map(|it| it.id).collect();
        let counted = self.count_windows(&ids).await?;
        let window = |(window, (_, uses)): (&CapacityWindow, (WindowId, WindowUse))| WindowView {
            window: window.clone(),
            uses,
        };
        let now = self.inner.clock.now();
        let mut limits = Vec::with_capacity(set.limits.len());
        for limit in &set.limits {
            let uses = self
                .organisation_use(limit.organisation, listed, now)
                .await?;
            limits.push((limit.clone(), uses));
        }
        Ok(ControlsView {
            windows: set.windows.iter().zip(counted).map(window).collect(),
            drains: set.drains.clone(),
            incidents: self.incidents(site)?,
            vetoes: set.vetoes.clone(),
            organisation_vetoes: set.organisation_vetoes.clone(),
            limits,
        })
    }
}
