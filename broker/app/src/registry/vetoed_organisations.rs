//! Whom a site does not serve at all: an organisation, whatever it was granted or may still ask for.

use broker_model::{
    Allocation, AllocationScope, EntryKind, OrganisationId, OrganisationVeto,
    OrganisationVetoDraft, SiteId, SiteScope, SystemId, VetoId,
};

use super::change::{Editing, check_end, check_words};
use crate::replay::digest;
use crate::{Broker, Caller, Error, Order, Result};

impl Broker {
    /// Refuses an organisation from now on: the rules say no to what it applies for there and to jobs under its
    /// allocations of that system, and placement passes the site by. What is placed there already stays.
    pub async fn veto_organisation<'o>(
        &self,
        caller: &Caller,
        site: &SiteId,
        draft: impl Into<Order<'o, OrganisationVetoDraft, OrganisationVeto>>,
    ) -> Result<OrganisationVeto> {
        let Order { draft, once } = draft.into();
        self.check_manages(caller, site)?;
        let known = self
            .inner
            .store
            .find_organisation(draft.organisation)
            .await?;
        known.ok_or(Error::NotFound("organisation"))?;
        let id: VetoId = self.inner.ids.next(&*self.inner.clock);
        let veto = |editing: &mut Editing<'_>| {
            let scope = SiteScope {
                system: draft.system.clone(),
                partition: None,
            };
            let count = editing.controls.organisation_vetoes.len();
            Editing::check_room("organisation", count)?;
            editing.check_scope("(body)", &scope)?;
            check_words("reason", &draft.reason)?;
            check_end("until", (editing.now, draft.until), editing.now)?;
            not_twice(editing, draft)?;
            let veto = OrganisationVeto {
                id,
                organisation: draft.organisation,
                system: draft.system.clone(),
                reason: draft.reason.clone(),
                since: editing.now,
                until: draft.until,
            };
            let mut entry = self
                .site_entry(EntryKind::OrganisationVetoed)
                .with("veto", id.to_string())
                .with("scope", scope.to_string())
                .with("reason_sha256", digest(&veto.reason));
            if let Some(until) = veto.until {
                entry = entry.with("until", until.to_string());
            }
            entry.organisation = Some(veto.organisation);
            editing.controls.organisation_vetoes.push(veto.clone());
            Ok((veto, entry))
        };
        self.edit_once(caller, site, (once, veto)).await
    }

    pub async fn lift_organisation_veto(
        &self,
        caller: &Caller,
        site: &SiteId,
        id: VetoId,
    ) -> Result<OrganisationVeto> {
        let lift = |editing: &mut Editing<'_>| {
            let vetoes = &mut editing.controls.organisation_vetoes;
            let at = vetoes.iter().position(|it| it.id == id);
            let veto = vetoes.remove(at.ok_or(Error::NotFound("veto"))?);
            let mut entry = self
                .site_entry(EntryKind::VetoLifted)
                .with("veto", id.to_string());
            entry.organisation = Some(veto.organisation);
            Ok((veto, entry))
        };
        self.edit(caller, site, lift).await
    }

    /// Why a site does not serve an organisation at `site/system` now; nothing where it does.
    pub(crate) fn vetoed_at(&self, organisation: OrganisationId, at: &str) -> Option<String> {
        let (site, system) = at.split_once('/')?;
        let heard = self.board().heard();
        let listed = heard.find(&site.parse().ok()?)?;
        let system: SystemId = system.parse().ok()?;
        let found = listed.site.systems.iter().find(|it| it.id == system);
        let mut systems = vec![&system];
        systems.extend(
            found
                .into_iter()
                .flat_map(|it| listed.site.hosts_of(it))
                .map(|it| &it.id),
        );
        let now = self.inner.clock.now();
        let veto = listed.controls.veto_of(organisation, &systems, now)?;
        Some(veto.reason.clone())
    }

    /// The same of a job whose allocation is of one system; of others placement finds the sites that serve it.
    pub(crate) fn vetoed_job(
        &self,
        organisation: OrganisationId,
        allocation: &Allocation,
    ) -> Option<String> {
        let AllocationScope::System { site, system } = &allocation.scope else {
            return None;
        };
        self.vetoed_at(organisation, &format!("{site}/{system}"))
    }
}

/// Of two that say the same, lifting one would change nothing.
fn not_twice(editing: &Editing<'_>, draft: &OrganisationVetoDraft) -> Result<()> {
    let mut vetoes = editing.controls.organisation_vetoes.iter();
    let says_it = |it: &&OrganisationVeto| {
        let covers = it.system.is_none() || it.system == draft.system;
        it.organisation == draft.organisation && covers && !it.is_over(editing.now)
    };
    match vetoes.find(says_it) {
        None => Ok(()),
        Some(first) => Err(Error::AlreadySo(format!(
            "{} is not served there already, by {}: lift that one to set it anew",
            draft.organisation, first.id
        ))),
    }
}
