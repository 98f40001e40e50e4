//! Two sides that may want to meet: each is nameless to the other until both have said so.

use broker_model::{Desk, EntryKind, Interest, OrganisationId, Profile, ProfileId, ProfileSide};
use serde::Serialize;

use crate::{Broker, Caller, Error, MOST_AT_ONCE, Result};

/// Somebody of the other side, in the same sector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Match {
    pub profile: ProfileId,
    pub side: ProfileSide,
    pub sectors: Vec<String>,
    /// Those of both.
    pub shared: Vec<String>,
    pub seeks: String,
    pub offers: String,
    /// We would meet them.
    pub ours: bool,
    /// They would meet us.
    pub theirs: bool,
    /// Once both would, and as long as they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<MatchContact>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MatchContact {
    pub organisation: String,
    pub contact: String,
}

impl Broker {
    /// Whom an organisation may meet, by the id of their profiles, so many at a time; for who speaks for it,
    /// and has published a profile.
    pub async fn matches(
        &self,
        caller: &Caller,
        (of, after): (OrganisationId, Option<ProfileId>),
    ) -> Result<Vec<Match>> {
        let mine = self.own_profile(caller, of).await?;
        let desk = Desk::Matching(mine.side.other());
        let (mut after, mut matches) = (after, Vec::new());
        loop {
            let page: Vec<Profile> = self.dossiers_on(&desk, after.as_ref()).await?;
            let is_last = page.len() < MOST_AT_ONCE as usize;
            after = page.last().map(|it| it.id);
            for theirs in page {
                if matches.len() < MOST_AT_ONCE as usize && !mine.shared_with(&theirs).is_empty() {
                    matches.push(self.matched(&mine, &theirs).await?);
                }
            }
            if is_last || matches.len() >= MOST_AT_ONCE as usize {
                return Ok(matches);
            }
        }
    }

    /// Says that the organisation would meet whoever this profile is of.
    pub async fn show_interest(
        &self,
        caller: &Caller,
        (of, other): (OrganisationId, ProfileId),
    ) -> Result<Match> {
        let (mut mine, theirs) = self.pair(caller, (of, other)).await?;
        if !theirs.is_live() {
            let words = "the profile was withdrawn: `alcyone matches` lists those that are there";
            return Err(Error::NotWaiting(words.to_owned()));
        }
        if mine.wants(other) {
            return self.matched(&mine, &theirs).await;
        }
        mine.interests.push(Interest {
            profile: other,
            at: self.inner.clock.now(),
            by: caller.person,
        });
        // Whether it is mutual follows from the two entries: of two at once, neither would know of the other.
        let entry = { self.profile_entry(EntryKind::InterestRecorded, (caller, &mine)) }
            .with("in_profile", other.to_string());
        let mine = self.commit_profile(mine, (Vec::new(), entry)).await?;
        self.matched(&mine, &theirs).await
    }

    /// Takes that back; from then on neither sees who the other is.
    pub async fn withdraw_interest(
        &self,
        caller: &Caller,
        (of, other): (OrganisationId, ProfileId),
    ) -> Result<Match> {
        let (mut mine, theirs) = self.pair(caller, (of, other)).await?;
        if !mine.wants(other) {
            return self.matched(&mine, &theirs).await;
        }
        mine.interests.retain(|it| it.profile != other);
        let entry = { self.profile_entry(EntryKind::InterestWithdrawn, (caller, &mine)) }
            .with("in_profile", other.to_string());
        let mine = self.commit_profile(mine, (Vec::new(), entry)).await?;
        self.matched(&mine, &theirs).await
    }

    async fn own_profile(&self, caller: &Caller, of: OrganisationId) -> Result<Profile> {
        let found = self.profile(caller, of).await?;
        let none = || Error::NotWaiting("the organisation has published no profile".to_owned());
        found.ok_or_else(none)
    }

    /// Ours, and one that it matches; any other is not there.
    async fn pair(
        &self,
        caller: &Caller,
        (of, other): (OrganisationId, ProfileId),
    ) -> Result<(Profile, Profile)> {
        let mine = self.own_profile(caller, of).await?;
        let theirs: Option<Profile> = self.dossier(&other).await?;
        let theirs = theirs.filter(|it| !mine.shared_with(it).is_empty() || mine.wants(it.id));
        let theirs = theirs.ok_or(Error::NotFound("profile"))?;
        Ok((mine, theirs))
    }

    async fn matched(&self, mine: &Profile, theirs: &Profile) -> Result<Match> {
        let contact = if mine.agreed_with(theirs) {
            let store = &self.inner.store;
            let organisation = store.find_organisation(theirs.organisation).await?;
            organisation.map(|it| MatchContact {
                organisation: it.name,
                contact: theirs.contact.clone(),
            })
        } else {
            None
        };
        Ok(Match {
            profile: theirs.id,
            side: theirs.side,
            sectors: theirs.sectors.clone(),
            shared: mine.shared_with(theirs),
            seeks: theirs.seeks.clone(),
            offers: theirs.offers.clone(),
            ours: mine.wants(theirs.id),
            theirs: theirs.wants(mine.id),
            contact,
        })
    }
}
