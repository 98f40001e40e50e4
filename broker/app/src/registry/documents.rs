use broker_model::{
    AttemptState, Controls, EntryKind, Job, Partition, PartitionRef, RegisteredSite, Site, SiteId,
};
use broker_store::{JobFilter, Page};

use super::change::document;
use super::diff::{Difference, differences};
use crate::{Broker, Caller, Error, Result};

const AT_ONCE: u32 = 200;
/// Jobs that a refusal names; the number of the rest is told.
const NAMED: usize = 20;

/// A site's document, and the SHA-256 that names this state of it.
#[derive(Clone, Debug)]
pub struct SiteDocument {
    pub site: Site,
    pub sha256: String,
}

/// What became of a document that was sent, or what would.
#[derive(Clone, Debug)]
pub struct Filed {
    pub filed: FiledAs,
    /// Of the document that is registered now.
    pub sha256: String,
    pub differences: Vec<Difference>,
    /// What may be a slip, and is taken all the same.
    pub notes: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FiledAs {
    New,
    Changed,
    /// It said what is registered already.
    Unchanged,
}

impl Broker {
    pub fn site_document(&self, id: &SiteId) -> Result<SiteDocument> {
        let site = self.board().filed_of(id).ok_or(Error::NotFound("site"))?;
        Ok(SiteDocument {
            sha256: document(&*site).0.to_string(),
            site: Site::clone(&site),
        })
    }

    /// Registers a site, or changes what is registered: the whole document counts. The same document
    /// again changes nothing. `expected` names the state that a change was made on; a dry run does all
    /// but the change.
    ///
    /// What has jobs cannot vanish: neither a partition, nor what its containers are built for.
    pub async fn file_site(
        &self,
        caller: &Caller,
        site: Site,
        expected: Option<&str>,
        dry_run: bool,
    ) -> Result<Filed> {
        let known = self.known_to(caller, &site.id).await?;
        site.validate().map_err(Error::InvalidSite)?;
        let sha256 = document(&site).0.to_string();
        let notes = self.notes_on(&site);
        let Some(mut known) = known else {
            if expected.is_some() {
                return Err(Error::OtherDocument { current: None });
            }
            let differences = differences(&serde_json::json!({}), &site);
            if !dry_run {
                self.register(caller, site).await?;
            }
            return Ok(Filed {
                filed: FiledAs::New,
                sha256,
                differences,
                notes,
            });
        };
        let current = document(&known.site).0.to_string();
        if current == sha256 {
            return Ok(Filed {
                filed: FiledAs::Unchanged,
                sha256,
                differences: Vec::new(),
                notes,
            });
        }
        match expected {
            Some(expected) if expected == current => {}
            None if dry_run => {}
            None => return Err(Error::NoDocumentNamed),
            Some(_) => {
                let current = Some(current);
                return Err(Error::OtherDocument { current });
            }
        }
        self.check_live(&known.site, &site).await?;
        let differences = differences(&known.site, &site);
        if !dry_run {
            (known.site, known.edited) = (site, true);
            let mut entry = self.site_entry(EntryKind::SiteChanged);
            entry.actor = Some(caller.person);
            let changed = self.put_registered(known, entry).await;
            changed.map_err(|error| match error {
                // Somebody was faster, by whatever document: look again.
                Error::Contended => Error::OtherDocument { current: None },
                error => error,
            })?;
        }
        Ok(Filed {
            filed: FiledAs::Changed,
            sha256,
            differences,
            notes,
        })
    }

    /// What is registered, if the caller may change it. A new site is for operators, and for those who
    /// were made its administrators before it was there.
    async fn known_to(&self, caller: &Caller, id: &SiteId) -> Result<Option<RegisteredSite>> {
        match self.registered(id).await {
            Ok(known) if caller.is_admin_of(id) => Ok(Some(known)),
            Err(Error::NotFound(_)) if caller.is_admin_of(id) => Ok(None),
            Ok(_) | Err(Error::NotFound(_)) => {
                Err(Error::Forbidden("`site_admin` of this site, or `operator`"))
            }
            Err(error) => Err(error),
        }
    }

    async fn register(&self, caller: &Caller, site: Site) -> Result<()> {
        let mut entry = self.site_entry(EntryKind::SiteRegistered);
        entry.actor = Some(caller.person);
        // One that was retired has its row still.
        let before = self.inner.store.find_registered_site(&site.id).await?;
        let registered = RegisteredSite {
            site,
            controls: Controls::default(),
            file_sha256: None,
            edited: true,
            changed_at: entry.at,
            retired_at: None,
            version: before.map_or(0, |it| it.version),
        };
        self.put_registered(registered, entry).await
    }

    /// Refuses a document that leaves out, or builds otherwise, what has jobs.
    pub(super) async fn check_live(&self, known: &Site, new: &Site) -> Result<()> {
        let lost = lost(known, new);
        if lost.is_empty() {
            return Ok(());
        }
        let live = self.live_jobs(&known.id).await?;
        let mut there: Vec<PartitionRef> = Vec::new();
        let mut jobs = Vec::new();
        for (job, at) in live {
            if lost.contains(&at) {
                there.push(at);
                jobs.push(job.id);
            }
        }
        if jobs.is_empty() {
            return Ok(());
        }
        there.sort_unstable();
        there.dedup();
        let more = jobs.len().saturating_sub(NAMED);
        jobs.truncate(NAMED);
        Err(Error::LiveJobs {
            partitions: there,
            jobs,
            more,
        })
    }

    /// Every job that the site has, or whose site still has an attempt of it to settle.
    async fn live_jobs(&self, site: &SiteId) -> Result<Vec<(Job, PartitionRef)>> {
        let store = &self.inner.store;
        let filter = JobFilter {
            site: Some(site.clone()),
            active: true,
            ..JobFilter::default()
        };
        let (mut live, mut before) = (Vec::new(), None);
        loop {
            let limit = AT_ONCE;
            let page = store.list_jobs(&filter, &Page { limit, before }).await?;
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            live.extend(page.into_iter().filter_map(with_partition));
        }
        let mut after = None;
        loop {
            let open = store.open_attempts(site, after, AT_ONCE).await?;
            let Some(last) = open.last() else {
                return Ok(live);
            };
            after = Some(last.id);
            for attempt in open {
                let known = live.iter().any(|(job, _)| job.id == attempt.job);
                if known || matches!(attempt.state, AttemptState::Leased) {
                    continue;
                }
                let job = store.find_job(attempt.job).await?;
                live.extend(job.map(|job| (job, attempt.partition)));
            }
        }
    }
}

/// Held ones as well: they wait for people there, and what they are handed names the partition.
fn with_partition(job: Job) -> Option<(Job, PartitionRef)> {
    let at = job.state.partition()?.clone();
    Some((job, at))
}

/// Partitions of the one that the other does not have, or has for other containers.
fn lost(known: &Site, new: &Site) -> Vec<PartitionRef> {
    let mut lost = Vec::new();
    for system in &known.systems {
        let after = new.systems.iter().find(|it| it.id == system.id);
        let stays = |partition: &Partition| {
            let mut after = after.iter().flat_map(|it| &it.partitions);
            let there = after.find(|it| it.id == partition.id);
            there.is_some_and(|it| it.container_target == partition.container_target)
        };
        let gone = system.partitions.iter().filter(|it| !stays(it));
        lost.extend(gone.map(|partition| PartitionRef {
            site: known.id.clone(),
            system: system.id.clone(),
            partition: partition.id.clone(),
        }));
    }
    lost
}
