//! The register of de minimis aid: what national hours were worth to whom.

use broker_model::{
    AidRecord, Allocation, Application, ApplicationAid, EntryBody, EntryKind, FundingShare,
    GrantDraft, Organisation, OrganisationId, OrganisationKind, PersonId, Role,
};
use broker_store::Write;
use jiff::civil::Date;
use policy_engine::{AccessMode, AidFacts, Decision, Engine, day_in_brussels};

use super::find_mode;
use super::share::share_by;
use crate::dossiers::filed;
use crate::invalid::Faults;
use crate::routes::aid_as_declared;
use crate::{Broker, Caller, Result};

/// What asks about aid, by the name of its file.
const AID_RULES: &str = "de_minimis.";

impl Broker {
    /// What an organisation was given, oldest first.
    pub async fn aid_of(&self, caller: &Caller, of: OrganisationId) -> Result<Vec<AidRecord>> {
        self.organisation(caller, of).await?;
        self.dossiers_of(of).await
    }

    /// What an organisation itself was given of a state in the years up to now that count.
    pub(crate) async fn aid_counted(&self, of: OrganisationId, state: &str) -> Result<u32> {
        let records: Vec<AidRecord> = self.dossiers_of(of).await?;
        let today = day_in_brussels(self.inner.clock.now());
        let years = self.policy().limit_on("de_minimis_years", today);
        let counted = records
            .iter()
            .filter(|it| it.state == state && counts(it, (today, years)));
        Ok(counted.fold(0, |sum: u32, it| sum.saturating_add(it.worth_eur)))
    }

    /// The same of several, whatever mode it came by.
    async fn aid_of_these(&self, these: &[Organisation], state: &str) -> Result<u32> {
        let mut sum: u32 = 0;
        for one in these {
            sum = sum.saturating_add(self.aid_counted(one.id, state).await?);
        }
        Ok(sum)
    }

    /// What was declared, with what stands in the register; nothing where nobody declared anything.
    ///
    /// Of linked enterprises that the applicant does not speak for nothing is added. A link is the word of one side, and
    /// what is decided here is told to the applicant. The whole is counted in [`Self::check_aid_of_all`].
    pub(super) async fn aid_facts(
        &self,
        (organisation, applicant): (&Organisation, PersonId),
        (mode, declared): (&str, Option<ApplicationAid>),
    ) -> Result<Option<AidFacts>> {
        let Some(declared) = declared else {
            return Ok(None);
        };
        if !may_be_aid(&self.policy(), organisation, mode) {
            return Ok(Some(aid_as_declared(declared)));
        }
        let granted = self.inner.store.grants_of(applicant).await?;
        let speaks_for =
            |organisation: OrganisationId| granted.contains(&Role::Representative { organisation });
        let mut known = self.linked_with(organisation).await?.all;
        known.retain(|it| it.id == organisation.id || speaks_for(it.id));
        let known = self.aid_of_these(&known, &organisation.country).await?;
        let received_eur = declared.received_eur.saturating_add(known);
        Ok(Some(aid_as_declared(ApplicationAid {
            received_eur,
            ..declared
        })))
    }

    /// Whoever gives a state's hours is held to its ceiling with all that the single undertaking had, those included
    /// that the rules were not asked about. Told to them alone: nothing of it is stored. Gives the other members, as
    /// they were read before anything of theirs was counted.
    pub(super) async fn check_aid_of_all(
        &self,
        (application, organisation): (&Application, &Organisation),
        grant: &GrantDraft,
    ) -> Result<Vec<Organisation>> {
        let engine = self.policy();
        let of_mode = || share_by(&engine, &application.mode, &organisation.country);
        let share = grant.share.clone().or_else(of_mode);
        let (Some(FundingShare::National(state)), Some(worth)) = (share, grant.worth_eur) else {
            return Ok(Vec::new());
        };
        let today = day_in_brussels(self.inner.clock.now());
        let ceiling = engine.limits().filter(|it| {
            it.id == "de_minimis" && it.since <= today && it.until.is_none_or(|end| today < end)
        });
        let ceiling = ceiling.last().map(|it| it.value);
        let mut all = self.linked_with(organisation).await?.all;
        let counted = self.aid_of_these(&all, &state).await?;
        let declared = application.aid.map_or(0, |it| it.received_eur);
        let had = u64::from(declared) + u64::from(counted);
        let mut faults = Faults::default();
        if let Some(ceiling) = ceiling
            && ceiling < had + u64::from(worth)
        {
            let reason = format!(
                "makes it {} EUR of de minimis aid in three years",
                had + u64::from(worth)
            );
            let allowed = format!("up to {} EUR", ceiling.saturating_sub(had));
            faults.add("grant.worth_eur", reason, &allowed);
        }
        faults.check("decision")?;
        all.retain(|it| it.id != organisation.id);
        Ok(all)
    }

    /// The record of an acceptance, where its hours are aid of a state: see [`is_aid`].
    pub(super) fn aid_granted(
        &self,
        caller: &Caller,
        (application, allocation): (&Application, &Allocation),
        (is_aid, worth_eur): (bool, Option<u32>),
    ) -> Option<(Write, EntryBody)> {
        let FundingShare::National(state) = &allocation.share else {
            return None;
        };
        let worth_eur = worth_eur.filter(|_| is_aid)?;
        let now = self.inner.clock.now();
        let record = AidRecord {
            id: self.inner.ids.next(&*self.inner.clock),
            organisation: application.organisation,
            state: state.clone(),
            worth_eur,
            granted_on: day_in_brussels(now),
            application: Some(application.id),
            allocation: allocation.id,
            version: 0,
        };
        let about = (caller, application.organisation);
        let mut entry = self.organisation_entry(EntryKind::AidRecorded, about);
        entry.project = Some(allocation.project);
        entry.allocation = Some(allocation.id);
        let entry = { entry.with("aid", record.id.to_string()) }
            .with("state", record.state.clone())
            .with("worth_eur", worth_eur);
        Some((filed(&record), entry))
    }
}

/// Whether hours of a mode can be aid to an organisation: companies are given aid, and states give it.
pub(crate) fn may_be_aid(engine: &Engine, organisation: &Organisation, mode: &str) -> bool {
    let is_company = organisation.kind == Some(OrganisationKind::Company);
    is_company && find_mode(engine, mode).is_some_and(AccessMode::is_national)
}

/// Whether what is given is aid. Of the mode's own share the rules have the word; of a state's that a reviewer names in
/// its place nobody has asked, and a company gets it for nothing.
pub(super) fn is_aid(
    engine: &Engine,
    (application, organisation): (&Application, &Organisation),
    (grant, found): (&GrantDraft, &Decision),
) -> bool {
    let of_mode = share_by(engine, &application.mode, &organisation.country);
    match &grant.share {
        Some(said) if Some(said) != of_mode.as_ref() => {
            let is_company = organisation.kind == Some(OrganisationKind::Company);
            is_company && matches!(said, FundingShare::National(_))
        }
        _ => is_asked_about(found),
    }
}

fn is_asked_about(found: &Decision) -> bool {
    found.rules.iter().any(|it| it.rule.starts_with(AID_RULES))
}

/// In so many years, `tables/aid.toml`: to the day. Where the table has no number nothing is over.
fn counts(record: &AidRecord, (today, years): (Date, Option<u64>)) -> bool {
    let Some(years) = years.and_then(|it| i64::try_from(it).ok()) else {
        return true;
    };
    let span = jiff::Span::new().try_years(years);
    let ends = span.and_then(|it| record.granted_on.checked_add(it));
    // A day that no calendar has is not over either.
    ends.map_or(true, |end| today < end)
}
