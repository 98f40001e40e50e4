use std::collections::BTreeSet;

use broker_model::{
    EntryKind, Identifiers, InvalidSpec, Organisation, OrganisationDraft, OrganisationId, Role,
};
use broker_store::{Change, CommitError, Entity, StoredGrant, Write};
use policy_engine::day_in_brussels;
use sha2::{Digest as _, Sha256};

use super::{draft, linked, organisation_tag, size};
use crate::{Broker, Caller, Error, Order, Result};

/// Whoever speaks for more is no person who registers them one by one.
const MOST_OF_ONE: usize = 50;

impl Broker {
    /// Registers an organisation; who does so speaks for it from then on.
    pub async fn register_organisation<'o>(
        &self,
        caller: &Caller,
        order: impl Into<Order<'o, OrganisationDraft, Organisation>>,
    ) -> Result<Organisation> {
        let Order { draft, once } = order.into();
        if caller.organisations().len() >= MOST_OF_ONE {
            return Err(Error::AlreadySo(format!(
                "you speak for {MOST_OF_ONE} organisations already: leave those that are not yours any more"
            )));
        }
        let id: OrganisationId = self.inner.ids.next(&*self.inner.clock);
        let organisation = self.described(id, draft)?;
        // Before looking for namesakes: who registers one from here on takes the same name first.
        let turn = self.turn(caller, &organisation).await?;
        self.check_namesakes(caller, &organisation).await?;
        let role = Role::Representative { organisation: id };
        let mut writes = vec![Write::PutOrganisation(Box::new(organisation.clone()))];
        writes.extend(claims(&organisation));
        writes.push(Write::Claim {
            name: turn,
            holder: id.to_string(),
        });
        writes.push(Write::PutGrant(StoredGrant {
            person: caller.person,
            role,
        }));
        let entry = { self.organisation_entry(EntryKind::OrganisationRegistered, (caller, id)) }
            .with("document_sha256", organisation_tag(&organisation));
        let granted = { self.organisation_entry(EntryKind::RoleGranted, (caller, id)) }
            .with("role", "representative");
        writes.extend(once.and_then(|it| it.remember(&organisation, entry.at)));
        let change = Change {
            writes,
            entries: vec![entry, granted],
        };
        if let Err(refused) = self.commit_described(change, &organisation).await {
            self.check_namesakes(caller, &organisation).await?;
            return Err(refused);
        }
        self.forget_callers();
        Ok(organisation)
    }

    /// The name that the next one of this name, country and person takes: of two at once, one has it. What they
    /// registered before has those in front of it, and may have been left since, or be told apart by an identifier.
    async fn turn(&self, caller: &Caller, new: &Organisation) -> Result<String> {
        let of = format!("{} {} {}", caller.person, new.country, plain(&new.name));
        let mut turn = turn_of(&of);
        while let Some(holder) = self.inner.store.claim_holder(&turn).await? {
            turn = turn_of(&format!("{turn} {holder}"));
        }
        Ok(turn)
    }

    /// Who speaks for one already may mean that one: what is held to once per organisation hangs on its id. Two of
    /// one name in one country are told apart by numbers of the same register.
    async fn check_namesakes(&self, caller: &Caller, new: &Organisation) -> Result<()> {
        // Not those of the caller alone: they may have registered one since they came in.
        let mut own = caller.organisations();
        let roles = self.inner.store.grants_of(caller.person).await?;
        own.extend(roles.into_iter().filter_map(|it| match it {
            Role::Representative { organisation } => Some(organisation),
            _ => None,
        }));
        own.sort_unstable();
        own.dedup();
        for one in self.inner.store.find_organisations(&own).await? {
            if one.country == new.country && reads_like(&one.name, &new.name) && !differ(&one, new)
            {
                return Err(Error::AlreadySo(format!(
                    "you speak for {}, of the same name and country: describe that one (`alcyone organisation \
                     describe`), or tell the two apart by an identifier that both have",
                    one.id
                )));
            }
        }
        Ok(())
    }

    /// Describes it anew, on top of the description that `made_on` names.
    pub async fn describe_organisation(
        &self,
        caller: &Caller,
        id: OrganisationId,
        (made_on, draft): (Option<&str>, &OrganisationDraft),
    ) -> Result<Organisation> {
        let before = self.represented(caller, id).await?;
        let tag = organisation_tag(&before);
        match made_on {
            None => return Err(Error::NoDocumentNamed),
            Some(made_on) if made_on != tag => {
                return Err(Error::OtherDocument { current: Some(tag) });
            }
            Some(_) => {}
        }
        let after = Organisation {
            domain: before.domain.clone(),
            version: before.version,
            ..self.described(id, draft)?
        };
        if after == before {
            return Ok(before);
        }
        let mut writes = vec![Write::PutOrganisation(Box::new(after.clone()))];
        let kept: BTreeSet<String> = names(&after.identifiers).collect();
        let given_back = names(&before.identifiers).filter(|name| !kept.contains(name));
        writes.extend(given_back.map(|name| Write::Unclaim { name }));
        writes.extend(claims(&after));
        let entry = { self.organisation_entry(EntryKind::OrganisationChanged, (caller, id)) }
            .with("document_sha256", organisation_tag(&after));
        let change = Change {
            writes,
            entries: vec![entry],
        };
        self.commit_described(change, &after).await?;
        self.forget_standings_of(id).await?;
        Ok(after)
    }

    /// What is wrong with a draft, for a form that cannot be handed in for another reason.
    pub fn description_faults(&self, draft: &OrganisationDraft) -> Vec<InvalidSpec> {
        let id = self.inner.ids.next(&*self.inner.clock);
        match self.described(id, draft) {
            Err(Error::Invalid(_, faults)) => faults,
            _ => Vec::new(),
        }
    }

    /// What the draft makes of it, if nothing is wrong with that.
    fn described(&self, id: OrganisationId, draft: &OrganisationDraft) -> Result<Organisation> {
        let (engine, today) = (self.policy(), day_in_brussels(self.inner.clock.now()));
        let draft = &OrganisationDraft {
            country: engine.country_code(&draft.country).to_owned(),
            ..draft.clone()
        };
        let mut faults = draft::faults(draft, today);
        let identifiers = draft::identifiers(&engine, draft, &mut faults);
        linked::check(&engine, draft, &mut faults);
        let described = Organisation::described(id, draft);
        let found = size::check(&engine, (draft, &described), today, &mut faults);
        faults.check("organisation")?;
        Ok(Organisation {
            identifiers,
            size: found.unwrap_or(described.size),
            ..described
        })
    }

    async fn commit_described(&self, change: Change, described: &Organisation) -> Result<()> {
        match self.commit(change).await {
            Ok(_) => Ok(()),
            Err(CommitError::Duplicate(Entity::Claim)) => {
                // Else its name in turn: somebody registered one of that name at the same moment.
                Err(match self.taken(described).await? {
                    Some(words) => Error::AlreadySo(words),
                    None => Error::Contended,
                })
            }
            Err(CommitError::Conflict(Entity::Organisation)) => {
                Err(Error::OtherDocument { current: None })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Which identifier another organisation has; not which one that is.
    async fn taken(&self, described: &Organisation) -> Result<Option<String>> {
        let us = described.id.to_string();
        for (kind, value) in described.identifiers.each() {
            let Some(value) = value else { continue };
            let holder = self.inner.store.claim_holder(&name(kind, value)).await?;
            if holder.is_some_and(|holder| holder != us) {
                return Ok(Some(format!(
                    "an organisation with the {} {value} is registered already: ask its people to let you \
                     speak for it, or the operator if nobody there can",
                    kind.to_uppercase()
                )));
            }
        }
        Ok(None)
    }
}

/// Nothing of whose it is can be read from it.
fn turn_of(text: &str) -> String {
    format!("namesake:{}", hex::encode(Sha256::digest(text)))
}

fn plain(name: &str) -> String {
    let kept = name.chars().filter(|it| it.is_alphanumeric());
    kept.flat_map(char::to_lowercase).collect()
}

fn reads_like(one: &str, other: &str) -> bool {
    plain(one) == plain(other)
}

/// A register gave them two numbers.
fn differ(one: &Organisation, other: &Organisation) -> bool {
    let (ours, theirs) = (one.identifiers.each(), other.identifiers.each());
    ours.into_iter()
        .zip(theirs)
        .any(|((_, ours), (_, theirs))| {
            ours.zip(theirs)
                .is_some_and(|(ours, theirs)| ours != theirs)
        })
}

pub(super) fn name(kind: &str, value: &str) -> String {
    format!("{kind}:{value}")
}

fn names(identifiers: &Identifiers) -> impl Iterator<Item = String> {
    let given = identifiers.each();
    given.filter_map(|(kind, value)| value.map(|value| name(kind, value)))
}

/// One organisation alone has a number of a register.
fn claims(organisation: &Organisation) -> impl Iterator<Item = Write> {
    let holder = organisation.id.to_string();
    names(&organisation.identifiers).map(move |name| Write::Claim {
        name,
        holder: holder.clone(),
    })
}
