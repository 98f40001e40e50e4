//! Windows, drains, vetoes and limits: what placement goes by.

use broker_model::{
    CapacityWindow, Drain, DrainDraft, DrainId, EntryKind, FundingShare, GpuMillis, InvalidSpec,
    LimitDraft, OrganisationId, OrganisationLimit, Site, SiteId, SiteScope, Veto, VetoDraft,
    VetoId, WindowDraft, WindowEnd, WindowId,
};

use super::change::{Editing, check_end, check_words, refused};
use crate::replay::digest;
use crate::{Broker, Caller, Error, Order, Result};

impl Broker {
    pub async fn open_window<'o>(
        &self,
        caller: &Caller,
        site: &SiteId,
        draft: impl Into<Order<'o, WindowDraft, CapacityWindow>>,
    ) -> Result<CapacityWindow> {
        let Order { draft, once } = draft.into();
        let id: WindowId = self.inner.ids.next(&*self.inner.clock);
        let open = |editing: &mut Editing<'_>| {
            let now = editing.now;
            let open = editing.controls.windows.iter().filter(|it| it.to > now);
            Editing::check_room("share", open.count())?;
            self.check_share(editing.site, &draft.share)?;
            editing.check_scope("scope", &draft.scope)?;
            check_end("to", (draft.from, Some(draft.to)), editing.now)?;
            let window = CapacityWindow {
                id,
                share: draft.share.clone(),
                scope: draft.scope.clone(),
                from: draft.from,
                to: draft.to,
                gpu: GpuMillis::from_hours(draft.gpu_hours.into()),
            };
            let entry = self
                .site_entry(EntryKind::WindowOpened)
                .with("window", id.to_string())
                .with("share", window.share.to_string())
                .with("scope", window.scope.to_string())
                .with("from", window.from.to_string())
                .with("to", window.to.to_string())
                .with("gpu_ms", window.gpu.0);
            editing.controls.windows.push(window.clone());
            Ok((window, entry))
        };
        self.edit_once(caller, site, (once, open)).await
    }

    /// A share of a state is one of a state that somebody here has heard of: another would be a slip,
    /// and its window would limit nobody.
    fn check_share(&self, site: &Site, share: &FundingShare) -> Result<()> {
        let FundingShare::National(state) = share else {
            return Ok(());
        };
        let mut zones = self.board().zones().values();
        let systems = site.systems.iter().flat_map(|it| &it.funding.partners);
        let partners = site.factory_partners.iter().chain(&site.antennas);
        let mut of_site = partners.chain(systems).chain([&site.country]);
        if zones.any(|zone| zone.contains(state)) || of_site.any(|it| it == state) {
            return Ok(());
        }
        let reason = format!("`{state}` is in no zone, and no partner of the site");
        Err(refused(
            "share",
            &reason,
            "`national:` and the code of such a state",
        ))
    }

    /// Closes a window now, or takes it back. Jobs that were placed in it stay.
    pub async fn close_window(
        &self,
        caller: &Caller,
        site: &SiteId,
        (id, end): (WindowId, WindowEnd),
    ) -> Result<CapacityWindow> {
        let close = |editing: &mut Editing<'_>| {
            let (now, windows) = (editing.now, &mut editing.controls.windows);
            let at = windows.iter().position(|it| it.id == id);
            let at = at.ok_or(Error::NotFound("capacity window"))?;
            let mut window = windows.remove(at);
            window.to = window.to.min(now);
            window.from = window.from.min(window.to);
            if !end.withdraw {
                windows.insert(at, window.clone());
            }
            let entry = self
                .site_entry(EntryKind::WindowClosed)
                .with("window", id.to_string())
                .with("withdrawn", end.withdraw);
            Ok((window, entry))
        };
        self.edit(caller, site, close).await
    }

    pub async fn drain_site<'o>(
        &self,
        caller: &Caller,
        site: &SiteId,
        draft: impl Into<Order<'o, DrainDraft, Drain>>,
    ) -> Result<Drain> {
        let Order { draft, once } = draft.into();
        let id: DrainId = self.inner.ids.next(&*self.inner.clock);
        let drain = |editing: &mut Editing<'_>| {
            let now = editing.now;
            let open = editing.controls.drains.iter().filter(|it| !it.is_over(now));
            Editing::check_room("reason", open.count())?;
            editing.check_scope("scope", &draft.scope)?;
            check_words("reason", &draft.reason)?;
            let from = draft.from.unwrap_or(editing.now);
            check_end("until", (from, draft.until), editing.now)?;
            let drain = Drain {
                id,
                scope: draft.scope.clone(),
                reason: draft.reason.clone(),
                from,
                until: draft.until,
            };
            let mut entry = self
                .site_entry(EntryKind::SiteDrained)
                .with("drain", id.to_string())
                .with("scope", drain.scope.to_string())
                .with("from", from.to_string())
                .with("reason_sha256", digest(&drain.reason));
            if let Some(until) = drain.until {
                entry = entry.with("until", until.to_string());
            }
            editing.controls.drains.push(drain.clone());
            Ok((drain, entry))
        };
        self.edit_once(caller, site, (once, drain)).await
    }

    pub async fn undrain_site(&self, caller: &Caller, site: &SiteId, id: DrainId) -> Result<Drain> {
        let undrain = |editing: &mut Editing<'_>| {
            let now = editing.now;
            let mut drains = editing.controls.drains.iter_mut();
            let drain = drains.find(|it| it.id == id && !it.is_over(now));
            let drain = drain.ok_or(Error::NotFound("drain that is not over"))?;
            drain.until = Some(now);
            drain.from = drain.from.min(now);
            let entry = self
                .site_entry(EntryKind::SiteUndrained)
                .with("drain", id.to_string());
            Ok((drain.clone(), entry))
        };
        self.edit(caller, site, undrain).await
    }

    /// Refuses an allocation from now on. Its jobs that wait at the site stay or are cancelled, as the
    /// draft says; those that run are left to end.
    pub async fn veto_grant<'o>(
        &self,
        caller: &Caller,
        site: &SiteId,
        draft: impl Into<Order<'o, VetoDraft, Veto>>,
    ) -> Result<Veto> {
        let Order { draft, once } = draft.into();
        self.check_manages(caller, site)?;
        let allocation = self.inner.store.find_allocation(draft.allocation).await?;
        let allocation = allocation.ok_or(Error::NotFound("allocation"))?;
        let id: VetoId = self.inner.ids.next(&*self.inner.clock);
        let veto = |editing: &mut Editing<'_>| {
            let scope = SiteScope {
                system: draft.system.clone(),
                partition: None,
            };
            Editing::check_room("allocation", editing.controls.vetoes.len())?;
            editing.check_scope("(body)", &scope)?;
            check_words("reason", &draft.reason)?;
            not_twice(&editing.controls.vetoes, draft)?;
            let veto = Veto {
                id,
                allocation: draft.allocation,
                system: draft.system.clone(),
                reason: draft.reason.clone(),
                since: editing.now,
                queued: draft.queued,
            };
            let mut entry = self
                .site_entry(EntryKind::GrantVetoed)
                .with("veto", id.to_string())
                .with("scope", scope.to_string())
                .with("reason_sha256", digest(&veto.reason));
            entry.allocation = Some(veto.allocation);
            entry.project = Some(allocation.project);
            editing.controls.vetoes.push(veto.clone());
            Ok((veto, entry))
        };
        let veto = self.edit_once(caller, site, (once, veto)).await?;
        if let Err(error) = self.cancel_vetoed(Some(caller.person), site, &veto).await {
            tracing::warn!(veto.id = %veto.id, site.id = %site, %error,
                "jobs of a vetoed grant are not cancelled yet; it is tried again every minute");
        }
        Ok(veto)
    }

    pub async fn lift_veto(&self, caller: &Caller, site: &SiteId, id: VetoId) -> Result<Veto> {
        let lift = |editing: &mut Editing<'_>| {
            let vetoes = &mut editing.controls.vetoes;
            let at = vetoes.iter().position(|it| it.id == id);
            let veto = vetoes.remove(at.ok_or(Error::NotFound("veto"))?);
            let mut entry = self
                .site_entry(EntryKind::VetoLifted)
                .with("veto", id.to_string());
            entry.allocation = Some(veto.allocation);
            Ok((veto, entry))
        };
        self.edit(caller, site, lift).await
    }

    /// Sets the limit of an organisation, in place of any other; without a number it is lifted.
    pub async fn limit_organisation(
        &self,
        caller: &Caller,
        site: &SiteId,
        (organisation, draft): (OrganisationId, LimitDraft),
    ) -> Result<OrganisationLimit> {
        self.check_manages(caller, site)?;
        let known = self.inner.store.find_organisation(organisation).await?;
        known.ok_or(Error::NotFound("organisation"))?;
        let limit = |editing: &mut Editing<'_>| {
            let hours = draft.gpu_hours_per_month;
            let limit = OrganisationLimit {
                organisation,
                max_at_once: draft.max_at_once,
                max_queued: draft.max_queued,
                gpu_per_month: hours.map(|hours| GpuMillis::from_hours(hours.into())),
            };
            let mut entry = self.site_entry(EntryKind::LimitSet);
            entry.organisation = Some(organisation);
            let numbers = [
                ("max_at_once", draft.max_at_once),
                ("max_queued", draft.max_queued),
                ("gpu_hours_per_month", hours),
            ];
            for (name, number) in numbers {
                if let Some(number) = number {
                    entry = entry.with(name, number);
                }
            }
            let limits = &mut editing.controls.limits;
            limits.retain(|it| it.organisation != organisation);
            if !limit.is_none() {
                limits.push(limit.clone());
            }
            Ok((limit, entry))
        };
        self.edit(caller, site, limit).await
    }
}

/// Of two that say the same, lifting one would change nothing.
fn not_twice(vetoes: &[Veto], draft: &VetoDraft) -> Result<()> {
    let says_it = |it: &&Veto| {
        let covers = it.system.is_none() || it.system == draft.system;
        it.allocation == draft.allocation && covers
    };
    match vetoes.iter().find(says_it) {
        None => Ok(()),
        Some(first) => Err(Error::AlreadySo(format!(
            "{} is not served there already, by {}: lift that one to set it anew",
            draft.allocation, first.id
        ))),
    }
}

impl Editing<'_> {
    pub(super) fn check_scope(&self, field: &str, scope: &SiteScope) -> Result<()> {
        let one = |it: InvalidSpec| Error::InvalidSite(vec![it]);
        self.site.check_scope(field, scope).map_err(one)
    }

    /// At most so many of a kind, so that one site does not make placing slow for all.
    pub(super) fn check_room(field: &str, count: usize) -> Result<()> {
        if count < 1000 {
            return Ok(());
        }
        let allowed = "at most 1000 at a site; end or withdraw some";
        Err(refused(field, "there are too many", allowed))
    }
}
