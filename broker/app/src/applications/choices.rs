//! What a grant can be made of, for who decides to choose from.

use broker_model::{Application, FundingShare, Organisation, UnitMillis};

use super::share::{share_asked, states_at};
use crate::eligibility::applicant_facts;
use crate::shares::gpu_bought;
use crate::{Broker, Result};

#[derive(Clone, Debug)]
pub struct GrantChoices {
    /// Those that the system's partitions are charged in.
    pub units: Vec<UnitChoice>,
    /// The one that the mode says for this applicant; the grant is of it unless the reviewer says another.
    pub of_mode: Option<FundingShare>,
    /// Whether the mode gives hours of the Union and this applicant pays for them.
    pub is_sold: bool,
    /// All that may be said.
    pub shares: Vec<FundingShare>,
}

#[derive(Clone, Debug)]
pub struct UnitChoice {
    pub unit: String,
    /// See [`Broker::gpu_hours_of`].
    pub an_hour: Option<UnitMillis>,
}

impl Broker {
    /// For an application of an organisation, as it is described now.
    pub async fn grant_choices(
        &self,
        of: &Application,
        organisation: &Organisation,
    ) -> Result<GrantChoices> {
        let engine = self.policy();
        let applicant = (applicant_facts(&of.assurance), of.applied_by);
        let asked = self.asked_by(applicant, organisation, &of.into()).await?;
        let units = self.units_of(&of.system).into_iter().map(|unit| {
            let hour = UnitMillis::from_hours(1);
            let an_hour = self.gpu_hours_of(&of.system, &unit, hour);
            UnitChoice { unit, an_hour }
        });
        let mut states = states_at(&engine, Some(&of.system));
        states.insert(organisation.country.clone());
        let both = [FundingShare::Union, FundingShare::Commercial];
        let national = states.into_iter().map(FundingShare::National);
        Ok(GrantChoices {
            units: units.collect(),
            of_mode: share_asked(&engine, &asked),
            is_sold: engine.is_sold(&asked),
            shares: both.into_iter().chain(national).collect(),
        })
    }

    /// What so much of a unit buys of a system's GPUs, where it buys most; none where nobody can say.
    pub fn gpu_hours_of(&self, system: &str, unit: &str, amount: UnitMillis) -> Option<UnitMillis> {
        let bought = self.system_at(system, |it| gpu_bought(it, unit, amount))?;
        i64::try_from(bought)
            .ok()
            .filter(|it| *it > 0)
            .map(UnitMillis)
    }
}
