use broker_model::{Drain, DrainDraft, DrainId, EntryKind, SiteId};

use super::change::{Editing, check_begin, check_end, check_words};
use crate::replay::digest;
use crate::{Broker, Caller, Error, Order, Result};

impl Broker {
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
            check_begin("from", from, now)?;
            check_end("until", (from, draft.until), now)?;
            not_drained_twice(editing, draft)?;
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
            let entry = self
                .site_entry(EntryKind::SiteUndrained)
                .with("drain", id.to_string());
            Ok((drain.clone(), entry))
        };
        self.edit(caller, site, undrain).await
    }
}

/// Of two alike, ending one would change nothing.
fn not_drained_twice(editing: &Editing<'_>, draft: &DrainDraft) -> Result<()> {
    let now = editing.now;
    let from = draft.from.unwrap_or(now);
    let is_alike = |it: &&Drain| {
        let begins_alike = it.from == from || (it.from <= now && from <= now);
        begins_alike && !it.is_over(now) && it.scope == draft.scope && it.until == draft.until
    };
    match editing.controls.drains.iter().find(is_alike) {
        None => Ok(()),
        Some(first) => Err(Error::AlreadySo(format!(
            "{} is drained for that time already, by {} ({}): remove that one to set it anew",
            draft.scope, first.id, first.reason
        ))),
    }
}
