//! The register of de minimis aid: what national hours were worth to whom.

use broker_model::{
    AidRecord, Allocation, Application, ApplicationAid, EntryBody, EntryKind, FundingShare,
    Organisation, OrganisationId,
};
use broker_store::Write;
use jiff::ToSpan as _;
use jiff::civil::Date;
use policy_engine::{AidFacts, Decision, day_in_brussels};

use crate::dossiers::filed;
use crate::{Broker, Caller, Result};

/// What asks about aid, by the name of its file.
pub(super) const AID_RULES: &str = "de_minimis.";

impl Broker {
    /// What an organisation was given, oldest first.
    pub async fn aid_of(&self, caller: &Caller, of: OrganisationId) -> Result<Vec<AidRecord>> {
        self.organisation(caller, of).await?;
        self.dossiers_of(of).await
    }

    /// What was declared, with what stands in the register; nothing where nobody declared anything.
    pub(super) async fn aid_facts(
        &self,
        organisation: &Organisation,
        declared: Option<ApplicationAid>,
    ) -> Result<Option<AidFacts>> {
        let Some(declared) = declared else {
            return Ok(None);
        };
        let records: Vec<AidRecord> = self.dossiers_of(organisation.id).await?;
        let today = day_in_brussels(self.inner.clock.now());
        let granted = { records.iter() }
            .filter(|it| it.state == organisation.country && counts(it, today))
            .fold(declared.received_eur, |sum, it| {
                sum.saturating_add(it.worth_eur)
            });
        Ok(Some(AidFacts {
            asked_eur: declared.worth_eur,
            granted_eur_three_years: Some(granted),
        }))
    }

    /// The record of an acceptance, where the rules asked about aid and the hours are a state's.
    pub(super) fn aid_granted(
        &self,
        caller: &Caller,
        (application, allocation): (&Application, &Allocation),
        (found, worth_eur): (&Decision, Option<u32>),
    ) -> Option<(Write, EntryBody)> {
        let FundingShare::National(state) = &allocation.share else {
            return None;
        };
        let asked = found.rules.iter().any(|it| it.rule.starts_with(AID_RULES));
        let worth_eur = worth_eur.filter(|_| asked)?;
        let now = self.inner.clock.now();
        let record = AidRecord {
            id: self.inner.ids.next(&*self.inner.clock),
            organisation: application.organisation,
            state: state.clone(),
            worth_eur,
            granted_on: day_in_brussels(now),
            application: application.id,
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

/// In any three years, Regulation (EU) 2023/2831, Art. 3(2): to the day.
fn counts(record: &AidRecord, today: Date) -> bool {
    let ends = record.granted_on.checked_add(3.years());
    ends.is_ok_and(|end| today < end)
}
