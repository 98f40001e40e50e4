//! Who signed the AI Pact, by dated lists that an operator imports.
//!
//! There is no registry to ask, so a list is a help to whoever checks a pledge: that a name on it reads
//! like the organisation's is said to reviewers, and no decision looks at it.

mod names;
mod table;

use std::collections::BTreeMap;

use broker_model::{EntryBody, EntryKind, OrganisationId, Signatory, SignatoryHint, SignatoryList};
use broker_store::{Change, StoredSignatoryList, Write};
use jiff::civil::Date;
use policy_engine::day_in_brussels;

pub use table::{SignatoryTable, read_signatories};

use crate::invalid::Faults;
use crate::replay::digest;
use crate::{Broker, Caller, Error, Result};

const LONGEST_SOURCE: usize = 500;

/// What an import did, or in a dry run what it would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatoryImport {
    pub list: SignatoryList,
    /// The same bytes of the same day are there already, and nothing is to do.
    pub is_known: bool,
    /// Names that the list of before has not, and those that it has and this one has not.
    pub added: Vec<String>,
    pub gone: Vec<String>,
}

impl Broker {
    /// Keeps a list as it was on a day, all of it or nothing. The newest day is the one that counts; of
    /// two lists of one day the one that came last. A list that is there already changes nothing.
    pub async fn import_signatories(
        &self,
        table: &SignatoryTable,
        (as_of, source): (Date, &str),
        dry_run: bool,
    ) -> Result<SignatoryImport> {
        let now = self.inner.clock.now();
        let mut faults = Faults::default();
        faults.extend(table.faults.clone());
        faults.check_text("source", source, LONGEST_SOURCE);
        let today = day_in_brussels(now);
        if as_of > today {
            let reason = format!("{as_of} is to come");
            faults.add("as_of", reason, &format!("a day up to {today}"));
        }
        for (one, place) in table.signatories.iter().zip(&table.places) {
            if let Some(day) = one.pledged_on.filter(|day| as_of < *day) {
                let reason = format!("{day} is after the day that the list shows, {as_of}");
                let allowed = format!("a day up to {as_of}, or nothing");
                faults.add(&format!("{place}, pledged_on"), reason, &allowed);
            }
        }
        faults.check("signatories")?;
        let list = SignatoryList {
            as_of,
            sha256: table.sha256.clone(),
            source: source.trim().to_owned(),
            names: u32::try_from(table.signatories.len()).unwrap_or(u32::MAX),
            imported_at: now,
        };
        let known = self.inner.store.signatory_lists().await?;
        let is_it = |it: &&SignatoryList| it.as_of == as_of && it.sha256 == list.sha256;
        if let Some(known) = known.iter().find(is_it) {
            return Ok(SignatoryImport {
                list: known.clone(),
                is_known: true,
                added: Vec::new(),
                gone: Vec::new(),
            });
        }
        let before = match known.first() {
            Some(latest) => self.names_on(latest).await?,
            None => Vec::new(),
        };
        let done = SignatoryImport {
            added: missing_in(&before, &table.signatories),
            gone: missing_in(&table.signatories, &before),
            list: list.clone(),
            is_known: false,
        };
        if !dry_run {
            self.keep_signatories(list, table).await?;
        }
        Ok(done)
    }

    async fn keep_signatories(&self, list: SignatoryList, table: &SignatoryTable) -> Result<()> {
        let entry = EntryBody::new(list.imported_at, EntryKind::SignatoriesImported)
            .with("as_of", list.as_of.to_string())
            .with("list_sha256", list.sha256.clone())
            .with("source_sha256", digest(&list.source))
            .with("names", list.names);
        let kept = StoredSignatoryList {
            head: list,
            signatories: table.signatories.clone(),
        };
        self.commit(Change {
            writes: vec![Write::PutSignatoryList(Box::new(kept))],
            entries: vec![entry],
        })
        .await?;
        Ok(())
    }

    /// Every list that was imported, the one that counts first.
    pub async fn signatory_lists(&self) -> Result<Vec<SignatoryList>> {
        Ok(self.inner.store.signatory_lists().await?)
    }

    /// What the newest list says of an organisation's name, for reviewers and operators. It decides nothing.
    pub async fn signatory_hint(
        &self,
        caller: &Caller,
        of: OrganisationId,
    ) -> Result<SignatoryHint> {
        let organisation = self.organisation(caller, of).await?;
        if !caller.sees_all_organisations() {
            return Err(Error::Forbidden("`reviewer` or `operator`"));
        }
        let lists = self.inner.store.signatory_lists().await?;
        let Some(list) = lists.into_iter().next() else {
            return Ok(SignatoryHint::default());
        };
        let mut reads_like = self.names_on(&list).await?;
        reads_like.retain(|it| names::read_alike(&it.name, &organisation.name));
        Ok(SignatoryHint {
            list: Some(list),
            reads_like,
        })
    }

    async fn names_on(&self, list: &SignatoryList) -> Result<Vec<Signatory>> {
        let found = self.inner.store.signatories_on(list).await?;
        Ok(found.unwrap_or_default())
    }
}

/// Names among `all` that are not on `there`, as they are spelt, with their countries. One without a country is the same
/// in any: a list that begins to say them has no other names by that.
fn missing_in(there: &[Signatory], all: &[Signatory]) -> Vec<String> {
    let mut known: BTreeMap<&str, Vec<Option<&str>>> = BTreeMap::new();
    for it in there {
        let countries = known.entry(it.name.as_str()).or_default();
        countries.push(it.country.as_deref());
    }
    let is_there = |it: &Signatory| {
        let country = it.country.as_deref();
        let is_it = |other: Option<&str>| other.is_none() || country.is_none() || other == country;
        let countries = known.get(it.name.as_str());
        countries.is_some_and(|all| all.iter().copied().any(is_it))
    };
    let missing = all.iter().filter(|it| !is_there(it));
    missing.map(with_country).collect()
}

fn with_country(it: &Signatory) -> String {
    match &it.country {
        Some(country) => format!("{} ({country})", it.name),
        None => it.name.clone(),
    }
}
