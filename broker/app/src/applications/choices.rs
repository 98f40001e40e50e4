//! What a grant can be made of, for who decides to choose from.

use broker_model::{Application, FundingShare, UnitMillis};

use super::share::{share_by, states_at};
use crate::Broker;
use crate::shares::gpu_bought;

#[derive(Clone, Debug)]
pub struct GrantChoices {
    /// Those that the system's partitions are charged in.
    pub units: Vec<UnitChoice>,
    /// The one that the mode says; the grant is of it unless the reviewer says another.
    pub of_mode: Option<FundingShare>,
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
    /// For an organisation that is established in a country.
    pub fn grant_choices(&self, of: &Application, country: &str) -> GrantChoices {
        let engine = self.policy();
        let units = self.units_of(&of.system).into_iter().map(|unit| {
            let hour = UnitMillis::from_hours(1);
            let an_hour = self.gpu_hours_of(&of.system, &unit, hour);
            UnitChoice { unit, an_hour }
        });
        let mut states = states_at(&engine, Some(&of.system));
        states.insert(country.to_owned());
        let both = [FundingShare::Union, FundingShare::Commercial];
        let national = states.into_iter().map(FundingShare::National);
        GrantChoices {
            units: units.collect(),
            of_mode: share_by(&engine, &of.mode, country),
            shares: both.into_iter().chain(national).collect(),
        }
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
