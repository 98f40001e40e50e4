use std::sync::Arc;

use broker_model::{Controls, EntryBody, EntryKind, InvalidSpec, RegisteredSite, Site, SiteId};
use broker_store::{Change, CommitError, Entity, Write};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::once::Once;
use crate::replay::digest;
use crate::{Broker, Caller, Error, Result};

const TRIES: u32 = 5;
/// How long a drain or an incident that is over can still be read about.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// One change of what is set at a site, on its way: the site as it is, and what is set there.
#[derive(Debug)]
pub(super) struct Editing<'a> {
    pub(super) site: &'a Site,
    pub(super) controls: &'a mut Controls,
    pub(super) now: Timestamp,
}

/// What came of an edit, and what the ledger says of it.
pub(super) type Edited<T> = Result<(T, EntryBody)>;

impl Broker {
    /// The site as the registry has it now; one that is only a file as that.
    pub(super) async fn registered(&self, id: &SiteId) -> Result<RegisteredSite> {
        match self.inner.store.find_registered_site(id).await? {
            Some(found) if found.retired_at.is_some() => return Err(Error::NotFound("site")),
            Some(found) => return Ok(found),
            None => {}
        }
        let site = self.board().filed_of(id).ok_or(Error::NotFound("site"))?;
        Ok(RegisteredSite {
            file_sha256: Some(document(&*site).0.to_string()),
            site: Site::clone(&site),
            controls: Controls::default(),
            edited: false,
            changed_at: self.inner.clock.now(),
            retired_at: None,
            version: 0,
        })
    }

    /// Changes what is set at a site. Of two at the same time the second is made on top of the first.
    pub(super) async fn edit<T>(
        &self,
        caller: &Caller,
        id: &SiteId,
        edit: impl Fn(&mut Editing<'_>) -> Edited<T>,
    ) -> Result<T> {
        self.edit_once(caller, id, (None, edit)).await
    }

    /// The same for what is done once by its key, which is stored in the same transaction.
    pub(super) async fn edit_once<T>(
        &self,
        caller: &Caller,
        id: &SiteId,
        (once, edit): (Option<&Once<T>>, impl Fn(&mut Editing<'_>) -> Edited<T>),
    ) -> Result<T> {
        self.check_manages(caller, id)?;
        for _ in 0..TRIES {
            let mut registered = self.registered(id).await?;
            let now = self.inner.clock.now();
            let RegisteredSite { site, controls, .. } = &mut registered;
            let mut editing = Editing {
                site,
                controls,
                now,
            };
            let (done, mut entry) = edit(&mut editing)?;
            entry.actor = Some(caller.person);
            forget_old(controls, now);
            let remember = once.and_then(|it| it.remember(&done, now));
            match self.put_with(registered, entry, remember).await {
                Ok(()) => return Ok(done),
                Err(Error::Contended) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Contended)
    }

    /// Stores, with both documents under the digests that the entry names, and takes it in here.
    pub(super) async fn put_registered(
        &self,
        registered: RegisteredSite,
        entry: EntryBody,
    ) -> Result<()> {
        self.put_with(registered, entry, None).await
    }

    async fn put_with(
        &self,
        mut registered: RegisteredSite,
        entry: EntryBody,
        also: Option<Write>,
    ) -> Result<()> {
        registered.changed_at = entry.at;
        let documents = [document(&registered.site), document(&registered.controls)];
        let mut entry = entry
            .with("document_sha256", &*documents[0].0)
            .with("controls_sha256", &*documents[1].0)
            .with("version", registered.version + 1);
        entry.site = Some(registered.site.id.clone());
        let keep = |(sha256, document)| Write::PutBoardDocument { sha256, document };
        let mut writes: Vec<Write> = documents.into_iter().map(keep).collect();
        writes.push(Write::PutRegisteredSite(Box::new(registered.clone())));
        writes.extend(also);
        let change = Change {
            writes,
            entries: vec![entry],
        };
        match self.commit(change).await {
            Ok(_) => {}
            Err(CommitError::Conflict(Entity::Site)) => return Err(Error::Contended),
            Err(error) => return Err(error.into()),
        }
        registered.version += 1;
        let site = registered.site.id.clone();
        self.board().register(vec![registered]);
        self.nudges().site(&site);
        self.nudges().pending();
        Ok(())
    }

    pub(super) fn site_entry(&self, kind: EntryKind) -> EntryBody {
        EntryBody::new(self.inner.clock.now(), kind)
    }
}

/// Windows stay: that there was one is what keeps its share from being unlimited.
fn forget_old(controls: &mut Controls, now: Timestamp) {
    let Ok(before) = now.checked_sub(KEPT) else {
        return;
    };
    controls.drains.retain(|it| !it.is_over(before));
    controls.incidents.retain(|it| !it.is_over(before));
    controls
        .organisation_vetoes
        .retain(|it| !it.is_over(before));
}

/// A document with the SHA-256 that names it.
#[expect(
    clippy::expect_used,
    reason = "plain structs with text keys are always JSON"
)]
pub(super) fn document(value: &impl Serialize) -> (Arc<str>, Arc<str>) {
    let text = serde_json::to_string(value).expect("what is registered is always JSON");
    (digest(&text).into(), text.into())
}

/// One field of what an administrator sent that cannot be.
pub(super) fn refused(field: &str, reason: &str, allowed: &str) -> Error {
    Error::InvalidSite(vec![InvalidSpec {
        field: field.to_owned(),
        reason: reason.to_owned(),
        allowed: allowed.to_owned(),
    }])
}

pub(super) fn check_words(field: &str, words: &str) -> Result<()> {
    Controls::check_words(field, words).map_err(|it| Error::InvalidSite(vec![it]))
}

/// How long ago something may have begun that is only now said: what kept jobs away, and when, is evidence.
const SAID_LATE: SignedDuration = SignedDuration::from_hours(24);

/// What is set keeps jobs away from now on, so it cannot have begun long ago.
pub(super) fn check_begin(field: &str, from: Timestamp, now: Timestamp) -> Result<()> {
    if from >= now.saturating_sub(SAID_LATE).unwrap_or(Timestamp::MIN) {
        return Ok(());
    }
    Err(refused(
        field,
        &format!("{from} is long ago, and nothing was kept away until now"),
        "a time of the last 24 hours or to come; without it, now",
    ))
}

/// What ends must end after it began, and not in the past.
pub(super) fn check_end(
    field: &str,
    (from, end): (Timestamp, Option<Timestamp>),
    now: Timestamp,
) -> Result<()> {
    match end {
        Some(end) if end <= from || end <= now => Err(refused(
            field,
            &format!("{end} is over, or before it begins"),
            "a time after its begin and after now",
        )),
        _ => Ok(()),
    }
}
