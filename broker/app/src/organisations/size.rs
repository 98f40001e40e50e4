//! How large an organisation is, from what it said.

use broker_model::{Organisation, OrganisationDraft, OrganisationId, SizeClass};
use jiff::civil::Date;
use policy_engine::{Engine, SizeFacts, SizeFault, SizeFound, SizeReason, day_in_brussels};
use serde::Serialize;
use serde_json::Value;

use crate::invalid::Faults;
use crate::{Broker, Caller, Result};

/// A size with its reasons.
#[derive(Clone, Debug, Serialize)]
pub struct OrganisationSize {
    pub size: SizeClass,
    pub on: Date,
    /// How it follows from accounts and relations; none where it is only declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<SizeFound>,
    /// Why it is not found, or not to be relied on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<SizeReason>,
}

impl Broker {
    /// How large it is today: accounts of years ago no longer say.
    pub async fn organisation_size(
        &self,
        caller: &Caller,
        id: OrganisationId,
    ) -> Result<OrganisationSize> {
        let organisation = self.organisation(caller, id).await?;
        let on = day_in_brussels(self.inner.clock.now());
        let Some(facts) = &organisation.size_facts else {
            return Ok(declared(&organisation, on));
        };
        Ok(match found(&self.policy(), facts, &organisation, on) {
            Ok(found) => OrganisationSize {
                size: class(&found),
                on,
                reasons: Vec::new(),
                found: Some(found),
            },
            Err(fault) => OrganisationSize {
                size: SizeClass::Unclear,
                on,
                found: None,
                reasons: vec![SizeReason {
                    words: fault.to_string(),
                    source: "Recommendation 2003/361/EC".to_owned(),
                }],
            },
        })
    }
}

fn declared(organisation: &Organisation, on: Date) -> OrganisationSize {
    let words = "declared by the organisation; no accounts were given to find it from";
    OrganisationSize {
        size: organisation.size,
        on,
        found: None,
        reasons: vec![SizeReason {
            words: words.to_owned(),
            source: "Recommendation 2003/361/EC, Annex, Art. 3(5)".to_owned(),
        }],
    }
}

/// The size that rules go by on a day: found where there are accounts, else declared.
pub(crate) fn size_on(engine: &Engine, organisation: &Organisation, on: Date) -> SizeClass {
    let Some(facts) = &organisation.size_facts else {
        return organisation.size;
    };
    let found = found(engine, facts, organisation, on);
    found.map_or(SizeClass::Unclear, |it| class(&it))
}

fn found(
    engine: &Engine,
    facts: &Value,
    organisation: &Organisation,
    on: Date,
) -> Result<SizeFound, SizeFault> {
    let mut facts = read(facts)?;
    facts.founded_on = facts.founded_on.or(organisation.founded_on);
    engine.size(&facts, on)
}

fn read(facts: &Value) -> Result<SizeFacts, SizeFault> {
    serde_json::from_value(facts.clone()).map_err(|error| SizeFault {
        field: "periods".to_owned(),
        reason: error.to_string(),
        allowed: "accounting periods, partners and linked enterprises: see `SizeFacts` in the OpenAPI document"
            .to_owned(),
    })
}

/// What is wrong with the accounts, or with a declared size beside them.
pub(super) fn check(
    engine: &Engine,
    (draft, described): (&OrganisationDraft, &Organisation),
    on: Date,
    faults: &mut Faults,
) -> Option<SizeClass> {
    let facts = draft.size_facts.as_ref()?;
    check_founding(facts, draft.founded_on, faults);
    match found(engine, facts, described, on) {
        Ok(found) => {
            let class = class(&found);
            check_startup(draft.startup, class, faults);
            if draft.size.is_some_and(|declared| declared != class) {
                let reason = format!("is declared otherwise: its accounts say {}", found.class);
                faults.add(
                    "size",
                    reason,
                    "none beside `size_facts`, or what follows from them",
                );
            }
            Some(class)
        }
        Err(fault) => {
            let field = format!("size_facts.{}", fault.field);
            faults.add(&field, fault.reason, &fault.allowed);
            None
        }
    }
}

/// It is founded once, and both places would be believed.
fn check_founding(facts: &Value, founded_on: Option<Date>, faults: &mut Faults) {
    let there = read(facts).ok().and_then(|it| it.founded_on);
    if let (Some(here), Some(there)) = (founded_on, there)
        && here != there
    {
        let reason = format!("is {there}, and `founded_on` is {here}");
        let allowed = "the same day in both places, or in one of them alone";
        faults.add("size_facts.founded_on", reason, allowed);
    }
}

fn check_startup(startup: Option<bool>, class: SizeClass, faults: &mut Faults) {
    if startup == Some(true) && class == SizeClass::Large {
        let reason = "calls want start-ups that are small or medium, and its accounts say `large`";
        let allowed = "`false`, or the accounts and relations that make it smaller";
        faults.add("startup", reason, allowed);
    }
}

const fn class(found: &SizeFound) -> SizeClass {
    match found.class {
        policy_engine::SizeClass::Micro => SizeClass::Micro,
        policy_engine::SizeClass::Small => SizeClass::Small,
        policy_engine::SizeClass::Medium => SizeClass::Medium,
        policy_engine::SizeClass::Large => SizeClass::Large,
        policy_engine::SizeClass::Unclear => SizeClass::Unclear,
    }
}
