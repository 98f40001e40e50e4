//! Taking back what was registered or set by mistake. Nothing that jobs or usage refer to goes, and the
//! ledger keeps that it was there.

use broker_model::{
    ControlId, EntryBody, EntryKind, InviteState, OrganisationId, SiteId, WindowEnd, WindowId,
};
use broker_store::{JobFilter, Page, UsageFilter};

use super::change::{Edited, Editing};
use crate::{Broker, Caller, Error, Result};

/// How many of those that stand in the way a refusal names.
const NAMED: u32 = 3;

impl Broker {
    /// Takes a site out of the federation that never had a job; for operators, as registering one is.
    /// Registering it again brings it back; its file alone does not.
    pub async fn retire_site(&self, caller: &Caller, id: &SiteId) -> Result<()> {
        if self.board().find(id).is_none() {
            return Err(Error::NotFound("site"));
        }
        if !caller.is_operator() {
            return Err(Error::Forbidden("`operator`"));
        }
        let mut registered = self.registered(id).await?;
        self.check_unused(id).await?;
        let mut entry = self.site_entry(EntryKind::SiteRetired);
        entry.actor = Some(caller.person);
        registered.retired_at = Some(entry.at);
        self.put_registered(registered, entry).await
    }

    /// Takes back one thing that is set at a site, as if it had never been: a window that nothing
    /// counts in, a drain, an incident, a veto, a limit.
    pub async fn remove_control(
        &self,
        caller: &Caller,
        site: &SiteId,
        id: ControlId,
    ) -> Result<()> {
        match id {
            ControlId::Window(window) => {
                self.check_manages(caller, site)?;
                self.check_window(window).await?;
                let end = WindowEnd { withdraw: true };
                self.close_window(caller, site, (window, end))
                    .await
                    .map(drop)
            }
            ControlId::Veto(veto) => match self.lift_veto(caller, site, veto).await {
                Err(Error::NotFound("veto")) => {
                    let lifted = self.lift_organisation_veto(caller, site, veto).await;
                    lifted.map(drop)
                }
                lifted => lifted.map(drop),
            },
            ControlId::Drain(drain) => {
                let remove = |editing: &mut Editing<'_>| {
                    let drains = &mut editing.controls.drains;
                    let at = drains.iter().position(|it| it.id == drain);
                    drains.remove(at.ok_or(Error::NotFound("drain"))?);
                    Ok(((), self.removed(EntryKind::SiteUndrained, ("drain", id))))
                };
                self.edit(caller, site, remove).await
            }
            ControlId::Incident(incident) => {
                let remove = |editing: &mut Editing<'_>| {
                    let incidents = &mut editing.controls.incidents;
                    let at = incidents.iter().position(|it| it.id == incident);
                    incidents.remove(at.ok_or(Error::NotFound("incident"))?);
                    Ok((
                        (),
                        self.removed(EntryKind::IncidentClosed, ("incident", id)),
                    ))
                };
                self.edit(caller, site, remove).await
            }
            ControlId::Limit(organisation) => {
                let remove = |editing: &mut Editing<'_>| self.lifted(editing, organisation);
                self.edit(caller, site, remove).await
            }
        }
    }

    fn removed(&self, kind: EntryKind, (what, id): (&str, ControlId)) -> EntryBody {
        let entry = self.site_entry(kind).with(what, id.to_string());
        entry.with("removed", true)
    }

    fn lifted(&self, editing: &mut Editing<'_>, organisation: OrganisationId) -> Edited<()> {
        let limits = &mut editing.controls.limits;
        let at = limits.iter().position(|it| it.organisation == organisation);
        limits.remove(at.ok_or(Error::NotFound("limit"))?);
        let mut entry = self.site_entry(EntryKind::LimitSet).with("removed", true);
        entry.organisation = Some(organisation);
        Ok(((), entry))
    }

    async fn check_window(&self, id: WindowId) -> Result<()> {
        for (_, uses) in self.count_windows(&[id]).await? {
            if uses.used.0 != 0 || uses.held.0 != 0 {
                return Err(Error::InUse(format!(
                    "{} GPU-hours were used in {id} and {} are held; close it instead",
                    uses.used, uses.held
                )));
            }
        }
        Ok(())
    }

    async fn check_unused(&self, site: &SiteId) -> Result<()> {
        let store = &self.inner.store;
        let filter = JobFilter {
            site: Some(site.clone()),
            ..JobFilter::default()
        };
        let (limit, before) = (NAMED, None);
        let jobs = store.list_jobs(&filter, &Page { limit, before }).await?;
        let jobs: Vec<String> = jobs.iter().map(|job| job.id.to_string()).collect();
        refuse(site, "jobs were placed there", &jobs)?;
        let open = store.open_attempts(site, None, NAMED).await?;
        let open: Vec<String> = open.iter().map(|it| it.id.to_string()).collect();
        refuse(site, "attempts there are not settled", &open)?;
        let filter = UsageFilter {
            site: Some(site.clone()),
            ..UsageFilter::default()
        };
        let (limit, before) = (NAMED, None);
        let used = store.list_usage(&filter, &Page { limit, before }).await?;
        let used: Vec<String> = used.iter().map(|it| it.job.to_string()).collect();
        refuse(site, "usage there was charged", &used)?;
        let agents = store.agents_of(site).await?.into_iter();
        let agents = agents.filter(|it| it.revoked.is_none());
        let agents: Vec<String> = agents.map(|it| it.id.to_string()).collect();
        refuse(site, "agents of it are to be revoked first", &agents)?;
        let now = self.inner.clock.now();
        let invites = store.invites_of(site).await?.into_iter();
        let invites = invites.filter(|it| it.state(now) == InviteState::Open);
        let invites: Vec<String> = invites.map(|it| it.id.to_string()).collect();
        refuse(site, "invites to it are to be withdrawn first", &invites)
    }
}

fn refuse(site: &SiteId, why: &str, names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let shown: Vec<&str> = names
        .iter()
        .take(NAMED as usize)
        .map(String::as_str)
        .collect();
    Err(Error::InUse(format!(
        "{site} stays in the registry: {why} ({}{})",
        shown.join(", "),
        if names.len() > shown.len() {
            ", …"
        } else {
            ""
        }
    )))
}
