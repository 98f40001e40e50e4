//! What shares may use, and when.

use broker_model::{
    CapacityWindow, EntryKind, FundingShare, GpuMillis, Site, SiteId, WindowDraft, WindowEnd,
    WindowId,
};

use super::change::{Editing, check_end, refused};
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
            not_opened_twice(&editing.controls.windows, draft)?;
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
            // When it was to open stays as it was agreed: one that ends before was called off.
            window.to = window.to.min(now);
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
}

/// Two alike would let the share have twice the hours that were meant.
fn not_opened_twice(windows: &[CapacityWindow], draft: &WindowDraft) -> Result<()> {
    let is_alike = |it: &&CapacityWindow| {
        let same_time = it.from == draft.from && it.to == draft.to;
        same_time && it.share == draft.share && it.scope == draft.scope
    };
    match windows.iter().find(is_alike) {
        None => Ok(()),
        Some(first) => Err(Error::AlreadySo(format!(
            "{} has a window for {} from {} to {} already, {} with {} GPU-hours: remove that one to set it anew, or close it if jobs have used it",
            draft.share, draft.scope, draft.from, draft.to, first.id, first.gpu
        ))),
    }
}
