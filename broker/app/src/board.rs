mod record;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use broker_model::{
    ContainerTarget, Entrance, FundingShare, Partition, PartitionRef, Site, SiteId, SiteReadiness,
    SiteSnapshot, SiteState,
};
use broker_placement::SiteView;
use broker_store::{Store, StoreError, Write};
use jiff::Timestamp;

use record::Fixed;
pub(crate) use record::Record;

/// The federation as last heard: each site's file, and what its agent said.
///
/// Placement reads only this, so no request ever waits for a site. [`Board::refresh`] brings in what
/// other replicas heard.
#[derive(Debug)]
pub struct Board {
    sites: Vec<Site>,
    zones: BTreeMap<String, BTreeSet<String>>,
    fixed: Fixed,
    heard: RwLock<Arc<Moment>>,
}

pub(crate) type AllHeard = HashMap<SiteId, Heard>;

/// What was heard at one moment; it stays as it is while something new is heard.
#[derive(Debug, Default)]
pub(crate) struct Moment {
    pub(crate) sites: AllHeard,
    /// Made when the first job is placed on it, and anew once a site has been silent for too long.
    record: Mutex<Option<Arc<Record>>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    state: Option<SiteState>,
    snapshot: Option<Arc<SiteSnapshot>>,
}

impl Heard {
    fn readiness(&self, now: Timestamp) -> SiteReadiness {
        let state = self.state.as_ref();
        state.map_or(SiteReadiness::Unknown, |state| state.readiness_at(now))
    }
}

/// One site with what was heard of it.
#[derive(Clone, Debug)]
pub struct SiteEntry<'a> {
    pub site: &'a Site,
    pub state: Option<SiteState>,
    pub snapshot: Option<Arc<SiteSnapshot>>,
}

impl SiteEntry<'_> {
    pub fn readiness(&self, now: Timestamp) -> SiteReadiness {
        self.state
            .as_ref()
            .map_or(SiteReadiness::Unknown, |state| state.readiness_at(now))
    }
}

impl Board {
    pub(crate) fn new(sites: Vec<Site>, zones: BTreeMap<String, BTreeSet<String>>) -> Self {
        Self {
            fixed: Fixed::of(&sites, &zones),
            sites,
            zones,
            heard: RwLock::default(),
        }
    }

    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    pub fn zones(&self) -> &BTreeMap<String, BTreeSet<String>> {
        &self.zones
    }

    pub fn find(&self, id: &SiteId) -> Option<&Site> {
        self.sites.iter().find(|site| site.id == *id)
    }

    pub fn partition(&self, at: &PartitionRef) -> Option<&Partition> {
        let system = self
            .find(&at.site)?
            .systems
            .iter()
            .find(|system| system.id == at.system)?;
        system
            .partitions
            .iter()
            .find(|partition| partition.id == at.partition)
    }

    /// How a job that this share pays for gets in; by the agent where the partition is not known, which
    /// then withdraws it.
    pub(crate) fn entrance(&self, at: &PartitionRef, share: &FundingShare) -> Entrance {
        let site = self.find(&at.site);
        let system = site.and_then(|site| site.systems.iter().find(|it| it.id == at.system));
        site.zip(system).map_or(Entrance::Agent, |(site, system)| {
            site.entrance(system, share)
        })
    }

    /// Every partition of the site of this one, and this one, known or not.
    pub(crate) fn partitions_of(&self, at: &PartitionRef) -> Vec<PartitionRef> {
        let systems = self.find(&at.site).into_iter().flat_map(|it| &it.systems);
        let known = systems.flat_map(|system| {
            system.partitions.iter().map(|partition| PartitionRef {
                site: at.site.clone(),
                system: system.id.clone(),
                partition: partition.id.clone(),
            })
        });
        let mut all: Vec<_> = known.filter(|it| it != at).collect();
        all.push(at.clone());
        all
    }

    pub fn targets(&self) -> BTreeSet<&ContainerTarget> {
        let systems = self.sites.iter().flat_map(|site| &site.systems);
        systems
            .flat_map(|system| &system.partitions)
            .map(|p| &p.container_target)
            .collect()
    }

    /// Every site with what was heard of it, as placement looks at them: nothing is copied.
    pub(crate) fn views<'a>(&'a self, heard: &'a AllHeard) -> Vec<SiteView<'a>> {
        let view = |site: &'a Site| {
            let known = heard.get(&site.id);
            SiteView {
                site,
                state: known.and_then(|known| known.state.as_ref()),
                snapshot: known.and_then(|known| known.snapshot.as_deref()),
            }
        };
        self.sites.iter().map(view).collect()
    }

    /// Every site with what is known of it now.
    pub fn entries(&self) -> Vec<SiteEntry<'_>> {
        let heard = self.heard();
        let known = |site: &Site| heard.sites.get(&site.id).cloned().unwrap_or_default();
        let entries = self.sites.iter().map(|site| {
            let Heard { state, snapshot } = known(site);
            SiteEntry {
                site,
                state,
                snapshot,
            }
        });
        entries.collect()
    }

    pub(crate) fn hear(&self, state: SiteState, snapshot: Option<SiteSnapshot>) {
        let mut guard = self.heard.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = guard.sites.clone();
        let known = next.entry(state.site.clone()).or_default();
        known.state = Some(state);
        if let Some(snapshot) = snapshot {
            known.snapshot = Some(Arc::new(snapshot));
        }
        *guard = Arc::new(next.into());
    }

    /// Reads what every replica stored.
    pub async fn refresh(&self, store: &dyn Store) -> Result<(), StoreError> {
        let mut next: HashMap<SiteId, Heard> = HashMap::new();
        for state in store.site_states().await? {
            let site = state.site.clone();
            next.entry(site).or_default().state = Some(state);
        }
        for (site, snapshot) in store.site_snapshots().await? {
            next.entry(site).or_default().snapshot = Some(Arc::new(snapshot));
        }
        let mut guard = self.heard.write().unwrap_or_else(PoisonError::into_inner);
        if guard.sites != next {
            *guard = Arc::new(next.into());
        }
        Ok(())
    }

    /// The board of a moment as it is stored; made once, and once more for each site that falls silent.
    pub(crate) fn record(&self, moment: &Moment, now: Timestamp) -> Arc<Record> {
        let Moment { sites, record } = moment;
        let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
        let known = record.take();
        let current = known.filter(|it| it.is_of(&self.sites, sites, now));
        let made = || Arc::new(self.fixed.record(&self.sites, sites, now));
        Arc::clone(record.insert(current.unwrap_or_else(made)))
    }

    /// What has to be written so that the board is stored; nothing when it is known to be.
    pub(crate) fn writes(&self, record: &Record) -> Vec<Write> {
        self.fixed.writes(record)
    }

    pub(crate) fn is_stored(&self, record: &Record) {
        self.fixed.is_stored(record);
    }

    pub(crate) fn state_of(&self, site: &SiteId) -> Option<SiteState> {
        self.heard()
            .sites
            .get(site)
            .and_then(|known| known.state.clone())
    }

    pub(crate) fn heard(&self) -> Arc<Moment> {
        self.heard
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl From<AllHeard> for Moment {
    fn from(sites: AllHeard) -> Self {
        Self {
            sites,
            record: Mutex::default(),
        }
    }
}
