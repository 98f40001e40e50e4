use std::collections::BTreeSet;

use broker_model::{
    EntryBody, EntryKind, Organisation, OrganisationId, Profile, ProfileDraft, ProfileSide,
};
use broker_store::{Change, CommitError, Entity, Write};

use super::find::check_sector;
use super::redact;
use crate::dossiers::filed;
use crate::invalid::Faults;
use crate::{Broker, Caller, Error, Order, Result};

const LONGEST_TEXT: usize = 2000;
const LONGEST_CONTACT: usize = 500;
const MOST_SECTORS: usize = 10;

impl Broker {
    /// What an organisation has published to be matched, if anything.
    pub async fn profile(&self, caller: &Caller, of: OrganisationId) -> Result<Option<Profile>> {
        self.represented(caller, of).await?;
        self.live_profile(of).await
    }

    /// Publishes what an organisation seeks and offers, or says it anew. To do so is to agree to be shown
    /// to the other side, without name and contact.
    pub async fn publish_profile<'o>(
        &self,
        caller: &Caller,
        of: OrganisationId,
        order: impl Into<Order<'o, ProfileDraft, Profile>>,
    ) -> Result<Profile> {
        let Order { draft, once } = order.into();
        let organisation = self.represented(caller, of).await?;
        self.check_profile(draft, &organisation)?;
        let before = self.live_profile(of).await?;
        let now = self.inner.clock.now();
        let fresh = || Profile {
            id: self.inner.ids.next(&*self.inner.clock),
            organisation: of,
            side: draft.side,
            sectors: Vec::new(),
            seeks: String::new(),
            offers: String::new(),
            contact: String::new(),
            published_by: caller.person,
            published_at: now,
            withdrawn_at: None,
            interests: Vec::new(),
            version: 0,
        };
        if before.as_ref().is_some_and(|it| it.side != draft.side) {
            return Err(Error::AlreadySo(
                "the profile that is published is of the other side: withdraw it first".to_owned(),
            ));
        }
        let after = Profile {
            sectors: draft.sectors.clone(),
            seeks: draft.seeks.trim().to_owned(),
            offers: draft.offers.trim().to_owned(),
            contact: draft.contact.trim().to_owned(),
            // Whose contact it is from now on.
            published_by: caller.person,
            ..before.unwrap_or_else(fresh)
        };
        let entry = self.profile_entry(EntryKind::ProfilePublished, (caller, &after));
        let mut writes = vec![Write::Claim {
            name: claim(of),
            holder: after.id.to_string(),
        }];
        // What a key keeps outlives the profile when that is taken back.
        let kept = Profile {
            contact: String::new(),
            ..after.clone()
        };
        writes.extend(once.and_then(|it| it.remember(&kept, now)));
        self.commit_profile(after, (writes, entry)).await
    }

    /// Takes it back: nobody finds it, whoever saw the contact sees it no more, and what was written is gone.
    pub async fn withdraw_profile(&self, caller: &Caller, of: OrganisationId) -> Result<Profile> {
        let before = self.profile(caller, of).await?;
        let before = before.ok_or(Error::NotFound("profile"))?;
        let after = before.taken_back(self.inner.clock.now());
        let entry = self.profile_entry(EntryKind::ProfileWithdrawn, (caller, &after));
        let writes = vec![Write::Unclaim { name: claim(of) }];
        self.commit_profile(after, (writes, entry)).await
    }

    pub(super) async fn live_profile(&self, of: OrganisationId) -> Result<Option<Profile>> {
        let all: Vec<Profile> = self.dossiers_of(of).await?;
        Ok(all.into_iter().find(Profile::is_live))
    }

    pub(super) fn profile_entry(
        &self,
        kind: EntryKind,
        (caller, profile): (&Caller, &Profile),
    ) -> EntryBody {
        self.organisation_entry(kind, (caller, profile.organisation))
            .with("profile", profile.id.to_string())
            .with("side", profile.side.as_str())
    }

    pub(super) async fn commit_profile(
        &self,
        mut after: Profile,
        (mut writes, entry): (Vec<Write>, EntryBody),
    ) -> Result<Profile> {
        writes.push(filed(&after));
        let entries = vec![entry];
        match self.commit(Change { writes, entries }).await {
            Ok(_) => {}
            Err(CommitError::Conflict(Entity::Dossier) | CommitError::Duplicate(Entity::Claim)) => {
                return Err(Error::Contended);
            }
            Err(error) => return Err(error.into()),
        }
        after.version += 1;
        Ok(after)
    }

    fn check_profile(&self, draft: &ProfileDraft, organisation: &Organisation) -> Result<()> {
        let directory = self.directory();
        let mut faults = Faults::default();
        let is_startup = draft.side == ProfileSide::Startup;
        if organisation.startup.is_some_and(|it| it != is_startup) {
            let reason = format!("is `{}`, and the organisation says otherwise", draft.side);
            faults.add("side", reason, draft.side.other().as_str());
        }
        if draft.sectors.is_empty() || draft.sectors.len() > MOST_SECTORS {
            let reason = format!("are {}", draft.sectors.len());
            faults.add("sectors", reason, &format!("1 to {MOST_SECTORS}"));
        }
        let distinct: BTreeSet<&String> = draft.sectors.iter().collect();
        if distinct.len() < draft.sectors.len() {
            faults.add("sectors", "name one twice", "each once");
        }
        for sector in draft.sectors.iter().take(MOST_SECTORS) {
            check_sector(&directory, ("sectors", sector), &mut faults);
        }
        for (field, text) in [("seeks", &draft.seeks), ("offers", &draft.offers)] {
            faults.check_text(field, text, LONGEST_TEXT);
            check_nameless((field, text), organisation, &mut faults);
        }
        faults.check_text("contact", &draft.contact, LONGEST_CONTACT);
        faults.check("profile")
    }
}

/// One published profile of an organisation at a time.
pub(crate) fn claim(of: OrganisationId) -> String {
    format!("profile:{of}")
}

/// What others read before anybody agreed says nothing of who wrote it.
fn check_nameless((field, text): (&str, &str), organisation: &Organisation, faults: &mut Faults) {
    let said = text.to_lowercase();
    let names = said.contains(&organisation.name.trim().to_lowercase());
    let domain = organisation.domain.as_deref();
    let is_found = names || domain.is_some_and(|it| said.contains(&it.to_lowercase()));
    if is_found || text.contains("://") || redact(text) != text {
        let reason = "says who you are, or where to find you: others read it before they agreed";
        let allowed = "no name, no address; `contact` is shown once both agreed";
        faults.add(field, reason, allowed);
    }
}
