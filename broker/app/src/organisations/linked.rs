//! The single undertaking: an organisation with the linked enterprises that it declared, as far as they are registered
//! here (Regulation (EU) 2023/2831, Art. 2(2)).

use std::collections::{BTreeMap, BTreeSet};

use broker_model::{Organisation, OrganisationDraft, OrganisationId};
use policy_engine::{Engine, IdentifierKind, LinkedEnterprise, SizeFacts};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::describe::name;
use crate::invalid::Faults;
use crate::{Broker, Caller, Result};

/// More than these are not followed; the rest is told as not counted.
const MOST: usize = 100;
/// More numbers than these are not looked up: enough for all that one organisation may declare.
const MOST_NUMBERS: usize = 1000;

/// Whose de minimis aid is added up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undertaking {
    /// Registered here, the organisation itself first.
    pub members: Vec<UndertakingMember>,
    /// Linked enterprises that are not found here by any number of a register, or that the reader may not know to be
    /// here: of the first the aid is what the organisation declares itself.
    pub not_counted: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndertakingMember {
    pub organisation: OrganisationId,
    /// Of its state, in whole EUR, in the three years up to now.
    pub counted_eur: u32,
}

/// A single undertaking as it was found.
#[derive(Debug)]
pub(crate) struct Linked {
    /// The organisation itself first.
    pub(crate) all: Vec<Organisation>,
    /// Each enterprise that one of them declared: by whom, as what, and who it is here.
    declared: Vec<(OrganisationId, String, Option<OrganisationId>)>,
    /// Who holds a number, of those that were looked up.
    numbers: BTreeMap<String, Option<OrganisationId>>,
}

impl Linked {
    /// The names of those that these declared and that are none of them.
    fn named_beside(&self, shown: &[Organisation]) -> Vec<String> {
        let is_shown = |id: &OrganisationId| shown.iter().any(|it| it.id == *id);
        let beside = self.declared.iter().filter(|(by, _, known)| {
            let by_one_of_them = is_shown(by);
            by_one_of_them && !known.as_ref().is_some_and(is_shown)
        });
        let names: BTreeSet<&String> = beside.map(|(_, name, _)| name).collect();
        names.into_iter().cloned().collect()
    }
}

impl Broker {
    /// Whose aid counts together with an organisation's, and what could not be counted. A link is the word of one side:
    /// who speaks for none of those that were named is not told whether they are here, and what they had.
    pub async fn undertaking(&self, caller: &Caller, of: OrganisationId) -> Result<Undertaking> {
        let organisation = self.organisation(caller, of).await?;
        let linked = self.linked_with(&organisation).await?;
        let mut shown = linked.all.clone();
        if !caller.sees_all_organisations() {
            shown.retain(|it| it.id == of || caller.represents(it.id));
        }
        let not_counted = linked.named_beside(&shown);
        let mut members = Vec::with_capacity(shown.len());
        for one in shown {
            members.push(UndertakingMember {
                organisation: one.id,
                counted_eur: self.aid_counted(one.id, &organisation.country).await?,
            });
        }
        Ok(Undertaking {
            members,
            not_counted,
        })
    }

    /// The organisation, those that it declared as linked with it, and those that these declared.
    pub(crate) async fn linked_with(&self, organisation: &Organisation) -> Result<Linked> {
        let mut found = Linked {
            all: vec![organisation.clone()],
            declared: Vec::new(),
            numbers: BTreeMap::new(),
        };
        let mut looked_at = 0;
        while let Some(one) = found.all.get(looked_at) {
            looked_at += 1;
            let (by, all) = (one.id, declared(one.size_facts.as_ref()));
            for linked in all {
                let known = self.registered_as(&linked, &mut found).await?;
                found.declared.push((by, linked.name, known));
            }
        }
        Ok(found)
    }

    /// Who is registered by any of its numbers, as far as they are followed.
    async fn registered_as(
        &self,
        linked: &LinkedEnterprise,
        found: &mut Linked,
    ) -> Result<Option<OrganisationId>> {
        let engine = self.policy();
        for (word, value) in &linked.identifiers {
            let Some(kind) = kind(word) else { continue };
            let Ok(checked) = engine.check_identifier(kind, value, None) else {
                continue;
            };
            let number = name(word, &checked.value);
            let holder = match found.numbers.get(&number) {
                Some(known) => *known,
                None if found.numbers.len() >= MOST_NUMBERS => None,
                None => {
                    let holder = self.holder_of(&number, &mut found.all).await?;
                    found.numbers.insert(number, holder);
                    holder
                }
            };
            if holder.is_some() {
                return Ok(holder);
            }
        }
        Ok(None)
    }

    /// Put with the others if it is not among them.
    async fn holder_of(
        &self,
        number: &str,
        all: &mut Vec<Organisation>,
    ) -> Result<Option<OrganisationId>> {
        let holder = self.inner.store.claim_holder(number).await?;
        let Some(id) = holder.and_then(|it| it.parse().ok()) else {
            return Ok(None);
        };
        if all.iter().any(|it| it.id == id) {
            return Ok(Some(id));
        }
        if all.len() >= MOST {
            return Ok(None);
        }
        let found = self.inner.store.find_organisation(id).await?;
        all.extend(found.clone());
        Ok(found.map(|it| it.id))
    }
}

fn declared(facts: Option<&Value>) -> Vec<LinkedEnterprise> {
    let facts = facts.and_then(|it| serde_json::from_value::<SizeFacts>(it.clone()).ok());
    facts.map(|it| it.linked).unwrap_or_default()
}

fn kind(word: &str) -> Option<IdentifierKind> {
    Some(match word {
        "vat" => IdentifierKind::Vat,
        "pic" => IdentifierKind::Pic,
        "euid" => IdentifierKind::Euid,
        "lei" => IdentifierKind::Lei,
        _ => return None,
    })
}

/// A number that cannot be one would never find anybody.
pub(super) fn check(engine: &Engine, draft: &OrganisationDraft, faults: &mut Faults) {
    for (at, linked) in declared(draft.size_facts.as_ref()).iter().enumerate() {
        for (word, value) in &linked.identifiers {
            let field = format!(
                "size_facts.linked[{at}].identifiers.{}",
                word.escape_debug()
            );
            match kind(word).map(|kind| engine.check_identifier(kind, value, None)) {
                None => faults.add(&field, "is no kind of number", "vat, pic, euid or lei"),
                Some(Err(fault)) => faults.add(&field, fault.reason, &fault.allowed),
                Some(Ok(_)) => {}
            }
        }
    }
}
