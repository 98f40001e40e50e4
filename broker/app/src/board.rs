mod federation;
mod record;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use broker_model::{
    Controls, Entrance, FundingShare, Partition, PartitionRef, RegisteredSite, Site, SiteId,
    SiteReadiness, SiteSnapshot, SiteState,
};
use broker_placement::SiteView;
use broker_store::{Store, StoreError, Write};
use jiff::Timestamp;

use federation::Federation;
pub(crate) use federation::Listed;
use record::Fixed;
pub(crate) use record::Record;

/// The federation as last heard: what is registered of each site, and what its agent said.
///
/// Placement reads only this, so no request ever waits for a site. [`Board::refresh`] brings in what
/// other replicas heard and registered.
#[derive(Debug)]
pub struct Board {
    zones: BTreeMap<String, BTreeSet<String>>,
    fixed: Fixed,
    heard: RwLock<Arc<Moment>>,
}

pub(crate) type AllHeard = HashMap<SiteId, Heard>;

/// What was heard at one moment; it stays as it is while something new is heard.
#[derive(Debug, Default)]
pub(crate) struct Moment {
    federation: Arc<Federation>,
    sites: AllHeard,
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
pub struct SiteEntry {
    pub site: Arc<Site>,
    pub controls: Arc<Controls>,
    pub state: Option<SiteState>,
    pub snapshot: Option<Arc<SiteSnapshot>>,
}

impl SiteEntry {
    pub fn readiness(&self, now: Timestamp) -> SiteReadiness {
        self.state
            .as_ref()
            .map_or(SiteReadiness::Unknown, |state| state.readiness_at(now))
    }
}

impl Moment {
    fn new(federation: Arc<Federation>, sites: AllHeard) -> Arc<Self> {
        Arc::new(Self {
            federation,
            sites,
            record: Mutex::default(),
        })
    }

    /// Every site with what was heard of it, as placement looks at them: nothing is copied.
    pub(crate) fn views(&self) -> Vec<SiteView<'_>> {
        let view = |listed| {
            let Listed { site, controls, .. } = Arc::as_ref(listed);
            let known = self.sites.get(&site.id);
            SiteView {
                site,
                state: known.and_then(|known| known.state.as_ref()),
                snapshot: known.and_then(|known| known.snapshot.as_deref()),
                controls: (!controls.is_empty()).then_some(controls),
            }
        };
        self.federation.sites.iter().map(view).collect()
    }

    /// What is set for each site.
    pub(crate) fn listed(&self) -> &[Arc<Listed>] {
        &self.federation.sites
    }

    pub(crate) fn find(&self, site: &SiteId) -> Option<&Arc<Listed>> {
        self.federation.find(site)
    }
}

impl Board {
    pub(crate) fn new(sites: Vec<Site>, zones: BTreeMap<String, BTreeSet<String>>) -> Self {
        let federation = Arc::new(Federation::of_files(sites));
        Self {
            fixed: Fixed::of(&zones),
            zones,
            heard: RwLock::new(Moment::new(federation, AllHeard::new())),
        }
    }

    pub fn sites(&self) -> Vec<Arc<Site>> {
        let moment = self.heard();
        moment.listed().iter().map(|it| it.site.clone()).collect()
    }

    /// Each as its document is, without what is assumed where that says nothing.
    pub(crate) fn filed(&self) -> Vec<Arc<Site>> {
        let moment = self.heard();
        moment.listed().iter().map(|it| it.filed.clone()).collect()
    }

    pub(crate) fn filed_of(&self, id: &SiteId) -> Option<Arc<Site>> {
        self.heard().find(id).map(|it| it.filed.clone())
    }

    pub fn zones(&self) -> &BTreeMap<String, BTreeSet<String>> {
        &self.zones
    }

    pub fn find(&self, id: &SiteId) -> Option<Arc<Site>> {
        self.heard().find(id).map(|it| it.site.clone())
    }

    pub fn partition(&self, at: &PartitionRef) -> Option<Partition> {
        self.heard().federation.partition(at).cloned()
    }

    /// How a job that this share pays for gets in; by the agent where the partition is not known, which
    /// then withdraws it.
    pub(crate) fn entrance(&self, at: &PartitionRef, share: &FundingShare) -> Entrance {
        let site = self.find(&at.site);
        let found = site.as_ref().and_then(|site| {
            let system = site.systems.iter().find(|it| it.id == at.system)?;
            Some(site.entrance(system, share))
        });
        found.unwrap_or(Entrance::Agent)
    }

    /// Every partition of the site of this one, and this one, known or not.
    pub(crate) fn partitions_of(&self, at: &PartitionRef) -> Vec<PartitionRef> {
        let site = self.find(&at.site);
        let systems = site.iter().flat_map(|it| &it.systems);
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

    /// What was heard of every site that ever spoke, whether the registry still has it or not.
    pub(crate) fn states(&self) -> Vec<SiteState> {
        let heard = self.heard();
        let states = heard.sites.values();
        states.filter_map(|it| it.state.clone()).collect()
    }

    /// Every site with what is known of it now.
    pub fn entries(&self) -> Vec<SiteEntry> {
        let moment = self.heard();
        let entry = |listed: &Arc<Listed>| {
            let heard = moment.sites.get(&listed.site.id).cloned();
            let Heard { state, snapshot } = heard.unwrap_or_default();
            SiteEntry {
                site: listed.site.clone(),
                controls: listed.controls.clone(),
                state,
                snapshot,
            }
        };
        moment.listed().iter().map(entry).collect()
    }

    pub(crate) fn hear(&self, state: SiteState, snapshot: Option<SiteSnapshot>) {
        let mut guard = self.heard.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = guard.sites.clone();
        let known = next.entry(state.site.clone()).or_default();
        known.state = Some(state);
        if let Some(snapshot) = snapshot {
            known.snapshot = Some(Arc::new(snapshot));
        }
        *guard = Moment::new(guard.federation.clone(), next);
    }

    /// Takes in what was just registered.
    pub(crate) fn register(&self, registered: Vec<RegisteredSite>) {
        let mut guard = self.heard.write().unwrap_or_else(PoisonError::into_inner);
        let federation = Arc::new(guard.federation.with(registered));
        *guard = Moment::new(federation, guard.sites.clone());
    }

    /// Reads what every replica stored; returns whether the registry has changed.
    pub async fn refresh(&self, store: &dyn Store) -> Result<bool, StoreError> {
        let registered = self.news(store).await?;
        let is_new = !registered.is_empty();
        if is_new {
            self.register(registered);
        }
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
            *guard = Moment::new(guard.federation.clone(), next);
        }
        Ok(is_new)
    }

    /// What the registry has that is newer than what is known here.
    async fn news(&self, store: &dyn Store) -> Result<Vec<RegisteredSite>, StoreError> {
        let known = self.heard().federation.versions();
        let mut news = Vec::new();
        for (site, version) in store.registered_versions().await? {
            if known.get(&site).copied().unwrap_or(0) < version {
                news.extend(store.find_registered_site(&site).await?);
            }
        }
        Ok(news)
    }

    /// The board of a moment as it is stored; made once, and once more for each site that falls silent.
    pub(crate) fn record(&self, moment: &Moment, now: Timestamp) -> Arc<Record> {
        let Moment {
            federation, sites, ..
        } = moment;
        let mut record = { moment.record.lock() }.unwrap_or_else(PoisonError::into_inner);
        let known = record.take();
        let current = known.filter(|it| it.is_of(federation, sites, now));
        let made = || Arc::new(self.fixed.record(federation, sites, now));
        Arc::clone(record.insert(current.unwrap_or_else(made)))
    }

    /// What has to be written so that the board is stored; nothing when it is known to be.
    pub(crate) fn writes(&self, record: &Record) -> Vec<Write> {
        self.fixed.writes(record)
    }

    pub(crate) fn is_stored(&self, record: &Record) {
        self.fixed.is_stored(record);
    }

    pub(crate) fn known_of(&self, site: &SiteId) -> (Option<SiteState>, Option<Arc<SiteSnapshot>>) {
        let known = self.heard().sites.get(site).cloned().unwrap_or_default();
        (known.state, known.snapshot)
    }

    pub(crate) fn heard(&self) -> Arc<Moment> {
        self.heard
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
