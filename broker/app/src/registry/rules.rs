//! Vetoes and limits: whom a site does not serve, or how much at most.

use broker_model::{
    EntryKind, GpuMillis, InvalidSpec, LimitDraft, OrganisationId, OrganisationLimit, SiteId,
    SiteScope, Veto, VetoDraft, VetoId,
};

use super::change::{Editing, check_words, refused};
use crate::replay::digest;
use crate::{Broker, Caller, Error, Order, Result};

impl Broker {
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
