use std::collections::HashMap;
use std::sync::Arc;

use broker_model::{Controls, Partition, PartitionRef, RegisteredSite, Site, SiteId};

use super::record::Document;

/// The sites at one moment: those of the files, and what the registry says of them and of others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Federation {
    pub(super) sites: Vec<Arc<Listed>>,
    /// Versions of sites that were taken out.
    retired: HashMap<SiteId, i64>,
}

/// One site with what its administrators have set, and both as documents that placings name.
#[derive(Debug)]
pub(crate) struct Listed {
    /// With what is assumed of its billing where its document does not say.
    pub(crate) site: Arc<Site>,
    /// As its document is.
    pub(crate) filed: Arc<Site>,
    pub(crate) controls: Arc<Controls>,
    /// Of the registry; 0 for one that is only a file.
    pub(crate) version: i64,
    pub(super) document: Document,
    /// None where nothing is set.
    pub(super) set: Option<Document>,
}

impl Listed {
    fn new(site: Site, controls: Controls, version: i64) -> Self {
        let filed = Arc::new(site);
        let site = if filed.says_its_billing() {
            Arc::clone(&filed)
        } else {
            Arc::new(Site::clone(&filed).with_assumed_billing())
        };
        Self {
            // What is assumed is in it, so a placing can be made again when something else is.
            document: Document::of(&*site),
            set: (!controls.is_empty()).then(|| Document::of(&controls)),
            site,
            filed,
            controls: Arc::new(controls),
            version,
        }
    }
}

impl From<RegisteredSite> for Listed {
    fn from(registered: RegisteredSite) -> Self {
        let RegisteredSite {
            site,
            controls,
            version,
            ..
        } = registered;
        Self::new(site, controls, version)
    }
}

impl Federation {
    pub(super) fn of_files(sites: Vec<Site>) -> Self {
        let listed = |site| Arc::new(Listed::new(site, Controls::default(), 0));
        Self {
            sites: sites.into_iter().map(listed).collect(),
            retired: HashMap::new(),
        }
    }

    pub(super) fn find(&self, id: &SiteId) -> Option<&Arc<Listed>> {
        self.sites.iter().find(|it| it.site.id == *id)
    }

    pub(super) fn partition(&self, at: &PartitionRef) -> Option<&Partition> {
        let site = &self.find(&at.site)?.site;
        let system = site.systems.iter().find(|it| it.id == at.system)?;
        system.partitions.iter().find(|it| it.id == at.partition)
    }

    pub(super) fn versions(&self) -> HashMap<SiteId, i64> {
        let version = |it: &Arc<Listed>| (it.site.id.clone(), it.version);
        let listed = self.sites.iter().map(version);
        let retired = self.retired.iter().map(|(site, at)| (site.clone(), *at));
        listed.chain(retired).collect()
    }

    /// With these as the registry has them: known ones in their places, new ones behind them. What is
    /// older than what is known is left out.
    pub(super) fn with(&self, registered: Vec<RegisteredSite>) -> Self {
        let mut sites = self.sites.clone();
        let mut retired = self.retired.clone();
        for one in registered {
            if retired
                .get(&one.site.id)
                .is_some_and(|known| *known >= one.version)
            {
                continue;
            }
            if one.retired_at.is_some() {
                let is_older =
                    |it: &Arc<Listed>| it.site.id == one.site.id && it.version < one.version;
                sites.retain(|it| !is_older(it));
                retired.insert(one.site.id, one.version);
                continue;
            }
            retired.remove(&one.site.id);
            let known = sites.iter_mut().find(|it| it.site.id == one.site.id);
            match known {
                Some(known) if known.version >= one.version => {}
                Some(known) => *known = Arc::new(one.into()),
                None => sites.push(Arc::new(one.into())),
            }
        }
        Self { sites, retired }
    }
}
