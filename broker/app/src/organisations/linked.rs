//! The single undertaking: an organisation with the linked enterprises that it declared, as far as they are registered
//! here (Regulation (EU) 2023/2831, Art. 2(2)).

use std::collections::BTreeSet;

use broker_model::{Organisation, OrganisationDraft, OrganisationId};
use policy_engine::{Engine, IdentifierKind, LinkedEnterprise, SizeFacts};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::describe::name;
use crate::invalid::Faults;
use crate::{Broker, Caller, Result};

/// More than these are not followed; the rest is told as not counted.
const MOST: usize = 100;

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

impl Broker {
    /// Whose aid counts together with an organisation's, and what could not be counted. A link is the word of one side:
    /// who speaks for none of those that were named is not told whether they are here, and what they had.
    pub async fn undertaking(&self, caller: &Caller, of: OrganisationId) -> Result<Undertaking> {
        let organisation = self.organisation(caller, of).await?;
        let (mut all, mut not_counted) = self.linked_with(&organisation).await?;
        if !caller.sees_all_organisations() {
            all.retain(|it| it.id == of || caller.represents(it.id));
            not_counted = self.named_beside(&all).await?;
        }
        let mut members = Vec::with_capacity(all.len());
        for one in all {
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

    /// The organisation, those that it declared as linked with it, and those that these declared; then the names of
    /// those that nobody is registered as.
    pub(crate) async fn linked_with(
        &self,
        organisation: &Organisation,
    ) -> Result<(Vec<Organisation>, Vec<String>)> {
        let mut all = vec![organisation.clone()];
        let mut unknown = BTreeSet::new();
        let mut looked_at = 0;
        while let Some(one) = all.get(looked_at) {
            looked_at += 1;
            for linked in declared(one.size_facts.as_ref()) {
                match self.registered_as(&linked).await? {
                    Some(known) if all.iter().any(|it| it.id == known.id) => {}
                    Some(known) if all.len() < MOST => all.push(known),
                    _ => {
                        unknown.insert(linked.name);
                    }
                }
            }
        }
        Ok((all, unknown.into_iter().collect()))
    }

    /// What these declared as linked and is none of them.
    async fn named_beside(&self, shown: &[Organisation]) -> Result<Vec<String>> {
        let mut names = BTreeSet::new();
        for linked in shown.iter().flat_map(|it| declared(it.size_facts.as_ref())) {
            let known = self.registered_as(&linked).await?;
            if known.is_none_or(|it| shown.iter().all(|one| one.id != it.id)) {
                names.insert(linked.name);
            }
        }
        Ok(names.into_iter().collect())
    }

    async fn registered_as(&self, linked: &LinkedEnterprise) -> Result<Option<Organisation>> {
        let engine = self.policy();
        for (word, value) in &linked.identifiers {
            let Some(kind) = kind(word) else { continue };
            let Ok(checked) = engine.check_identifier(kind, value, None) else {
                continue;
            };
            let holder = self
                .inner
                .store
                .claim_holder(&name(word, &checked.value))
                .await?;
            let Some(id) = holder.and_then(|it| it.parse().ok()) else {
                continue;
            };
            if let Some(found) = self.inner.store.find_organisation(id).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
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
