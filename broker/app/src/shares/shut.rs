//! Systems that hours which are good anywhere cannot be used at: where what their share may have is used up, and where
//! the programme that paid for the system does not open it to the organisation.
//!
//! Of an allocation of one system the rules are asked with each job, and of its programme when it was applied for.

use std::sync::Arc;

use broker_model::{
    Allocation, AllocationScope, Clause, FundingShare, Missing, MissingFrom, MissingKind,
    Rejection, ShutSystems, System,
};
use broker_store::StoreError;
use policy_engine::{AccessMode, Engine, SharesFacts, Spoken};

use super::SpentAt;
use super::said::{Said, Systems, clause};
use crate::applications::find_mode;
use crate::standing::Standing;
use crate::{Broker, Error};

/// What placement has to know of the project that an allocation is of.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnderRules {
    pub(crate) shut: ShutSystems,
    pub(crate) sectors: Vec<String>,
}

impl Broker {
    pub(crate) async fn under_rules(
        &self,
        allocation: &Allocation,
    ) -> Result<UnderRules, StoreError> {
        // At one system there is nothing to choose by sectors.
        if allocation.scope != AllocationScope::Federation {
            return Ok(UnderRules::default());
        }
        let standing = match self.standing(allocation.project).await {
            Ok(standing) => standing,
            Err(Error::Store(error)) => return Err(error),
            Err(_) => return Ok(UnderRules::default()),
        };
        let mut shut = ShutSystems::new();
        for ((site, system), said) in &*self.said_of_systems(&standing, allocation).await? {
            let systems = shut.entry(site.clone()).or_default();
            systems.insert(system.clone(), said.iter().map(rejection).collect());
        }
        Ok(UnderRules {
            shut,
            sectors: standing.project.sectors.clone(),
        })
    }

    /// The same for who asks before a job: the rest of the federation is there.
    pub(crate) async fn missing_systems(
        &self,
        standing: &Standing,
        allocation: &Allocation,
    ) -> Result<Vec<Missing>, StoreError> {
        let mut missing = Vec::new();
        for ((site, system), said) in &*self.said_of_systems(standing, allocation).await? {
            missing.extend(said.iter().map(|spoken| {
                Missing {
                    what: MissingKind::Allocation,
                    by: MissingFrom::Nobody,
                    words: format!("no hours at {site}/{system}: {}", spoken.words),
                    how:
                        "jobs under this allocation go to other systems, where others can take them"
                            .to_owned(),
                    rule: Some(spoken.rule.clone()),
                    site: Some(site.clone()),
                    terms: None,
                }
            }));
        }
        Ok(missing)
    }

    async fn said_of_systems(
        &self,
        standing: &Standing,
        allocation: &Allocation,
    ) -> Result<Arc<Said>, StoreError> {
        let is_national = matches!(allocation.share, FundingShare::National(_));
        if allocation.scope != AllocationScope::Federation || is_national {
            return Ok(Arc::default());
        }
        let used = self.used_lately().await?;
        let engine = self.policy();
        let question = self.question_of_nobody(standing);
        let mode = mode_of(&engine, allocation).map(|it| it.id.as_str());
        let mut systems = Systems::new();
        for site in self.board().sites() {
            for system in site.systems.iter().filter(|it| !it.partitions.is_empty()) {
                let at = format!("{}/{}", site.id, system.id);
                let shares = self.shares_under(allocation, (&at, system), &used);
                systems.push(((site.id.clone(), system.id.clone()), shares));
            }
        }
        let said = &self.inner.measured.said;
        Ok(said.find(&engine, (question, mode), &systems))
    }

    fn shares_under(
        &self,
        allocation: &Allocation,
        (at, system): (&str, &System),
        used: &SpentAt,
    ) -> Option<SharesFacts> {
        let capacity = self.capacity(system)?;
        let had = used.get(at).copied().unwrap_or_default();
        Some(capacity.facts(had, Some(allocation.share.to_string())))
    }
}

/// Rules on programmes ask under which mode hours of the Union are given, and all of these are asked alike: the
/// allocation's own, or where that is not known any. Hours of the Union that are sold are asked under their own.
fn mode_of<'e>(engine: &'e Engine, allocation: &Allocation) -> Option<&'e AccessMode> {
    let of_union = |it: &&AccessMode| it.share.as_ref().is_some_and(|it| it.value == "union");
    let own = { allocation.mode.as_ref() }.and_then(|it| find_mode(engine, it));
    let own = own.filter(of_union);
    match allocation.share {
        FundingShare::Union => own.or_else(|| engine.modes().iter().find(of_union)),
        FundingShare::Commercial => own,
        FundingShare::National(_) => None,
    }
}

/// A year's usage moves on while a job waits; what a country is to a programme does not.
fn rejection(spoken: &Spoken) -> Rejection {
    let clause = clause(&spoken.rule).unwrap_or(Clause::Ceiling);
    Rejection {
        clause,
        words: spoken.words.clone(),
        temporary: clause == Clause::Ceiling,
    }
}
